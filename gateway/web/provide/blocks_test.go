package provide

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"guichet/policy"
	"guichet/schemas"
)

func permit(c *schemas.Constraint, duties ...schemas.Duty) schemas.Rule {
	return schemas.Rule{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: c, Duties: duties}
}

func leaf(left, operator string, right ...string) schemas.Constraint {
	return schemas.Constraint{Left: left, Operator: operator, Right: right}
}

// TestBlocks: what a form says comes to terms, and terms to the same form.
func TestBlocks(t *testing.T) {
	t.Parallel()
	form := typed{
		"action": {"train"}, "stage": {"yes"}, "direct": {"yes"}, "purpose": {"research", "education"}, "kind": {"sme", "research"},
		"spatial": {"FR, EU"}, "factory": {"lumi"}, "recipient": {"https://a.example\nhttps://b.example"}, "until": {"2030-12-31"},
		"column": {"farm", "cow", "born", "weight", "plain"}, "treat": {"hide", "pseudonymise", "generalise", "generalise", ""},
		"step": {"", "", "year", "10", ""}, "hidden": {"other"}, "attribute": {" © us "}, "rows": {"1 000"}, "bytes": {"2000000"}, "proof": {"yes"},
		"never": {"marketing"}, "barred": {"https://bad.example"}, "review": {"yes"}, "follow": {"yes"},
	}
	got, err := offerOf(form)
	if err != nil {
		t.Fatal(err)
	}
	and := schemas.Constraint{And: []schemas.Constraint{
		leaf("purpose", "isA", "research", "education"), leaf("recipientKind", "isAnyOf", "sme", "research"), leaf("spatial", "isAnyOf", "FR", "EU"),
		leaf("factory", "isAnyOf", "lumi"), leaf("recipient", "isAnyOf", "https://a.example", "https://b.example"), leaf("dateTime", "lteq", "2030-12-31"),
	}}
	never, bad := leaf("purpose", "isA", "marketing"), leaf("recipient", "isAnyOf", "https://bad.example")
	want := schemas.Offer{Review: true, Follow: true, Rules: []schemas.Rule{
		{Kind: schemas.Permission, Actions: []string{"train", "stage", "direct"}, Constraint: &and, Duties: []schemas.Duty{
			{Kind: schemas.DutyAttribute, Text: "© us"},
			{Kind: schemas.DutyHide, Columns: []string{"other", "farm"}},
			{Kind: schemas.DutyPseudonymise, Columns: []string{"cow"}},
			{Kind: schemas.DutyGeneralise, Columns: []string{"born"}, To: "year"},
			{Kind: schemas.DutyGeneralise, Columns: []string{"weight"}, To: "10"},
			{Kind: schemas.DutyBudget, Rows: 1000},
			{Kind: schemas.DutyBudget, Bytes: 2_000_000},
			{Kind: schemas.DutyFactory, Enforced: true},
		}},
		{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &never},
		{ID: barRule, Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &bad},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	back, whole := blocksOf(&got, []string{"plain", "farm", "cow"})
	again, err := offerOf(back)
	if !whole || err != nil || !same(again, got) {
		t.Errorf("%v %v: %+v\nwant\n%+v", whole, err, again, got)
	}
	if c := back.treated(); len(c) != 6 || c[0] != (treatment{"plain", "", ""}) || c[1] != (treatment{"farm", "hide", ""}) {
		t.Errorf("%+v", c)
	}
	for _, wrong := range []string{"many", "0", "-1", "1.5", "99999999999999999999"} {
		for _, field := range []string{"rows", "bytes"} {
			_, err := offerOf(typed{field: {wrong}})
			if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "/"+field) {
				t.Errorf("%s %s: %v", field, wrong, err)
			}
		}
	}
}

// TestTemplatesAreBlocks: the form says each of the ready-made terms, with all that they can be given, and knows all of
// them.
func TestTemplatesAreBlocks(t *testing.T) {
	t.Parallel()
	if !slices.Equal(templateNames(), policy.Templates()) {
		t.Errorf("%v, want %v", templateNames(), policy.Templates())
	}
	for _, name := range policy.Templates() {
		for _, p := range []policy.TemplateParams{{}, {Attribution: "© us", Hide: []string{"b", "a"}, Rows: 7, Review: true, Stage: true, Direct: true}} {
			o, err := policy.Template(name, p)
			if err != nil {
				t.Fatal(err)
			}
			form, whole := blocksOf(&o, nil)
			if !whole || form.Get("template") != name {
				t.Errorf("%s is not what the form says: %+v", name, form)
			}
		}
	}
}

// TestForeignTerms: what the form cannot say is known, so that it is never replaced unasked.
func TestForeignTerms(t *testing.T) {
	t.Parallel()
	a, b := leaf("spatial", "isAnyOf", "FR"), leaf("recipientKind", "isAnyOf", "sme")
	only := leaf("purpose", "eq", "research")
	not := leaf("spatial", "isNoneOf", "US")
	twice := schemas.Constraint{And: []schemas.Constraint{a, leaf("spatial", "isAnyOf", "DE")}}
	before := leaf("dateTime", "lt", "2030")
	for what, o := range map[string]schemas.Offer{
		"no rules":               {},
		"either of two":          {Rules: []schemas.Rule{permit(&schemas.Constraint{Or: []schemas.Constraint{a, b}})}},
		"one purpose alone":      {Rules: []schemas.Rule{permit(&only)}},
		"anywhere but":           {Rules: []schemas.Rule{permit(&not)}},
		"a place and another":    {Rules: []schemas.Rule{permit(&twice)}},
		"before a day":           {Rules: []schemas.Rule{permit(&before)}},
		"two permissions":        {Rules: []schemas.Rule{permit(&a), permit(&b)}},
		"some rows":              {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "a", Op: "eq", Values: []string{"1"}}})}},
		"one table":              {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyHide, Table: "t", Columns: []string{"a"}})}},
		"a joint domain":         {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"a"}, Domain: "d"})}},
		"a prohibited place":     {Rules: []schemas.Rule{permit(nil), {Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &a}}},
		"a prohibition to all":   {Rules: []schemas.Rule{permit(nil), {Kind: schemas.Prohibition, Actions: []string{"use"}}}},
		"to train or to read":    {Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"train", "read"}}}},
		"at factories by duty":   {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyFactory, Values: []string{"lumi"}})}},
		"credit in two wordings": {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyAttribute, Text: "a"}, schemas.Duty{Kind: schemas.DutyAttribute, Text: "b"})}},
	} {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if form, whole := blocksOf(&o, nil); whole {
			t.Errorf("%s: the form says it has all of it: %+v", what, form)
		}
		if after, err := json.Marshal(o); err != nil || string(after) != string(text) {
			t.Errorf("%s was changed to %s", what, after)
		}
	}
	eq := leaf("spatial", "eq", "FR") // one value is a list of one
	if _, whole := blocksOf(&schemas.Offer{Rules: []schemas.Rule{{ID: "offer §1", Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &eq}}}, nil); !whole {
		t.Error("one place is not what the form says")
	}
}

