package harvest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"guichet/catalog"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

var (
	operator = schemas.Principal{Issuer: "https://login.example", Subject: "ola", Participant: "https://factory.example"}
	agronomy = schemas.Principal{Issuer: "https://login.example", Subject: "ann", Participant: "https://agronomy.example"}
)

const prefixes = `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix hydra: <http://www.w3.org/ns/hydra/core#> . @prefix theme: <http://publications.europa.eu/resource/authority/data-theme/> .
`

// portal is a catalogue of others: names of datasets to their titles, on pages of so many.
type portal struct {
	mu     sync.Mutex
	titles map[string]string // a title that is empty is a record without one
	per    int
	status int               // answered in place of pages, where set
	extra  map[string]string // more text on a page
	asked  []string
	before func(page string)
	*httptest.Server
}

func newPortal(t *testing.T, per int) *portal {
	t.Helper()
	p := &portal{titles: map[string]string{}, per: per, extra: map[string]string{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/robots.txt" {
		http.NotFound(w, r)
		return
	}
	if p.before != nil {
		p.before(r.URL.RawQuery)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, r.URL.RawQuery)
	if p.status != 0 {
		w.Header().Set("Retry-After", "7200")
		http.Error(w, "not now", p.status)
		return
	}
	page := 1
	_, _ = fmt.Sscanf(r.URL.RawQuery, "page=%d", &page)
	names := slices.Sorted(maps.Keys(p.titles))
	var b strings.Builder
	b.WriteString(prefixes)
	for _, name := range names[min(len(names), (page-1)*p.per):min(len(names), page*p.per)] {
		fmt.Fprintf(&b, "<https://portal.example/%s> a dcat:Dataset ; dcat:theme theme:AGRI ; dcat:distribution [ a dcat:Distribution ; dcat:accessURL <https://portal.example/%s/get> ]", name, name)
		if p.titles[name] != "" {
			fmt.Fprintf(&b, " ; dct:title %q@en", p.titles[name])
		}
		b.WriteString(" .\n")
	}
	if page*p.per < len(names) {
		fmt.Fprintf(&b, "<> hydra:next <?page=%d> ; hydra:totalItems %d .\n", page+1, len(names))
	}
	b.WriteString(p.extra[r.URL.RawQuery])
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(b.String())))
	w.Header().Set("Content-Type", "text/turtle")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	fmt.Fprint(w, b.String())
}

// say changes what the portal has, and forgets what it was asked.
func (p *portal) say(titles map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.titles, p.asked = titles, nil
}

func newHarvester(t *testing.T, kind string) *Harvester {
	t.Helper()
	return harvesterOn(t, dbtest.Open(t, kind))
}

func harvesterOn(t testing.TB, d *db.DB) *Harvester {
	t.Helper()
	spaces, err := spaces.Profiles()
	must(t, err)
	web := fetch.New(fetch.Config{Gap: -1, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
	c := catalog.New(catalog.Config{DB: d, Spaces: spaces, CheckOffer: func(context.Context, *schemas.Offer, []schemas.TableInfo) error { return nil }})
	ids := []schemas.SpaceID{"agriculture", "energy", "health", "mobility"}
	return NewHarvester(Config{DB: d, Catalog: c, Spaces: ids, Fetch: web.Get, Address: fetch.Check, Kinds: Kinds(), Log: slog.New(slog.DiscardHandler)})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// source names a portal.
func (h *Harvester) source(t *testing.T, p *portal) schemas.SourceID {
	t.Helper()
	s, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: p.URL + "/all", Space: "agriculture"}, 0)
	must(t, err)
	return s.ID
}

// once harvests a source, as Run would, and gives how it fares.
func (h *Harvester) once(t *testing.T, id schemas.SourceID, agree bool) Health {
	t.Helper()
	_, err := h.Ask(t.Context(), operator, id, agree)
	must(t, err)
	s, mine, err := h.claim(t.Context(), id)
	if err != nil || !mine {
		t.Fatalf("claim: %v, %v", mine, err)
	}
	must(t, h.work(t.Context(), &s))
	s, err = h.Get(t.Context(), id)
	if schemas.KindOf(err) != schemas.NotFound {
		must(t, err)
	}
	return s.Health
}

// exec changes rows past the gateway.
func (h *Harvester) exec(t *testing.T, q string) {
	t.Helper()
	must(t, h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, q)
		return err
	}))
}

