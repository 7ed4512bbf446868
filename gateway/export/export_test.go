package export

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/catalog"
	"guichet/catalog/harvest"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/gateway/problem"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

var ann = schemas.Principal{Issuer: "https://login.example", Subject: "ann", Participant: "https://agronomy.example"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site is a catalogue that is given away at an address.
type site struct {
	catalog *catalog.Catalog
	db      *db.DB
	asked   int // pages
	*httptest.Server
}

func catalogOn(t *testing.T, d *db.DB) *catalog.Catalog {
	t.Helper()
	spaces, err := spaces.Profiles()
	must(t, err)
	return catalog.New(catalog.Config{DB: d, Spaces: spaces, CheckOffer: func(context.Context, *schemas.Offer, []schemas.TableInfo) error { return nil }})
}

func newSite(t *testing.T, kind string) *site {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	d := dbtest.Open(t, kind)
	s := &site{db: d, catalog: catalogOn(t, d)}
	r := gin.New()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/robots.txt" {
			s.asked++
		}
		r.ServeHTTP(w, q)
	}))
	t.Cleanup(s.Close)
	door := &Door{Catalog: s.catalog, Public: s.URL, Key: make([]byte, 32), Fail: func(c *gin.Context, err error) {
		problem.Write(c.Writer, problem.Of(err, slog.New(slog.DiscardHandler)))
		c.Abort()
	}}
	door.Mount(r.Group("/api/v1"))
	return s
}

func (s *site) register(t *testing.T, title string, visible schemas.Visibility) schemas.Dataset {
	t.Helper()
	d, err := s.catalog.Register(t.Context(), ann, schemas.Dataset{Provider: ann.Participant, IRI: "https://agronomy.example/" + title, Space: "agriculture",
		Title: schemas.Text{"en": title}, Licence: "CC-BY-4.0", Countries: []string{"FR"}, Visibility: visible,
		Tables: []schemas.TableInfo{{Name: "t", Fields: []schemas.Field{{Name: "yield", Unit: "t/ha"}}}}})
	must(t, err)
	return d
}

func (s *site) retitle(t *testing.T, d schemas.Dataset, title string, visible schemas.Visibility) {
	t.Helper()
	d.Title, d.Visibility = schemas.Text{"en": title}, visible
	_, err := s.catalog.Change(t.Context(), ann, d.ID, d, 0)
	must(t, err)
}

// get asks for a path or an address.
func (s *site) get(t *testing.T, at, accept, tag string) (*http.Response, string) {
	t.Helper()
	if !strings.HasPrefix(at, "http") {
		at = s.URL + at
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	must(t, err)
	q.Header.Set("Accept", accept)
	q.Header.Set("If-None-Match", tag)
	resp, err := http.DefaultClient.Do(q)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp, string(b)
}

// link is where a Link line of an answer leads.
func link(resp *http.Response, relation string) string {
	for _, l := range resp.Header.Values("Link") {
		if at, ok := strings.CutSuffix(l, `>; rel="`+relation+`"`); ok {
			return strings.TrimPrefix(at, "<")
		}
	}
	return ""
}

// TestPages: everybody's datasets stand on the pages, each once, in each serialisation.
func TestPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	for i := range 105 {
		s.register(t, fmt.Sprintf("set-%d", i), "")
	}
	s.register(t, "hidden", schemas.VisibleToOwn)
	found := map[string]bool{}
	pages, at := 0, "/api/v1/catalogue"
	for ; at != ""; pages++ {
		resp, b := s.get(t, at, "application/ld+json", "")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/ld+json" || strings.Contains(b, "hidden") {
			t.Fatalf("%d %s\n%.300s", resp.StatusCode, resp.Header, b)
		}
		var page struct {
			Graph []struct {
				ID   string `json:"@id"`
				Type any    `json:"@type"`
			} `json:"@graph"`
		}
		must(t, json.Unmarshal([]byte(b), &page))
		for _, n := range page.Graph {
			if n.Type == "dcat:Dataset" {
				if found[n.ID] || !strings.HasPrefix(n.ID, s.URL+"/datasets/ds-") {
					t.Errorf("%s", n.ID)
				}
				found[n.ID] = true
			}
		}
		if same, _ := s.get(t, at, "application/ld+json", resp.Header.Get("ETag")); same.StatusCode != http.StatusNotModified ||
			link(same, "next") != link(resp, "next") || link(same, "monitor") != link(resp, "monitor") {
			t.Errorf("the same page: %d", same.StatusCode)
		}
		at = link(resp, "next")
	}
	if len(found) != 105 || pages != 2 {
		t.Errorf("%d datasets on %d pages", len(found), pages)
	}
	_, turtle := s.get(t, "/api/v1/catalogue", "text/turtle", "")
	_, xml := s.get(t, "/api/v1/catalogue", "application/rdf+xml", "")
	if strings.Count(turtle, "a dcat:Dataset") != 100 || strings.Count(xml, "<dcat:Dataset ") != 100 || !strings.Contains(turtle, "hydra/core#next") {
		t.Errorf("%.500s\n%.500s", turtle, xml)
	}
}

