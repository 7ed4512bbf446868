package policy

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

func engine(t *testing.T) *Engine {
	t.Helper()
	e, err := New(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func offer(t *testing.T, name string, p TemplateParams) *schemas.Offer {
	t.Helper()
	o, err := Template(name, p)
	if err != nil {
		t.Fatal(err)
	}
	return &o
}

func facts(purpose string) Attributes {
	return Attributes{
		Participant: schemas.Participant{ID: "https://crop-ai.example", Country: "FR", Kind: schemas.KindSME},
		Project:     schemas.Project{ID: "crops"},
		Factory:     schemas.Factory{ID: "lumi", Country: "FI", Secure: true},
		Purpose:     purpose,
		Now:         time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC),
	}
}

func TestDecide(t *testing.T) {
	e := engine(t)
	patients := []schemas.TableInfo{{Name: "stays", Fields: []schemas.Field{{Name: "patient", Sensitivity: schemas.SensitivityIdentifies}, {Name: "value"}}}}
	inOneYear := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"},
		Constraint: &schemas.Constraint{Left: "dateTime", Operator: "gteq", Right: []string{"2027-11-25"}}}}}
	nobody := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &schemas.Constraint{And: []schemas.Constraint{
		{Left: "purpose", Operator: "eq", Right: []string{"https://w3id.org/dpv#ScientificResearch"}},
		{Left: "recipient", Operator: "eq", Right: []string{"https://data.example/org/nobody"}}}}}}}
	somewhere := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &schemas.Constraint{Or: []schemas.Constraint{
		{Left: "spatial", Operator: "eq", Right: []string{"US"}},
		{And: []schemas.Constraint{{Left: "spatial", Operator: "isAnyOf", Right: []string{"EU"}}, {Left: "recipientKind", Operator: "neq", Right: []string{"large-company"}}}}}}}}}
	for _, tt := range []struct {
		name    string
		space   schemas.SpaceID
		offer   *schemas.Offer
		tables  []schemas.TableInfo
		facts   Attributes
		verdict schemas.Verdict
		rule    string // of one reason
		remedy  string // part of that reason's remedy
	}{
		{name: "no offer", space: "energy", facts: facts("research"), verdict: schemas.VerdictNo, rule: "offer"},
		{name: "open", space: "energy", offer: offer(t, "open-with-attribution", TemplateParams{Attribution: "© Grid"}), facts: facts("commercial"), verdict: schemas.VerdictYes, rule: "offer §1"},
		{name: "open, no purpose", space: "energy", offer: offer(t, "open-with-attribution", TemplateParams{}), facts: facts(""), verdict: schemas.VerdictNo, rule: "space.energy.purpose"},
		{name: "research by a narrower purpose", space: "mobility", offer: offer(t, "research-only", TemplateParams{}), facts: facts("academic-research"), verdict: schemas.VerdictYes},
		{name: "research, asked for marketing", space: "mobility", offer: offer(t, "research-only", TemplateParams{}), facts: facts("advertising"), verdict: schemas.VerdictNo, rule: "offer §1", remedy: "were a kind of scientific-research, non-commercial-research"},
		{name: "research only is not product development", space: "mobility", offer: offer(t, "research-only", TemplateParams{}), facts: facts("product-development"), verdict: schemas.VerdictNo, rule: "offer §1"},
		{name: "research only is not commercial research", space: "mobility", offer: offer(t, "research-only", TemplateParams{}), facts: facts("commercial-research"), verdict: schemas.VerdictNo, rule: "offer §1"},
		{name: "research only is not training for anything", space: "mobility", offer: offer(t, "research-only", TemplateParams{}), facts: facts("train-model"), verdict: schemas.VerdictNo, rule: "offer §1"},
		{name: "research and development", space: "mobility", offer: offer(t, "research-and-development", TemplateParams{}), facts: facts("product-development"), verdict: schemas.VerdictYes},
		{name: "non-commercial", space: "mobility", offer: offer(t, "non-commercial", TemplateParams{}), facts: facts("education"), verdict: schemas.VerdictYes},
		{name: "non-commercial is not training for anything", space: "mobility", offer: offer(t, "non-commercial", TemplateParams{}), facts: facts("train-model"), verdict: schemas.VerdictNo, rule: "offer §1"},
		{name: "a template with a review", space: "mobility", offer: offer(t, "research-only", TemplateParams{Review: true}), facts: facts("academic-research"), verdict: schemas.VerdictReview, rule: "offer.review"},
		{name: "marketing forbidden by a broader word", space: "mobility", offer: offer(t, "ask-the-holder", TemplateParams{}), facts: facts("advertising"), verdict: schemas.VerdictNo, rule: "offer §2"},
		{name: "holder reviews", space: "mobility", offer: offer(t, "ask-the-holder", TemplateParams{}), facts: facts("research"), verdict: schemas.VerdictReview, rule: "offer.review"},
		{name: "health for research", space: "health", offer: offer(t, "health-with-review", TemplateParams{}), tables: patients, facts: facts("scientific-research"), verdict: schemas.VerdictReview},
		{name: "health for marketing", space: "health", offer: offer(t, "open-with-attribution", TemplateParams{}), facts: facts("marketing"), verdict: schemas.VerdictNo, rule: "eu.ehds.excluded", remedy: "scientific-research"},
		{name: "health for commerce", space: "health", offer: offer(t, "open-with-attribution", TemplateParams{}), facts: facts("commercial"), verdict: schemas.VerdictNo, rule: "eu.ehds.purpose"},
		{name: "public health by a company", space: "health", offer: offer(t, "open-with-attribution", TemplateParams{}), facts: facts("public-health"), verdict: schemas.VerdictNo, rule: "eu.ehds.public-body"},
		{name: "not yet", space: "energy", offer: &inOneYear, facts: facts("research"), verdict: schemas.VerdictNo, rule: "offer §1"},
		{name: "recipient nobody", space: "energy", offer: &nobody, facts: facts("scientific-research"), verdict: schemas.VerdictNo, rule: "offer §1", remedy: "recipient"},
		{name: "tree holds", space: "energy", offer: &somewhere, facts: facts("research"), verdict: schemas.VerdictYes},
		{name: "unknown space", space: "moon", offer: &somewhere, facts: facts("research"), verdict: schemas.VerdictNo},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &schemas.Dataset{ID: "ds-x", Provider: "https://p.example", Space: tt.space, Offer: tt.offer, Tables: tt.tables}
			got, err := e.Decide(context.Background(), tt.facts, []Item{{d}})
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Verdict != tt.verdict {
				t.Fatalf("verdict %s, want %s: %+v", got[0].Verdict, tt.verdict, got[0].Reasons)
			}
			if len(got[0].Reasons) == 0 {
				t.Fatal("an answer without a reason")
			}
			for _, r := range got[0].Reasons {
				if strings.Contains(r.Text+r.Remedy, "nobody") {
					t.Errorf("names another party: %+v", r)
				}
				if r.Rule == tt.rule && strings.Contains(r.Remedy, tt.remedy) {
					return
				}
			}
			if tt.rule != "" {
				t.Errorf("no reason by rule %s with remedy %q in %+v", tt.rule, tt.remedy, got[0].Reasons)
			}
		})
	}
}