// TestBarring: an organisation is barred beside others, once, and let go again; other rules stay.
func TestBarring(t *testing.T) {
	t.Parallel()
	o := schemas.Offer{Rules: []schemas.Rule{permit(nil)}}
	if barredIn(nil) != nil || barredIn(&o) != nil {
		t.Error("somebody is barred by nothing")
	}
	one := barring(o, []string{"https://a.example"})
	two := barring(one, append(slices.Clone(barredIn(&one)), "https://b.example"))
	if got := barredIn(&two); !slices.Equal(got, []string{"https://a.example", "https://b.example"}) || len(two.Rules) != 2 || len(o.Rules) != 1 {
		t.Errorf("%v in %+v", got, two)
	}
	if none := barring(two, nil); !reflect.DeepEqual(none.Rules, o.Rules) {
		t.Errorf("%+v", none)
	}
}

// TestManyColumns: of very many columns those are shown with which something is done.
func TestManyColumns(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 2 * mostTreated {
		names = append(names, strings.Repeat("x", i+1))
	}
	last := names[len(names)-1]
	o := schemas.Offer{Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyHide, Columns: []string{last}})}}
	form, whole := blocksOf(&o, names)
	if c := form.treated(); !whole || len(c) != mostTreated || c[0].Column != last {
		t.Errorf("%v, %d columns, first %q", whole, len(c), c[0].Column)
	}
}
