package harvest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/schemas"
)

// TestReadDCATAP: a page in any serialisation, by its type or its name; the next one by Hydra or by
// a Link line.
func TestReadDCATAP(t *testing.T) {
	t.Parallel()
	const turtle = prefixes + `<https://portal.example/1> a dcat:Dataset ; dct:title "one" .`
	const json = `{"@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"}, "@id": "https://portal.example/1",
		"@type": "dcat:Dataset", "dct:title": "one"}`
	const xml = `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#" xmlns:dct="http://purl.org/dc/terms/">
		<dcat:Dataset rdf:about="https://portal.example/1"><dct:title>one</dct:title></dcat:Dataset></rdf:RDF>`
	for name, c := range map[string]struct {
		answer fetch.Answer
		next   string
	}{
		"Turtle":         {fetch.Answer{URL: "https://portal.example/all", Type: "text/turtle; charset=utf-8", Body: []byte(turtle)}, ""},
		"JSON-LD":        {fetch.Answer{URL: "https://portal.example/all", Type: "application/ld+json", Body: []byte(json)}, ""},
		"RDF/XML":        {fetch.Answer{URL: "https://portal.example/all", Type: "application/rdf+xml", Body: []byte(xml)}, ""},
		"by its name":    {fetch.Answer{URL: "https://portal.example/all.ttl?x=1", Type: "text/plain", Body: []byte(turtle)}, ""},
		"Link":           {fetch.Answer{URL: "https://portal.example/a/all", Type: "text/turtle", Body: []byte(turtle), Links: []string{`<x>; rel="prev", <two?p=2>; rel="next"`}}, "https://portal.example/a/two?p=2"},
		"a second line":  {fetch.Answer{URL: "https://portal.example/all", Type: "text/turtle", Body: []byte(turtle), Links: []string{"<x>; rel=last", "</two>; rel=next"}}, "https://portal.example/two"},
		"no Link at all": {fetch.Answer{URL: "https://portal.example/all", Type: "text/turtle", Body: []byte(turtle), Links: []string{"next", "<", `<x>;rel`, ""}}, ""},
	} {
		p, err := readDCATAP(&c.answer)
		if err != nil || p.Next != c.next || len(p.Records) != 1 || p.Records[0].IRI != "https://portal.example/1" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestKeys: a record is known again by its IRI, however odd that is.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := &Catalogue{Health: Health{Page: "https://portal.example/all"}}
	long := strings.Repeat("é", 2000)
	seen := map[string]bool{}
	for _, iri := range []string{"https://portal.example/1", "", long + "a", long + "b", "a\x00b", "a\xffb"} {
		key := keyOf(s, &Record{IRI: iri}, 3)
		if len(key) > maxKey || !utf8.ValidString(key) || strings.Contains(key, "\x00") || key == "" || iri != "a\xffb" && seen[key] {
			t.Errorf("%.20q: %q", iri, key)
		}
		seen[key] = true
	}
}

// TestOddRecords: records without an IRI, with one that is too long, twice on a page and on two
// pages, and with words that no terminal should see: each is taken once or set aside, bounded.
func TestOddRecords(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		p, h := newPortal(t, 3), newHarvester(t, kind)
		p.say(some(5))
		long := "https://portal.example/" + strings.Repeat("x", 3000)
		p.extra[""] = fmt.Sprintf("[] a dcat:Dataset ; dct:title \"nameless\" . <%s> a dcat:Dataset ; dct:title \"long\" . "+
			"<https://portal.example/d004> a dcat:Dataset ; dct:title \"on two pages\"@en . <https://portal.example/odd> a dcat:Dataset ; dct:title \"a\\u001B[2Jb\"@en .", long)
		id := h.source(t, p)
		f := h.once(t, id, false)
		if f.State != Well || f.Datasets != 5 || f.Refused != 3 || h.has(t)["d004"] != "on two pages" {
			t.Fatalf("%+v\n%v", f, h.has(t))
		}
		set, next, err := h.Refused(t.Context(), id, "", 2)
		if err != nil || len(set) != 2 || next == "" {
			t.Fatalf("%+v, %q, %v", set, next, err)
		}
		more, next, err := h.Refused(t.Context(), id, next, 2)
		if err != nil || len(more) != 1 || next != "" {
			t.Errorf("%+v, %q, %v", more, next, err)
		}
		for _, r := range append(set, more...) {
			if len(r.Why) > maxWhy || len(r.IRI) > maxKey || strings.Contains(r.Why, "\x1b") || r.Why == "" {
				t.Errorf("%+v", r)
			}
		}
		p.extra[""] = "" // the first page gives it up: the second, which has not changed, has it still
		if f = h.once(t, id, false); f.State != Well || f.Datasets != 5 || h.has(t)["d004"] != "Dataset 4" || f.Refused != 0 {
			t.Errorf("%+v\n%v", f, h.has(t))
		}
	}
}