// TestTagAlone: who keeps a copy asks for the tag of a page without its bytes.
func TestTagAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.register(t, "one", "")
	whole, _ := s.get(t, "/api/v1/catalogue", "application/ld+json", "")
	head, err := http.Head(s.URL + "/api/v1/catalogue")
	must(t, err)
	defer head.Body.Close()
	b, err := io.ReadAll(head.Body)
	if err != nil || head.StatusCode != http.StatusOK || len(b) > 0 || head.Header.Get("ETag") != whole.Header.Get("ETag") {
		t.Errorf("%d, %q, %d bytes, %v", head.StatusCode, head.Header.Get("ETag"), len(b), err)
	}
}

// TestHiddenMovesNothing: whatever happens to what others may not know of, the answers have the
// same bytes; what is public no more is told as gone, and what never was is not.
func TestHiddenMovesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	seen := s.register(t, "seen", "")
	answers := func() string {
		resp, all := s.get(t, "/api/v1/catalogue", "application/ld+json", "")
		_, feed := s.get(t, "/api/v1/catalogue/changes", "application/ld+json", "")
		_, tail := s.get(t, link(resp, "monitor"), "application/ld+json", "")
		return resp.Header.Get("Link") + all + feed + tail
	}
	before := answers()
	hidden := s.register(t, "hidden", schemas.VisibleToOwn)
	s.retitle(t, hidden, "hidden still", schemas.VisibleToListed)
	_, err := s.catalog.Withdraw(t.Context(), ann, hidden.ID, 0)
	must(t, err)
	if after := answers(); after != before {
		t.Errorf("what is hidden shows:\n%s\n%s", before, after)
	}
	resp, _ := s.get(t, "/api/v1/catalogue", "application/ld+json", "")
	tail := link(resp, "monitor")
	s.retitle(t, seen, "seen no more", schemas.VisibleToSignedIn)
	_, news := s.get(t, tail, "application/ld+json", "")
	if !strings.Contains(news, "as:Delete") || strings.Contains(news, "no more") || !strings.Contains(news, string(seen.ID)) {
		t.Errorf("%s", news)
	}
}

// TestPlacesInTheFeed: a place that is none, or of another registry, is answered with what helps.
func TestPlacesInTheFeed(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.register(t, "one", "")
	d := &Door{Key: make([]byte, 32)}
	for _, n := range []int64{-1, 0, 1 << 60} {
		if got, mark, ok := d.unseal(d.seal(n, [8]byte{7})); !ok || got != n || mark != [8]byte{7} {
			t.Errorf("%d: %d, %v, %v", n, got, mark, ok)
		}
	}
	resp, _ := s.get(t, "/api/v1/catalogue", "application/ld+json", "")
	monitor := link(resp, "monitor")
	if resp, _ := s.get(t, monitor, "application/ld+json", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", monitor, resp.Status)
	}
	other := newSite(t, dbtest.SQLite) // as the site that was restored from before: other changes at the same positions
	for i := range 5 {
		other.register(t, fmt.Sprintf("another-%d", i), "")
	}
	restored := strings.TrimPrefix(monitor, s.URL)
	if resp, _ := other.get(t, restored, "application/ld+json", ""); resp.StatusCode != http.StatusGone {
		t.Errorf("a place of before the backup: %s", resp.Status)
	}
	for _, after := range []string{"x", "AAAAAAAAAAAAAAAAAAAAAA", d.seal(1<<40, [8]byte{}), d.seal(0, [8]byte{}), d.seal(-2, [8]byte{})} {
		resp, b := s.get(t, "/api/v1/catalogue/changes?after="+after, "application/ld+json", "")
		if resp.StatusCode != http.StatusGone || !strings.Contains(b, "anew") {
			t.Errorf("%s: %d %s", after, resp.StatusCode, b)
		}
	}
}

// follower is another Guichet that harvests a site.
type follower struct {
	*harvest.Harvester
	catalog *catalog.Catalog
}