// has are the datasets of a source in the catalogue: names to titles.
func (h *Harvester) has(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for after := ""; ; {
		rows, next, err := db.List[schemas.Dataset](t.Context(), h.DB, "dataset", "withdrawn = 0", nil, after, 1000)
		must(t, err)
		for _, r := range rows {
			if r.Doc.Source != "" {
				out[strings.TrimPrefix(r.Doc.IRI, "https://portal.example/")] = r.Doc.Title["en"]
			}
		}
		if after = next; next == "" {
			return out
		}
	}
}

func some(n int) map[string]string {
	out := map[string]string{}
	for i := range n {
		out[fmt.Sprintf("d%03d", i)] = fmt.Sprintf("Dataset %d", i)
	}
	return out
}

// TestHarvest: what a source has is here, stays true, and costs nothing where it does not change.
func TestHarvest(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p, h := newPortal(t, 10), newHarvester(t, kind)
			p.say(some(35))
			id := h.source(t, p)
			f := h.once(t, id, false)
			if f.State != Well || f.Datasets != 35 || f.Counts != (Counts{Total: 35, Pages: 4, Records: 35, New: 35}) || !reflect.DeepEqual(h.has(t), some(35)) {
				t.Fatalf("%+v\n%v", f, h.has(t))
			}
			head, err := h.DB.Head(t.Context())
			must(t, err)
			f = h.once(t, id, false)
			after, err := h.DB.Head(t.Context())
			must(t, err)
			if f.State != Well || f.Counts.Records != 35 || f.Counts.New+f.Counts.Changed+f.Counts.Withdrawn != 0 || after != head {
				t.Errorf("nothing changed: %+v, %d changes", f, after-head)
			}
			now := some(35)
			now["d003"], now["d004"] = "Another title", "" // a record without a title: the dataset stays as it was
			delete(now, "d011")
			now["e000"] = "New"
			p.say(now)
			f = h.once(t, id, false)
			want := maps.Clone(now)
			want["d004"] = "Dataset 4"
			if f.State != Well || f.Counts.New != 1 || f.Counts.Changed != 1 || f.Counts.Withdrawn != 1 || f.Refused != 1 || f.Datasets != 35 || !reflect.DeepEqual(h.has(t), want) {
				t.Errorf("%+v\n%v", f, h.has(t))
			}
			set, _, err := h.Refused(t.Context(), id, "", 10)
			if err != nil || len(set) != 1 || set[0].IRI != "https://portal.example/d004" || !strings.Contains(set[0].Why, "title") || set[0].Dataset == "" {
				t.Errorf("%+v, %v", set, err)
			}
			p.say(some(35))
			h.once(t, id, false)
			set, _, err = h.Refused(t.Context(), id, "", 10)
			if err != nil || len(set) > 0 || !reflect.DeepEqual(h.has(t), some(35)) {
				t.Errorf("mended: %+v, %v, %v", set, err, h.has(t))
			}
		})
	}
}

// TestMuchIsGone: a source that is suddenly all but empty withdraws nothing until an operator
// agrees; what comes back has its id again.
func TestMuchIsGone(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 100), newHarvester(t, dbtest.SQLite)
	p.say(some(50))
	id := h.source(t, p)
	h.once(t, id, false)
	ids := func() map[string]schemas.DatasetID {
		out := map[string]schemas.DatasetID{}
		rows, _, err := db.List[schemas.Dataset](t.Context(), h.DB, "dataset", "withdrawn = 0", nil, "", 1000)
		must(t, err)
		for _, r := range rows {
			out[r.Doc.IRI] = r.Doc.ID
		}
		return out
	}
	before := ids()
	for _, titles := range []map[string]string{some(30), {}} {
		p.say(titles)
		f := h.once(t, id, false)
		if f.State != Held || f.Gone != int64(50-len(titles)) || !strings.Contains(f.Why, "--agree") || len(h.has(t)) != 50 {
			t.Fatalf("%d are left: %+v, %d here", len(titles), f, len(h.has(t)))
		}
	}
	f := h.once(t, id, true)
	if f.State != Well || f.Agreed || f.Counts.Withdrawn != 50 || len(h.has(t)) != 0 {
		t.Fatalf("agreed: %+v, %d here", f, len(h.has(t)))
	}
	p.say(some(50))
	f = h.once(t, id, false)
	if f.State != Well || f.Counts.Changed != 50 || !reflect.DeepEqual(ids(), before) {
		t.Errorf("back: %+v", f)
	}
}

