package harvest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/schemas"
)

// namedByMany are events of datasets that all name one publisher, who is told of anew on each page.
func namedByMany(n, every int) (out []event) {
	for i := range n {
		iri := fmt.Sprintf("https://portal.example/%04d", i)
		out = append(out, event{"Create", iri, "2026-01-01T00:00:00Z", "Dataset", described + fmt.Sprintf(
			`<%s> a dcat:Dataset ; dct:title "Set %d"@en ; dct:publisher <https://portal.example/us> .`, iri, i)})
		if i%every == every-1 {
			agent := anAgent(0, fmt.Sprintf("Us %d", i))
			agent.Published = fmt.Sprintf("2026-01-02T00:%02d:00Z", i/every)
			out = append(out, agent)
		}
	}
	return out
}

// TestNamedByMany: what many name, and what changes on each page, has each of them put together once; killed in
// between, the rest is put together all the same.
func TestNamedByMany(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			const n = maxDue + 88
			f := newFeed(t, 101, namedByMany(n, 100))
			h := newHarvester(t, kind)
			_, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: f.URL + "/feed", Space: "agriculture"}, 0)
			must(t, err)
			is := func(what, publisher string) {
				t.Helper()
				all := h.whole(t)
				for iri, d := range all {
					if d.Publisher != publisher {
						t.Fatalf("%s: %s has the publisher %q", what, iri, d.Publisher)
					}
				}
				if len(all) != n {
					t.Errorf("%s: %d datasets", what, len(all))
				}
			}
			if health := h.lookAt(t, "portal"); health.State != Well || health.Counts.New != n {
				t.Fatalf("%+v", health)
			}
			is("at first", fmt.Sprintf("Us %d", n-n%100-1))
			for i := range 3 { // on three pages
				agent := anAgent(0, fmt.Sprintf("Them %d", i))
				agent.Published = fmt.Sprintf("2026-01-03T00:00:%02dZ", i)
				f.tell(agent)
				for j := range 100 {
					f.tell(event{"Update", fmt.Sprintf("https://portal.example/more-%d-%d", i, j), "2026-01-03T00:00:00Z", "Agent", described + fmt.Sprintf(
						`<https://portal.example/more-%d-%d> a foaf:Agent .`, i, j)})
				}
			}
			h.Turn = -1 // it stops after each page, as if it were killed
			for range 3 {
				if health := h.lookAt(t, "portal"); health.Counts.Changed > n {
					t.Errorf("%+v", health)
				}
			}
			h.Turn = time.Hour
			h.lookAt(t, "portal")
			is("changed", "Them 2")
			before, err := h.DB.Head(t.Context())
			must(t, err)
			again := anAgent(0, "Them 2")
			again.Published = "2026-01-04T00:00:00Z"
			f.tell(again)
			health := h.lookAt(t, "portal")
			after, err := h.DB.Head(t.Context())
			if err != nil || after != before || health.Counts.Records != 0 {
				t.Errorf("told the same again: %+v, %d changes, %v", health.Counts, after-before, err)
			}
			if left := h.lines(t, `SELECT iri FROM source_again`); len(left) > 0 {
				t.Errorf("%d are still due", len(left))
			}
			kept := h.lines(t, `SELECT cast(sum(entities) AS TEXT) || ' ' || cast(sum(bytes) AS TEXT) FROM source_kept`)
			has := h.lines(t, `SELECT cast(count(*) AS TEXT) || ' ' || cast(sum(length(doc)) AS TEXT) FROM source_entity`)
			if kept[0] != has[0] {
				t.Errorf("%q are kept, %q are counted", has, kept)
			}
		})
	}
}

// lines are the texts that a query gives.
func (h *Harvester) lines(t *testing.T, query string) []string {
	t.Helper()
	out, err := h.strings(t.Context(), query)
	must(t, err)
	return out
}

