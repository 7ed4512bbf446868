package blocks

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
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

// table describes one table with these columns.
func table(name string, columns ...string) []schemas.TableInfo {
	t := schemas.TableInfo{Name: name}
	for _, c := range columns {
		t.Fields = append(t.Fields, schemas.Field{Name: c, Type: "int64"})
	}
	return []schemas.TableInfo{t}
}

// TestBlocks: what a form says comes to terms, and terms to the same form.
func TestBlocks(t *testing.T) {
	t.Parallel()
	form := Form{
		"action": {"train"}, "stage": {"yes"}, "direct": {"yes"}, "purpose": {"research", "education"}, "kind": {"sme", "research"},
		"spatial": {"FR, EU"}, "factory": {"lumi"}, "call": {"spring"}, "recipient": {"https://a.example\nhttps://b.example"}, "until": {"2030-12-31"},
		"column": {"farm", "cow", "born", "weight", "plain"}, "treat": {"hide", "pseudonymise", "generalise", "generalise", ""},
		"step": {"", "", "year", "10", ""}, "hidden": {"other"}, "attribute": {" © us "}, "rows": {"1 000"}, "bytes": {"2000000"}, "proof": {"yes"},
		"never": {"marketing"}, "barred": {"https://bad.example"}, "review": {"yes"}, "follow": {"yes"},
	}
	made, err := Read(form)
	got := made.Offer
	if err != nil {
		t.Fatal(err)
	}
	and := schemas.Constraint{And: []schemas.Constraint{
		leaf("purpose", "isA", "research", "education"), leaf("recipientKind", "isAnyOf", "sme", "research"), leaf("spatial", "isAnyOf", "FR", "EU"),
		leaf("factory", "isAnyOf", "lumi"), leaf("call", "isAnyOf", "spring"), leaf("recipient", "isAnyOf", "https://a.example", "https://b.example"), leaf("dateTime", "lteq", "2030-12-31"),
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
	back, whole := Of(&got, table("", "plain", "farm", "cow"))
	again, err := Read(back)
	if !whole || err != nil || !same(again.Offer, got) {
		t.Errorf("%v %v: %+v\nwant\n%+v", whole, err, again.Offer, got)
	}
	if c := back.Treated(); len(c) != 6 || c[0] != (Treatment{"", "plain", "", ""}) || c[1] != (Treatment{"", "farm", "hide", ""}) {
		t.Errorf("%+v", c)
	}
	for _, wrong := range []string{"many", "0", "-1", "1.5", "99999999999999999999"} {
		for _, field := range []string{"rows", "bytes"} {
			_, err := Read(Form{field: {wrong}})
			if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "/"+field) {
				t.Errorf("%s %s: %v", field, wrong, err)
			}
		}
	}
}

// TestTemplatesAreBlocks: the form says each of the ready-made terms, with all that they can be given.
func TestTemplatesAreBlocks(t *testing.T) {
	t.Parallel()
	for _, name := range policy.Templates() {
		for _, p := range []policy.TemplateParams{
			{},
			{Attribution: "© us", Hide: []string{"b", "a"}, Rows: 7, Review: true, Stage: true, Direct: true},
			{Attribution: "© us\nand them", Review: true},
		} {
			o, err := policy.Template(name, p)
			if err != nil {
				t.Fatal(err)
			}
			form, whole := Of(&o, nil)
			if !whole || form.Get("template") != name {
				t.Errorf("%s is not what the form says: %+v", name, form)
			}
		}
	}
}

// someForm ticks and fills some of the blocks of a form.
func someForm(r *rand.Rand) Form {
	f := Form{"action": {any1(r, "use", "train", "read")}}
	some := func(name string, values ...string) {
		if r.IntN(2) == 0 {
			f.Set(name, values...)
		}
	}
	for _, flag := range []string{"stage", "direct", "review", "follow", "proof"} {
		some(flag, "yes")
	}
	some("template", "research-only")
	some("purpose", "research", "education")
	some("purpose", "research")
	some("never", "marketing")
	some("kind", "sme", "start-up")
	some("spatial", any1(r, "FR", "EU, FR", "fr; DE\n"))
	some("factory", "lumi")
	some("call", "spring-2027", "autumn-2026")
	some("recipient", any1(r, "https://a.example", "https://a.example\r\nhttps://b.example"))
	some("barred", any1(r, "https://x.example", "did:web:x, did:web:y"))
	some("until", "2030-12-31")
	some("attribute", any1(r, "© us", "© us\r\nand <them>"))
	some("rows", any1(r, "7", "1 000 000"))
	some("bytes", any1(r, "7", "1.5 TB"))
	some("hidden", any1(r, "other", "other, more"))
	for i := range r.IntN(6) {
		how := any1(r, Treatments()...)
		step := ""
		if how == Coarser {
			step = any1(r, "year", "10", "first:3")
		}
		if how == Joint {
			step = any1(r, "cohort", "year")
			if r.IntN(2) == 0 {
				f.setDomains([]Domain{{step, any1(r, "https://a.example; https://b.example", "did:web:z")}})
			}
		}
		f["of"], f["column"] = append(f["of"], any1(r, "", "t", "u/v")), append(f["column"], fmt.Sprint("c", i/2))
		f["treat"], f["step"] = append(f["treat"], how), append(f["step"], step)
		if key := At(f["of"][i], f["column"][i]); i%2 == 1 && key == At(f["of"][i-1], f["column"][i-1]) {
			f["treat"][i] = AsItIs // a form has each column of a table once
		}
	}
	f.setDomains(slices.DeleteFunc(f.Domains(), func(d Domain) bool {
		return !slices.ContainsFunc(f.Treated(), func(c Treatment) bool { return c.How == Joint && c.Step == d.Name })
	}))
	var rows []Comparison
	for i := range r.IntN(4) {
		op := any1(r, Comparisons()...)
		rows = append(rows, Comparison{i > 0 && r.IntN(2) == 0, "a", op, typed(op, []string{someValue(r)})})
	}
	f.setRows(rows)
	return f
}

// TestFormsComeBack: whatever blocks are filled in, they come to terms, the terms to the same terms, and the second form
// to the very same form.
func TestFormsComeBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		form := someForm(rand.New(rand.NewPCG(seed, 3)))
		made, err := Read(form)
		if err != nil {
			t.Fatalf("%v: %v", form, err)
		}
		back, whole := Of(&made.Offer, nil)
		if !whole {
			t.Fatalf("%v\ncomes back as\n%v", form, back)
		}
		again, err := Read(back)
		if err != nil || !same(again.Offer, made.Offer) {
			t.Fatalf("%v: %+v\nwant\n%+v", err, again.Offer, made.Offer)
		}
		third, whole := Of(&again.Offer, nil)
		if !whole || !reflect.DeepEqual(third, back) {
			t.Fatalf("%v: %v\nwant\n%v", whole, third, back)
		}
		for field, sent := range form {
			if got := back[field]; len(sent) == 1 && !listed(field) && !slices.Contains([]string{"hidden", "rows", "bytes", "barred", "attribute", "of", "column", "treat", "step", "domain", "with"}, field) &&
				strings.Join(sent, "") != "" && !slices.Equal(got, sent) {
				t.Fatalf("%s was %q, is %q", field, sent, got)
			}
		}
	}
}