func TestDecideObliges(t *testing.T) {
	e := engine(t)
	d := &schemas.Dataset{ID: "ds-x", Provider: "https://p.example", Space: "health",
		Offer:  offer(t, "health-with-review", TemplateParams{Attribution: "© Hospital", Rows: 1000}),
		Tables: []schemas.TableInfo{{Name: "stays", Fields: []schemas.Field{{Name: "patient", Sensitivity: schemas.SensitivityIdentifies}, {Name: "value"}}}}}
	got, err := e.Decide(context.Background(), facts("train-model"), []Item{{d}})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]schemas.Duty{}
	for _, o := range got[0].Obligations {
		kinds[o.Kind] = o
	}
	if p := kinds[schemas.DutyPseudonymise]; len(p.Columns) != 1 || p.Columns[0] != "patient" || p.Rule != "space.health.identifies" {
		t.Errorf("pseudonymise: %+v", p)
	}
	if kinds[schemas.DutyBudget].Rows != 1000 || kinds[schemas.DutyAttribute].Text != "© Hospital" || !kinds[schemas.DutyFactory].Enforced {
		t.Errorf("obligations: %+v", got[0].Obligations)
	}
	if got[0].Reviewer != "https://p.example" {
		t.Errorf("reviewer %q", got[0].Reviewer)
	}
}

func TestDecideUnknownPurpose(t *testing.T) {
	_, err := engine(t).Decide(context.Background(), facts("world-peace"), nil)
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "scientific-research") {
		t.Errorf("got %v", err)
	}
}

