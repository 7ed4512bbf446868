package gateway_test

import (
	"strings"
	"testing"
)

// Who wants another form than those that are written is told which there are, and nothing
// is done.
func TestFormsThatAreNotWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	for accept, status := range map[string]int{
		"": 200, "*/*": 200, "application/*": 200, "application/json": 200, "application/ld+json": 200, "application/yaml": 200, "APPLICATION/JSON": 200, "application/json; charset=utf-8": 200,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": 200, "text/turtle, application/json;q=0.1": 200, `application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"`: 200,
		"text/turtle": 406, "text/turtle, application/rdf+xml": 406, "text/*": 406, "application/json;q=0": 406, "*/*;q=0": 406, "text/csv": 406, "nonsense": 406,
		`application/ld+json;profile="http://mlcommons.org/croissant/1.1"`: 406, "application/json;q=0, application/yaml": 200, "application/json;q=0, application/ld+json;q=0, application/yaml;q=0,application/x-yaml;q=0, */*": 406,
	} {
		r := s.want(status, "agronomy", "GET", "/datasets/"+string(d.ID), nil, "Accept", accept)
		if status == 406 && (!strings.Contains(r.body, "application/ld+json") || !strings.Contains(r.body, "not written here")) {
			t.Errorf("%s: %s", accept, r.body)
		}
	}
	in := wheat("Never registered")
	s.want(406, "agronomy", "POST", "/datasets", in, "Accept", "text/turtle")
	s.settle()
	if got := s.foundIDs("agronomy", ""); len(got) != 1 {
		t.Errorf("%d datasets after a registration that was refused", len(got))
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
