package document

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	bindex "github.com/blevesearch/bleve_index_api"

	"guichet/catalog/index/segment"
	"guichet/catalog/index/words"
	"guichet/schemas"
)

// fieldsOf are the terms of each field of a dataset's document, with their impacts.
func fieldsOf(t *testing.T, d *schemas.Dataset, also Also) map[string]map[string]int {
	t.Helper()
	m, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]int{}
	Of(m, d, also).VisitFields(func(f bindex.Field) {
		f.Analyze()
		out[f.Name()] = map[string]int{}
		for term, freq := range f.AnalyzedTokenFrequencies() {
			out[f.Name()][term] = freq.Frequency()
		}
	})
	return out
}

func TestDocument(t *testing.T) {
	d := &schemas.Dataset{ID: "ds-1", Space: "energy", Title: schemas.Text{"de": "Häuser", "fr-t-de": "Maisons"}, Description: schemas.Text{"de": "Viele Häuser " + strings.Repeat("und mehr ", 60)},
		Keywords: []string{"Wohnen"}, Regions: []string{"DE21", "DE22"}, Box: []float64{10, 47, 13, 49}, From: "2020-03", Provider: "https://p.example", Visibility: schemas.VisibleToSignedIn,
		Links: []schemas.Link{{Format: "CSV"}, {Format: "csv"}}, Tables: []schemas.TableInfo{{Name: "t", Fields: []schemas.Field{{Name: "heatDemand", Unit: "kW.h", Type: "float64"}}}}}
	got := fieldsOf(t, d, Also{"g", []schemas.Text{{"en": "Road works"}}})
	all := got[Words]
	for _, order := range [][2]string{{"hauser", "wohnen"}, {"wohnen", "viele"}, {"hauser", "maisons"}, {"mehr", "heat"}} {
		if a, b := all[order[0]], all[order[1]]; a <= b || b == 0 {
			t.Errorf("%s has %d, %s %d", order[0], a, order[1], b)
		}
	}
	for term, n := range all {
		if n < 1 || n > segment.MaxImpact {
			t.Errorf("%s has %d", term, n)
		}
	}
	for field, want := range map[string][]string{
		"space": {"energy"}, "region": {"DE", "DE2", "DE21", "DE22"}, "format": {"csv"}, "column": {"heatdemand"}, "unit": {"kW.h"}, "type": {"float64"}, "theme": nil,
		Columns: {"c\x1fkWh\x1ffloat64\x1fheatdemand", "nheatdemand\x1fkWh\x1ffloat64\x1f", "ukWh\x1ffloat64\x1fheatdemand\x1f"}, Seen: {"p:https://p.example", "signed-in"}, Sorted: {"hauser"},
		Span: {segment.Span(20200301, math.MaxInt32)}, Box: {segment.Box(segment.Degrees{Lon: 10, Lat: 47}, segment.Degrees{Lon: 13, Lat: 49})}, Group: {"g"}, First: {segment.Number(1)},
	} {
		var terms []string
		for term := range got[field] {
			terms = append(terms, term)
		}
		slices.Sort(terms)
		if !slices.Equal(terms, want) {
			t.Errorf("%s: %q, not %q", field, terms, want)
		}
	}
	for _, stem := range []string{"de/haus", "de/wohn", "en/road"} {
		if all[stem] == 0 {
			t.Errorf("there is no %s in %v", stem, all)
		}
	}
}

// A title says more than a description, a short description more than a long one.
func TestImpacts(t *testing.T) {
	impact := func(d schemas.Dataset) int { return fieldsOf(t, &d, Also{})[Words]["wind"] }
	title, translated := impact(schemas.Dataset{Title: schemas.Text{"en": "Wind"}}), impact(schemas.Dataset{Title: schemas.Text{"en-t-de": "Wind"}})
	short, long := impact(schemas.Dataset{Title: schemas.Text{"en": "Air"}, Description: schemas.Text{"en": "Wind"}}), impact(schemas.Dataset{Title: schemas.Text{"en": "Air"}, Description: schemas.Text{"en": "Wind " + strings.Repeat("and more ", 90)}})
	if title <= translated || translated <= short || short <= long || long == 0 {
		t.Errorf("title %d, translated %d, short %d, long %d", title, translated, short, long)
	}
}

// A keyword is stemmed in its language, or in those of the dataset.
func TestKeywords(t *testing.T) {
	got := fieldsOf(t, &schemas.Dataset{Title: schemas.Text{"de": "Wald"}, Keywords: []string{"houses", "Bäume"}, KeywordsIn: schemas.KeywordsIn{"en": {"houses"}}}, Also{})[Words]
	for stem, is := range map[string]bool{"en/hous": true, "de/hous": false, "de/baum": true, "en/baum": false, "houses": true, "baume": true} {
		if (got[stem] > 0) != is {
			t.Errorf("%s: %d", stem, got[stem])
		}
	}
}