func TestCheckOffer(t *testing.T) {
	e := engine(t)
	deep := &schemas.Constraint{Left: "purpose", Operator: "eq", Right: []string{"research"}}
	for range 20 {
		deep = &schemas.Constraint{And: []schemas.Constraint{*deep}}
	}
	tables := []schemas.TableInfo{{Name: "t", Fields: []schemas.Field{{Name: "a"}}}}
	permit := func(r schemas.Rule) schemas.Offer {
		r.Kind, r.Actions = schemas.Permission, []string{"use"}
		return schemas.Offer{Rules: []schemas.Rule{r}}
	}
	leaf := schemas.Filter{Column: "a", Op: "eq", Values: []string{"1"}}
	filter := func(f schemas.Filter) schemas.Rule {
		return schemas.Rule{Duties: []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &f}}}
	}
	wide := func(n int) schemas.Offer { // n nodes and their values, over rules that are small each
		k := schemas.Constraint{Left: "purpose", Operator: "isAnyOf", Right: slices.Repeat([]string{"research"}, 100)}
		o := schemas.Offer{Rules: make([]schemas.Rule, 2)}
		for i := range o.Rules {
			o.Rules[i] = schemas.Rule{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &schemas.Constraint{Or: slices.Repeat([]schemas.Constraint{k}, n)}}
		}
		return o
	}
	if o := wide(20); e.CheckOffer(t.Context(), &o, tables) != nil {
		t.Error("an offer of 4,000 values is not taken")
	}
	for _, tt := range []struct {
		name, pointer string
		offer         schemas.Offer
	}{
		{"values of all rules", "/rules/1/constraint/or/15", wide(25)},
		{"nodes of a filter", "/rules/0/duties/0/filter/or/511/not", permit(filter(schemas.Filter{Or: slices.Repeat([]schemas.Filter{{Not: &leaf}}, 512)}))},
		{"values of a filter", "/rules/0/duties/0/filter", permit(filter(schemas.Filter{Column: "a", Op: "in", Values: slices.Repeat([]string{"1"}, 1001)}))},
		{"empty", "/rules", schemas.Offer{}},
		{"action", "/rules/0/actions/0", schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"sell"}}}}},
		{"kind", "/rules/0/kind", schemas.Offer{Rules: []schemas.Rule{{Kind: "wish", Actions: []string{"use"}}}}},
		{"operand", "/rules/0/constraint/left", permit(schemas.Rule{Constraint: &schemas.Constraint{Left: "mood", Operator: "eq", Right: []string{"good"}}})},
		{"operator", "/rules/0/constraint/operator", permit(schemas.Rule{Constraint: &schemas.Constraint{Left: "purpose", Operator: "gt", Right: []string{"research"}}})},
		{"purpose", "/rules/0/constraint/right/0", permit(schemas.Rule{Constraint: &schemas.Constraint{Left: "purpose", Operator: "eq", Right: []string{"fun"}}})},
		{"date", "/rules/0/constraint/right/0", permit(schemas.Rule{Constraint: &schemas.Constraint{Left: "dateTime", Operator: "lt", Right: []string{"tomorrow"}}})},
		{"both forms", "/rules/0/constraint", permit(schemas.Rule{Constraint: &schemas.Constraint{And: []schemas.Constraint{*deep}, Left: "purpose"}})},
		{"deep", "", permit(schemas.Rule{Constraint: deep})},
		{"column", "/rules/0/duties/0/columns/0", permit(schemas.Rule{Duties: []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"b"}}}})},
		{"duty", "/rules/0/duties/0/kind", permit(schemas.Rule{Duties: []schemas.Duty{{Kind: "dance"}}})},
		{"step", "/rules/0/duties/0/to", permit(schemas.Rule{Duties: []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{"a"}, To: "some"}}})},
		{"steps apart", "/rules/0/duties/1/columns/0", permit(schemas.Rule{Duties: []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{"a"}, To: "10"}, {Kind: schemas.DutyGeneralise, Columns: []string{"a"}, To: "15"}}})},
		{"domain of another duty", "/rules/0/duties/0/domain", permit(schemas.Rule{Duties: []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"a"}, Domain: "d"}}})},
		{"domain without name", "/rules/0/duties/0/domain", permit(schemas.Rule{Duties: []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"a"}, With: []string{"https://b.example"}}}})},
		{"domain's name", "/rules/0/duties/0/domain", permit(schemas.Rule{Duties: []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"a"}, Domain: "My cohort"}}})},
		{"domain's party", "/rules/0/duties/0/with/1", permit(schemas.Rule{Duties: []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"a"}, Domain: "d", With: []string{"https://b.example", "grid"}}}})},
		{"filter", "/rules/0/duties/0/filter/op", permit(schemas.Rule{Duties: []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "a", Op: "like", Values: []string{"x"}}}}})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := e.CheckOffer(t.Context(), &tt.offer, tables)
			if schemas.KindOf(err) != schemas.Invalid {
				t.Fatalf("got %v", err)
			}
			if tt.pointer != "" && !strings.Contains(err.Error(), "["+tt.pointer+":") {
				t.Errorf("no pointer %s in %v", tt.pointer, err)
			}
		})
	}
	for _, name := range Templates() {
		o, err := Template(name, TemplateParams{Attribution: "©", Hide: []string{"a"}, Rows: 1})
		if err != nil {
			t.Fatal(err)
		}
		err = e.CheckOffer(t.Context(), &o, tables)
		if err != nil {
			t.Errorf("template %s: %v", name, err)
		}
	}
}

