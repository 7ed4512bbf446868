package gateway_test

import (
	"strings"
	"testing"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Who wants another form than those that are written is told which there are, and nothing
// is done.
func TestFormsThatAreNotWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	for accept, status := range map[string]int{
		"": 200, "*/*": 200, "application/*": 200, "application/json": 200, "application/ld+json": 200, "application/yaml": 200, "APPLICATION/JSON": 200, "application/json; charset=utf-8": 200,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": 200, "text/turtle, application/json;q=0.1": 200, "text/turtle": 200, "text/*": 200, "application/rdf+xml;q=0.5": 200, `application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"`: 200,
		"text/turtle;q=0": 406, "text/n3, application/trig": 406, "application/json;q=0": 406, "text/turtle;q=2": 406, "text/turtle;q=NaN": 406, "*/*;q=0": 406, "text/csv": 406, "nonsense": 406,
		`application/ld+json;profile="http://mlcommons.org/croissant/1.1"`: 200, `application/ld+json;profile="http://mlcommons.org/croissant/0.9"`: 406, "application/json;q=0, application/yaml": 200, "application/json;q=0, application/ld+json;q=0, application/yaml;q=0,application/x-yaml;q=0, text/turtle;q=0, application/rdf+xml;q=0, */*": 406,
	} {
		r := s.want(status, "agronomy", "GET", "/datasets/"+string(d.ID), nil, "Accept", accept)
		if status == 406 && (!strings.Contains(r.body, "text/turtle") || !strings.Contains(r.body, "not written here")) {
			t.Errorf("%s: %s", accept, r.body)
		}
	}
	in := wheat("Never registered")
	s.want(406, "agronomy", "POST", "/datasets", in, "Accept", "text/turtle")
	s.want(406, "agronomy", "GET", "/datasets", nil, "Accept", "text/turtle")
	s.settle()
	if got := s.foundIDs("agronomy", ""); len(got) != 1 {
		t.Errorf("%d datasets after a registration that was refused", len(got))
	}
}

// A dataset comes in the form that is liked best, and is the same in each.
func TestFormsOfADataset(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat \"old\" & <new>"))
	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json", "text/turtle": "text/turtle", "text/*": "text/turtle", "application/rdf+xml": "application/rdf+xml", "application/json;q=0.5, text/turtle": "text/turtle",
		"text/turtle;q=0.5, application/rdf+xml;q=0.7, application/ld+json;q=0.6": "application/rdf+xml", "text/turtle, application/json": "text/turtle", "application/json, text/turtle": "application/json",
		"*/*, text/turtle;q=0.1": "application/json", "*/*;q=0.1, text/turtle;q=0.2": "text/turtle", "application/*;q=0.2, application/rdf+xml;q=0.1, text/turtle;q=0.1": "application/json",
		`application/ld+json;profile="http://mlcommons.org/croissant/1.1", application/ld+json;q=0.9`: `application/ld+json;profile="http://mlcommons.org/croissant/1.1"`,
		`application/ld+json; profile="a,b", application/rdf+xml;q=0.3`:                               "application/rdf+xml", "Text/Turtle; charset=utf-8": "text/turtle",
	} {
		r := s.want(200, "agronomy", "GET", "/datasets/"+string(d.ID), nil, "Accept", accept)
		if got := r.header.Get("Content-Type"); got != want {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
		f, ok := rdf.FormatOf(want)
		if !ok || strings.Contains(want, "croissant") {
			continue
		}
		again, err := dcatap.Read(f, []byte(r.body), "")
		if err != nil || again.Title["en"] != d.Title["en"] || again.Licence != d.Licence {
			t.Errorf("%q: %v %+v", accept, err, again)
		}
		s.want(422, "agronomy", "POST", "/datasets", r.body+"<", "Content-Type", want)
	}
	s.want(404, "agronomy", "GET", "/datasets/ds-none", nil, "Accept", "text/turtle")
}

// A Croissant names the files of a dataset to its provider, and to others where the terms
// give everybody what is stored; else it says nothing of them.
func TestFilesInCroissants(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	s.shards = []schemas.Shard{{Size: 100, Rows: 10, SHA256: strings.Repeat("ab", 32)}}
	s.publish(d.ID)
	const croissant = `application/ld+json;profile="http://mlcommons.org/croissant/1.1"`
	told := func(who string) bool {
		r := s.want(200, who, "GET", "/datasets/"+string(d.ID), nil, "Accept", croissant)
		if !strings.Contains(r.body, "cr:RecordSet") || !strings.Contains(r.body, "cr:FileObject") {
			t.Errorf("%s: %s", who, r.body)
		}
		return strings.Contains(r.body, `"sha256"`)
	}
	for _, c := range []struct {
		offer  map[string]any
		others bool
	}{
		{map[string]any{"template": "ask-the-holder"}, false}, {map[string]any{"template": "open-with-attribution", "attribution": "x"}, true},
		{map[string]any{"template": "research-only"}, false}, {map[string]any{"template": "open-with-attribution", "attribution": "x", "hide": []string{"crop"}}, false},
	} {
		s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", c.offer)
		if told("trainer") != c.others {
			t.Errorf("%v: files are told to others: %t", c.offer, !c.others)
		}
		if edits := c.offer["hide"] != nil; told("agronomy") == edits {
			t.Errorf("%v: files are told to their provider: %t", c.offer, edits)
		}
	}
}

// Names of schemes have no case, at any door.
func TestBearerInAnyCase(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, scheme := range []string{"Bearer", "bearer", "BEARER", "Bearer "} {
		r := s.want(200, "", "GET", "/me", nil, "Authorization", scheme+" "+token(s.t, s.issuer, "trainer", nil))
		if !strings.Contains(r.body, string(trainerOrg)) {
			t.Errorf("%s: %s", scheme, r.body)
		}
		if r := s.want(401, "", "GET", "/agreements/agr-x/manifest", nil, "Authorization", scheme+" nonsense"); strings.Contains(r.body, "as bearer token only") {
			t.Errorf("%s at a byte door: %s", scheme, r.body)
		}
	}
	s.want(401, "", "GET", "/me", nil, "Authorization", "Basic YTpi")
}

// NUL is in no title, in whatever form it comes.
func TestNULInDescriptions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.want(422, "agronomy", "POST", "/datasets?space=agriculture", `{"@context": {"dct": "http://purl.org/dc/terms/"}, "@type": "http://www.w3.org/ns/dcat#Dataset", "dct:title": "a\u0000b", "dct:license": "CC0-1.0", "dct:spatial": "FR"}`, "Content-Type", "application/ld+json")
}