// TestChangedWhileHarvested: a source that is changed or removed in the middle of a harvest is read
// anew, or taken away, and what the old address gave is judged by the new one.
func TestChangedWhileHarvested(t *testing.T) {
	t.Parallel()
	for _, remove := range []bool{false, true} {
		p, other, h := newPortal(t, 5), newPortal(t, 5), newHarvester(t, dbtest.SQLite)
		p.say(some(20))
		other.say(some(4))
		id := h.source(t, p)
		p.before = func(page string) {
			if page != "page=3" {
				return
			}
			s, err := h.Get(context.WithoutCancel(t.Context()), id)
			if err == nil && remove {
				_, err = h.Remove(t.Context(), operator, id)
			} else if err == nil {
				_, err = h.Put(t.Context(), operator, Catalogue{ID: id, URL: other.URL + "/all", Space: "agriculture"}, s.Revision)
			}
			if err != nil {
				t.Error(err)
			}
		}
		s, mine, err := h.claim(t.Context(), id)
		if err != nil || !mine {
			t.Fatal(mine, err)
		}
		must(t, h.work(t.Context(), &s))
		p.before = nil
		s, mine, err = h.claim(t.Context(), id)
		if err != nil || !mine {
			t.Fatal(mine, err)
		}
		must(t, h.work(t.Context(), &s))
		if remove {
			if _, err := h.Get(t.Context(), id); schemas.KindOf(err) != schemas.NotFound || len(h.has(t)) > 0 {
				t.Errorf("removed: %v, %v", err, h.has(t))
			}
			continue
		}
		s, err = h.Get(t.Context(), id)
		if err != nil || s.Health.State != Held && len(h.has(t)) != 4 || len(other.asked) != 1 {
			t.Errorf("%+v, %v, %v", s.Health, err, h.has(t))
		}
	}
}

