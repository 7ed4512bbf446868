package check

import (
	"slices"
	"strings"
	"testing"

	"guichet/schemas"
)

// TestPlace: regions and a box that stand in RDF alone become members, and are said once; what other
// members would be moved by is told.
func TestPlace(t *testing.T) {
	t.Parallel()
	const square = `<> dct:spatial [ a dct:Location ; dcat:bbox "POLYGON((3 47,7 47,7 53.5,3 53.5,3 47))"^^geo:wktLiteral ] .`
	for name, c := range map[string]struct {
		rdf       string
		box       []float64
		countries []string
		want      []float64
		regions   []string
		kept      string
		fault     string
	}{
		"a box":          {rdf: square, want: []float64{3, 47, 7, 53.5}},
		"one with more":  {rdf: square + ` <> dct:type "x" .`, want: []float64{3, 47, 7, 53.5}, kept: "dct:type"},
		"a shape":        {rdf: `<> dct:spatial [ locn:geometry "POLYGON((3 47,7 47,7 50,3 47))"^^geo:wktLiteral ] .`, want: []float64{3, 47, 7, 50}, kept: "locn:geometry"},
		"beside its own": {rdf: square, box: []float64{3, 47, 7, 53.5}, want: []float64{3, 47, 7, 53.5}},
		"beside another": {rdf: square, box: []float64{1, 2, 3, 4}, want: []float64{1, 2, 3, 4}, fault: "box"},
		"a region": {
			rdf: `<> dct:spatial <http://data.europa.eu/nuts/code/BE10> .`, countries: []string{"BE"}, regions: []string{"BE10"},
		},
		"a region whose country is not said": {rdf: `<> dct:spatial <http://data.europa.eu/nuts/code/BE10> .`, fault: "countries"},
		"a country":                          {rdf: `<> dct:spatial <http://publications.europa.eu/resource/authority/country/BEL> .`, fault: "countries"},
	} {
		d := schemas.Dataset{Title: schemas.Text{"": "T"}, RDF: c.rdf, Box: c.box, Countries: c.countries}
		var faults []string
		for _, f := range RDF(&d) {
			faults = append(faults, f.Pointer+" "+f.Message)
		}
		got := strings.Join(faults, "\n")
		if !strings.Contains(got, c.fault) || (got == "") != (c.fault == "") {
			t.Errorf("%s: %q, want %q", name, got, c.fault)
		}
		if c.fault == "" && (!slices.Equal(d.Box, c.want) || !slices.Equal(d.Regions, c.regions) || (d.RDF == "") != (c.kept == "") || !strings.Contains(d.RDF, c.kept)) {
			t.Errorf("%s: %v, %v, %q", name, d.Box, d.Regions, d.RDF)
		}
	}
}
