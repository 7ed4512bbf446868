package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/schemas"
)

// of is an array of a type, written as JSON.
func of(t testing.TB, typ arrow.DataType, values string) arrow.Array {
	t.Helper()
	a, _, err := array.FromJSON(memory.DefaultAllocator, typ, strings.NewReader(values), array.WithUseNumber())
	if err != nil {
		t.Fatalf("%s %s: %v", typ, values, err)
	}
	return a
}

func coded(values arrow.DataType) arrow.DataType {
	return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: values}
}

func seconds(zone string) arrow.DataType {
	return &arrow.TimestampType{Unit: arrow.Second, TimeZone: zone}
}

// flat are types that pseudonyms are made of, with three values each, two of them equal.
func flat() map[string]struct {
	typ    arrow.DataType
	values string
} {
	type pair = struct {
		typ    arrow.DataType
		values string
	}
	return map[string]pair{
		"bool": {arrow.FixedWidthTypes.Boolean, `[true, null, false, true]`},
		"int8": {
			arrow.PrimitiveTypes.Int8,
			`[-3, null, 4, -3]`,
		}, "uint64": {arrow.PrimitiveTypes.Uint64, `[18446744073709551615, null, 4, 18446744073709551615]`},
		"int64": {arrow.PrimitiveTypes.Int64, `[42, null, -1, 42]`}, "double": {arrow.PrimitiveTypes.Float64, `[0.5, null, 1, 0.5]`},
		"text": {arrow.BinaryTypes.String, `["ž", null, "", "ž"]`}, "large": {arrow.BinaryTypes.LargeString, `["ž", null, "", "ž"]`},
		"binary": {
			arrow.BinaryTypes.Binary,
			`["AAE=", null, "", "AAE="]`,
		}, "fixed": {&arrow.FixedSizeBinaryType{ByteWidth: 2}, `["AAE=", null, "AAA=", "AAE="]`},
		"date": {
			arrow.FixedWidthTypes.Date32,
			`["2026-01-31", null, "2026-02-01", "2026-01-31"]`,
		}, "instant": {seconds("UTC"), `["2026-01-31 10:00:00", null, "2026-02-01 10:00:00", "2026-01-31 10:00:00"]`},
		"decimal": {&arrow.Decimal128Type{Precision: 10, Scale: 2}, `["1.50", null, "2.00", "1.50"]`},
	}
}

// Of every flat type equal values have one pseudonym and others another, null stays null,
// and a dictionary gives what its values would.
func TestPseudonymsOfEveryType(t *testing.T) {
	keyed, err := PseudonymKey(bytes.Repeat([]byte{1}, 32), Linkage{Permit: "req-1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range flat() {
		t.Run(name, func(t *testing.T) {
			p, err := Pseudonymise(c.typ, keyed)
			if err != nil {
				t.Fatal(err)
			}
			got := apply(t, p, of(t, c.typ, c.values))
			if got[0] != got[3] || got[0] == got[2] || got[1] != array.NullValueStr || p.Most() != Width {
				t.Errorf("%s: %v", c.values, got)
			}
			other, err := Pseudonymise(c.typ, Key{keyed.derivation, bytes.Repeat([]byte{9}, 32)})
			if err != nil || slices.Equal(apply(t, other, of(t, c.typ, c.values)), got) {
				t.Errorf("another key gives the same: %v", err)
			}
		})
	}
	texts := of(t, arrow.BinaryTypes.String, `["42", null, "-1"]`)
	for name, a := range map[string]arrow.Array{
		"numbers":      of(t, arrow.PrimitiveTypes.Int64, `[42, null, -1]`),
		"narrow":       of(t, arrow.PrimitiveTypes.Int8, `[42, null, -1]`),
		"a dictionary": of(t, coded(arrow.BinaryTypes.String), `["42", null, "-1"]`),
	} {
		p, err := Pseudonymise(a.DataType(), keyed)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := apply(t, p, a), apply(t, p, texts); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want those of the texts: %v", name, got, want)
		}
	}
	for _, nested := range []arrow.DataType{arrow.ListOf(arrow.PrimitiveTypes.Int8),
		arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int8}),
		arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8)} {
		_, err := Pseudonymise(nested, keyed)
		if want := fmt.Sprintf("columns of type %s cannot be pseudonymised", nested); err == nil || err.Error() != want {
			t.Errorf("%s: %v", nested, err)
		}
	}
	_, err = PseudonymKey(nil, Linkage{Derivation: 4})
	if err == nil || err.Error() != "pseudonyms of derivation 4 are not known to this version" {
		t.Errorf("a derivation of a later version: %v", err)
	}
}