func TestColumns(t *testing.T) {
	c := columnOf(&schemas.Field{Name: "Feed_In", Unit: "kW.h", Type: "Float32", Concept: "http://x.example/Energy"})
	for _, term := range c.terms() {
		if got := readColumn(term); got != c {
			t.Errorf("%q reads as %+v", term, got)
		}
	}
	for _, q := range []struct {
		asked Column
		holds bool
	}{
		{Column{Names: []string{"FEED_in"}}, true}, {Column{Names: []string{"feed*"}, Units: []string{"kWh"}}, true}, {Column{Units: []string{"kw.h"}}, false}, {Column{Types: []string{"float"}}, true},
		{Column{Types: []string{"float64"}}, false}, {Column{Concepts: []string{"http://x.example/Energy"}, Types: []string{"int", "float32"}}, true}, {Column{Names: []string{"in"}}, false}, {Column{Units: []string{"kW*"}}, true}, {Column{Types: []string{"real"}}, true}, {Column{Concepts: []string{"http://x.example/*"}}, true},
	} {
		f := q.asked.Filter()
		terms := map[string][]string{Columns: c.terms(), "type": {c.kind}, "column": {c.name}}[f.Field]
		held := slices.ContainsFunc(terms, func(term string) bool { return passes(&f, term) })
		if held != q.holds {
			t.Errorf("%+v: %v", q.asked, held)
		}
	}
	for _, same := range [][2]string{{"kW.h", "kWh"}, {"°C", "Cel"}, {"µg/m³", "ug/m3"}, {"\u03bcg", "\u00b5g"}} {
		if unitKey(same[0]) != unitKey(same[1]) {
			t.Errorf("%s and %s are two units", same[0], same[1])
		}
	}
	if unitKey("mW") == unitKey("MW") || kindKey("Utf8") != "text" || kindKey("float32") != "float32" || kindKey("integer") != family("int64") {
		t.Error("units or types are taken for others")
	}
	for kind, want := range map[string]string{"uint16": "int", "int64": "int", "float32": "float", "text": "text", "": ""} {
		if got := family(kind); got != want {
			t.Errorf("%s is of %s", kind, got)
		}
	}
	for name, want := range map[string]string{"windSpeed": "wind Speed", "wind_speed": "wind speed", "NO2": "NO2", "a.b-c": "a b c"} {
		if got := partsOfName(name); got != want {
			t.Errorf("%s has the parts %s", name, got)
		}
	}
}

func TestSpans(t *testing.T) {
	d := &schemas.Dataset{Periods: []schemas.Days{{From: "2024", Until: "2024-02"}, {From: "2020", Until: "2021"}, {From: "2021-06-01", Until: "2022"}, {Until: "1999"}, {From: "x"}}}
	if got, want := fmt.Sprint(spans(d)), "[[0 19991231] [20200101 20221231] [20240101 20240231]]"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	for s, want := range map[string]int32{"2020": 20201231, "2020-02": 20200231, "2020-02-03": 20200203} {
		if got, ok := Day(s, true); !ok || got != want {
			t.Errorf("%s: %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "x", "2020-01-01-01", "2020-xx"} {
		if _, ok := Day(s, false); ok {
			t.Errorf("%q is a day", s)
		}
	}
}

// passes says whether a term is one that a filter finds.
func passes(f *segment.Filter, term string) bool {
	begins := func(p string) bool { return strings.HasPrefix(term, p) }
	return slices.Contains(f.Values, term) || slices.ContainsFunc(f.Prefixes, begins) && (f.Where == nil || f.Where(term))
}

// A column whose name has the sign between its parts is found by its name, and does not pass
// for one with another unit.
func TestColumnsWithTheSignBetween(t *testing.T) {
	odd := schemas.Field{Name: "wind\x1fkWh", Unit: "m/s\x1ffloat64", Type: "int32", Concept: "urn:\x1fspeed"}
	d := &schemas.Dataset{ID: "ds-1", Tables: []schemas.TableInfo{{Fields: []schemas.Field{odd}}}}
	found := func(a Column) bool {
		f := a.Filter()
		for term := range fieldsOf(t, d, Also{})[f.Field] {
			if passes(&f, term) {
				return true
			}
		}
		return false
	}
	for _, c := range []struct {
		ask  Column
		want bool
	}{
		{Column{Names: []string{"wind\x1fkwh"}}, true},
		{Column{Names: []string{"Wind kWh"}, Types: []string{"int"}}, true},
		{Column{Units: []string{odd.Unit}, Concepts: []string{odd.Concept}}, true},
		{Column{Types: []string{"int32"}}, true},
		{Column{Types: []string{"float64"}}, false},
		{Column{Names: []string{"wind"}, Units: []string{"kWh"}}, false},
		{Column{Units: []string{"m/s"}, Types: []string{"float64"}}, false},
	} {
		if got := found(c.ask); got != c.want {
			t.Errorf("%+q: %v", c.ask, got)
		}
	}
}

// Each part of the index is read once for a filter, however often and in however many forms
// it is asked for.
func TestColumnsAreReadOnce(t *testing.T) {
	f := Column{Names: []string{"c*", "c*", "col*", "d", "d", "x*"}}.Filter()
	if f.Field != "column" || !slices.Equal(f.Prefixes, []string{"c", "x"}) || !slices.Equal(f.Values, []string{"d", "d"}) {
		t.Errorf("names alone are looked for in %s: %q, %q", f.Field, f.Prefixes, f.Values)
	}
	f = Column{Names: []string{"c*", "c*", "col*", "d", "d", "x*"}, Units: []string{"m"}}.Filter()
	if want := []string{"nc", "nd" + between, "nx"}; f.Field != Columns || !slices.Equal(f.Prefixes, want) {
		t.Errorf("%q", f.Prefixes)
	}
	if f := (Column{Types: []string{"float"}}).Filter(); f.Field != "type" {
		t.Errorf("a type alone is looked for in %s", f.Field)
	}
}

// A day that is none is refused, and not taken for another one: numbers of days have an end.
func TestNoDays(t *testing.T) {
	for _, s := range []string{"999999999", "20250101", "2025-13", "2025-00", "2025-12-32", "+5", "-5", "2025-", "2025-1-1-1", "99999999999999999999", ""} {
		if n, ok := Day(s, false); ok {
			t.Errorf("%q is %d", s, n)
		}
	}
	for s, want := range map[string]int32{"0000": 101, "9999": 99990101, "2025-2": 20250201, "2024-02-29": 20240229} {
		if n, ok := Day(s, false); !ok || n != want {
			t.Errorf("%q is %d, %v", s, n, ok)
		}
	}
}
