package dcatap

import (
	"cmp"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

// TestRoundTrip: of every dataset of the reference catalogues all that is kept is written and read
// again as it was, in each serialisation, and would be taken from a person as it stands.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	datasets, statements, longest, longestLink := 0, 0, 0, 0
	dcataptest.Documents(t, func(path string, f rdf.Format, b []byte) {
		items, err := ReadAll(f, b, "https://source.example/")
		if err != nil {
			return
		}
		for _, item := range items {
			if item.Err != nil {
				continue
			}
			d := item.Dataset
			datasets++
			longest = max(longest, len(d.RDF))
			for _, l := range d.Links {
				longestLink = max(longestLink, len(l.RDF))
			}
			text, err := about.Read(d.RDF, MaxRDF)
			if err != nil || text.String() != d.RDF {
				t.Errorf("%s %s: %v: not in its one form:\n%s", path, d.IRI, err, d.RDF)
			}
			statements += about.Count(&d)
			got := rewrite(t, d)
			for _, n := range d.Notes {
				if strings.Contains(n, "would have more than") {
					t.Errorf("%s %s: %s", path, d.IRI, n)
				}
			}
			d.Notes = nil
			if faults := CheckRDF(&d); len(faults) > 0 {
				t.Errorf("%s %s: %v\n%s", path, d.IRI, faults, d.RDF)
			}
			d.Visibility = cmp.Or(d.Visibility, schemas.VisibleToEveryone)
			if len(d.Description) == 0 {
				d.Description = d.Title
			}
			if d.IRI == "" {
				got.IRI = ""
			}
			if said := diff.Diff(d, got); said != "" {
				t.Errorf("%s %s (-want +got):\n%s", path, d.IRI, said)
			}
		}
	})
	t.Logf("%d datasets with %d statements beyond our fields; the longest text has %d bytes, of a link %d", datasets, statements, longest, longestLink)
	if datasets < 300 || statements < 3000 {
		t.Error("the test looks at too little")
	}
}
