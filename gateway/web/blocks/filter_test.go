package blocks

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/policy/view/transform"
	"guichet/schemas"
)

// any1 gives one of these.
func any1[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// values that are hard to type.
func someValue(r *rand.Rand) string {
	return any1(r, "1", "2", "0", "-3", "a", "Paris, France", `"`, `say "yes", please`, " x", "x ", "", ",", `a"b`, "é", `""`, "now-P30D", "a;b")
}

// TestRowsComeBack: every comparison that a form can say comes to terms and back as the same comparisons.
func TestRowsComeBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var want []Comparison
		at := ""
		for i := range 1 + r.IntN(6) {
			or := i > 0 && r.IntN(3) == 0
			if !or {
				at = any1(r, "a", "a/b", "/", "é ü", "100%", "a b")
				at = At(any1(r, "", "t", "t/u", "%41"), at)
			}
			op := any1(r, Comparisons()...)
			list := []string{someValue(r)}
			for several(op) && r.IntN(3) > 0 {
				list = append(list, someValue(r))
			}
			want = append(want, Comparison{or, at, op, typed(op, list)})
			if got := values(op, typed(op, list)); !slices.Equal(got, list) {
				t.Fatalf("%q are typed %q and read %q", list, typed(op, list), got)
			}
		}
		f := Form{}
		f.setRows(want)
		made, err := Read(f)
		if err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		back, whole := Of(&made.Offer, nil)
		if got := back.Rows(); !whole || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: %+v\nwant\n%+v", whole, got, want)
		}
	}
}

// someFilter makes a tree of comparisons.
func someFilter(r *rand.Rand, depth int) schemas.Filter {
	list := func() (out []schemas.Filter) {
		for range 1 + r.IntN(3) {
			out = append(out, someFilter(r, depth-1))
		}
		return out
	}
	switch n := r.IntN(6); {
	case depth > 0 && n == 0:
		return schemas.Filter{And: list()}
	case depth > 0 && n == 1:
		return schemas.Filter{Or: list()}
	case depth > 0 && n == 2:
		not := someFilter(r, depth-1)
		return schemas.Filter{Not: &not}
	}
	f := schemas.Filter{Column: any1(r, "a", "b"), Op: any1(r, "eq", "neq", "lt", "lteq", "gt", "gteq", "in"), Values: []string{fmt.Sprint(r.IntN(3))}}
	if f.Op == "in" && r.IntN(2) == 0 {
		f.Values = append(f.Values, fmt.Sprint(3+r.IntN(2)))
	}
	return f
}

// TestFiltersMeanTheSame: whatever filter a form takes in, what it sends lets the same rows stay, of all values and of none.
func TestFiltersMeanTheSame(t *testing.T) {
	t.Parallel()
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "b", Type: arrow.PrimitiveTypes.Float64, Nullable: true}}, nil)
	a, b := array.NewInt64Builder(memory.DefaultAllocator), array.NewFloat64Builder(memory.DefaultAllocator)
	for i := range 6 {
		for j := range 7 {
			a.Append(int64(i))
			switch j {
			case 5:
				b.AppendNull()
			case 6:
				zero := 0.0
				b.Append(zero / zero) // which is no number
			default:
				b.Append(float64(j))
			}
		}
	}
	a.AppendNull()
	b.Append(1)
	columns := []arrow.Array{a.NewArray(), b.NewArray()}
	stay := func(duties []schemas.Duty) []int32 {
		var all []schemas.Filter
		for _, d := range duties {
			all = append(all, *d.Filter)
		}
		f, err := transform.NewFilter(&schemas.Filter{And: all}, schema, time.Now())
		if err != nil {
			t.Fatalf("%+v: %v", all, err)
		}
		return f.Rows(columns, columns[0].Len())
	}
	said := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 2))
		var duties []schemas.Duty
		for range 1 + r.IntN(2) {
			f := someFilter(r, 3)
			duties = append(duties, schemas.Duty{Kind: schemas.DutyFilter, Filter: &f})
		}
		form, whole := Of(&schemas.Offer{Rules: []schemas.Rule{permit(nil, duties...)}}, nil)
		if !whole {
			continue
		}
		said++
		made, err := Read(form)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := stay(made.Offer.Rules[0].Duties), stay(duties); !slices.Equal(got, want) {
			was, _ := json.Marshal(duties)
			is, _ := json.Marshal(made.Offer.Rules[0].Duties)
			t.Fatalf("%s became %s: rows %v, want %v", was, is, got, want)
		}
	}
	if said < 2000 {
		t.Errorf("a form says %d of 3000 filters", said)
	}
}