// 4,000 marks of a search equal 4,000 single decisions, facts missing or not.
func TestMarksEqualDecisions(t *testing.T) {
	e := engine(t)
	leaves := []schemas.Constraint{
		{Left: "purpose", Operator: "isA", Right: []string{"research"}},
		{Left: "recipient", Operator: "isAnyOf", Right: []string{"https://crop-ai.example", "https://x.example"}},
		{Left: "dateTime", Operator: "lt", Right: []string{"2027-01-01"}},
		{Left: "spatial", Operator: "isNoneOf", Right: []string{"EEA"}},
		{Left: "recipientKind", Operator: "eq", Right: []string{"sme"}},
	}
	var items []Item
	for mask := 1; len(items) < 200; mask++ {
		var and, or []schemas.Constraint
		for i, l := range leaves {
			switch mask / pow3(i) % 3 {
			case 1:
				and = append(and, l)
			case 2:
				or = append(or, l)
			}
		}
		c := schemas.Constraint{And: and}
		if len(or) > 0 {
			c.And = append(c.And, schemas.Constraint{Or: or})
		}
		if len(c.And) == 0 {
			continue
		}
		kind := schemas.Permission
		o := &schemas.Offer{Rules: []schemas.Rule{{Kind: kind, Actions: []string{"use"}, Constraint: &c}}}
		if mask%5 == 0 {
			o.Rules = []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}}, {Kind: schemas.Prohibition, Actions: []string{"train"}, Constraint: &c}}
		}
		items = append(items, Item{&schemas.Dataset{ID: "ds", Space: "energy", Offer: o}})
	}
	n := 0
	for caller := range 20 {
		f := facts("train-model")
		if caller&1 != 0 {
			f.Purpose = ""
		}
		if caller&2 != 0 {
			f.Participant.ID = ""
		}
		if caller&4 != 0 {
			f.Participant.Kind = ""
		}
		if caller&8 != 0 {
			f.Factory.Country, f.Participant.Country = "", ""
		}
		if caller&16 != 0 {
			f.Now = f.Now.AddDate(1, 0, 0)
		}
		all, err := e.Decide(context.Background(), f, items)
		if err != nil {
			t.Fatal(err)
		}
		for i := range items {
			one, err := e.Decide(context.Background(), f, items[i:i+1])
			if err != nil {
				t.Fatal(err)
			}
			if one[0].Verdict != all[i].Verdict || one[0].Digest != all[i].Digest {
				t.Fatalf("caller %d, offer %d: alone %s, in a search %s", caller, i, one[0].Verdict, all[i].Verdict)
			}
			n++
		}
	}
	if n != 4000 {
		t.Errorf("%d comparisons", n)
	}
}

func pow3(i int) int {
	n := 1
	for range i {
		n *= 3
	}
	return n
}

func BenchmarkDecide(b *testing.B) {
	e, err := New(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	o, err := Template("research-and-development", TemplateParams{Attribution: "©"})
	if err != nil {
		b.Fatal(err)
	}
	items := []Item{{&schemas.Dataset{ID: "ds", Space: "mobility", Offer: &o}}}
	for b.Loop() {
		_, err := e.Decide(context.Background(), facts("research"), items)
		if err != nil {
			b.Fatal(err)
		}
	}
}