// Each step on each type that it is for, dictionaries too; all others are refused.
func TestStepsOfEveryType(t *testing.T) {
	for _, c := range []struct {
		typ      arrow.DataType
		to       string
		in, want string
		most     int64
	}{
		{arrow.BinaryTypes.String, "first:3", `["Žižkov", "ab", null, ""]`, `["Žiž", "ab", null, ""]`, 12},
		{arrow.BinaryTypes.LargeString, "first:1", `["Žižkov", null]`, `["Ž", null]`, 4},
		{arrow.PrimitiveTypes.Int16, "100", `[-32768, -1, 0, 32767]`, `[-32700, -100, 0, 32700]`, 16},
		{arrow.PrimitiveTypes.Int32, "7", `[-8, -7, 6, 7]`, `[-14, -7, 0, 7]`, 16},
		{arrow.PrimitiveTypes.Int64, "2147483646", `[-1, 2147483647]`, `[-2147483646, 2147483646]`, 16},
		{arrow.PrimitiveTypes.Uint8, "50", `[0, 49, 255]`, `[0, 0, 250]`, 16},
		{arrow.PrimitiveTypes.Uint16, "1000", `[999, 65535]`, `[0, 65000]`, 16},
		{arrow.PrimitiveTypes.Uint32, "10", `[19, 4294967295]`, `[10, 4294967290]`, 16},
		{arrow.PrimitiveTypes.Uint64, "10", `[19, 18446744073709551615]`, `[10, 18446744073709551610]`, 16},
		{arrow.PrimitiveTypes.Float64, "0.5", `[0.7, -0.2, null]`, `[0.5, -0.5, null]`, 16},
		{arrow.PrimitiveTypes.Float32, "10", `[19.5, -1]`, `[10, -10]`, 16},
		{arrow.FixedWidthTypes.Date32, "month", `["1969-12-31", "2026-02-28"]`, `["1969-12-01", "2026-02-01"]`, 16},
		{arrow.FixedWidthTypes.Date64, "year", `["1969-12-31", "2026-02-28"]`, `["1969-01-01", "2026-01-01"]`, 16},
		{seconds("UTC"), "hour", `["1969-12-31 23:59:59", "2026-02-28 10:30:00"]`, `["1969-12-31 23:00:00", "2026-02-28 10:00:00"]`, 16},
		{seconds(""), "day", `["2026-02-28 10:30:00", null]`, `["2026-02-28 00:00:00", null]`, 16},
	} {
		t.Run(c.typ.String()+" "+c.to, func(t *testing.T) {
			g, err := Generalise(c.typ, c.to)
			if err != nil {
				t.Fatal(err)
			}
			want := of(t, c.typ, c.want)
			got, err := g.Apply(of(t, c.typ, c.in))
			if err != nil || !array.Equal(got, want) || g.Most() != c.most {
				t.Errorf("%s is made %v, want %v: %v", c.in, got, want, err)
			}
		})
	}
	for _, bad := range []struct {
		typ arrow.DataType
		to  string
	}{
		{arrow.BinaryTypes.String, "month"}, {arrow.BinaryTypes.String, "first:0"}, {arrow.BinaryTypes.String, "first:100001"},
		{arrow.BinaryTypes.String, "first:x"},
		{arrow.BinaryTypes.Binary, "first:1"}, {arrow.PrimitiveTypes.Int8, "2147483647"}, {arrow.PrimitiveTypes.Int8, "0"},
		{arrow.PrimitiveTypes.Int8, "-5"},
		{arrow.FixedWidthTypes.Float16, "1"}, {arrow.FixedWidthTypes.Date64, "hour"}, {arrow.FixedWidthTypes.Boolean, "year"},
		{seconds(""), "week"},
		{arrow.ListOf(arrow.PrimitiveTypes.Int8), "10"}, {&arrow.Decimal128Type{Precision: 5, Scale: 1}, "10"},
	} {
		_, err := Generalise(bad.typ, bad.to)
		if want := fmt.Sprintf("columns of type %s cannot be generalised to %s", bad.typ, bad.to); err == nil || err.Error() != want {
			t.Errorf("%s to %s: %v", bad.typ, bad.to, err)
		}
	}
}

