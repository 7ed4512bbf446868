package index

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

func TestRead(t *testing.T) {
	for s, want := range map[string][]clause{
		`wheat "north field" yie* weath~`: {{text: "wheat"}, {text: "north field", phrase: true}, {text: "yie", begins: true}, {text: "weath", near: true}},
		`country:BE,FR publisher:"Stat bel" Column:wind_speed`: {
			{field: "country", text: "BE,FR"}, {field: "publisher", text: "Stat bel", phrase: true}, {field: "column", text: "wind_speed"}},
		`urn:x:y http://a.example COVID-19: cases`: {{text: "urn:x:y"}, {text: "http://a.example"}, {text: "COVID-19:"}, {text: "cases"}},
		`"unfinished phrase`:                       {{text: "unfinished phrase", phrase: true}},
		`pub"lic"`:                                 {{text: "pub"}, {text: "lic", phrase: true}},
		` - ** "" ~ title: `:                       {{text: "title:"}},
		"":                                         nil,
	} {
		got, err := read(s)
		if err != nil || !cmp.Equal(got, want, cmp.AllowUnexported(clause{})) {
			t.Errorf("%s: %v\n%s", s, err, cmp.Diff(want, got, cmp.AllowUnexported(clause{})))
		}
		var again []string
		for _, c := range got {
			again = append(again, c.written())
		}
		same, err := read(strings.Join(again, " "))
		if err != nil || !cmp.Equal(got, same, cmp.AllowUnexported(clause{})) {
			t.Errorf("%s is written %v, which is %v, %v", s, again, same, err)
		}
	}
}

// What looks like a filter and is none is noted; addresses, identifiers and times are words.
func TestNotesOfWords(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"a": "Wheat"})
	for words, want := range map[string]int{
		"title:wheat": 1, "title:wheat foo_bar:x": 2, "wheat": 0, "urn:x:y": 0, "http://a.example 12:30 COVID-19:cases doi:10.1/x": 0, `"title:wheat"`: 0, "wheat:": 0, "country:BE": 0, "Naïve:x": 1,
	} {
		r, err := x.Search(t.Context(), Query{Words: words}, schemas.Sight{Everyone: true})
		if err != nil || len(r.Notes) != want {
			t.Errorf("%s: %v, %v", words, r.Notes, err)
		}
	}
}

// reads is a Reader of some datasets.
func reads(sets map[schemas.DatasetID]schemas.Dataset) Reader {
	return func(_ context.Context, id schemas.DatasetID) (schemas.Dataset, error) {
		d, known := sets[id]
		if !known {
			return d, schemas.Errorf(schemas.NotFound, string(id), "there is none")
		}
		return d, nil
	}
}

