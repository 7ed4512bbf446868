package croissant

import (
	"slices"
	"strings"
	"testing"

	"guichet/schemas"
)

// TestPlaces: shapes of schema.org have latitude first; what comes with them is kept.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		place     string
		box       []float64
		regions   []string
		countries []string
		kept      string
		note      string
	}{
		"a box": {place: `{"@type": "Place", "geo": {"@type": "GeoShape", "box": "39.3280 120.1633 40.445 123.7878"}}`,
			box: []float64{120.1633, 39.328, 123.7878, 40.445}},
		"with a name": {place: `{"@type": "Place", "name": "The coast", "geo": {"@type": "GeoShape", "box": "1,2 3,4"}}`,
			box: []float64{2, 1, 4, 3}, kept: "The coast"},
		"of a country":      {place: `{"@type": "Place", "name": "France", "geo": {"box": "41 -5 51 10"}}`, box: []float64{-5, 41, 10, 51}, countries: []string{"FR"}},
		"a point":           {place: `{"@type": "Place", "geo": {"@type": "GeoCoordinates", "latitude": 50.8, "longitude": 4.25}}`, box: []float64{4.25, 50.8, 4.25, 50.8}},
		"a point in words":  {place: `{"geo": {"latitude": "50.8", "longitude": "4.25"}}`, box: []float64{4.25, 50.8, 4.25, 50.8}},
		"a polygon":         {place: `{"geo": {"polygon": "1 2 3 2 3 4 1 2"}}`, box: []float64{2, 1, 4, 3}},
		"a circle":          {place: `{"name": "x", "geo": {"circle": "1 2 3"}}`, note: "its shape is not kept: a shape has pairs", kept: `"x"`},
		"a box and a word":  {place: `["FR", {"geo": {"box": "1 2 3 4"}}]`, box: []float64{2, 1, 4, 3}, countries: []string{"FR"}},
		"a region":          {place: `["http://data.europa.eu/nuts/code/BE10"]`, regions: []string{"BE10"}, countries: []string{"BE"}},
		"north before east": {place: `{"geo": {"box": "120 39 123 40"}}`, note: "latitudes"},
	} {
		const head = `{"@context": "http://mlcommons.org/croissant/1.1", "@type": "sc:Dataset", "name": "T", "url": "https://x.example/d", "spatialCoverage": `
		d, is, err := Read([]byte(head+c.place+"}"), "")
		if err != nil || !is {
			t.Errorf("%s: %v, %v", name, is, err)
			continue
		}
		if !slices.Equal(d.Box, c.box) || !slices.Equal(d.Regions, c.regions) || !slices.Equal(d.Countries, c.countries) {
			t.Errorf("%s: %v, %v, %v", name, d.Box, d.Regions, d.Countries)
		}
		if notes := strings.Join(d.Notes, "\n"); !strings.Contains(notes, c.note) || !strings.Contains(d.RDF, c.kept) {
			t.Errorf("%s: %q, %q", name, notes, d.RDF)
		}
	}
}

// TestPlacesAgain: what is written is read as it was.
func TestPlacesAgain(t *testing.T) {
	t.Parallel()
	for _, d := range []schemas.Dataset{
		{Box: []float64{170, -5.5, -170, 5}},
		{Countries: []string{"BE"}, Regions: []string{"BE10", "BE2"}, Box: []float64{2.5, 49.5, 6.4, 51.5}},
		{Countries: []string{"BE"}},
	} {
		d.ID, d.Title = "ds-1", schemas.Text{"en": "T"}
		doc, err := Write(&d, nil, "https://g.example")
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := Read(doc, "")
		if err != nil || !slices.Equal(got.Box, d.Box) || !slices.Equal(got.Regions, d.Regions) || !slices.Equal(got.Countries, d.Countries) {
			t.Errorf("%v: %v, %v, %v, %v", d.Box, got.Box, got.Regions, got.Countries, err)
		}
	}
}
