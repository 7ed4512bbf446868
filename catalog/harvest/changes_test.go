package harvest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// event is one of a feed, as the corpus writes it; Turtle "" says that its object is gone.
type event struct {
	Event, Object, Published, Type, Turtle string
}

// feed serves events, so many on a page; the last page grows.
type feed struct {
	mu     sync.Mutex
	events []event
	per    int
	asked  int
	slow   time.Duration
	trig   bool
	*httptest.Server
}

func newFeed(t testing.TB, per int, events []event) *feed {
	t.Helper()
	f := &feed{events: events, per: per}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *feed) tell(events ...event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, events...)
}

// ServeHTTP gives a page in JSON-LD: what is told of an entity stands in the graph of its event.
func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/robots.txt" {
		http.NotFound(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	page := 0
	_, _ = fmt.Sscanf(r.URL.RawQuery, "page=%d", &page)
	if f.trig {
		f.inTriG(w, page)
		return
	}
	nodes := []any{map[string]any{"@id": "", "@type": "https://w3id.org/tree#Node"}}
	if (page+1)*f.per < len(f.events) {
		nodes[0].(map[string]any)["https://w3id.org/tree#relation"] = map[string]any{
			"https://w3id.org/tree#node": map[string]any{"@id": fmt.Sprintf("?page=%d", page+1)}}
	}
	for i, e := range f.events[min(page*f.per, len(f.events)):min((page+1)*f.per, len(f.events))] {
		node := map[string]any{"@id": fmt.Sprintf("#%d-%d", page, i), "@type": "https://www.w3.org/ns/activitystreams#" + e.Event,
			"https://www.w3.org/ns/activitystreams#object": map[string]any{"@id": e.Object},
			"https://www.w3.org/ns/activitystreams#published": map[string]any{"@value": e.Published,
				"@type": "http://www.w3.org/2001/XMLSchema#dateTime"}}
		if e.Turtle != "" {
			doc, err := rdf.Parse(rdf.Turtle, []byte(e.Turtle), rdf.Options{Limits: rdf.Limits{Bytes: 1 << 20, Depth: 64, Values: 1 << 16}})
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			node["@graph"] = doc.Nodes
		}
		nodes = append(nodes, node)
	}
	time.Sleep(f.slow)
	w.Header().Set("Content-Type", "application/ld+json")
	_ = json.NewEncoder(w).Encode(nodes)
}

// inTriG gives a page in TriG, of events whose Turtle begins with described.
func (f *feed) inTriG(w http.ResponseWriter, page int) {
	w.Header().Set("Content-Type", "application/trig")
	fmt.Fprintf(w, "%s@prefix as: <https://www.w3.org/ns/activitystreams#> . @prefix tree: <https://w3id.org/tree#> .\n<> a tree:Node .\n", described)
	if (page+1)*f.per < len(f.events) {
		fmt.Fprintf(w, "<> tree:relation [ tree:node <?page=%d> ] .\n", page+1)
	}
	for i, e := range f.events[min(page*f.per, len(f.events)):min((page+1)*f.per, len(f.events))] {
		fmt.Fprintf(w, "<#%d-%d> a as:%s ; as:object <%s> ; as:published %q .\n", page, i, e.Event, e.Object, e.Published)
		if e.Turtle != "" {
			fmt.Fprintf(w, "<#%d-%d> { %s }\n", page, i, strings.TrimPrefix(e.Turtle, described))
		}
	}
}

// whole are the datasets of a source with all that is said of them, but for what is given here.
func (h *Harvester) whole(t testing.TB) map[string]schemas.Dataset {
	t.Helper()
	out := map[string]schemas.Dataset{}
	for after := ""; ; {
		rows, next, err := db.List[schemas.Dataset](t.Context(), h.DB, "dataset", "withdrawn = 0", nil, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			d := r.Doc
			d.ID, d.Registered, d.Modified, d.Revision = "", time.Time{}, time.Time{}, 0
			out[d.IRI] = d
		}
		if after = next; next == "" {
			return out
		}
	}
}