func follow(t *testing.T, kind string, s *site, source harvest.Catalogue) *follower {
	t.Helper()
	d := dbtest.Open(t, kind)
	c := catalogOn(t, d)
	web := fetch.New(fetch.Config{Gap: -1, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
	h := harvest.NewHarvester(harvest.Config{DB: d, Catalog: c, Fetch: web.Get, Address: fetch.Check, Kinds: harvest.Kinds(), Log: slog.New(slog.DiscardHandler)})
	source.ID, source.Look = "there", 1
	_, err := h.Put(t.Context(), ann, source, 0)
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() { stop(); must(t, <-ended) })
	return &follower{h, c}
}

// has are the titles of what is harvested, waited for.
func (f *follower) has(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	want = slices.Clone(want)
	for range 1600 {
		got = nil
		rows, _, err := db.List[schemas.Dataset](t.Context(), f.DB, "dataset", "withdrawn = 0", nil, "", 1000)
		must(t, err)
		for _, r := range rows {
			got = append(got, r.Doc.Title["en"])
		}
		slices.Sort(got)
		slices.Sort(want)
		if slices.Equal(got, want) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	s, err := f.Get(t.Context(), "there")
	t.Fatalf("%d, not %d; %+v, %v: %.300q", len(got), len(want), s.Health, err, got)
}

// TestTwoGuichets: what one registers the other has, with a link to where it is asked for; what
// is hidden or withdrawn goes; nothing goes round in circles.
func TestTwoGuichets(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, kind)
			first, second := s.register(t, "first", ""), s.register(t, "second", "")
			f := follow(t, kind, s, harvest.Catalogue{URL: s.URL, Kind: harvest.Guichet})
			f.has(t, "first", "second")
			rows, _, err := db.List[schemas.Dataset](t.Context(), f.DB, "dataset", "", nil, "", 10)
			must(t, err)
			d := rows[slices.IndexFunc(rows, func(r db.Row[schemas.Dataset]) bool { return r.Doc.Title["en"] == "first" })].Doc
			page := s.URL + "/datasets/" + string(first.ID)
			if d.IRI != page || !slices.Contains(d.Identifiers, first.IRI) || len(d.Links) != 1 || d.Links[0].URL != page ||
				len(d.Tables) != 1 || d.Tables[0].Fields[0].Unit != "t/ha" || d.Space != "agriculture" || d.Offer != nil {
				t.Errorf("%+v", d)
			}
			s.register(t, "third", "")
			f.has(t, "first", "second", "third")
			s.retitle(t, second, "renamed", "")
			f.has(t, "first", "renamed", "third")
			_, err = s.catalog.Withdraw(t.Context(), ann, first.ID, 0)
			must(t, err)
			s.register(t, "hidden", schemas.VisibleToOwn)
			s.retitle(t, second, "hidden too", schemas.VisibleToSignedIn)
			f.has(t, "third")
			s.retitle(t, second, "back", "")
			f.has(t, "third", "back")
			given, err := f.catalog.Public(t.Context(), "", 10)
			if err != nil || len(given) > 0 {
				t.Errorf("what was harvested is given away: %v, %v", given, err)
			}
			source, err := f.Get(t.Context(), "there")
			for range 400 { // it counts at the end of its look
				if err != nil || source.Health.Datasets == 2 {
					break
				}
				time.Sleep(25 * time.Millisecond)
				source, err = f.Get(t.Context(), "there")
			}
			if err != nil || source.Health.Datasets != 2 || source.Health.State != harvest.Well || source.Health.Follow == "" {
				t.Errorf("%+v, %v", source.Health, err)
			}
		})
	}
}

// TestFeedAlone: the feed from its beginning on comes to the same as the pages; a look at
// nothing new is one request.
func TestFeedAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	var last schemas.Dataset
	var want []string
	for i := range 230 {
		last = s.register(t, fmt.Sprintf("set-%d", i), "")
		want = append(want, last.Title["en"])
	}
	s.retitle(t, last, "renamed", "")
	want[len(want)-1] = "renamed"
	f := follow(t, dbtest.SQLite, s, harvest.Catalogue{URL: s.URL + "/api/v1/catalogue/changes"})
	f.has(t, want...)
	before := s.asked
	for range 3 {
		had, err := f.Get(t.Context(), "there")
		must(t, err)
		for again := had; again.Health.Ended.Equal(had.Health.Ended); {
			time.Sleep(20 * time.Millisecond)
			again, err = f.Get(t.Context(), "there")
			must(t, err)
		}
	}
	if s.asked-before > 4 {
		t.Errorf("three looks at nothing took %d requests", s.asked-before)
	}
	_, err := s.catalog.Withdraw(t.Context(), ann, last.ID, 0)
	must(t, err)
	f.has(t, want[:len(want)-1]...)
}
