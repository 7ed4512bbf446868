package croissant

import (
	"slices"
	"testing"

	"guichet/connectors/dcatap"
	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// TestRoundTrip: what DCAT-AP 3.0.1 makes mandatory, and recommends for our fields, is still there
// after a dataset was written as a Croissant and read again.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	datasets := 0
	dcataptest.Documents(t, func(path string, f rdf.Format, b []byte) {
		items, err := dcatap.ReadAll(f, b, "https://source.example/")
		if err != nil {
			return
		}
		for _, item := range items {
			if item.Err != nil {
				continue
			}
			datasets++
			d := item.Dataset
			d.ID = "ds-1"
			doc, err := Write(&d, nil, "https://guichet.example")
			if err != nil {
				t.Fatalf("%s %s: %v", path, d.IRI, err)
			}
			got, is, err := Read(doc, "")
			if err != nil || !is {
				t.Errorf("%s %s: %v, %v", path, d.IRI, is, err)
				continue
			}
			kept(t, path, d, got)
		}
	})
	t.Logf("%d datasets", datasets)
	if datasets < 300 {
		t.Error("the test looks at too little")
	}
}

// kept holds a dataset against what came back of it.
func kept(t *testing.T, path string, want, got schemas.Dataset) {
	t.Helper()
	if len(got.Title) == 0 || len(got.Description) == 0 {
		t.Errorf("%s %s: title %q, description %q", path, want.IRI, got.Title, got.Description)
	}
	if want.IRI != "" && got.IRI != want.IRI && !slices.Contains(got.Identifiers, want.IRI) {
		t.Errorf("%s: it is called %s, %q; want %s", path, got.IRI, got.Identifiers, want.IRI)
	}
	if want.Publisher != "" && got.Publisher == "" {
		t.Errorf("%s %s: no publisher; want %q", path, want.IRI, want.Publisher)
	}
	if want.Licence != "" && got.Licence == "" {
		t.Errorf("%s %s: no licence; want %q", path, want.IRI, want.Licence)
	}
	for _, l := range want.Links {
		if !slices.ContainsFunc(got.Links, func(have schemas.Link) bool { return have.URL == rdf.IRI(l.URL) || have.URL == l.URL }) {
			t.Errorf("%s %s: no link to %s", path, want.IRI, l.URL)
		}
	}
	if !slices.Equal(want.Box, got.Box) || !slices.Equal(want.Regions, got.Regions) {
		t.Errorf("%s %s: about %v, %v; want %v, %v", path, want.IRI, got.Box, got.Regions, want.Box, want.Regions)
	}
	if len(want.Keywords) > 0 && len(got.Keywords) == 0 {
		t.Errorf("%s %s: no keywords", path, want.IRI)
	}
}