// lookAt has a source looked at once, as Run would when it is due.
func (h *Harvester) lookAt(t *testing.T, id schemas.SourceID) Health {
	t.Helper()
	h.exec(t, `UPDATE source SET due = 0`)
	s, mine, err := h.claim(t.Context(), id)
	if err != nil || !mine {
		t.Fatalf("claim: %v, %v", mine, err)
	}
	must(t, h.work(t.Context(), &s))
	s, err = h.Get(t.Context(), id)
	must(t, err)
	return s.Health
}

const described = `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix foaf: <http://xmlns.com/foaf/0.1/> .
`

func at(second int) string { return fmt.Sprintf("2026-01-01T00:00:%02dZ", second) }

func aDataset(second int, title string) event {
	return event{"Update", "https://portal.example/a", at(second), "Dataset", described + fmt.Sprintf(`<https://portal.example/a> a dcat:Dataset ; dct:title %q@en ;
		dct:publisher <https://portal.example/us> ; dcat:distribution <https://portal.example/a.csv>, <https://portal.example/a.json> .`, title)}
}

func aFile(second int, name, leads string) event {
	return event{"Update", "https://portal.example/" + name, at(second), "Distribution", described + fmt.Sprintf(
		`<https://portal.example/%s> a dcat:Distribution ; dcat:accessURL <%s> .`, name, leads)}
}

func anAgent(second int, name string) event {
	return event{"Update", "https://portal.example/us", at(second), "Agent", described + fmt.Sprintf(`<https://portal.example/us> a foaf:Agent ; foaf:name %q .`, name)}
}

func removed(second int, iri string) event {
	return event{"Delete", "https://portal.example/" + iri, at(second), "", ""}
}

// TestFeedOfEntities: a dataset is put together from what is told of it and of what it names,
// in whatever order that comes; what is older than what is known changes nothing.
func TestFeedOfEntities(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFeed(t, 3, []event{aFile(1, "a.csv", "https://data.example/1"), aDataset(2, "first")})
			h := newHarvester(t, kind)
			_, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: f.URL + "/feed", Space: "agriculture"}, 0)
			must(t, err)
			const id = "https://portal.example/a"
			state := func(what string, want bool, title, publisher string, links ...string) {
				t.Helper()
				all := h.whole(t)
				d, there := all[id]
				var got []string
				for _, l := range d.Links {
					got = append(got, strings.TrimPrefix(l.URL, "https://data.example/"))
				}
				if there != want || want && (d.Title["en"] != title || d.Publisher != publisher || !reflect.DeepEqual(got, links)) || len(all) > 1 {
					t.Errorf("%s: %v %+v", what, there, d)
				}
			}
			health := h.lookAt(t, "portal")
			if health.State != Well || !health.Feed || health.Follow == "" || health.Counts.New != 1 {
				t.Fatalf("%+v", health)
			}
			state("begun", true, "first", "", "1")
			f.tell(aFile(3, "a.json", "https://data.example/2"), anAgent(4, "Us"), aDataset(5, "second"))
			health = h.lookAt(t, "portal")
			state("files and agents", true, "second", "Us", "1", "2")
			if health.Counts.New != 0 || health.Counts.Changed == 0 {
				t.Errorf("%+v", health.Counts)
			}
			f.tell(aDataset(2, "older"), aFile(6, "a.csv", "https://data.example/3"), anAgent(7, "Them"), removed(8, "a.json"))
			h.lookAt(t, "portal")
			state("older ones do not count", true, "second", "Them", "3")
			before := f.asked
			h.lookAt(t, "portal")
			if f.asked != before+1 {
				t.Errorf("a look at nothing new asked %d times", f.asked-before)
			}
			f.tell(event{"Update", "https://portal.example/a", at(9), "Dataset", described + `<https://portal.example/a> a dcat:Dataset .`})
			if health = h.lookAt(t, "portal"); health.Refused != 1 {
				t.Errorf("%+v", health)
			}
			state("a faulty one leaves what was", true, "second", "Them", "3")
			f.tell(removed(10, "a"))
			if health = h.lookAt(t, "portal"); health.Datasets != 0 || health.Refused != 0 || health.Counts.Withdrawn != 1 {
				t.Errorf("%+v", health)
			}
			state("gone", false, "", "")
			f.tell(aDataset(11, "again"))
			h.lookAt(t, "portal")
			state("back", true, "again", "Them", "3")
			if n := len(h.everHad(t)); n != 1 {
				t.Errorf("it has %d ids", n)
			}
			health = h.once(t, "portal", false) // all of it anew, older than what is known as it may be
			if health.State != Well {
				t.Errorf("%+v", health)
			}
			state("read anew", true, "again", "Them", "3")
		})
	}
}