// TestSourceIsAway: nothing is withdrawn, it is said why, and it is asked again when it wants to be.
func TestSourceIsAway(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
	p.say(some(25))
	id := h.source(t, p)
	h.once(t, id, false)
	for status, wait := range map[int]time.Duration{http.StatusInternalServerError: 30 * time.Second, http.StatusNotFound: 30 * time.Second, http.StatusTooManyRequests: time.Hour} {
		p.status = status
		f := h.once(t, id, false)
		if f.State != Failing || f.Why == "" || f.Failures == 0 || time.Until(f.Next) < wait || time.Until(f.Next) > 3*time.Hour || len(h.has(t)) != 25 {
			t.Errorf("%d: %+v, %d here", status, f, len(h.has(t)))
		}
		p.status = 0
		h.Fetch = harvesterOn(t, h.DB).Fetch // a host that wants to be left alone is
		if f = h.once(t, id, false); f.State != Well || f.Failures != 0 {
			t.Errorf("after %d: %+v", status, f)
		}
	}
}

// TestBadPages: a page that cannot be read, or that comes again, ends the harvest and is named;
// what came before it is here, and nothing is withdrawn.
func TestBadPages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ extra, why string }{
		"not Turtle": {"<no", "page=2"},
		"a circle":   {"<> hydra:next <?page=1> .", "circle"},
	} {
		p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
		p.say(some(20))
		p.extra["page=2"] = c.extra
		s, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: p.URL + "/all?page=1", Space: "agriculture"}, 0)
		must(t, err)
		f := h.once(t, s.ID, false)
		if f.State != Failing || !strings.Contains(f.Why, c.why) || len(h.has(t)) < 10 {
			t.Errorf("%s: %+v, %d here", name, f, len(h.has(t)))
		}
	}
	p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
	h.Fetch = func(context.Context, fetch.Request) (*fetch.Answer, error) {
		return &fetch.Answer{URL: p.URL, Type: "text/html", Body: []byte("<html>")}, nil
	}
	if f := h.once(t, h.source(t, p), false); f.State != Failing || !strings.Contains(f.Why, "text/html") {
		t.Errorf("a page for people: %+v", f)
	}
}

// TestNothingIsTakenOver: a source changes neither what others registered nor what people say of
// its own datasets, and keeps no IRI from whose it is [decisions.md 7].
func TestNothingIsTakenOver(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
	mine := schemas.Dataset{IRI: "https://portal.example/d000", Provider: agronomy.Participant, Space: "agriculture", Title: schemas.Text{"en": "Mine"}, Licence: "CC-BY-4.0", Countries: []string{"FR"}}
	registered, err := h.Catalog.Register(t.Context(), agronomy, mine)
	must(t, err)
	p.say(some(3))
	id := h.source(t, p)
	h.once(t, id, false)
	rows, _, err := db.List[schemas.Dataset](t.Context(), h.DB, "dataset", "iri <> ?", []any{mine.IRI}, "", 10)
	must(t, err)
	harvested := rows[0].Doc
	if len(rows) != 2 || harvested.Source != id || harvested.Provider != operator.Participant || harvested.Offer != nil || harvested.Latest != nil || len(harvested.Links) != 1 {
		t.Fatalf("%+v", rows)
	}
	got, err := h.Catalog.Get(t.Context(), schemas.Sight{Everyone: true}, registered.ID)
	if err != nil || got.Title["en"] != "Mine" || got.Source != "" || got.Revision != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = h.Catalog.Change(t.Context(), operator, harvested.ID, mine, 0)
	_, offer := h.Catalog.PutOffer(t.Context(), operator, harvested.ID, schemas.Offer{}, 0)
	_, gone := h.Catalog.Withdraw(t.Context(), operator, harvested.ID, 0)
	for _, err := range []error{err, offer, gone} {
		if schemas.KindOf(err) != schemas.Conflict || !strings.Contains(err.Error(), "harvested") {
			t.Errorf("%v, want Conflict", err)
		}
	}
	h.Catalog.MaxSets = 1 // what was harvested takes none of the operator's own room
	_, err = h.Catalog.Register(t.Context(), operator, schemas.Dataset{Provider: operator.Participant, Space: "agriculture", Title: schemas.Text{"en": "Ours"}, Licence: "CC-BY-4.0", Countries: []string{"FR"}})
	if err != nil {
		t.Errorf("room: %v", err)
	}
	h.Catalog.MaxSets = 0
	mine.IRI, mine.Source = harvested.IRI, id
	own, err := h.Catalog.Register(t.Context(), agronomy, mine)
	if err != nil || own.Source != "" {
		t.Errorf("whose it is registers it: %+v, %v", own, err)
	}
}