// Rounding down to a width gives the multiple below, and once more the same; a dictionary
// is made what its values are made.
func TestWidths(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		width := rapid.Int64Range(1, 1<<31-2).Draw(rt, "width")
		values := rapid.SliceOfN(rapid.Int64Range(-1<<40, 1<<40), 1, 5).Draw(rt, "values")
		text, err := json.Marshal(values)
		if err != nil {
			rt.Fatal(err)
		}
		for _, typ := range []arrow.DataType{arrow.PrimitiveTypes.Int64, coded(arrow.PrimitiveTypes.Int64)} {
			g, err := Generalise(typ, fmt.Sprint(width))
			if err != nil {
				rt.Fatal(err)
			}
			once, err := g.Apply(of(t, typ, string(text)))
			if err != nil {
				rt.Fatal(err)
			}
			twice, err := g.Apply(once)
			if err != nil || !array.Equal(once, twice) {
				rt.Errorf("%v becomes %v, and then %v: %v", values, once, twice, err)
			}
			for i, v := range values {
				if n := once.(*array.Int64).Value(i); n > v || v-n >= width || n%width != 0 {
					rt.Errorf("%d becomes %d by %d", v, n, width)
				}
			}
		}
	})
}

// naive judges a row of n and s as the words say: a null in any column that is named does
// not match, under not neither.
func naive(f *schemas.Filter, n *int64, s *string) (match, known bool) {
	both := func(list []schemas.Filter, and bool) (bool, bool) {
		out, all := and, true
		for i := range list {
			m, k := naive(&list[i], n, s)
			all = all && k
			if and {
				out = out && m
			} else {
				out = out || m
			}
		}
		return out && all, all
	}
	switch {
	case len(f.And) > 0:
		return both(f.And, true)
	case len(f.Or) > 0:
		return both(f.Or, false)
	case f.Not != nil:
		m, k := naive(f.Not, n, s)
		return !m && k, k
	}
	for _, v := range f.Values {
		var order int
		switch {
		case f.Column == "n" && n == nil || f.Column == "s" && s == nil:
			return false, false
		case f.Column == "n":
			var want int64
			_, _ = fmt.Sscan(v, &want)
			order = int(*n - want)
		default:
			order = strings.Compare(*s, v)
		}
		is := map[string]bool{
			"eq":   order == 0,
			"in":   order == 0,
			"neq":  order != 0,
			"lt":   order < 0,
			"lteq": order <= 0,
			"gt":   order > 0,
			"gteq": order >= 0,
		}
		if is[f.Op] {
			return true, true
		}
	}
	return false, true
}

func anyFilter(t *rapid.T, depth int) schemas.Filter {
	kind := "leaf"
	if depth > 0 {
		kind = rapid.SampledFrom([]string{"leaf", "and", "or", "not"}).Draw(t, "kind")
	}
	list := func() (out []schemas.Filter) {
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			out = append(out, anyFilter(t, depth-1))
		}
		return out
	}
	switch kind {
	case "and":
		return schemas.Filter{And: list()}
	case "or":
		return schemas.Filter{Or: list()}
	case "not":
		f := anyFilter(t, depth-1)
		return schemas.Filter{Not: &f}
	}
	f := schemas.Filter{
		Column: rapid.SampledFrom([]string{"n", "s"}).Draw(t, "column"),
		Op:     rapid.SampledFrom([]string{"eq", "neq", "lt", "lteq", "gt", "gteq", "in"}).Draw(t, "op"),
	}
	values := 1
	if f.Op == "in" {
		values = rapid.IntRange(1, 4).Draw(t, "values")
	}
	for range values {
		f.Values = append(f.Values, fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "value")))
	}
	return f
}