// TestFaultStays: why a change was not taken over is said until a later one of the same entity is, whatever else
// changes meanwhile.
func TestFaultStays(t *testing.T) {
	t.Parallel()
	const dist = "https://portal.example/a.csv"
	f := newFeed(t, 10, []event{aDataset(1, "first"), aFile(2, "a.csv", "https://data.example/1")})
	h := newHarvester(t, dbtest.SQLite)
	_, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: f.URL + "/feed", Space: "agriculture"}, 0)
	must(t, err)
	h.lookAt(t, "portal")
	refused := func(what string, want ...string) {
		t.Helper()
		list, _, err := h.Refused(t.Context(), "portal", "", 10)
		must(t, err)
		var got []string
		for _, r := range list {
			got = append(got, r.IRI)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	look := func(events ...event) schemas.Dataset {
		f.tell(events...)
		h.lookAt(t, "portal")
		return h.whole(t)["https://portal.example/a"]
	}
	empty := func(second int, iri string) event { return event{"Update", iri, at(second), "", ""} }
	look(empty(3, "https://portal.example/a"))
	refused("a dataset that says nothing", "https://portal.example/a")
	look(aFile(4, "a.csv", "https://data.example/2"))
	refused("its file changed", "https://portal.example/a")
	if d := look(aDataset(5, "second")); d.Title["en"] != "second" || len(d.Links) != 1 || d.Links[0].URL != "https://data.example/2" {
		t.Errorf("%+v", d)
	}
	refused("mended")
	if d := look(empty(6, dist), aDataset(7, "third")); d.Title["en"] != "third" || len(d.Links) != 1 {
		t.Errorf("%+v", d)
	}
	refused("a file that says nothing", dist)
	if d := look(aFile(8, "a.csv", "https://data.example/3")); d.Links[0].URL != "https://data.example/3" {
		t.Errorf("%+v", d)
	}
	refused("that is mended too")
	look(empty(9, "https://portal.example/new"))
	refused("of what nothing was known", "https://portal.example/new")
	look(removed(10, "new"))
	refused("which is gone")
}

// TestFeedIsBounded: what a feed tells of is kept up to a bound, and what came before it stays.
func TestFeedIsBounded(t *testing.T) {
	t.Parallel()
	f := newFeed(t, 3, []event{aDataset(1, "first"), aFile(2, "a.csv", "https://data.example/1"), anAgent(3, "Us"), aFile(4, "b.csv", "https://data.example/2"), aFile(5, "c.csv", "https://data.example/2"), aFile(6, "d.csv", "https://data.example/2"), aFile(7, "e.csv", "https://data.example/2")})
	h := newHarvester(t, dbtest.SQLite)
	h.Entities = 4
	_, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: f.URL + "/feed", Space: "agriculture"}, 0)
	must(t, err)
	health := h.lookAt(t, "portal")
	if health.State != Failing || !strings.Contains(health.Why, "6 entities") || !strings.Contains(health.Why, "page by page") || len(h.whole(t)) != 1 {
		t.Errorf("%+v", health)
	}
}