// TestFaultyRows: what no filter can be made of is said at its field; what the API finds leads to the line it is about.
func TestFaultyRows(t *testing.T) {
	t.Parallel()
	f := Form{"row-column": {"", "a", "", "b", "t/a", "c"}, "row-op": {"eq", "eq", "eq", "in", "notin", "eq"},
		"row-value": {"", "", "5", "1, 2", "3", "4"}, "row-join": {"and", "and", "and", "and", "or", "and"}}.Tidy()
	made, err := Read(f)
	if schemas.KindOf(err) != schemas.Invalid {
		t.Fatal(err)
	}
	var got []string
	for _, x := range made.faults {
		got = append(got, made.Field(x.Pointer)+": "+x.Message)
	}
	want := []string{`row-value-0: say with what "a" is compared`, "row-column-1: choose the column that is compared",
		"row-column-3: comparisons that are joined by or are of one table"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for pointer, want := range map[string]string{
		"/rules/0/duties/2":                        "row-value-2",
		"/rules/0/duties/2/filter":                 "row-value-2",
		"/rules/0/duties/2/filter/or/0/op":         "row-op-2",
		"/rules/0/duties/2/filter/or/0/values/1":   "row-value-2",
		"/rules/0/duties/2/filter/or/1/not/column": "row-column-3",
		"/body/rules/0/duties/3/filter/column":     "row-column-4",
		"/rules/0/duties/9":                        "",
		"/rules/9":                                 "",
		"x":                                        "",
		"":                                         "",
	} {
		if got := made.Field(pointer); got != want {
			t.Errorf("%s: %q, want %q", pointer, got, want)
		}
	}
	many := Form{"row-column": slices.Repeat([]string{"a"}, 10_000), "row-value": slices.Repeat([]string{"1"}, 10_000)}
	_, err = Read(many)
	if n := len(many.Rows()); n != mostRows+1 || err == nil || !strings.Contains(err.Error(), "at most 50 comparisons") {
		t.Errorf("%d lines, %v", n, err)
	}
}

// TestFields: a fault leads to the field that its part of the offer comes from.
func TestFields(t *testing.T) {
	t.Parallel()
	made, err := Read(Form{"purpose": {"x"}, "spatial": {"FR"}, "call": {"c"}, "rows": {"7"}, "barred": {"nobody"}, "never": {"y"}, "stage": {"yes"}, "hidden": {"h"},
		"column": {"a", "b", "c", "d"}, "treat": {"hide", "generalise", "", "generalise"}, "step": {"", "10", "", "10"}})
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{
		"/rules/0/constraint/and/0/right/0": "purpose",
		"/rules/0/constraint/and/1":         "spatial",
		"/rules/0/constraint/and/2/right/0": "call",
		"/rules/0/duties/0":                 "hidden",
		"/rules/0/actions/1":                "stage",
		"/rules/0/duties/0/columns/0":       "hidden",
		"/rules/0/duties/0/columns/1":       "treat-0",
		"/rules/0/duties/1/columns/1":       "treat-3",
		"/rules/0/duties/1/to":              "step-1",
		"/rules/0/duties/2/rows":            "rows",
		"/rules/0/duties":                   "columns",
		"/rules/1/constraint":               "never",
		"/rules/2/constraint/right/0":       "barred",
		"/x":                                "",
	} {
		if got := made.Field(pointer); got != want {
			t.Errorf("%s: %q, want %q", pointer, got, want)
		}
	}
	if got := Split("b, a;b\n a\r\n"); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("%q", got)
	}
}