// Suggestions have the accents that datasets write words with, and are as many as asked for.
func TestSuggestionsAsWritten(t *testing.T) {
	sets := map[schemas.DatasetID]schemas.Dataset{
		"a": {ID: "a", Title: schemas.Text{"fr": "Écoles et agglomération"}}, "b": {ID: "b", Description: schemas.Text{"fr": "les écoles"}}, "c": {ID: "c", Title: schemas.Text{"en": "Ecology"}},
	}
	x := titled(t, "en", nil)
	if err := x.apply(t.Context(), []schemas.Dataset{sets["a"], sets["b"], sets["c"]}, 2); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    string
		most int
		sets map[schemas.DatasetID]schemas.Dataset
		want []schemas.Near
	}{
		{"eco", 8, sets, []schemas.Near{{Words: "écoles", Total: 2}, {Words: "ecology", Total: 1}}},
		{"éco", 1, sets, []schemas.Near{{Words: "écoles", Total: 2}}},
		{"eco", 1, nil, []schemas.Near{{Words: "ecoles", Total: 2}}},
		{"écoles aggl", 8, sets, []schemas.Near{{Words: "écoles agglomération", Total: 1}}},
	} {
		got, err := x.Suggest(t.Context(), c.q, c.most, reads(c.sets))
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v\n%s", c.q, err, cmp.Diff(c.want, got))
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{`a "b c" d* e~ country:BE`, `"`, `column:"`, "*", "~~~~~", "x:y:z", "\u00ad"} {
		f.Add(s)
	}
	x := opened(f)
	f.Fuzz(func(t *testing.T, s string) {
		q := Query{Words: s}
		_, err := x.Search(t.Context(), q, schemas.Sight{Everyone: true})
		if err != nil && schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%q: %v", s, err)
		}
		_, err = x.Suggest(t.Context(), s, 8, reads(nil))
		if err != nil && schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// lab is an index of some datasets of every kind.
func lab(t *testing.T) *Index {
	t.Helper()
	x := titled(t, "en", nil)
	day := func(y int) time.Time { return time.Date(y, 5, 1, 0, 0, 0, 0, time.UTC) }
	err := x.apply(t.Context(), []schemas.Dataset{
		{ID: "wind", Space: "energy", Title: schemas.Text{"en": "Wind farms"}, Countries: []string{"BE"}, Regions: []string{"BE10"}, Box: []float64{4, 50, 5, 51}, Modified: day(2024),
			From: "2020", Until: "2021", Profiles: &schemas.Profiled{Points: 300}, Latest: &schemas.VersionSummary{Tables: 1, Bytes: 9},
			Tables: []schemas.TableInfo{{Name: "t", Fields: []schemas.Field{
				{Name: "windSpeed", Unit: "m/s", Type: "float32", Description: schemas.Text{"de": "Geschwindigkeit in Nabenhöhe"}},
				{Name: "feed_in", Unit: "kW.h", Type: "float64", Concept: "http://qudt.org/vocab/quantitykind/Energy"}, {Name: "station", Type: "int32"}}}}},
		{ID: "sun", Space: "energy", Title: schemas.Text{"en": "Solar roofs", "fr": "Toits solaires"}, Countries: []string{"FR"}, Regions: []string{"FRE11"}, Modified: day(2026),
			From: "2023", Profiles: &schemas.Profiled{Points: 120}, Latest: &schemas.VersionSummary{Tables: 1, Bytes: 7000},
			Tables: []schemas.TableInfo{{Name: "t", Fields: []schemas.Field{{Name: "feed_in", Unit: "MW", Type: "float64"}, {Name: "power", Unit: "kWh", Type: "int64"}}}}},
		{ID: "tide", Space: "energy", Title: schemas.Text{"en": "Tides", "fr-t-en": "Marées solaires"}, Box: []float64{170, -40, -170, -30}, Modified: day(2025), Keywords: []string{"sea level", "harbour"}},
	}, 2)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestFilters(t *testing.T) {
	x := lab(t)
	for q, want := range map[string][]schemas.DatasetID{
		"column:feed_in": {"sun", "wind"}, "column:FEED_IN unit:kWh": {"wind"}, "column:feed_in unit:kW.h": {"wind"}, "unit:kWh": {"sun", "wind"}, "unit:kWh type:float": {"wind"},
		"unit:kWh type:int": {"sun"}, "type:float64": {"sun", "wind"}, "type:float32": {"wind"}, "type:float unit:m/s column:feed_in": nil, "column:feed*": {"sun", "wind"}, "column:wind*": {"wind"},
		"column:feed_in,power unit:MW": {"sun"}, "concept:http://qudt.org/vocab/quantitykind/Energy": {"wind"}, "concept:http://qudt.org/vocab/quantitykind/Energy unit:MW": nil,
		"region:BE1": {"wind"}, "region:fre11": {"sun"}, "region:BE10,FR": {"sun", "wind"}, "region:DE": nil,
		"box:4.5,50.5,6,52": {"wind"}, "box:5.5,50,6,51": nil, "box:175,-35,176,-34": {"tide"}, "box:-176,-35,-175,-34": {"tide"}, "box:179,-90,-179,90": {"tide"},
		"updated:2025": {"sun", "tide"}, "updated:2026-05-01": {"sun"}, "updated:2026-05-02": nil, "from:2022": {"sun"}, "from:2021-06 to:2021-07": {"wind"}, "to:2019": nil,
		"country:BE": {"wind"}, "country:BE,FR roofs": {"sun"}, "space:energy tides": {"tide"}, "space:health": nil,
		"geschwindigkeit": {"wind"}, "wind speed": {"wind"}, "harb*": {"tide"}, "harbors~": nil, "harbuor~": {"tide"}, `"sea level"`: {"tide"}, `"level sea"`: nil, `"level harbour"`: nil,
		"solaire": {"sun", "tide"}, "solaires toits": {"sun"},
	} {
		r, err := x.Search(t.Context(), Query{Words: q}, schemas.Sight{Everyone: true})
		got := slices.Sorted(slices.Values(r.IDs))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; not %v", q, got, err, want)
		}
	}
}

// What people wrote comes before what a machine made of it, a title before a description,
// the word itself before its other forms.
func TestOrder(t *testing.T) {
	x := lab(t)
	err := x.apply(t.Context(), []schemas.Dataset{
		{ID: "a", Title: schemas.Text{"en": "Roof repairs"}}, {ID: "b", Title: schemas.Text{"en": "Repairs"}, Description: schemas.Text{"en": "Of a roof."}}, {ID: "c", Title: schemas.Text{"en": "Roofs repairs"}},
	}, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    Query
		want []schemas.DatasetID
	}{
		{Query{Words: "solaires"}, []schemas.DatasetID{"sun", "tide"}}, {Query{Words: "roof"}, []schemas.DatasetID{"a", "c", "sun", "b"}},
		{Query{Words: "space:energy", Sort: "size"}, []schemas.DatasetID{"sun", "wind", "tide"}}, {Query{Words: "space:energy", Sort: "quality"}, []schemas.DatasetID{"wind", "sun", "tide"}},
		{Query{Words: "space:energy", Sort: "modified"}, []schemas.DatasetID{"sun", "tide", "wind"}}, {Query{Words: "space:energy", Sort: "title"}, []schemas.DatasetID{"sun", "tide", "wind"}},
	} {
		r, err := x.Search(t.Context(), c.q, schemas.Sight{Everyone: true})
		if err != nil || !slices.Equal(r.IDs, c.want) {
			t.Errorf("%+v: %v, %v; not %v", c.q, r.IDs, err, c.want)
		}
	}
}

func TestHighlight(t *testing.T) {
	x := lab(t)
	d := &schemas.Dataset{Title: schemas.Text{"de": "Größere Häuser", "el": "Μετρήσεις θορύβου", "": "Roofs"}, Description: schemas.Text{"en": strings.Repeat("nothing here ", 40) + "but a harbour " + strings.Repeat("and more ", 40)}}
	for q, want := range map[string]map[string]string{
		"haus":             {"title@de": "Größere **Häuser**"},
		"groß* country:BE": {"title@de": "**Größere** Häuser"},
		"μετρησεις":        {"title@el": "**Μετρήσεις** θορύβου"},
		"rofs~":            {"title": "**Roofs**"},
		"country:BE":       nil, "": nil, "absent": {},
	} {
		got := x.Highlighter(&Query{Words: q})(d)
		if !cmp.Equal(got, want) {
			t.Errorf("%s: %v", q, got)
		}
	}
	got := x.Highlighter(&Query{Words: "harbour"})(d)["description@en"]
	if !strings.Contains(got, "**harbour**") || len(got) > 300 || !strings.HasPrefix(got, "nothing") && !strings.HasPrefix(got, "here") {
		t.Errorf("%q", got)
	}
}

// Suggestions complete the last word by what everyone may see, and find something.
func TestSuggest(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"a": "Wheat yield", "b": "Wheat prices", "c": "Wheaten bread", "d": "Whey"})
	hidden := schemas.Dataset{ID: "h", Title: schemas.Text{"en": "Wheatstone bridge"}, Visibility: schemas.VisibleToOwn}
	if err := x.apply(t.Context(), []schemas.Dataset{hidden}, 2); err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string][]schemas.Near{
		"whe":        {{Words: "wheat", Total: 2}, {Words: "wheaten", Total: 1}, {Words: "whey", Total: 1}},
		"yield Whéa": {{Words: "yield wheat", Total: 1}},
		"wheats":     nil, "wh": nil, "": nil, `"wheat`: nil, "wheat pri*": nil, "space:ener": nil, "absent whe": nil,
	} {
		got, err := x.Suggest(t.Context(), q, 8, reads(nil))
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", q, got, err)
		}
	}
}

