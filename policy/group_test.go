package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

// anyOffer is a random one of few forms and many texts: names of rules that repeat, duties
// that are equal, dates, recipients, what is permitted beside.
func anyOffer(r *rand.Rand) *schemas.Offer {
	o := &schemas.Offer{Review: r.IntN(4) == 0}
	for range 1 + r.IntN(3) {
		x := schemas.Rule{ID: []string{"", "a", "b", fmt.Sprint("rule of ", r.IntN(1000))}[r.IntN(4)], Kind: schemas.Permission, Actions: []string{"use"}}
		if r.IntN(3) == 0 {
			x.Actions = append(x.Actions, []string{"stage", "direct", "train"}[r.IntN(3)])
		}
		if r.IntN(4) == 0 {
			x.Kind = schemas.Prohibition
		}
		c := []schemas.Constraint{
			{Left: "purpose", Operator: "isA", Right: []string{[]string{"research", "marketing"}[r.IntN(2)]}},
			{Left: "dateTime", Operator: "lt", Right: []string{fmt.Sprint(2020 + r.IntN(10))}},
			{Left: "recipient", Operator: []string{"eq", "neq"}[r.IntN(2)], Right: []string{"https://crop-ai.example"}},
			{Left: "spatial", Operator: "isAnyOf", Right: []string{"EU", "US"}[r.IntN(2):]},
		}
		switch r.IntN(4) {
		case 0:
			x.Constraint = &c[r.IntN(4)]
		case 1:
			x.Constraint = &schemas.Constraint{And: c[r.IntN(3):]}
		case 2:
			x.Constraint = &schemas.Constraint{Or: c[r.IntN(3):]}
		}
		for range r.IntN(3) {
			if x.Kind == schemas.Permission {
				x.Duties = append(x.Duties, []schemas.Duty{
					{Kind: schemas.DutyAttribute, Text: fmt.Sprint("by ", r.IntN(1000))}, {Kind: schemas.DutyAttribute, Text: "the same"},
					{Kind: schemas.DutyHide, Columns: []string{fmt.Sprint("column ", r.IntN(3))}}, {Kind: schemas.DutyBudget, Rows: r.Int64N(9) + 1},
					{Kind: schemas.DutyPseudonymise, Columns: []string{"patient"}, Domain: "d", With: []string{"https://other.example"}},
				}[r.IntN(5)])
			}
		}
		o.Rules = append(o.Rules, x)
	}
	return o
}

// byText is an order of obligations that does not depend on who put them in it.
func byText(ds []schemas.Decision) []schemas.Decision {
	for i := range ds {
		ds[i].Obligations = slices.Clone(ds[i].Obligations)
		slices.SortFunc(ds[i].Obligations, func(a, b schemas.Duty) int { return cmpText(fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b)) })
	}
	return ds
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// What is judged as one of many alike is judged as if it were alone, to the digest.
func TestDecideAlike(t *testing.T) {
	e := engine(t)
	if !e.grouping {
		t.Fatal("the modules of the data spaces read rules of offers")
	}
	r := rand.New(rand.NewPCG(3, 26))
	purposes := []string{"", "academic-research", "marketing", "train-model"}
	for round := range 12 {
		f := facts(purposes[r.IntN(len(purposes))])
		f.Now = time.Date(2020+r.IntN(9), 6, 1, 0, 0, 0, 0, time.UTC)
		f.Action = []string{"", "train", "read"}[r.IntN(3)]
		if r.IntN(3) == 0 {
			f.Participant.ID = "https://other.example"
		}
		var items []Item
		for i := range 40 {
			d := &schemas.Dataset{ID: schemas.DatasetID(fmt.Sprint("ds-", i)), Provider: "https://p.example", Space: []schemas.SpaceID{"agriculture", "health", "energy", "nowhere"}[r.IntN(4)],
				Licence: []string{"CC-BY-4.0", "CC-BY-NC-4.0"}[r.IntN(2)]}
			if r.IntN(10) > 0 {
				d.Offer = anyOffer(r)
			}
			if r.IntN(2) == 0 {
				d.Tables = []schemas.TableInfo{{Name: "t", Fields: []schemas.Field{{Name: "patient", Sensitivity: schemas.SensitivityIdentifies}}}}
			}
			items = append(items, Item{d})
		}
		got, err := e.DecideAlike(t.Context(), f, items)
		if err != nil {
			t.Fatal(err)
		}
		for i, it := range items {
			want, err := e.Decide(t.Context(), f, []Item{it})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(byText(want)[0], byText(got[i : i+1])[0]); diff != "" {
				t.Fatalf("round %d: %+v (-alone +alike)\n%s", round, it.Dataset.Offer, diff)
			}
		}
	}
}

// A baseline that reads the rules of offers ends the grouping.
func TestWhatIsReadIsNotGrouped(t *testing.T) {
	for source, want := range map[string]bool{
		"findings(ask, item) := duties(item)\nduties(item) := {} # item.rules": true,
		"findings(_, item) := {r | some r in item.rules}":                      false,
		"findings(_, item) := item[\"rules\"]":                                 false,
		"x := [v | walk(item, v)]":                                             false,
		"x := r.duties":                                                        false,
	} {
		if got := canGroup(map[string]string{"space_x.rego": source, "offer.rego": "item.rules"}); got != want {
			t.Errorf("%q: %v", source, got)
		}
	}
}

// Ten thousand offers, each with words of its own, are some dozens of evaluations.
func BenchmarkDecideAlike(b *testing.B) {
	e, err := New(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	items := distinctOffers(10_000)
	for _, c := range []struct {
		name   string
		decide func() ([]schemas.Decision, error)
	}{
		{"alike", func() ([]schemas.Decision, error) {
			return e.DecideAlike(b.Context(), facts("academic-research"), items)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				_, err := c.decide()
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// distinctOffers are n datasets under the ready-made offers, no two of which are equal.
func distinctOffers(n int) []Item {
	var out []Item
	for i := range n {
		name := Templates()[i%len(Templates())]
		o, err := Template(name, TemplateParams{Attribution: fmt.Sprint("Office ", i), Hide: []string{fmt.Sprint("column_", i%50)}, Review: i%7 == 0, Stage: i%5 == 0})
		if err != nil {
			panic(err)
		}
		out = append(out, Item{&schemas.Dataset{ID: schemas.DatasetID(fmt.Sprint("ds-", i)), Space: []schemas.SpaceID{"agriculture", "energy", "mobility"}[i%3], Provider: "https://p.example", Offer: &o}})
	}
	return out
}