// TestGoesOn: a harvest that was cut off at any page goes on there, in another process, and comes
// to what an undisturbed one does.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 5), newHarvester(t, dbtest.SQLite)
	p.say(some(50))
	id := h.source(t, p)
	for _, stop := range []string{"page=3", "page=3", "page=7", ""} {
		ctx, cancel := context.WithCancel(t.Context())
		p.before = func(page string) {
			if page == stop {
				cancel()
			}
		}
		s, mine, err := h.claim(ctx, id)
		if err != nil || !mine {
			t.Fatalf("claim: %v, %v", mine, err)
		}
		err = h.work(ctx, &s)
		if stop == "" != (err == nil) || err != nil && !errors.Is(err, context.Canceled) && ctx.Err() == nil {
			t.Fatalf("%s: %v", stop, err)
		}
		cancel()
		h = harvesterOn(t, h.DB)
	}
	if n := len(p.asked); n > 13 { // ten, and three of them again
		t.Errorf("%d pages were asked for: %v", n, p.asked)
	}
	s, err := h.Get(t.Context(), id)
	if err != nil || s.Health.State != Well || s.Health.Counts.Pages != 10 || !reflect.DeepEqual(h.has(t), some(50)) {
		t.Errorf("%+v, %v", s.Health, err)
	}
}

// TestOneReplicaAtATime: of several, one harvests a source, and each page is asked for once.
func TestOneReplicaAtATime(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p, h := newPortal(t, 5), newHarvester(t, kind)
			p.say(some(50))
			id := h.source(t, p)
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					err := harvesterOn(t, h.DB).Run(ctx)
					if err != nil {
						t.Error(err)
					}
				})
			}
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
				s, err := h.Get(t.Context(), id)
				must(t, err)
				if s.Health.State == Well {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%+v", s.Health)
				}
			}
			cancel()
			all.Wait()
			if len(p.asked) != 10 {
				t.Errorf("asked for %v", p.asked)
			}
		})
	}
}

// TestRemove: what a source brought goes with it, and nothing else.
func TestRemove(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
	p.say(some(40))
	id := h.source(t, p)
	h.once(t, id, false)
	_, err := h.Remove(t.Context(), operator, id)
	must(t, err)
	s, mine, err := h.claim(t.Context(), id)
	if err != nil || !mine {
		t.Fatalf("claim: %v, %v", mine, err)
	}
	must(t, h.work(t.Context(), &s))
	_, err = h.Get(t.Context(), id)
	if schemas.KindOf(err) != schemas.NotFound || len(h.has(t)) != 0 {
		t.Errorf("%v, %d here", err, len(h.has(t)))
	}
	h.source(t, p) // under its name again
	if f := h.once(t, id, false); f.Datasets != 40 || f.Refused != 0 || len(h.has(t)) != 40 {
		t.Errorf("named anew: %+v", f)
	}
}

// TestSourcesAreChecked: every fault of a source is named.
func TestSourcesAreChecked(t *testing.T) {
	t.Parallel()
	h := newHarvester(t, dbtest.SQLite)
	_, err := h.Put(t.Context(), operator, Catalogue{ID: "No Slug", URL: "file:///x", Kind: "gopher", Space: "nowhere", Title: "a\x1b"}, 0)
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Kind != schemas.Invalid || len(e.Fields) != 5 {
		t.Errorf("%+v", err)
	}
	h.Own = func(url string) bool { return url == "https://here.example/api/v1/catalogue" }
	if _, err = h.Put(t.Context(), operator, Catalogue{ID: "self", URL: "https://here.example/", Kind: Guichet}, 0); !strings.Contains(fmt.Sprint(err), "this site itself") {
		t.Errorf("itself: %v", err)
	}
	ok2 := Catalogue{ID: "a", URL: "https://portal.example/"}
	made, err := h.Put(t.Context(), operator, ok2, 0)
	must(t, err)
	if _, err = h.Put(t.Context(), operator, ok2, 0); schemas.KindOf(err) != schemas.Conflict {
		t.Errorf("twice: %v", err)
	}
	if _, err = h.Put(t.Context(), operator, ok2, made.Revision+1); schemas.KindOf(err) != schemas.Precondition {
		t.Errorf("another revision: %v", err)
	}
	ok2.Title = "A portal"
	if made, err = h.Put(t.Context(), operator, ok2, made.Revision); err != nil || made.Title != "A portal" || made.Revision != 2 {
		t.Errorf("%+v, %v", made, err)
	}
}