// Of a group one hit is shown: what can be streamed first, then the better one; what is
// counted is what is shown. What is hidden has no group.
func TestGroups(t *testing.T) {
	x := titled(t, "en", nil)
	x.Groups = func(_ context.Context, ids []schemas.DatasetID) (Groups, error) {
		out := Groups{}
		for _, id := range ids {
			if strings.HasPrefix(string(id), "s") {
				out[id] = "same"
			}
		}
		return out, nil
	}
	put := func(sets ...schemas.Dataset) {
		t.Helper()
		err := x.apply(t.Context(), sets, 2)
		if err != nil {
			t.Fatal(err)
		}
	}
	set := func(id schemas.DatasetID, title, country string) schemas.Dataset {
		return schemas.Dataset{ID: id, Source: "portal", Title: schemas.Text{"en": title}, Countries: []string{country}}
	}
	put(set("s1", "Wheat", "BE"), set("s2", "Wheat, wheat", "FR"), set("x", "Wheat", "FR"))
	put(set("s3", "Rye", "DE"))
	check := func(q Query, want ...schemas.DatasetID) {
		t.Helper()
		q.Facets = []string{"country"}
		r, err := x.Search(t.Context(), q, schemas.Sight{Everyone: true})
		counted := 0
		for _, v := range r.Facets["country"].Values {
			counted += v.Count
		}
		if err != nil || !slices.Equal(r.IDs, want) || r.Total != uint64(len(want)) || counted != len(want) {
			t.Errorf("%+v: %v of %d, %d counted, %v; not %v", q, r.IDs, r.Total, counted, err, want)
		}
	}
	check(Query{}, "s1", "x")
	check(Query{Words: "rye"}, "s3")
	check(Query{Words: "country:FR"}, "s2", "x")
	check(Query{Sort: "title"}, "s1", "x")
	streamed := set("s3", "Rye", "DE")
	streamed.Latest = &schemas.VersionSummary{Bytes: 1}
	put(streamed)
	check(Query{}, "s3", "x")
	check(Query{Words: "wheat"}, "s2", "x")
	hidden := set("s4", "Rye", "DE")
	hidden.Visibility, hidden.Latest = schemas.VisibleToSignedIn, streamed.Latest
	put(hidden)
	check(Query{Words: "rye"}, "s3")
	r, err := x.Search(t.Context(), Query{Words: "rye"}, schemas.Sight{Everyone: true, SignedIn: true})
	if err != nil || !slices.Equal(r.IDs, []schemas.DatasetID{"s4", "s3"}) {
		t.Errorf("%v, %v", r.IDs, err)
	}
}

