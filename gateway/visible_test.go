package gateway_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

// searches are asked with and without hidden datasets.
func searches() []string {
	facets := "&facets=space,theme,country,language,publisher,licence,format,provider,column,unit,access&facet_limit=1000"
	return []string{
		"/datasets?limit=1000" + facets, "/datasets?q=wheat&limit=1000" + facets, "/datasets?q=%22winter+wheat%22" + facets, "/datasets?q=Zyxomma" + facets,
		"/datasets?q=rare+wheat&limit=3" + facets, "/datasets?sort=modified&limit=5", "/datasets?space=agriculture&country=FR&limit=2", "/datasets?publisher=Zyxomma+office" + facets,
		"/datasets?column=yield" + strings.Replace(facets, "limit=1000", "limit=1", 1), "/datasets?q=wheat&purpose=train-model&limit=1000", "/datasets?from=2020&to=2026" + facets, "/spaces",
		"/datasets?q=zyxoma", "/datasets?q=zyxomma+wheat", "/datasets?q=ledger+barley", "/datasets?q=wheta", "/datasets?q=maize+rye+wheat", "/datasets?q=rarr+winetr+maize", "/datasets?q=nothing+wheat&country=FR", "/datasets?q=nothing+wheat&country=LV",
	}
}

// Trial 20: what a caller may not know of is neither shown nor counted, suggested or
// ranked by. Every answer is the same, byte for byte, with 200 hidden datasets and
// without them.
func TestHiddenDatasetsChangeNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	words := []string{"winter wheat", "spring barley wheat", "rare wheat", "maize", "wheat wheat wheat", "rye"}
	for i := range 24 {
		d := wheat(fmt.Sprintf("%s %d", words[i%len(words)], i))
		d.Publisher, d.Themes, d.Languages = fmt.Sprintf("Office %d", i%5), []string{"AGRI"}, []string{"fr"}
		d.Tables = []schemas.TableInfo{{Name: "data", Fields: []schemas.Field{{Name: "yield", Unit: "t/ha"}}}}
		d.From, d.Until = "2021", "2022"
		s.register(d)
	}
	s.settle()
	var near struct{ Near []schemas.Near }
	s.want(200, "", "GET", "/datasets?q=predict+spring+whaet", nil).as(t, &near)
	if want := []schemas.Near{{Words: "spring wheat", Without: []string{"predict"}, Instead: map[string]string{"whaet": "wheat"}, Total: 4}}; !cmp.Equal(near.Near, want) {
		t.Errorf("near to what finds nothing: %s", cmp.Diff(want, near.Near))
	}
	who := []string{"", "trainer", "grid"}
	before := map[string]string{}
	for _, w := range who {
		for _, path := range searches() {
			before[w+" "+path] = s.want(200, w, "GET", path, nil).body
		}
	}
	var hidden []schemas.DatasetID
	for i := range 200 {
		d := wheat(fmt.Sprintf("Zyxomma ledger, rare winter wheat %d", i))
		d.Publisher, d.Themes, d.Languages, d.Countries = "Zyxomma office", []string{"HEAL"}, []string{"lv"}, []string{"LV", "FR"}
		d.Tables = []schemas.TableInfo{{Name: "data", Fields: []schemas.Field{{Name: "zyxomma_yield", Unit: "zyx"}}}}
		d.Visibility = schemas.VisibleToOwn
		if i%2 == 1 {
			d.Visibility, d.VisibleTo = schemas.VisibleToListed, []schemas.ParticipantID{"https://university.example"}
		}
		hidden = append(hidden, s.register(d).ID)
	}
	s.settle()
	for _, w := range who {
		for _, path := range searches() {
			got := s.want(200, w, "GET", path, nil).body
			if got != before[w+" "+path] {
				t.Errorf("as %q, %s is another answer with hidden datasets (-without +with):\n%s", w, path, cmp.Diff(before[w+" "+path], got))
			}
			if strings.Contains(strings.ToLower(got), "zyxomma") && !strings.Contains(path, "yxom") {
				t.Errorf("as %q, %s shows a hidden word", w, path)
			}
		}
	}
	var f struct{ Total int }
	s.want(200, "agronomy", "GET", "/datasets?q=zyxomma", nil).as(t, &f)
	if f.Total != 200 {
		t.Errorf("the holder finds %d of her hidden datasets, want 200", f.Total)
	}
	s.want(200, "researcher", "GET", "/datasets?q=zyxomma", nil).as(t, &f)
	if f.Total != 100 {
		t.Errorf("who is listed finds %d, want 100", f.Total)
	}
	s.sameAsNever(hidden[0])
}

