package harvest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// told are pages by their addresses, as a source gives them.
type told map[string]*fetch.Answer

func (p told) say(at, kind, body string, links ...string) {
	p[at] = &fetch.Answer{URL: at, Type: kind, Body: []byte(body), Links: links}
}

// feed tells events and, where there is one, the next page.
func (p told) feed(at, next string, events ...string) {
	relation := ""
	if next != "" {
		relation = fmt.Sprintf(`, "https://w3id.org/tree#relation": {"https://w3id.org/tree#node": {"@id": %q}}`, next)
	}
	list := append([]string{fmt.Sprintf(`{"@id": %q, "@type": "https://w3id.org/tree#Node"%s}`, at, relation)}, events...)
	p.say(at, "application/ld+json", "["+strings.Join(list, ",")+"]")
}

// tells is an event about an entity; what is said of it is JSON-LD.
func tells(kind, published, iri, said string) string {
	graph := ""
	if said != "" {
		graph = fmt.Sprintf(`, "@graph": [{"@id": %q, %s}]`, iri, said)
	}
	return fmt.Sprintf(`{"@id": "#%s-%s", "@type": "https://www.w3.org/ns/activitystreams#%s", "https://www.w3.org/ns/activitystreams#object": {"@id": %q},
		"https://www.w3.org/ns/activitystreams#published": {"@value": %q}%s}`, published, iri[len(iri)-1:], kind, iri, published, graph)
}

func aSet(title string) string {
	return fmt.Sprintf(`"@type": "http://www.w3.org/ns/dcat#Dataset", "http://purl.org/dc/terms/title": {"@value": %q, "@language": "en"},
		"http://purl.org/dc/terms/publisher": {"@id": "https://portal.example/us"}`, title)
}

func following(t *testing.T, kind string, pages told, url string) *Harvester {
	t.Helper()
	h := newHarvester(t, kind)
	h.Fetch = func(_ context.Context, r fetch.Request) (*fetch.Answer, error) {
		a := pages[r.URL]
		if a == nil {
			return nil, schemas.Errorf(schemas.NotFound, r.URL, "there is nothing")
		}
		return a, nil
	}
	_, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: url, Space: "agriculture"}, 0)
	must(t, err)
	return h
}

const (
	turtleSet = prefixes + `<https://portal.example/%s> a dcat:Dataset ; dcat:theme theme:AGRI ; dct:title %q@en .`
	feedAt    = "https://portal.example/feed"
	allAt     = "https://portal.example/all"
)

// TestFeedInACircle: pages of a feed that lead back to where the look began end it.
func TestFeedInACircle(t *testing.T) {
	t.Parallel()
	pages := told{}
	pages.feed(feedAt, "", tells("Create", at(1), "https://portal.example/a", aSet("a")))
	h := following(t, dbtest.SQLite, pages, feedAt)
	if f := h.lookAt(t, "portal"); f.State != Well || f.Follow != feedAt {
		t.Fatalf("%+v", f)
	}
	pages.feed(feedAt, feedAt+"2", tells("Create", at(1), "https://portal.example/a", aSet("a")))
	pages.feed(feedAt+"2", feedAt, tells("Update", at(2), "https://portal.example/a", aSet("b")))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	h.exec(t, `UPDATE source SET due = 0`)
	s, _, err := h.claim(t.Context(), "portal")
	must(t, err)
	must(t, h.work(ctx, &s))
	if s.Health.State != Failing || !strings.Contains(s.Health.Why, "circle") || s.Health.Counts.Pages > 3 {
		t.Errorf("%+v", s.Health)
	}
}

// TestFeedBecomesPages: a source that told changes and then gives its catalogue is read anew as one.
func TestFeedBecomesPages(t *testing.T) {
	t.Parallel()
	pages := told{}
	pages.feed(feedAt, "", tells("Create", at(1), "https://portal.example/a", aSet("a")), tells("Create", at(1), "https://portal.example/b", aSet("b")))
	h := following(t, dbtest.SQLite, pages, feedAt)
	h.lookAt(t, "portal")
	pages.say(feedAt, "text/turtle", fmt.Sprintf(turtleSet, "a", "now a page"))
	if f := h.lookAt(t, "portal"); f.State != Failing || f.Follow != "" {
		t.Fatalf("%+v", f)
	}
	if f := h.lookAt(t, "portal"); f.State != Well || f.Feed || f.Counts.Withdrawn != 1 {
		t.Errorf("%+v", f)
	}
	all := h.whole(t)
	if len(all) != 1 || all["https://portal.example/a"].Title["en"] != "now a page" {
		t.Errorf("%v", all)
	}
	pages.feed(feedAt, "", tells("Create", at(1), "https://portal.example/a", aSet("a feed again")))
	if f := h.once(t, "portal", false); f.State != Well || !f.Feed || h.whole(t)["https://portal.example/a"].Title["en"] != "a feed again" {
		t.Errorf("%+v", f)
	}
}