// Who registers what another has registered, and streams it, does not hide it: both are hits.
// A harvested copy of either is left out.
func TestNobodyHidesWhatOthersRegistered(t *testing.T) {
	x := titled(t, "en", nil)
	x.Groups = func(_ context.Context, ids []schemas.DatasetID) (Groups, error) {
		out := Groups{}
		for _, id := range ids {
			out[id] = "same"
		}
		return out, nil
	}
	wheat := schemas.Text{"en": "Wheat"}
	err := x.apply(t.Context(), []schemas.Dataset{
		{ID: "victim", Provider: "https://a.example", Title: wheat},
		{ID: "claims", Provider: "https://b.example", Title: wheat, Latest: &schemas.VersionSummary{Bytes: 1}},
		{ID: "claims-again", Provider: "https://b.example", Title: wheat},
		{ID: "harvested", Provider: "https://operator.example", Source: "portal", Title: wheat},
	}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"", "wheat"} {
		r, err := x.Search(t.Context(), Query{Words: words}, schemas.Sight{Everyone: true})
		slices.Sort(r.IDs)
		if err != nil || !slices.Equal(r.IDs, []schemas.DatasetID{"claims", "victim"}) || r.Total != 2 {
			t.Errorf("%q: %v of %d, %v", words, r.IDs, r.Total, err)
		}
	}
}