// TestGroups: rules about columns are for every table or for one; with objects in the dataset, for the others alone.
func TestGroups(t *testing.T) {
	t.Parallel()
	cows, farms := table("cows", "age", "farm")[0], table("farms", "farm", "place")[0]
	farms.Fields[0].Type = "text"
	pictures := schemas.TableInfo{Name: "pictures", Objects: true, Fields: []schemas.Field{{Name: "key"}}}
	empty := schemas.TableInfo{Name: "empty"}
	for _, c := range []struct {
		tables []schemas.TableInfo
		want   string
	}{
		{nil, ""},
		{[]schemas.TableInfo{empty}, ""},
		{[]schemas.TableInfo{pictures}, ""},
		{[]schemas.TableInfo{cows}, "*: age int64, farm int64; "},
		{[]schemas.TableInfo{cows, empty}, "*: age int64, farm int64; cows: age int64, farm int64; "},
		{[]schemas.TableInfo{cows, farms}, "*: age int64, farm , place int64; cows: age int64, farm int64; farms: farm text, place int64; "},
		{[]schemas.TableInfo{cows, pictures}, "cows: age int64, farm int64; "},
	} {
		got := ""
		for _, g := range Groups(c.tables) {
			name := g.Table
			if name == "" {
				name = "*"
			}
			var fields []string
			for _, f := range g.Fields {
				fields = append(fields, f.Name+" "+f.Type)
			}
			got += name + ": " + strings.Join(fields, ", ") + "; "
		}
		if got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if cows.Fields[1].Type != "int64" {
		t.Error("the description was changed")
	}
	shown := []Treatment{{Column: "age"}, {Column: "farm"}}
	if More([]schemas.TableInfo{cows}, shown) || !More([]schemas.TableInfo{cows, farms}, shown) {
		t.Error("More does not say which columns a form lacks")
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
	one := schemas.Filter{Column: "a", Op: "eq", Values: []string{"1"}}
	either := schemas.Filter{Or: []schemas.Filter{one, {And: []schemas.Filter{one, one}}}}
	for what, o := range map[string]schemas.Offer{
		"no rules":               {},
		"either of two":          {Rules: []schemas.Rule{permit(&schemas.Constraint{Or: []schemas.Constraint{a, b}})}},
		"one purpose alone":      {Rules: []schemas.Rule{permit(&only)}},
		"anywhere but":           {Rules: []schemas.Rule{permit(&not)}},
		"a place and another":    {Rules: []schemas.Rule{permit(&twice)}},
		"before a day":           {Rules: []schemas.Rule{permit(&before)}},
		"two permissions":        {Rules: []schemas.Rule{permit(&a), permit(&b)}},
		"rows with a line break": {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "a", Op: "eq", Values: []string{"1\n2"}}})}},
		"either of both":         {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyFilter, Filter: &either})}},
		"rows of no filter":      {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyFilter})}},
		"a column twice":         {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyHide, Table: "t", Columns: []string{"a"}}, schemas.Duty{Kind: schemas.DutyPseudonymise, Table: "t", Columns: []string{"a"}})}},
		"a budget of a table":    {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyBudget, Table: "t", Rows: 7})}},
		"a domain two ways": {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"a"}, Domain: "d", With: []string{"https://a.example"}},
			schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"b"}, Domain: "d"})}},
		"parties without a domain": {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"a"}, With: []string{"https://a.example"}})}},
		"a prohibited place":       {Rules: []schemas.Rule{permit(nil), {Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &a}}},
		"a prohibition to all":     {Rules: []schemas.Rule{permit(nil), {Kind: schemas.Prohibition, Actions: []string{"use"}}}},
		"to train or to read":      {Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"train", "read"}}}},
		"at factories by duty":     {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyFactory, Values: []string{"lumi"}})}},
		"credit in two wordings":   {Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyAttribute, Text: "a"}, schemas.Duty{Kind: schemas.DutyAttribute, Text: "b"})}},
	} {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if form, whole := Of(&o, nil); whole {
			t.Errorf("%s: the form says it has all of it: %+v", what, form)
		}
		if after, err := json.Marshal(o); err != nil || string(after) != string(text) {
			t.Errorf("%s was changed to %s", what, after)
		}
	}
	two := schemas.Offer{Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"b"}}, schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"a"}})}}
	if form, whole := Of(&two, nil); !whole {
		t.Errorf("columns that are hidden one by one are not what the form says: %v", form)
	}
	eq := leaf("spatial", "eq", "FR") // one value is a list of one
	if _, whole := Of(&schemas.Offer{Rules: []schemas.Rule{{ID: "offer §1", Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &eq}}}, nil); !whole {
		t.Error("one place is not what the form says")
	}
}