// sameAsNever compares every way to name a hidden dataset with one that never was.
func (s *site) sameAsNever(id schemas.DatasetID) {
	s.t.Helper()
	never := schemas.NewDatasetID()
	offer := map[string]any{"template": "open-with-attribution"}
	for _, c := range []struct {
		who, method, path string
		body              func(id schemas.DatasetID) any
	}{
		{"", "GET", "/datasets/ID", nil},
		{"trainer", "GET", "/datasets/ID", nil},
		{"trainer", "GET", "/datasets/ID/versions", nil},
		{"trainer", "GET", "/datasets/ID/versions/v1", nil},
		{"grid", "GET", "/datasets/ID/versions/v1/manifest", nil},
		{"grid", "PUT", "/datasets/ID", func(schemas.DatasetID) any { return wheat("taken over") }},
		{"grid", "PUT", "/datasets/ID/offer", func(schemas.DatasetID) any { return offer }},
		{"grid", "DELETE", "/datasets/ID", nil},
		{"trainer", "POST", "/decisions", func(id schemas.DatasetID) any { return schemas.Ask{Dataset: id, Purpose: "train-model"} }},
		{"trainer", "POST", "/requests", func(id schemas.DatasetID) any {
			return map[string]any{"project": "crops", "items": []map[string]any{{"dataset": id}}}
		}},
	} {
		var body, neverBody any
		if c.body != nil {
			body, neverBody = c.body(id), c.body(never)
		}
		got := s.want(404, c.who, c.method, strings.Replace(c.path, "ID", string(id), 1), body)
		want := s.want(404, c.who, c.method, strings.Replace(c.path, "ID", string(never), 1), neverBody)
		plain := regexp.MustCompile(string(id) + "|" + string(never)) // an answer may repeat what was asked
		a, b := plain.ReplaceAllString(got.body, "ID"), plain.ReplaceAllString(want.body, "ID")
		for _, form := range []string{"application/ld+json", "application/yaml"} {
			if c.body == nil && c.method == "GET" {
				got := s.want(404, c.who, c.method, strings.Replace(c.path, "ID", string(id), 1), nil, "Accept", form)
				want := s.want(404, c.who, c.method, strings.Replace(c.path, "ID", string(never), 1), nil, "Accept", form)
				if plain.ReplaceAllString(got.body, "ID") != plain.ReplaceAllString(want.body, "ID") {
					s.t.Errorf("%s as %s tells a hidden dataset from none: %s", c.path, form, got.body)
				}
			}
		}
		if a != b || got.header.Get("Content-Type") != want.header.Get("Content-Type") || len(got.header) != len(want.header) {
			s.t.Errorf("%s %s as %q tells a hidden dataset from none:\n%s\n%s", c.method, c.path, c.who, a, b)
		}
	}
}

// Visibility changes what is found at once, in both directions.
func TestVisibilityChanges(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Comes and goes"))
	for _, step := range []struct {
		visibility schemas.Visibility
		to         []schemas.ParticipantID
		sees       map[string]bool
	}{
		{schemas.VisibleToEveryone, nil, map[string]bool{"": true, "trainer": true, "agronomy": true, "officer": true}},
		{schemas.VisibleToSignedIn, nil, map[string]bool{"": false, "trainer": true, "agronomy": true, "officer": true}},
		{schemas.VisibleToListed, []schemas.ParticipantID{trainerOrg}, map[string]bool{"": false, "trainer": true, "grid": false, "agronomy": true}},
		{schemas.VisibleToOwn, nil, map[string]bool{"": false, "trainer": false, "agronomy": true, "operator": true}},
		{schemas.VisibleToEveryone, nil, map[string]bool{"": true, "trainer": true}},
	} {
		in := wheat("Comes and goes")
		in.Visibility, in.VisibleTo = step.visibility, step.to
		s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID), in)
		s.settle()
		for who, sees := range step.sees {
			var f struct{ Total int }
			s.want(200, who, "GET", "/datasets?q=comes", nil).as(t, &f)
			status := s.call(who, "GET", "/datasets/"+string(d.ID), nil).status
			if (f.Total == 1) != sees || (status == 200) != sees {
				t.Errorf("visible to %s: %q finds %d and reads %d, want to see it: %t", step.visibility, who, f.Total, status, sees)
			}
		}
	}
	s.want(200, "agronomy", "DELETE", "/datasets/"+string(d.ID), nil)
	s.settle()
	s.want(404, "trainer", "GET", "/datasets/"+string(d.ID), nil)
	var f struct{ Total int }
	s.want(200, "agronomy", "GET", "/datasets?q=comes", nil).as(t, &f)
	if f.Total != 0 {
		t.Errorf("a withdrawn dataset is found")
	}
}
