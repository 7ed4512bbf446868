package catalog

import (
	"slices"
	"strings"
	"testing"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// TestArea: regions and boxes are brought into their one form, and what is none is told with its place.
func TestArea(t *testing.T) {
	t.Parallel()
	places, err := rdf.LoadPlaces()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		d         schemas.Dataset
		regions   string
		countries string
		faults    string
	}{
		"none":            {},
		"a region":        {d: schemas.Dataset{Regions: []string{"BE10"}}, regions: "BE10", countries: "BE"},
		"of its country":  {d: schemas.Dataset{Regions: []string{"be10", " EL3 "}, Countries: []string{"BE"}}, regions: "BE10 EL3", countries: "BE GR"},
		"by its address":  {d: schemas.Dataset{Regions: []string{"http://data.europa.eu/nuts/code/UKI"}}, regions: "UKI", countries: "GB"},
		"a country":       {d: schemas.Dataset{Regions: []string{"BE"}}, regions: "BE", faults: `/regions/0 "BE" is not a region's code; write that of NUTS, such as BE10`},
		"of no country":   {d: schemas.Dataset{Regions: []string{"BE1", "ZZ1"}}, regions: "BE1 ZZ1", countries: "BE", faults: "/regions/1 \"ZZ1\" is not a region's code: NUTS has no country ZZ"},
		"twice":           {d: schemas.Dataset{Regions: []string{"BE1", "BE1"}}, regions: "BE1 BE1", countries: "BE", faults: "/regions/1 the region BE1 is given twice"},
		"a box":           {d: schemas.Dataset{Box: []float64{2.5, 49.5, 6.4, 51.5}}},
		"the date line":   {d: schemas.Dataset{Box: []float64{170, -5, -170, 5}}},
		"an empty box":    {d: schemas.Dataset{Box: []float64{}}},
		"a short box":     {d: schemas.Dataset{Box: []float64{1, 2}}, faults: "/box a box is four numbers"},
		"a box too far":   {d: schemas.Dataset{Box: []float64{1, 2, 3, 91}}, faults: "/box north is 91: it lies between -90 and 90 degrees"},
		"a box of metres": {d: schemas.Dataset{Box: []float64{120749, 2, 3, 4}}, faults: "/box west is 120749"},
		"upside down":     {d: schemas.Dataset{Box: []float64{1, 4, 3, 2}}, faults: "/box south (4) is north of north (2)"},
	} {
		var faults []string
		before := slices.Clone(c.d.Regions)
		given := c.d.Regions
		checkArea(func(at, format string, a ...any) {
			faults = append(faults, at+" "+schemas.BadField("", "", format, a...).Message)
		}, places, &c.d)
		if got := strings.Join(c.d.Regions, " "); got != c.regions || !slices.Equal(given, before) {
			t.Errorf("%s: regions %q, want %q; given %q", name, got, c.regions, given)
		}
		if got := strings.Join(c.d.Countries, " "); got != c.countries {
			t.Errorf("%s: countries %q, want %q", name, got, c.countries)
		}
		if got := strings.Join(faults, "\n"); !strings.Contains(got, c.faults) || (got == "") != (c.faults == "") {
			t.Errorf("%s: %q, want %q", name, got, c.faults)
		}
	}
}

// TestKeywordsIn: languages of keywords are held to tags and words; a word that stands there alone is a
// keyword too.
func TestKeywordsIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		words  []string
		in     schemas.KeywordsIn
		want   string
		of     int
		faults string
	}{
		"none": {
			words: []string{"a"},
			want:  "a",
		},
		"some": {
			words: []string{"wind", "vent"},
			in:    schemas.KeywordsIn{"fr": {"vent"}},
			want:  "wind vent",
			of:    1,
		},
		"alone": {
			in:   schemas.KeywordsIn{"fr": {"vent"}, "de": {"Wind"}},
			want: "Wind vent",
			of:   2,
		},
		"of no word": {
			in: schemas.KeywordsIn{"fr": nil},
		},
		"in no language": {
			in:     schemas.KeywordsIn{"french": {"vent"}},
			want:   "vent",
			of:     1,
			faults: "/keywords_in/french",
		},
		"no word": {
			in:     schemas.KeywordsIn{"fr": {"a\u202eb"}},
			want:   "a\u202eb",
			of:     1,
			faults: "/keywords_in/fr/0",
		},
	} {
		d := schemas.Dataset{Keywords: c.words, KeywordsIn: c.in}
		var faults []string
		checkKeywords(func(at, _ string, _ ...any) { faults = append(faults, at) }, &d)
		if got := strings.Join(d.Keywords, " "); got != c.want || len(d.KeywordsIn) != c.of || strings.Join(faults, " ") != c.faults {
			t.Errorf("%s: %q, %v, %q", name, got, d.KeywordsIn, faults)
		}
	}
}