// TestBarring: an organisation is barred beside others, once, and let go again; other rules stay.
func TestBarring(t *testing.T) {
	t.Parallel()
	o := schemas.Offer{Rules: []schemas.Rule{permit(nil)}}
	if Barred(nil) != nil || Barred(&o) != nil {
		t.Error("somebody is barred by nothing")
	}
	one := Barring(o, []string{"https://a.example"})
	two := Barring(one, append(slices.Clone(Barred(&one)), "https://b.example"))
	if got := Barred(&two); !slices.Equal(got, []string{"https://a.example", "https://b.example"}) || len(two.Rules) != 2 || len(o.Rules) != 1 {
		t.Errorf("%v in %+v", got, two)
	}
	if none := Barring(two, nil); !reflect.DeepEqual(none.Rules, o.Rules) {
		t.Errorf("%+v", none)
	}
}

// TestOneTable: what is done with a column of one table is done there alone, and beside it what is done in every table.
func TestOneTable(t *testing.T) {
	t.Parallel()
	tables := slices.Concat(table("cows", "age", "farm"), table("farms", "farm"), []schemas.TableInfo{{Name: "pictures", Objects: true}})
	hide := schemas.Duty{Kind: schemas.DutyHide, Table: "cows", Columns: []string{"farm"}}
	year := schemas.Duty{Kind: schemas.DutyGeneralise, Table: "farms", Columns: []string{"farm"}, To: "10"}
	gone := schemas.Duty{Kind: schemas.DutyPseudonymise, Table: "gone", Columns: []string{"x"}}
	every := schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"age"}}
	o := schemas.Offer{Rules: []schemas.Rule{permit(nil, hide, year, gone, every)}}
	form, whole := Of(&o, tables)
	if !whole {
		t.Fatalf("%v", form)
	}
	var got []string
	for _, p := range form.Parts() {
		for _, c := range p.Columns {
			got = append(got, fmt.Sprintf("%d %s/%s %s %s %v", c.I, p.Table, c.Column, c.How, c.Step, p.Said()))
		}
	}
	want := []string{
		"3 /age hide  true",
		"0 cows/age   true",
		"1 cows/farm hide  true",
		"2 farms/farm generalise 10 true",
		"4 gone/x pseudonymise  true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	made, err := Read(form)
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{
		"/rules/0/duties/0/columns/0": "treat-1",
		"/rules/0/duties/1/columns/0": "treat-3",
		"/rules/0/duties/2":           "treat-4",
		"/rules/0/duties/3/to":        "step-2",
	} {
		if got := made.Field(pointer); got != want {
			t.Errorf("%s: %q, want %q in %+v", pointer, got, want, made.Offer.Rules[0].Duties)
		}
	}
	if p := (Form{"of": {"t"}, "column": {"a"}}).Parts(); len(p) != 1 || p[0].Said() {
		t.Errorf("%+v", p)
	}
}