// Any expression picks the rows that the words pick, over plain columns and dictionaries.
func TestFiltersAgainstTheWords(t *testing.T) {
	ns, ss := `[0, 1, 2, null, 4, 5, null, 3]`, `["0", null, "2", "3", "1", "5", null, "4"]`
	number := []string{"0", "1", "2", "", "4", "5", "", "3"}
	text := []string{"0", "", "2", "3", "1", "5", "", "4"}
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String}}, nil)
	codes := arrow.NewSchema([]arrow.Field{{Name: "n", Type: coded(arrow.PrimitiveTypes.Int64)},
		{Name: "s", Type: coded(arrow.BinaryTypes.String)}}, nil)
	rapid.Check(t, func(rt *rapid.T) {
		f := anyFilter(rt, 3)
		var want []int32
		for i := range number {
			var n *int64
			var s *string
			if number[i] != "" {
				n = new(int64)
				_, _ = fmt.Sscan(number[i], n)
			}
			if text[i] != "" {
				s = &text[i]
			}
			if match, known := naive(&f, n, s); match && known {
				want = append(want, int32(i))
			}
		}
		for _, schema := range []*arrow.Schema{schema, codes} {
			c, err := NewFilter(&f, schema, time.Now())
			if err != nil {
				rt.Fatal(err)
			}
			cols := []arrow.Array{of(t, schema.Field(0).Type, ns), of(t, schema.Field(1).Type, ss)}
			if got := c.Rows(cols, len(number)); !slices.Equal(got, want) {
				rt.Errorf("%+v picks %v of %s, want %v", f, got, schema, want)
			}
		}
	})
}

// Each type that is compared, and what each refuses.
func TestComparedTypes(t *testing.T) {
	for _, c := range []struct {
		typ    arrow.DataType
		in     string
		op     string
		values []string
		want   []int32
	}{
		{arrow.FixedWidthTypes.Boolean, `[true, false, null]`, "eq", []string{"true"}, []int32{0}},
		{arrow.FixedWidthTypes.Boolean, `[true, false, null]`, "in", []string{"true", "false"}, []int32{0, 1}},
		{arrow.FixedWidthTypes.Boolean, `[true, false, null]`, "lt", []string{"true"}, []int32{1}},
		{arrow.BinaryTypes.LargeString, `["a", "b", null]`, "gteq", []string{"b"}, []int32{1}},
		{arrow.PrimitiveTypes.Float64, `[0.5, 1, null]`, "in", []string{"1", "0.5", "2"}, []int32{0, 1}},
		{arrow.PrimitiveTypes.Float32, `[0.5, 1, null]`, "gt", []string{"0.5"}, []int32{1}},
		{arrow.PrimitiveTypes.Uint8, `[0, 255, null]`, "gt", []string{"254.5"}, []int32{1}},
		{arrow.FixedWidthTypes.Date64, `["2026-01-01", "2026-01-02"]`, "eq", []string{"2026-01-02"}, []int32{1}},
	} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: c.typ}}, nil)
		f, err := NewFilter(&schemas.Filter{Column: "c", Op: c.op, Values: c.values}, schema, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		a := of(t, c.typ, c.in)
		if got := f.Rows([]arrow.Array{a}, a.Len()); !slices.Equal(got, c.want) || !slices.Equal(f.Columns(), []int{0}) {
			t.Errorf("%s %s %v of %s: %v, want %v", c.typ, c.op, c.values, c.in, got, c.want)
		}
	}
	for _, c := range []struct {
		typ       arrow.DataType
		op, value string
		want      string
	}{
		{arrow.FixedWidthTypes.Boolean, "eq", "yes", `column "c": "yes" is neither true nor false`},
		{arrow.PrimitiveTypes.Float64, "eq", "NaN", `column "c": "NaN" is not a number`},
		{arrow.PrimitiveTypes.Int8, "eq", "one", `column "c": "one" is not a number that columns of integers hold`},
		{arrow.BinaryTypes.String, "like", "a", `"like" is not a comparison`},
		{arrow.BinaryTypes.Binary, "eq", "a", `column "c": columns of type binary are not compared`},
		{seconds("UTC"), "eq", "then", `or now, or now-P30D (D, W, M, Y)`},
	} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: c.typ}}, nil)
		_, err := NewFilter(&schemas.Filter{Column: "c", Op: c.op, Values: []string{c.value}}, schema, time.Now())
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s %s: got %v, want %s", c.typ, c.op, c.value, err, c.want)
		}
	}
}