// TestFeedInTriG: a feed tells the same in TriG as in JSON-LD, and a catalogue the same in whichever graphs.
func TestFeedInTriG(t *testing.T) {
	t.Parallel()
	events := []event{aFile(1, "a.csv", "https://data.example/1"), aDataset(2, "first"), anAgent(3, "Us"), aFile(4, "a.json", "https://data.example/2"), aDataset(5, "second"), removed(6, "a.json")}
	told := map[bool]map[string]schemas.Dataset{}
	for _, trig := range []bool{false, true} {
		f := newFeed(t, 2, events)
		f.trig = trig
		h := newHarvester(t, dbtest.SQLite)
		_, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: f.URL + "/feed", Space: "agriculture"}, 0)
		must(t, err)
		if health := h.lookAt(t, "portal"); health.State != Well || !health.Feed || health.Counts.Pages != 3 {
			t.Errorf("%+v", health)
		}
		told[trig] = h.whole(t)
	}
	if d := told[true]["https://portal.example/a"]; d.Title["en"] != "second" || d.Publisher != "Us" || !reflect.DeepEqual(told[true], told[false]) {
		t.Errorf("%+v\n%+v", told[true], told[false])
	}
	pages := map[string]string{
		"application/trig": described + `<urn:g1> { <https://portal.example/a> a dcat:Dataset ; dct:publisher _:us } <urn:g2> { <https://portal.example/a> dct:title "A"@en . _:us foaf:name "Us" }`,
		"application/n-quads": `<https://portal.example/a> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/dcat#Dataset> <urn:g1> .
			<https://portal.example/a> <http://purl.org/dc/terms/publisher> _:us <urn:g1> .
			<https://portal.example/a> <http://purl.org/dc/terms/title> "A"@en <urn:g2> .
			_:us <http://xmlns.com/foaf/0.1/name> "Us" .`,
	}
	for kind, body := range pages {
		p, err := readDCATAP(&fetch.Answer{URL: "https://portal.example/all", Type: kind, Body: []byte(body)})
		if err != nil || len(p.Records) != 1 || p.Records[0].Dataset.Title["en"] != "A" || p.Records[0].Dataset.Publisher != "Us" {
			t.Errorf("%s: %+v, %v", kind, p, err)
		}
	}
}

// everHad are the ids that datasets of sources ever had.
func (h *Harvester) everHad(t *testing.T) []string {
	t.Helper()
	ids, err := h.strings(t.Context(), `SELECT id FROM dataset`)
	must(t, err)
	return ids
}