// TestJointDomains: columns are in a joint domain by its name, and with others by one line for each domain; terms say the
// same whatever the order of the parties. A line that would be lost is a fault.
func TestJointDomains(t *testing.T) {
	t.Parallel()
	form := Form{
		"of": {"", "", "stays", "", ""}, "column": {"person", "house", "person", "cow", "dog"},
		"treat": {Joint, Joint, Joint, Joint, Pseudonymous}, "step": {"cohort", "cohort", "cohort", "own", ""},
		"domain": {"cohort"}, "with": {"https://b.example, https://a.example"},
	}
	made, err := Read(form)
	if err != nil {
		t.Fatal(err)
	}
	both := []string{"https://b.example", "https://a.example"}
	want := []schemas.Duty{
		{Kind: schemas.DutyPseudonymise, Columns: []string{"person", "house"}, Domain: "cohort", With: both},
		{Kind: schemas.DutyPseudonymise, Table: "stays", Columns: []string{"person"}, Domain: "cohort", With: both},
		{Kind: schemas.DutyPseudonymise, Columns: []string{"cow"}, Domain: "own"},
		{Kind: schemas.DutyPseudonymise, Columns: []string{"dog"}},
	}
	if got := made.Offer.Rules[0].Duties; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	for pointer, want := range map[string]string{
		"/rules/0/duties/0/with/1":    "with-0",
		"/rules/0/duties/0/domain":    "step-0",
		"/rules/0/duties/1/columns/0": "treat-2",
		"/rules/0/duties/2/domain":    "step-3",
		"/rules/0/duties/2/with":      "treat-3",
	} {
		if got := made.Field(pointer); got != want {
			t.Errorf("%s: %q, want %q", pointer, got, want)
		}
	}
	turned := made.Offer
	turned.Rules = slices.Clone(turned.Rules)
	turned.Rules[0].Duties = slices.Clone(want)
	turned.Rules[0].Duties[1].With = []string{"https://a.example", "https://b.example"}
	back, whole := Of(&turned, nil)
	if got := back.Domains(); !whole || !slices.Equal(got, []Domain{{"cohort", "https://b.example, https://a.example"}}) {
		t.Errorf("%v %+v", whole, got)
	}
	wrong := Form{"column": {"a", "b"}, "treat": {Joint, Joint}, "step": {"x", ""}, "domain": {"", "x", "x", "y", ""}, "with": {"", "https://a.example", "", "", "https://b.example"}}.Tidy()
	made, err = Read(wrong)
	var got []string
	for _, x := range made.faults {
		got = append(got, made.Field(x.Pointer)+": "+x.Message)
	}
	faults := []string{
		`domain-1: the joint domain "x" is named twice`,
		`domain-2: no column is pseudonymised in the joint domain "y"`,
		"domain-3: say what the joint domain is called",
		"step-1: say what the joint domain is called",
	}
	if !slices.Equal(got, faults) || err == nil {
		t.Errorf("%q, want %q", got, faults)
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
	form, whole := Of(&o, table("t", names...))
	if c := form.Treated(); !whole || len(c) != mostTreated || c[0].Column != last {
		t.Errorf("%v, %d columns, first %q", whole, len(c), c[0].Column)
	}
}
