package index

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"guichet/catalog/index/spread"
	"guichet/schemas"
)

// covering is a dataset with a time and an area, for who may see it.
func covering(id string, from, until string, box []float64, seen schemas.Visibility) schemas.Dataset {
	return schemas.Dataset{
		ID: schemas.DatasetID(id), IRI: "urn:" + id, Provider: "https://p.example", Space: "agriculture", Visibility: seen,
		Title: schemas.Text{"en": "Wheat"}, From: from, Until: until, Box: box,
	}
}

// Periods and cells count the hits of who asks, as the filters find them; what she may not see, what was deleted and
// what is no hit move nothing.
func TestCovered(t *testing.T) {
	t.Parallel()
	x := opened(t)
	err := x.apply(t.Context(), []schemas.Dataset{
		covering("a", "2000", "2001", []float64{4, 50, 5, 51}, schemas.VisibleToEveryone),
		covering("b", "2001", "2001", []float64{4, 50, 5, 51}, schemas.VisibleToEveryone),
		covering("c", "", "", nil, schemas.VisibleToEveryone),
		covering("d", "2001", "2002", []float64{4, 50, 5, 51}, schemas.VisibleToOwn),
		covering("e", "1990", "1990", []float64{30, 10, 31, 11}, schemas.VisibleToEveryone),
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	gone := covering("e", "1990", "1990", nil, schemas.VisibleToEveryone)
	gone.Withdrawn = true
	err = x.apply(t.Context(), []schemas.Dataset{gone}, 2)
	if err != nil {
		t.Fatal(err)
	}
	everyone := schemas.Sight{Everyone: true}
	for _, c := range []struct {
		q     Query
		sight schemas.Sight
		want  string
	}{
		{Query{}, everyone, "2000/2000 1 2001/2001 2 +1 | 4,50,5,51 2 +1"},
		{Query{Words: "wheat"}, everyone, "2000/2000 1 2001/2001 2 +1 | 4,50,5,51 2 +1"},
		{Query{}, schemas.Sight{Everyone: true, Participant: "https://p.example"}, "2000/2000 1 2001/2001 3 2002/2002 1 +1 | 4,50,5,51 3 +1"},
		{Query{Words: "wheat", From: "2000", To: "2000"}, everyone, "2000/2000 1 2001/2001 1 +0 | 4,50,5,51 1 +0"},
		{Query{Words: "rye"}, everyone, "+0 | +0"},
		{Query{Only: []schemas.DatasetID{"b", "c"}}, everyone, "2001/2001 1 +1 | 4,50,5,51 1 +1"},
		{Query{Sort: "title"}, everyone, "2000/2000 1 2001/2001 2 +1 | 4,50,5,51 2 +1"},
	} {
		c.q.Facets = []string{"space", spread.Time, spread.Place}
		r, err := x.Search(t.Context(), c.q, c.sight)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, name := range spread.Names() {
			s := ""
			for _, v := range r.Facets[name].Values {
				s += fmt.Sprintf("%s %d ", v.Value, v.Count)
			}
			out = append(out, s+fmt.Sprintf("+%d", r.Facets[name].Remainder))
		}
		if got := strings.Join(out, " | "); got != c.want {
			t.Errorf("%+v: %s; want %s", c.q, got, c.want)
		}
	}
}

// The count of each period is that of the search narrowed to it.
func TestPeriodsAreSearches(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	x := opened(t)
	var all []schemas.Dataset
	for i := range 300 {
		from := 1950 + r.IntN(80)
		d := covering(fmt.Sprintf("ds-%d", i), fmt.Sprint(from), fmt.Sprint(from+r.IntN(15)), nil, schemas.VisibleToEveryone)
		switch r.IntN(5) {
		case 0:
			d.Until = ""
		case 1:
			d.From, d.Until = "", ""
			d.Periods = []schemas.Days{{From: "1960-03", Until: "1961"}, {From: "1961-05", Until: "1963"}, {From: "1999", Until: "2004-02-01"}}
		case 2:
			d.From = ""
		}
		all = append(all, d)
	}
	err := x.apply(t.Context(), all, 1)
	if err != nil {
		t.Fatal(err)
	}
	sight := schemas.Sight{Everyone: true}
	found, err := x.Search(t.Context(), Query{Facets: []string{spread.Time}}, sight)
	if err != nil || len(found.Facets[spread.Time].Values) < 5 {
		t.Fatalf("%+v, %v", found.Facets, err)
	}
	for _, v := range found.Facets[spread.Time].Values {
		from, until, _ := strings.Cut(v.Value, "/")
		narrowed, err := x.Search(t.Context(), Query{From: strings.Trim(from, "."), To: strings.Trim(until, ".")}, sight)
		if err != nil || int(narrowed.Total) != v.Count {
			t.Errorf("%s has %d, the search for it %d, %v", v.Value, v.Count, narrowed.Total, err)
		}
	}
}