// TestFaultyEvents: events that name nothing, say nothing, say too much, or come without an end:
// each is set aside or ends the look, and none is a panic.
func TestFaultyEvents(t *testing.T) {
	t.Parallel()
	f := newFeed(t, 10, []event{
		{"Update", "_:b", at(1), "Dataset", ""}, {"Create", "https://portal.example/empty", at(2), "Dataset", ""},
		{"Update", "https://portal.example/" + strings.Repeat("x", maxKey), at(3), "Dataset", described + `<https://portal.example/a> a dcat:Dataset .`},
		{"Update", "https://portal.example/other", "yesterday", "Dataset", described + `<https://portal.example/a> a dcat:Dataset ; dct:title "of another" .`},
		aDataset(4, "good"),
	})
	h := newHarvester(t, dbtest.SQLite)
	_, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: f.URL + "/feed", Space: "agriculture"}, 0)
	must(t, err)
	health := h.lookAt(t, "portal")
	all := h.whole(t)
	if health.State != Well || health.Refused != 3 || len(all) != 1 || all["https://portal.example/a"].Title["en"] != "good" {
		t.Errorf("%+v\n%v", health, all)
	}
	f.Close()
	if health = h.lookAt(t, "portal"); health.State != Failing || health.Follow == "" || len(h.whole(t)) != 1 {
		t.Errorf("%+v", health)
	}
}

// belgianEvents are the real changes of one day of the Belgian catalogue.
func belgianEvents(t testing.TB) (out []event) {
	t.Helper()
	r, err := os.Open(sharedtest.Path(t, "reference-data/catalogue/dcat-ap/be-datagov-ldes/be-datagov-events-4themes-2025-02-14.jsonl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	z, err := zstd.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		err = json.Unmarshal(lines.Bytes(), &e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// childOf is the variable that has this test binary harvest as another process would: the
// database's address.
const childOf = "GUICHET_TEST_HARVEST"

// TestHarvestingChild is that process; it ends when it is killed.
func TestHarvestingChild(t *testing.T) {
	url := os.Getenv(childOf)
	if url == "" {
		return // run by TestBelgianEvents alone
	}
	d := dbtest.OpenURL(t, url)
	dbtest.Run(t, d)
	h := harvesterOn(t, d)
	h.Alone = true
	_ = h.Run(context.WithoutCancel(t.Context()))
}

// TestBelgianEvents: the 6,809 changes of a real day come to the same, whether the gateway is
// killed in the middle or not.
func TestBelgianEvents(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a replay of a day takes a while")
	}
	events := belgianEvents(t)
	if len(events) != 6809 {
		t.Fatalf("%d events", len(events))
	}
	f := newFeed(t, 200, events)
	calm := newHarvester(t, dbtest.SQLite)
	_, err := calm.Put(t.Context(), operator, Catalogue{ID: "belgium", URL: f.URL + "/feed", Space: "mobility"}, 0)
	must(t, err)
	began := time.Now()
	health := calm.lookAt(t, "belgium")
	t.Logf("%+v in %s", health, time.Since(began))
	want := calm.whole(t)
	if health.State != Well || health.Counts.Pages != 35 || len(want) != 1125 || health.Refused != 0 {
		t.Fatalf("%+v: %d datasets", health, len(want))
	}
	url := dbtest.URL(t, dbtest.SQLite)
	first := dbtest.OpenURL(t, url)
	stop := dbtest.Run(t, first)
	_, err = harvesterOn(t, first).Put(t.Context(), operator, Catalogue{ID: "belgium", URL: f.URL + "/feed", Space: "mobility"}, 0)
	must(t, err)
	stop()
	registry := dbtest.OpenURL(t, url)
	hit := harvesterOn(t, registry)
	for _, pages := range []int64{3, 9, 20} {
		child := exec.Command(os.Args[0], "-test.run=^TestHarvestingChild$")
		child.Env = append(os.Environ(), childOf+"="+url)
		must(t, child.Start())
		for {
			s, err := hit.Get(t.Context(), "belgium")
			must(t, err)
			if s.Health.Counts.Pages >= pages || s.Health.State == Well {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		must(t, child.Process.Kill())
		_ = child.Wait() // killed, as wanted
	}
	dbtest.Run(t, registry)
	hit.Alone = true
	must(t, hit.free(t.Context()))
	if health = hit.lookAt(t, "belgium"); health.State != Well {
		t.Fatalf("%+v", health)
	}
	if got := hit.whole(t); !reflect.DeepEqual(got, want) {
		t.Errorf("killed in the middle, it came to %d datasets that are not the %d of an undisturbed run", len(got), len(want))
	}
}
