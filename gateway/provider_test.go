package gateway_test

import (
	"strings"
	"testing"

	"guichet/schemas"
)

// TestWhatProvidersAreTold: a provider reads what helps where a description or a dataset
// is not what was meant.
func TestWhatProvidersAreTold(t *testing.T) {
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	hidden := wheat("Hidden")
	hidden.Visibility = schemas.VisibleToOwn
	closed := s.register(hidden)
	for path, method := range map[string]string{"": "PUT", "/offer": "PUT", "/versions": "POST"} {
		body := any(wheat("Mine"))
		switch path {
		case "/offer":
			body = map[string]any{"template": "open-with-attribution", "attribution": "x"}
		case "/versions":
			body = schemas.Publication{Store: "local", Bucket: "b", Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{{Name: "all", Keys: []string{"grid/a.csv"}}}}}}
		}
		seen := s.want(404, "grid", method, "/datasets/"+string(d.ID)+path, body).body
		if !strings.Contains(seen, "is not a dataset of yours: it belongs to "+string(providerOrg)) {
			t.Errorf("%s: %s", path, seen)
		}
		unseen := s.want(404, "grid", method, "/datasets/"+string(closed.ID)+path, body).body
		if !strings.Contains(unseen, "there is no dataset "+string(closed.ID)) || strings.Contains(unseen, string(providerOrg)) {
			t.Errorf("%s: %s", path, unseen)
		}
	}

	for licence, words := range map[string]string{"research only": "is not a licence's name: write its SPDX id", "CC-BY-4.0 (see below)": "is not a licence's name", "LicenseRef-ours": "", "https://agronomy.example/terms": "", "MIT OR Apache-2.0": ""} {
		w := wheat("Licensed")
		w.Licence = licence
		r := s.call("agronomy", "POST", "/datasets", w)
		if (r.status == 201) != (words == "") || !strings.Contains(r.body, words) {
			t.Errorf("%s: %d %s", licence, r.status, r.body)
		}
	}

	for contact, want := range map[string]string{"data@agronomy.example": "data@agronomy.example", "mailto:data@agronomy.example": "data@agronomy.example", "https://agronomy.example/ask": "https://agronomy.example/ask", "the office": "", "Data <data@agronomy.example>": ""} {
		w := wheat("Asked")
		w.Contact = contact
		r := s.call("agronomy", "POST", "/datasets", w)
		if want == "" {
			if r.status != 422 || !strings.Contains(r.body, "is nowhere to ask: write an address of mail, or a URL") {
				t.Errorf("%s: %d %s", contact, r.status, r.body)
			}
			continue
		}
		var got, again schemas.Dataset
		r.as(t, &got)
		as := s.want(200, "", "GET", "/datasets/"+string(got.ID), nil, "Accept", "application/ld+json").body // everybody reads it, in DCAT-AP too
		as = strings.ReplaceAll(as, got.IRI, got.IRI+"-again")
		s.want(201, "agronomy", "POST", "/datasets", as, "Content-Type", "application/ld+json").as(t, &again)
		if got.Contact != want || again.Contact != want {
			t.Errorf("%s is kept as %q, and through DCAT-AP as %q", contact, got.Contact, again.Contact)
		}
	}
	nobody := s.described(`{"@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "vcard": "http://www.w3.org/2006/vcard/ns#"}, "@id": "https://x.example/nobody", "@type": "dcat:Dataset",
		"dct:title": "Frost", "dct:license": "CC0-1.0", "dct:spatial": {"@id": "http://publications.europa.eu/resource/authority/country/FRA"}, "dcat:contactPoint": {"vcard:fn": "The office"}}`)
	if nobody.Contact != "" || !strings.Contains(nobody.RDF, `vcard:fn "The office"`) { // it stays what was said, and is no address
		t.Errorf("%q, %q, %q", nobody.Contact, nobody.RDF, nobody.Notes)
	}
}