// TestTyped: values are typed as people type them, and in quotation marks where that would be something else.
func TestTyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op, typed string
		want      []string
		back      string // where it is written otherwise
	}{
		{"eq", "18", []string{"18"}, ""},
		{"eq", "  18 ", []string{"18"}, "18"},
		{"eq", "", nil, ""},
		{"eq", `""`, []string{""}, ""},
		{"eq", "Paris, France", []string{"Paris, France"}, ""},
		{"eq", `" x"`, []string{" x"}, ""},
		{"eq", `"a" or "b"`, []string{`"a" or "b"`}, `"""a"" or ""b"""`},
		{"eq", `"open`, []string{`"open`}, `"""open"`},
		{"eq", `12" pipe`, []string{`12" pipe`}, ""},
		{"in", "a", []string{"a"}, ""},
		{"in", "a,b , c", []string{"a", "b", "c"}, "a, b, c"},
		{"in", "a,,b,", []string{"a", "b"}, "a, b"},
		{"in", `"Paris, France", Lyon`, []string{"Paris, France", "Lyon"}, ""},
		{"in", `"", b`, []string{"", "b"}, ""},
		{"in", `"a"b, c`, []string{`"a"b`, "c"}, `"""a""b", c`},
		{NoneOf, " , ", nil, ""},
		{"lt", "now-P30D", []string{"now-P30D"}, ""},
		{"in", `"a`, []string{`"a`}, `"""a"`},
		{NoneOf, "1;2", []string{"1;2"}, ""},
	} {
		got := values(c.op, c.typed)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s is %q, want %q", c.op, c.typed, got, c.want)
		}
		back := c.back
		if back == "" && c.want != nil {
			back = c.typed
		}
		if again := typed(c.op, got); again != back {
			t.Errorf("%s %q is written %s, want %s", c.op, got, again, back)
		}
	}
}

// TestClauses: which filters a form can say, and as what.
func TestClauses(t *testing.T) {
	t.Parallel()
	a := func(op string, v ...string) schemas.Filter { return schemas.Filter{Column: "a", Op: op, Values: v} }
	not := func(f schemas.Filter) schemas.Filter { return schemas.Filter{Not: &f} }
	and := func(list ...schemas.Filter) schemas.Filter { return schemas.Filter{And: list} }
	or := func(list ...schemas.Filter) schemas.Filter { return schemas.Filter{Or: list} }
	for _, c := range []struct {
		filter schemas.Filter
		want   string // "" where it cannot be said
	}{
		{a("eq", "1"), "eq 1"},
		{not(a("eq", "1")), "neq 1"},
		{not(a("neq", "1")), "eq 1"},
		{not(a("lt", "1")), "gteq 1"},
		{not(a("gteq", "1")), "lt 1"},
		{not(a("gt", "1")), "lteq 1"},
		{not(a("lteq", "1")), "gt 1"},
		{not(a("in", "1", "2")), "notin 1 2"},
		{not(not(a("in", "1", "2"))), "in 1 2"},
		{and(a("eq", "1"), and(a("eq", "2"), or(a("eq", "3"), a("eq", "4")))), "eq 1 & eq 2 & eq 3 | eq 4"},
		{or(a("eq", "1"), or(a("eq", "2"), and(a("eq", "3")))), "eq 1 | eq 2 | eq 3"},
		{not(or(a("eq", "1"), not(a("in", "2")))), "neq 1 & in 2"},
		{not(and(a("lt", "1"), a("gt", "2"))), "gteq 1 | lteq 2"},
		{or(a("eq", "1"), and(a("eq", "2"), a("eq", "3"))), ""},
		{not(and(a("eq", "1"), or(a("eq", "2"), a("eq", "3")))), ""},
		{schemas.Filter{}, ""},
		{not(schemas.Filter{}), ""},
		{a("like", "1"), ""},
		{a(NoneOf, "1"), ""},
		{a("eq"), ""},
		{a("eq", "1", "2"), ""},
		{schemas.Filter{Op: "eq", Values: []string{"1"}}, ""},
		{schemas.Filter{And: []schemas.Filter{a("eq", "1")}, Or: []schemas.Filter{a("eq", "1")}}, ""},
		{schemas.Filter{And: []schemas.Filter{a("eq", "1")}, Column: "a"}, ""},
	} {
		all, ok := clauses(&c.filter, false)
		var out []string
		for _, any := range all {
			var ways []string
			for _, x := range any {
				if x.Not != nil {
					x = *x.Not
					x.Op = NoneOf
				}
				ways = append(ways, x.Op+" "+strings.Join(x.Values, " "))
			}
			out = append(out, strings.Join(ways, " | "))
		}
		if got := strings.Join(out, " & "); got != c.want || ok != (c.want != "") {
			t.Errorf("%+v: %q, %v; want %q", c.filter, got, ok, c.want)
		}
	}
	long := schemas.Filter{}
	for range mostRows + 1 {
		long.And = append(long.And, a("eq", "1"))
	}
	if form, whole := Of(&schemas.Offer{Rules: []schemas.Rule{permit(nil, schemas.Duty{Kind: schemas.DutyFilter, Filter: &long})}}, nil); whole || len(form.Rows()) > 0 {
		t.Error("more conditions than a form shows are said to be all of them")
	}
}