// TestUnknownSources: each call says so.
func TestUnknownSources(t *testing.T) {
	t.Parallel()
	h := newHarvester(t, dbtest.SQLite)
	_, get := h.Get(t.Context(), "none")
	_, ask := h.Ask(t.Context(), operator, "none", true)
	_, remove := h.Remove(t.Context(), operator, "none")
	_, _, refused := h.Refused(t.Context(), "none", "", 10)
	_, put := h.Put(t.Context(), operator, Catalogue{ID: "none", URL: "https://portal.example/"}, 3)
	for name, err := range map[string]error{"get": get, "ask": ask, "remove": remove, "refused": refused, "put": put} {
		if schemas.KindOf(err) != schemas.NotFound || !strings.Contains(err.Error(), "there is no source none") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSourcesAreListed: page by page, and one that is removed is not asked for.
func TestSourcesAreListed(t *testing.T) {
	t.Parallel()
	h := newHarvester(t, dbtest.SQLite)
	for i := range 5 {
		_, err := h.Put(t.Context(), operator, Catalogue{ID: schemas.SourceID(fmt.Sprint("s", i)), URL: "https://portal.example/", Every: int64(i)}, 0)
		must(t, err)
	}
	var got []string
	for after := ""; ; {
		page, next, err := h.List(t.Context(), after, 2)
		must(t, err)
		for _, s := range page {
			got = append(got, string(s.ID))
			if s.Revision != 1 || s.By != operator.Participant || s.Health.State != New || s.Kind != DCATAP {
				t.Errorf("%+v", s)
			}
		}
		if after = next; next == "" {
			break
		}
	}
	if strings.Join(got, " ") != "s0 s1 s2 s3 s4" {
		t.Errorf("%v", got)
	}
	_, err := h.Remove(t.Context(), operator, "s1")
	must(t, err)
	_, err = h.Ask(t.Context(), operator, "s1", false)
	if schemas.KindOf(err) != schemas.Conflict {
		t.Errorf("%v, want Conflict", err)
	}
}

// TestHostsAnswerOnce: a page that stays the same under another ETag, or without any, is known by
// its bytes.
func TestHostsAnswerOnce(t *testing.T) {
	t.Parallel()
	p, h := newPortal(t, 10), newHarvester(t, dbtest.SQLite)
	p.say(some(5))
	id := h.source(t, p)
	h.once(t, id, false)
	inner := h.Fetch
	h.Fetch = func(ctx context.Context, r fetch.Request) (*fetch.Answer, error) {
		r.ETag, r.Modified = "", ""
		a, err := inner(ctx, r)
		if a != nil {
			a.ETag = ""
		}
		return a, err
	}
	read := 0
	h.Kinds = map[string]Kind{DCATAP: {Read: func(a *fetch.Answer) (Page, error) { read++; return readDCATAP(a) }}}
	if f := h.once(t, id, false); f.State != Well || f.Counts.Records != 5 || read != 0 {
		t.Errorf("%+v, read %d times", f, read)
	}
	p.status = http.StatusGone
	if f := h.once(t, id, false); f.State != Failing || !strings.Contains(f.Why, "any more") {
		t.Errorf("%+v", f)
	}
}

// TestPagesOfAConnector: a connector's version is found first, then its catalogue is asked for page
// by page, at the address that the operator named whatever its links call it.
func TestPagesOfAConnector(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://edc.example/protocol/":                       "https://edc.example/protocol/.well-known/dspace-version",
		"https://edc.example/protocol/2025-1/catalog/request": "https://edc.example/protocol/2025-1/catalog/request",
	} {
		if got := firstOfDSP(in); got != want {
			t.Errorf("%s begins at %s", in, got)
		}
	}
	if r := askDSP("https://edc.example/p/.well-known/dspace-version?x"); r.Post != nil {
		t.Error("the versions are asked for by POST")
	}
	const page = "https://edc.example/p/2025-1/catalog/request"
	if r := askDSP(page); r.Post == nil || r.Accept != "application/json" {
		t.Errorf("%+v", r)
	}
	p, err := readDSP(&fetch.Answer{URL: "https://edc.example/p/.well-known/dspace-version",
		Body: []byte(`{"protocolVersions": [{"version": "2025-1", "path": "/2025-1"}]}`)})
	if err != nil || p.Next != page || len(p.Records) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = readDSP(&fetch.Answer{URL: page + "?continuationToken=a", Body: []byte(`{"@type": "Catalog", "dataset": [{"@id": "urn:x:1", "title": "one"}]}`),
		Links: []string{`<http://inside:9/p/2025-1/catalog/request?continuationToken=b%3D>; rel="next"`, `<http://inside:9/x?continuationToken=0>; rel="prev"`}})
	if err != nil || p.Next != page+"?continuationToken=b%3D" || len(p.Records) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, a := range []fetch.Answer{{URL: page, Body: []byte("<html>")}, {URL: "https://edc.example/.well-known/dspace-version", Body: []byte("{}")}} {
		if _, err := readDSP(&a); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%s: %v", a.Body, err)
		}
	}
}