// TestMonitorIsNotThere: where a catalogue names a feed that is not there, all of it is read again
// after longer and longer times.
func TestMonitorIsNotThere(t *testing.T) {
	t.Parallel()
	pages := told{}
	pages.say(allAt, "text/turtle", fmt.Sprintf(turtleSet, "a", "a"), "<"+feedAt+`>; rel="monitor"`)
	h := following(t, dbtest.SQLite, pages, allAt)
	var last time.Duration
	for i := range 4 {
		if f := h.lookAt(t, "portal"); f.State != Well || f.Follow != feedAt {
			t.Fatalf("%d: %+v", i, f)
		}
		f := h.lookAt(t, "portal")
		wait := f.Next.Sub(f.Ended)
		if f.State != Failing || f.Follow != "" || wait <= last {
			t.Fatalf("%d: after %s %s: %+v", i, last, wait, f)
		}
		last = wait
	}
	pages.feed(feedAt, "")
	h.lookAt(t, "portal")
	if f := h.lookAt(t, "portal"); f.State != Well || f.Failures != 0 {
		t.Errorf("%+v", f)
	}
}

// TestPagesOutdateAFeed: what a feed told of a dataset before all pages were read counts no more: who
// publishes it changes, and it does not come back.
func TestPagesOutdateAFeed(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		pages := told{}
		monitor := "<" + feedAt + `>; rel="monitor"`
		both := fmt.Sprintf(turtleSet, "b", "b") + fmt.Sprintf(strings.TrimPrefix(turtleSet, prefixes), "a", "a")
		pages.say(allAt, "text/turtle", both, monitor)
		pages.feed(feedAt, "", tells("Update", at(1), "https://portal.example/a", aSet("as told")))
		h := following(t, kind, pages, allAt)
		h.lookAt(t, "portal")
		h.lookAt(t, "portal")
		if h.whole(t)["https://portal.example/a"].Title["en"] != "as told" {
			t.Fatalf("%v", h.whole(t))
		}
		pages.say(allAt, "text/turtle", fmt.Sprintf(turtleSet, "b", "b"), monitor)
		pages.feed(feedAt, "")
		h.once(t, "portal", true)
		pages.feed(feedAt, "", tells("Update", at(3), "https://portal.example/us", `"http://xmlns.com/foaf/0.1/name": "Us"`))
		if f := h.lookAt(t, "portal"); f.State != Well || len(h.whole(t)) != 1 {
			t.Errorf("%s: %+v, %v", kind, f, h.whole(t))
		}
	}
}

// TestOddChanges: an event from the future blocks none after it, one that names no text is set aside,
// and one dataset that would be put together from too much leaves the others and the gateway.
func TestOddChanges(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		pages := told{}
		far := tells("Create", "9000-01-01T00:00:00Z", "https://portal.example/a", aSet("far"))
		pages.feed(feedAt, "", far)
		h := following(t, kind, pages, feedAt)
		h.lookAt(t, "portal")
		pages.feed(feedAt, feedAt+"2", far)
		pages.feed(feedAt+"2", "", tells("Update", time.Now().UTC().Add(time.Second).Format(time.RFC3339Nano), "https://portal.example/a", aSet("now")))
		time.Sleep(10 * time.Millisecond)
		if f := h.lookAt(t, "portal"); f.State != Well || h.whole(t)["https://portal.example/a"].Title["en"] != "now" {
			t.Errorf("%s: %+v, %v", kind, f, h.whole(t))
		}
		s, err := h.Get(t.Context(), "portal")
		must(t, err)
		refers := func(iri string) rdf.Node { return rdf.Node{"@id": iri} }
		node := func(iri, title string, names ...any) rdf.Node {
			return rdf.Node{"@id": iri, "@type": []any{"http://www.w3.org/ns/dcat#Dataset"}, "http://purl.org/dc/terms/relation": names,
				"http://purl.org/dc/terms/title": []any{rdf.Node{"@value": title, "@language": "en"}}}
		}
		changes := []Change{{IRI: "https://portal.example/\x00", Nodes: []rdf.Node{node("https://portal.example/x", "x")}}, {IRI: "a\xff", Gone: true}}
		var parts []any
		for i := range 4 {
			iri := fmt.Sprintf("https://portal.example/part-%d", i)
			parts = append(parts, refers(iri))
			changes = append(changes, Change{IRI: iri, Nodes: []rdf.Node{{"@id": iri, "http://xmlns.com/foaf/0.1/name": []any{
				rdf.Node{"@value": strings.Repeat("x", maxRecord-1000)}}}}})
		}
		const much, good = "https://portal.example/much", "https://portal.example/good"
		changes = append(changes, Change{IRI: much, Nodes: []rdf.Node{node(much, "much", parts...)}}, Change{IRI: good, Nodes: []rdf.Node{node(good, "good")}})
		c, err := h.takeChanges(t.Context(), &s, changes)
		set, _, errSet := h.Refused(t.Context(), "portal", "", 10)
		if err != nil || errSet != nil || c.New != 1 || len(set) != 3 || h.whole(t)[good].Title["en"] != "good" {
			t.Errorf("%s: %+v, %v, %+v", kind, c, err, set)
		}
	}
}