// TestSlots: one host has one source harvested at a time, and one that takes its time makes room for others that
// are due, and goes on where it stood.
func TestSlots(t *testing.T) {
	t.Parallel()
	h := newHarvester(t, dbtest.SQLite)
	stuck, asked := make(chan struct{}), make(chan string, 100)
	h.Fetch = func(ctx context.Context, r fetch.Request) (*fetch.Answer, error) {
		asked <- r.URL
		if strings.Contains(r.URL, "tarpit") {
			select {
			case <-stuck:
			case <-ctx.Done():
			}
		}
		return &fetch.Answer{URL: r.URL, Type: "text/turtle", Body: []byte(prefixes)}, ctx.Err()
	}
	for i := range 2 * atOnce {
		_, err := h.Put(t.Context(), operator, Catalogue{ID: schemas.SourceID(fmt.Sprintf("slow-%d", i)), URL: fmt.Sprintf("http://tarpit.example:%d/%d", 8000+i, i)}, 0)
		must(t, err)
	}
	for i := range 2 {
		_, err := h.Put(t.Context(), operator, Catalogue{ID: schemas.SourceID(fmt.Sprintf("quick-%d", i)), URL: fmt.Sprintf("https://portal-%d.example/", i)}, 0)
		must(t, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var running errgroup.Group
	running.SetLimit(atOnce)
	must(t, h.begin(ctx, &running))
	seen := map[string]int{}
	for range 3 {
		at := <-asked
		seen[at[:12]]++
	}
	if seen["http://tarpi"] != 1 || seen["https://port"] != 2 {
		t.Errorf("%v", seen)
	}
	close(stuck)
	must(t, running.Wait())
	p := newPortal(t, 10)
	p.say(some(30))
	h = newHarvester(t, dbtest.SQLite)
	h.Turn = -1
	id := h.source(t, p)
	for i := range 3 {
		s, mine, err := h.claim(t.Context(), id)
		if err != nil || !mine {
			t.Fatalf("claim: %v, %v", mine, err)
		}
		must(t, h.work(t.Context(), &s))
		s, err = h.Get(t.Context(), id)
		must(t, err)
		if want := map[bool]State{true: Well, false: Running}[i == 2]; s.Health.State != want || int(s.Health.Counts.Pages) != i+1 || len(p.asked) != i+1 {
			t.Errorf("turn %d: %+v, %d asked", i, s.Health, len(p.asked))
		}
	}
	for doc, want := range map[string]string{
		`{"url": "https://A.example:8443/x"}`: "a.example", `{"url": "https://a.example/", "health": {"page": "http://b.example/2"}}`: "b.example",
		`{"url": "file:///srv/a"}`: "file:///srv/a", `{`: "",
	} {
		if got := hostOf(doc); got != want {
			t.Errorf("%s: %q", doc, got)
		}
	}
}

// TestEndless: a harvest that never ends is ended.
func TestEndless(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
	p.say(some(30))
	id := h.source(t, p)
	now := time.Now()
	h.Now = func() time.Time { return now }
	h.Turn = 2 * maxTime
	p.before = func(string) { now = now.Add(maxTime/2 + time.Second) }
	h.exec(t, `UPDATE source SET due = 0`)
	s, mine, err := h.claim(t.Context(), id)
	if err != nil || !mine {
		t.Fatalf("claim: %v, %v", mine, err)
	}
	must(t, h.work(t.Context(), &s))
	s, err = h.Get(t.Context(), id)
	if err != nil || s.Health.State != Failing || !strings.Contains(s.Health.Why, "7 days") {
		t.Errorf("%+v, %v", s.Health, err)
	}
}

// TestMostIsSetAside: a source of which most cannot be taken over is said to be, with why.
func TestMostIsSetAside(t *testing.T) {
	t.Parallel()
	pages := told{}
	at := "https://portal.example/all"
	pages.say(at, "text/turtle", prefixes+`<https://portal.example/a> a dcat:Dataset ; dct:title "A" . <https://portal.example/b> a dcat:Dataset ; dct:title "B" .
		<https://portal.example/c> a dcat:Dataset ; dct:title "C" ; dcat:theme theme:AGRI . <https://portal.example/d> a dcat:Dataset .`)
	h := following(t, dbtest.SQLite, pages, "https://none.example/")
	s, err := h.Put(t.Context(), operator, Catalogue{ID: "spaceless", URL: at}, 0)
	must(t, err)
	f := h.once(t, s.ID, false)
	if f.State != Well || f.Datasets != 1 || !strings.Contains(f.Why, "3 of 4 records are set aside, 2 of them so: ") || !strings.Contains(f.Why, "--space") {
		t.Errorf("%+v", f)
	}
	s, err = h.Get(t.Context(), s.ID)
	must(t, err)
	_, err = h.Put(t.Context(), operator, Catalogue{ID: "spaceless", URL: at, Space: "energy"}, s.Revision)
	must(t, err)
	if f = h.once(t, s.ID, false); f.State != Well || f.Datasets != 3 || f.Why != "" {
		t.Errorf("%+v", f)
	}
}

// TestNowhere: another Guichet that does not know its own address is refused with what its operator does.
func TestNowhere(t *testing.T) {
	t.Parallel()
	pages := told{}
	pages.say("https://site.example/api/v1/catalogue", "text/turtle", prefixes+`<urn:guichet:dataset:ds-1> a dcat:Dataset ; dct:title "A"@en .`)
	h := following(t, dbtest.SQLite, pages, "https://none.example/")
	s, err := h.Put(t.Context(), operator, Catalogue{ID: "site", URL: "https://site.example", Kind: Guichet, Space: "energy"}, 0)
	must(t, err)
	if f := h.once(t, s.ID, false); f.State != Failing || !strings.Contains(f.Why, "public_url") || len(h.whole(t)) != 0 {
		t.Errorf("%+v", f)
	}
}

// TestPaused: a source that is paused is not looked at and keeps what it has here, until it goes on; it can be ended all
// the same, and the record says each.
func TestPaused(t *testing.T) {
	t.Parallel()
	pages := told{}
	at := "https://portal.example/all"
	pages.say(at, "text/turtle", prefixes+`<https://portal.example/a> a dcat:Dataset ; dct:title "A" .`)
	h := following(t, dbtest.SQLite, pages, "https://none.example/")
	s, err := h.Put(t.Context(), operator, Catalogue{ID: "rests", URL: at, Space: "energy"}, 0)
	must(t, err)
	h.once(t, s.ID, false)
	pause := func(paused bool) {
		t.Helper()
		s, err = h.Get(t.Context(), s.ID)
		must(t, err)
		s.Paused = paused
		s, err = h.Put(t.Context(), operator, s, s.Revision)
		must(t, err)
	}
	pause(true)
	h.exec(t, `UPDATE source SET held = 0`)
	list, err := h.due(t.Context())
	if err != nil || slices.ContainsFunc(list, func(d dueSource) bool { return d.id == s.ID }) || len(h.whole(t)) != 1 {
		t.Errorf("%v is due, %v", list, err)
	}
	_, err = h.Ask(t.Context(), operator, s.ID, false)
	if schemas.KindOf(err) != schemas.Conflict || !strings.Contains(err.Error(), "is paused") {
		t.Errorf("harvested while it is paused: %v", err)
	}
	pause(false)
	if f := h.once(t, s.ID, false); f.State != Well || f.Datasets != 1 {
		t.Errorf("%+v", f)
	}
	pause(true)
	s, err = h.Remove(t.Context(), operator, s.ID)
	must(t, err)
	list, err = h.due(t.Context())
	if err != nil || !slices.ContainsFunc(list, func(d dueSource) bool { return d.id == s.ID }) {
		t.Errorf("%v is due to be ended, %v", list, err)
	}
	var paused, again int
	must(t, h.DB.QueryRow(t.Context(), `SELECT sum(CASE WHEN value = 'paused' THEN 1 ELSE 0 END), sum(CASE WHEN value = 'goes on' THEN 1 ELSE 0 END)
		FROM change_value WHERE name = 'what'`).Scan(&paused, &again))
	if paused != 2 || again != 1 {
		t.Errorf("the record says paused %d times, goes on %d", paused, again)
	}
}