// TestAnyHistory: whatever a source goes through, the catalogue then has what it has.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	histories := uint64(6)
	if testing.Short() { // under the race detector
		histories = 2
	}
	for seed := range histories {
		r := rand.New(rand.NewPCG(seed, 1))
		p, h := newPortal(t, 7), newHarvester(t, dbtest.SQLite)
		now := some(30)
		p.say(maps.Clone(now))
		id := h.source(t, p)
		for step := range 12 {
			for range r.IntN(4) {
				name := fmt.Sprintf("d%03d", r.IntN(40))
				if r.IntN(3) == 0 {
					delete(now, name)
				} else {
					now[name] = fmt.Sprintf("Title %d", r.IntN(5))
				}
			}
			p.say(maps.Clone(now))
			f := h.once(t, id, true)
			if f.State != Well || !reflect.DeepEqual(h.has(t), now) || f.Datasets != int64(len(now)) {
				t.Fatalf("seed %d, step %d: %+v\nhere %v\nthere %v", seed, step, f, h.has(t), now)
			}
		}
	}
}

// TestHostilePages: what no database takes, or what has no end, stops no more than it must.
func TestHostilePages(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p, h := newPortal(t, 10), newHarvester(t, kind)
			p.say(some(3))
			read, next := h.Kinds[DCATAP].Read, ""
			h.Kinds = map[string]Kind{DCATAP: {Read: func(a *fetch.Answer) (Page, error) {
				out, err := read(a)
				big := out.Records[0]
				big.IRI += "/big"
				big.Dataset.IRI, big.Dataset.Keywords = big.IRI, []string{strings.Repeat("x", maxRecord)}
				out.Records = append(out.Records, big, Record{IRI: "https://portal.example/\x00\xff", Err: schemas.Errorf(schemas.Invalid, "x", "a\x00b\xff")})
				twin := out.Records[0] // its IRI is another, and the same in normal form
				twin.IRI, twin.Dataset.IRI = "https://portal.example/e\u0301", "https://portal.example/e\u0301"
				out.Records = append(out.Records, twin)
				twin.IRI, twin.Dataset.IRI = "https://portal.example/\u00e9", "https://portal.example/\u00e9"
				out.Records, out.Next = append(out.Records, twin), next
				return out, err
			}}}
			get := h.Fetch
			h.Fetch = func(ctx context.Context, r fetch.Request) (*fetch.Answer, error) {
				a, err := get(ctx, r)
				if err == nil {
					a.ETag = "\"\xff\""
				}
				return a, err
			}
			id := h.source(t, p)
			f := h.once(t, id, false)
			set, _, err := h.Refused(t.Context(), id, "", 10)
			if f.State != Well || f.Datasets != 4 || f.Counts.New != 4 || f.Refused != 3 || len(set) != 3 || err != nil || (strings.Contains(set[0].Why, "\x00") || !utf8.ValidString(set[0].Why)) {
				t.Fatalf("%+v, %+v, %v", f, set, err)
			}
			for _, r := range set {
				if r.Dataset != "" {
					t.Errorf("it is said to stand, and does not: %+v", r)
				}
			}
			for _, next = range []string{p.URL + "/?" + strings.Repeat("a", maxAddress), p.URL + "/?\xff", p.URL + "/?\x00"} {
				h.exec(t, `DELETE FROM source_page`)
				if f = h.once(t, id, false); f.State != Failing || !strings.Contains(f.Why, "the address of the next page") || len(f.Why) > 1000 {
					t.Errorf("%.20q: %+v", next, f)
				}
			}
		})
	}
}

