package view

import (
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/schemas"
)

func number(name string) arrow.Field {
	return arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64, Nullable: true}
}

func group(name string) arrow.Field {
	return arrow.Field{Name: name, Type: arrow.StructOf(number("b"), number("c")), Nullable: true}
}

func hide(names ...string) schemas.Duty {
	return schemas.Duty{Kind: schemas.DutyHide, Columns: names, Rule: "§hide", Source: "the offer"}
}

// A rule binds every column that its name may mean, and no other.
func TestWhatANameBinds(t *testing.T) {
	list := func(name string) arrow.Field {
		return arrow.Field{Name: name, Type: arrow.ListOf(arrow.PrimitiveTypes.Int64)}
	}
	for _, c := range []struct {
		columns []arrow.Field
		name    string
		shown   []int // what is left when it is hidden
	}{
		{[]arrow.Field{number("a"), number("b")}, "a", []int{1}},
		{[]arrow.Field{group("a"), number("c")}, "a.b", []int{1}},
		{[]arrow.Field{group("a"), number("c")}, "a.b.x", []int{1}},
		{[]arrow.Field{list("a"), number("c")}, "a.item", []int{1}},
		{[]arrow.Field{group("a"), number("a.b"), number("c")}, "a.b", []int{2}},
		{[]arrow.Field{group("a"), number("a.b"), number("c")}, "a", []int{1, 2}},
		{[]arrow.Field{number("a"), number("a.b"), number("c")}, "a.b", []int{0, 2}},
		{[]arrow.Field{number("a"), number("c")}, "a.b", []int{1}},
		{[]arrow.Field{number("a"), group("a.b"), number("c")}, "a.b.c", []int{0, 2}},
		{[]arrow.Field{number("a"), number("a.b"), number("c")}, "a.b.c", []int{2}},
		{[]arrow.Field{number("ab"), number("a.bc"), number("c")}, "a.b", []int{0, 1, 2}},
	} {
		t.Run(fmt.Sprint(c.columns[:len(c.columns)-1], " hide ", c.name), func(t *testing.T) {
			table := tableOf(c.columns...)
			a := &schemas.Agreement{Obligations: []schemas.Duty{hide(c.name)}}
			v, err := New(table, a, nil, key())
			if err != nil || !slices.Equal(v.Columns, c.shown) {
				t.Fatalf("the view shows %v, want %v: %v", v, c.shown, err)
			}
			hides, err := HiddenIn(&schemas.Version{Data: []schemas.Table{*table}}, a)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range c.columns {
				if _, hidden := hides(f.Name); hidden == slices.Contains(c.shown, i) {
					t.Errorf("column %s is hidden: %t", f.Name, hidden)
				}
				_, err := New(table, a, []string{f.Name}, key())
				if (err == nil) != slices.Contains(c.shown, i) {
					t.Errorf("column %s is asked for: %v", f.Name, err)
				}
			}
		})
	}
}

// A column can be read where one of its tables shows it; what hides it everywhere is said.
func TestHiddenInEveryTable(t *testing.T) {
	one, other := *tableOf(number("id"), number("age")), *tableOf(number("id"))
	one.Name, other.Name = "one", "other"
	v := &schemas.Version{Data: []schemas.Table{one, other}}
	in := hide("id")
	in.Table, in.Rule = "one", "§1"
	everywhere := hide("id", "age")
	everywhere.Rule = "§2"
	for _, c := range []struct {
		duties []schemas.Duty
		column string
		rule   string // "" is shown
	}{
		{[]schemas.Duty{in}, "id", ""},
		{[]schemas.Duty{in}, "age", ""},
		{[]schemas.Duty{everywhere}, "id", "§2"},
		{[]schemas.Duty{in, everywhere}, "age", "§2"},
		{[]schemas.Duty{everywhere, in}, "id", "§2"},
		{[]schemas.Duty{everywhere}, "nowhere", ""},
	} {
		hides, err := HiddenIn(v, &schemas.Agreement{Obligations: c.duties})
		if err != nil {
			t.Fatal(err)
		}
		duty, hidden := hides(c.column)
		if hidden != (c.rule != "") || hidden && duty.Rule != c.rule {
			t.Errorf("%s: hidden %t by %q, want %q", c.column, hidden, duty.Rule, c.rule)
		}
	}
}