// TestFollow: who reads over TLS stays with it.
func TestFollow(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"https://x.example/", "http://x.example/?page=2", "https://x.example/?page=2"}, {"http://x.example/", "http://x.example/2", "http://x.example/2"},
		{"http://x.example/", "https://x.example/2", "https://x.example/2"}, {"https://x.example/", "", ""},
	} {
		if got, err := follow(c[0], c[1]); err != nil || got != c[2] {
			t.Errorf("%v: %q, %v", c, got, err)
		}
	}
}

// TestReadAnew: pages that were read in another way are read, also where their host says that
// they are unchanged.
func TestReadAnew(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
	p.say(some(15))
	read, n := h.Kinds[DCATAP].Read, 0
	h.Kinds = map[string]Kind{DCATAP: {Read: func(a *fetch.Answer) (Page, error) { n++; return read(a) }}}
	id := h.source(t, p)
	h.once(t, id, false)
	h.once(t, id, false)
	if n != 2 {
		t.Fatalf("unchanged: %d pages were read", n)
	}
	h.exec(t, `UPDATE source_page SET digest = '0' || digest`)
	if f := h.once(t, id, false); f.State != Well || n != 4 {
		t.Errorf("%d pages were read: %+v", n, f)
	}
}

// TestAskedMeanwhile: a harvest that is asked for while one runs is done after it, and once.
func TestAskedMeanwhile(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
	p.say(some(15))
	id := h.source(t, p)
	p.before = func(page string) {
		if page == "page=2" {
			_, err := h.Ask(context.Background(), operator, id, false)
			if err != nil {
				t.Error(err)
			}
		}
	}
	first := h.once(t, id, false)
	p.before = nil
	if first.State != Well || first.Next.After(time.Now()) {
		t.Errorf("after the one that ran: %+v", first)
	}
	s, mine, err := h.claim(t.Context(), id)
	if err != nil || !mine {
		t.Fatalf("the one that was asked for is not due: %v, %v", mine, err)
	}
	must(t, h.work(t.Context(), &s))
	s, err = h.Get(t.Context(), id)
	must(t, err)
	if s.Health.Number <= first.Number || s.Health.Anew || !s.Health.Next.After(time.Now()) {
		t.Errorf("after it: %+v", s.Health)
	}
}

// TestAgreedToWhatWasGone: who agrees does so to what is gone then, not to what a later harvest
// finds gone after one that failed.
func TestAgreedToWhatWasGone(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 100), newHarvester(t, dbtest.SQLite)
	p.say(some(50))
	id := h.source(t, p)
	h.once(t, id, false)
	p.say(some(30))
	h.once(t, id, false)
	p.status = http.StatusNotFound
	if f := h.once(t, id, true); f.State != Failing || f.Agreed {
		t.Errorf("%+v", f)
	}
	p.status = 0
	p.say(nil)
	if f := h.once(t, id, false); f.State != Held || f.Gone != 50 || len(h.has(t)) != 50 {
		t.Errorf("%+v, %d here", f, len(h.has(t)))
	}
}

// TestAlteredRow: a dataset whose row was edited past the gateway is set aside, keeps no other
// from its harvest, and keeps nobody from the end of its source.
func TestAlteredRow(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
	p.say(some(3))
	id := h.source(t, p)
	h.once(t, id, false)
	h.exec(t, `UPDATE dataset SET doc = replace(doc, 'Dataset 0', 'Dataset X') WHERE iri LIKE '%d000'`)
	p.say(map[string]string{"d000": "New 0", "d001": "New 1", "d002": "New 2"})
	f := h.once(t, id, false)
	set, _, err := h.Refused(t.Context(), id, "", 10)
	if f.State != Well || f.Counts.Changed != 2 || len(set) != 1 || !strings.Contains(set[0].Why, "not stored as it was recorded") || err != nil {
		t.Errorf("%+v, %+v, %v", f, set, err)
	}
	_, err = h.Remove(t.Context(), operator, id)
	must(t, err)
	s, mine, err := h.claim(t.Context(), id)
	if err != nil || !mine {
		t.Fatalf("claim: %v, %v", mine, err)
	}
	must(t, h.work(t.Context(), &s))
	if _, err = h.Get(t.Context(), id); schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("%v, want NotFound", err)
	}
}