// Each reason for which terms cannot be kept, with the rule and the remedy that it names.
func TestUnenforceableTerms(t *testing.T) {
	table := tableOf(number("id"), group("geo"), arrow.Field{Name: "name", Type: arrow.BinaryTypes.String})
	v := &schemas.Version{Data: []schemas.Table{*table}}
	duty := func(kind, to string, names ...string) schemas.Duty {
		return schemas.Duty{Kind: kind, To: to, Columns: names, Rule: "§" + kind, Source: "the offer"}
	}
	older := func(column string) schemas.Duty {
		return schemas.Duty{
			Kind:   schemas.DutyFilter,
			Rule:   "§rows",
			Source: "the offer",
			Filter: &schemas.Filter{Column: column, Op: "gt", Values: []string{"17"}},
		}
	}
	const fix = "the provider, https://p.example, must fix the terms or the description of the columns"
	for name, c := range map[string]struct {
		columns            []string
		duties             []schemas.Duty
		rule, text, remedy string
	}{
		"none":               {nil, []schemas.Duty{hide("id"), duty(schemas.DutyPseudonymise, "", "name"), older("id")}, "", "", ""},
		"asked for and left": {[]string{"name"}, []schemas.Duty{hide("id")}, "", "", ""},
		"no such column": {nil, []schemas.Duty{hide("age")}, "offer.columns",
			`the terms change column "age", and the published version has no such column`, fix},
		"hidden and asked": {[]string{"name", "geo"}, []schemas.Duty{hide("geo.b")}, "§hide", `column "geo" is hidden by the terms`,
			"leave the column out, or ask the provider to show it"},
		"all hidden": {nil, []schemas.Duty{hide("id", "geo", "name")}, "offer.columns", "the terms leave no column to show", fix},
		"a pseudonym of a group": {nil, []schemas.Duty{duty(schemas.DutyPseudonymise, "", "geo.b")}, "§pseudonymise",
			`column "geo": columns of type struct<b: int64, c: int64> cannot be pseudonymised`, fix},
		"two steps": {nil, []schemas.Duty{duty(schemas.DutyGeneralise, "10", "id"), duty(schemas.DutyGeneralise, "7", "id")}, "§generalise",
			`two rules make column "id" coarser, to 10 and to 7, and neither is the coarser`, fix},
		"rows by a column that is not there": {nil, []schemas.Duty{older("age")}, "§rows",
			`the row filter cannot be carried out: the table has no column "age"`, fix},
		"an unknown duty": {nil, []schemas.Duty{duty("watermark", "", "id")}, "§watermark",
			`the obligation "watermark" cannot be carried out here`, fix},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Check(v, &schemas.Agreement{Provider: "https://p.example", Columns: c.columns, Obligations: c.duties})
			switch {
			case err != nil:
				t.Fatal(err)
			case c.rule == "" && got != nil:
				t.Errorf("got %+v", got)
			case c.rule != "" && (got == nil || got.Rule != c.rule || got.Text != c.text || got.Remedy != c.remedy):
				t.Errorf("got %+v, want %s: %s; %s", got, c.rule, c.text, c.remedy)
			}
		})
	}
}

// A manifest that cannot be read is nobody's refusal.
func TestBrokenSchema(t *testing.T) {
	broken := schemas.Table{Name: "t", Schema: []byte("x"), Columns: []schemas.TableColumn{{Name: "id"}}}
	v := &schemas.Version{Data: []schemas.Table{broken}}
	for name, a := range map[string]*schemas.Agreement{"open": {}, "hidden": {Obligations: []schemas.Duty{hide("id")}}} {
		reason, err := Check(v, a)
		if err == nil || reason != nil || schemas.KindOf(err) == schemas.Denied {
			t.Errorf("%s: %v, %v", name, reason, err)
		}
	}
}

// Objects are given whole or not at all: a rule or columns that would show a part of them leave
// them out, and where nothing else is left the terms cannot be kept.
func TestObjectsAreWhole(t *testing.T) {
	pictures := schemas.Table{Name: "pictures", Objects: true}
	rows := *tableOf(number("id"))
	rows.Name = "rows"
	filter := schemas.Duty{Kind: schemas.DutyFilter, Rule: "§filter", Source: "the offer", Filter: &schemas.Filter{Column: "id", Op: "gt", Values: []string{"1"}}}
	of := func(table string, d schemas.Duty) schemas.Duty {
		d.Table = table
		return d
	}
	for name, c := range map[string]struct {
		tables     []schemas.Table
		a          schemas.Agreement
		whole, yes bool
	}{
		"alone":                 {[]schemas.Table{pictures}, schemas.Agreement{}, true, true},
		"budget":                {[]schemas.Table{pictures}, schemas.Agreement{Obligations: []schemas.Duty{{Kind: schemas.DutyBudget, Rows: 1}}}, true, true},
		"filtered":              {[]schemas.Table{pictures}, schemas.Agreement{Obligations: []schemas.Duty{filter}}, false, false},
		"filtered beside rows":  {[]schemas.Table{pictures, rows}, schemas.Agreement{Obligations: []schemas.Duty{filter}}, false, true},
		"another is filtered":   {[]schemas.Table{pictures, rows}, schemas.Agreement{Obligations: []schemas.Duty{of("rows", filter)}}, true, true},
		"columns":               {[]schemas.Table{pictures, rows}, schemas.Agreement{Columns: []string{"id"}}, false, true},
		"columns of all hidden": {[]schemas.Table{pictures, rows}, schemas.Agreement{Obligations: []schemas.Duty{of("rows", hide("id"))}}, true, true},
		"a duty of tomorrow":    {[]schemas.Table{pictures}, schemas.Agreement{Obligations: []schemas.Duty{{Kind: "watermark"}}}, false, false},
	} {
		c.a.Provider = "https://p.example"
		err := Whole(&pictures, &c.a)
		if (err == nil) != c.whole || err != nil && schemas.KindOf(err) != schemas.Denied {
			t.Errorf("%s: %v", name, err)
		}
		reason, err := Check(&schemas.Version{Data: c.tables}, &c.a)
		if err != nil || (reason == nil) != c.yes {
			t.Errorf("%s: %+v, %v", name, reason, err)
		}
	}
}
