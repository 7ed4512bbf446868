package transform

import (
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

func texts(values ...any) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	for _, v := range values {
		if v == nil {
			b.AppendNull()
			continue
		}
		b.Append(v.(string))
	}
	return b.NewArray()
}

func ints(values ...any) arrow.Array {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for _, v := range values {
		if v == nil {
			b.AppendNull()
			continue
		}
		b.Append(int64(v.(int)))
	}
	return b.NewArray()
}

func dictionary(t *testing.T, values ...any) arrow.Array {
	t.Helper()
	b := array.NewDictionaryBuilder(memory.DefaultAllocator,
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	for _, v := range values {
		if v == nil {
			b.AppendNull()
			continue
		}
		err := b.AppendString(v.(string))
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.NewArray()
}

func apply(t *testing.T, c Column, a arrow.Array) []string {
	t.Helper()
	out, err := c.Apply(a)
	if err != nil {
		t.Fatal(err)
	}
	if out.Len() != a.Len() || !arrow.TypeEqual(out.DataType(), c.Type()) {
		t.Fatalf("%d values of %s, want %d of %s", out.Len(), out.DataType(), a.Len(), c.Type())
	}
	var s []string
	for i := range out.Len() {
		s = append(s, out.ValueStr(i))
	}
	return s
}

func TestPseudonyms(t *testing.T) {
	master := []byte("0123456789abcdef0123456789abcdef")
	key := func(permit schemas.RequestID) Column {
		k, err := PseudonymKey(master, Linkage{Derivation: 2, Permit: permit, Provider: "https://p.example", Dataset: "ds-1", Column: "id"})
		if err != nil {
			t.Fatal(err)
		}
		c, err := Pseudonymise(arrow.BinaryTypes.String, k)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a, b := key("req-a"), key("req-b")
	plain := apply(t, a, texts("42", "43", nil, "42"))
	if plain[0] != plain[3] || plain[0] == plain[1] || plain[2] != array.NullValueStr {
		t.Errorf("equal values, null and others: %q", plain)
	}
	if got := apply(t, a, dictionary(t, "42", "43", nil, "42")); !cmp.Equal(got, plain) {
		t.Errorf("a dictionary's pseudonyms differ: %q, want %q", got, plain)
	}
	if got := apply(t, a, ints(42, 43, nil, 42)); !cmp.Equal(got, plain) {
		t.Errorf("numbers and their texts do not join: %q, want %q", got, plain)
	}
	if got := apply(t, b, texts("42"))[0]; got == plain[0] {
		t.Error("pseudonyms join across permits")
	}
	if strings.Contains(strings.Join(plain, ""), "42") && len(plain[0]) < 16 {
		t.Errorf("a pseudonym shows the value: %q", plain)
	}
	_, err := Pseudonymise(arrow.ListOf(arrow.PrimitiveTypes.Int8), Key{})
	if err == nil {
		t.Error("a list was accepted")
	}
}

// Where pseudonyms join: what was given out under the permit alone stays; from then on
// a column joins with itself, or with those whose offers name the same domain and the
// same parties, which nobody can do one-sidedly.
func TestPseudonymLinkages(t *testing.T) {
	master := []byte("0123456789abcdef0123456789abcdef")
	key := func(l Linkage) string {
		k, err := PseudonymKey(master, l)
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(k.secret)
	}
	const old = "a22ce3786a35896f8aa07e68bb57d3aa1a1abac7fe93223e14044330c9c7ecea"
	for _, l := range []Linkage{{Permit: "req-a"}, {Derivation: 1, Permit: "req-a", Provider: "https://a.example", Dataset: "ds-1",
		Column: "id", Domain: "d"}} {
		if key(l) != old {
			t.Errorf("the key of an agreement from before has changed: %+v", l)
		}
	}
	own := Linkage{Derivation: 2, Permit: "req-a", Provider: "https://a.example", Dataset: "ds-1", Column: "id"}
	joint := own
	joint.Domain, joint.Parties = "cohort", []string{"https://a.example", "https://b.example"}
	alter := func(l Linkage, f func(*Linkage)) Linkage { f(&l); return l }
	same := alter(joint, func(l *Linkage) { l.Provider, l.Dataset, l.Column = "https://b.example", "ds-2", "person" })
	if key(joint) != key(same) {
		t.Error("what names the same domain and parties does not join")
	}
	seen := map[string]Linkage{old: {Permit: "req-a"}}
	for _, l := range []Linkage{
		own, joint,
		alter(own, func(l *Linkage) { l.Permit = "req-b" }),
		alter(own, func(l *Linkage) { l.Provider = "https://b.example" }),
		alter(own, func(l *Linkage) { l.Dataset = "ds-2" }),
		alter(own, func(l *Linkage) { l.Column = "id2" }),
		alter(own, func(l *Linkage) { l.Domain = "cohort" }),
		alter(joint, func(l *Linkage) { l.Permit = "req-b" }),
		alter(joint, func(l *Linkage) { l.Domain = "cohort2" }),
		alter(joint, func(l *Linkage) { l.Provider = "https://outsider.example" }), // names theirs, and is not named by them
		alter(joint, func(l *Linkage) { l.Parties = []string{"https://a.example,https://b.example"} }),
	} {
		k := key(l)
		if other, twice := seen[k]; twice {
			t.Errorf("%+v joins with %+v", l, other)
		}
		seen[k] = l
	}
	_, err := PseudonymKey(master, Linkage{Derivation: schemas.Pseudonyms + 1})
	if err == nil {
		t.Error("a derivation of a later version was guessed")
	}
}

func TestGeneralise(t *testing.T) {
	day := func(s string) arrow.Date32 {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return arrow.Date32FromTime(d)
	}
	dates := array.NewDate32Builder(memory.DefaultAllocator)
	dates.Append(day("1961-07-23"))
	dates.AppendNull()
	small := array.NewInt8Builder(memory.DefaultAllocator)
	small.AppendValues([]int8{-128, -1, 0, 127}, nil)
	for _, tt := range []struct {
		name, to string
		in       arrow.Array
		want     []string
	}{
		{"text", "first:2", texts("67890", "Ørsted", "a", nil), []string{"67", "Ør", "a", array.NullValueStr}},
		{"dictionary", "first:1", dictionary(t, "north", nil, "south"), []string{"n", array.NullValueStr, "s"}},
		{"numbers down, also below zero", "10", ints(19, 20, -1, nil), []string{"10", "20", "-10", array.NullValueStr}},
		{"a narrow type stays inside itself", "10", small.NewArray(), []string{"-120", "-10", "0", "120"}},
		{"year", "year", dates.NewArray(), []string{"1961-01-01", array.NullValueStr}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := Generalise(tt.in.DataType(), tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, apply(t, g, tt.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []struct {
		typ arrow.DataType
		to  string
	}{{arrow.BinaryTypes.String, "10"}, {arrow.PrimitiveTypes.Int64, "year"}, {arrow.FixedWidthTypes.Date32, "hour"},
		{arrow.PrimitiveTypes.Int64, "0.5"}, {arrow.PrimitiveTypes.Int64, "first:2"}} {
		_, err := Generalise(bad.typ, bad.to)
		if err == nil {
			t.Errorf("%s to %s was accepted: the value would pass unchanged", bad.typ, bad.to)
		}
	}
}

// A number is as long as what it is compared with: one whose exponent writes it out at
// any length is refused before it is.
func TestFilterNumbers(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "u", Type: arrow.PrimitiveTypes.Uint64}},
		nil)
	for _, s := range []string{"1e100", "1e-100", "1e+200", "0x1p-200", "1/3", "1_000", "", "-"} {
		_, err := NewFilter(&schemas.Filter{Column: "n", Op: "in", Values: []string{s}}, schema, time.Now())
		if schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	}
	b := array.NewUint64Builder(memory.DefaultAllocator)
	b.AppendValues([]uint64{0, 7, math.MaxUint64}, nil)
	columns := []arrow.Array{ints(math.MinInt64, -7, math.MaxInt64), b.NewArray()}
	for _, tt := range []struct {
		column, op string
		values     []string
		want       []int32
	}{
		{"n", "lt", []string{"-6.5"}, []int32{0, 1}}, {"n", "lt", []string{"-7.5"}, []int32{0}}, {"n", "gt", []string{"-1e99"}, []int32{0, 1, 2}},
		{"n", "gteq", []string{"9223372036854775808"}, nil}, {"n", "in", []string{"5", "-7", "1e99", "-7.2"}, []int32{1}},
		{"n", "eq", []string{"-0.7e1"}, []int32{1}},
		{"u", "in", []string{"18446744073709551615", "-3", "7.0"}, []int32{1, 2}}, {"u", "gt", []string{"-0.5"}, []int32{0, 1, 2}},
		{"u", "lteq", []string{"6.9"}, []int32{0}},
	} {
		f, err := NewFilter(&schemas.Filter{Column: tt.column, Op: tt.op, Values: tt.values}, schema, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Rows(columns, 3); !slices.Equal(got, tt.want) {
			t.Errorf("%s %s %v: %v, want %v", tt.column, tt.op, tt.values, got, tt.want)
		}
	}
}

func TestFilter(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	cols := []arrow.Array{ints(1, 2, nil, 4, 5), texts("a", nil, "c", "d", "e")}
	leaf := func(col, op string, values ...string) schemas.Filter {
		return schemas.Filter{Column: col, Op: op, Values: values}
	}
	not := func(f schemas.Filter) schemas.Filter { return schemas.Filter{Not: &f} }
	for _, tt := range []struct {
		name string
		f    schemas.Filter
		want []int32
	}{
		{"greater", leaf("n", "gt", "1.5"), []int32{1, 3, 4}},
		{"not: null does not match", not(leaf("n", "gt", "2")), []int32{0, 1}},
		{"neq: null does not match", leaf("s", "neq", "a"), []int32{2, 3, 4}},
		{"in", leaf("s", "in", "a", "e"), []int32{0, 4}},
		{"and", schemas.Filter{And: []schemas.Filter{leaf("n", "gteq", "1"), leaf("s", "lteq", "d")}}, []int32{0, 3}},
		{"or: null in either does not match", schemas.Filter{Or: []schemas.Filter{leaf("n", "eq", "2"), leaf("s", "eq", "c")}}, nil},
		{"not over or", not(schemas.Filter{Or: []schemas.Filter{leaf("n", "eq", "1"), leaf("s", "eq", "e")}}), []int32{3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := NewFilter(&tt.f, schema, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, f.Rows(cols, 5)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []schemas.Filter{leaf("gone", "eq", "1"), leaf("n", "eq", "x"), leaf("n", "like", "1"), {}} {
		_, err := NewFilter(&bad, schema, time.Now())
		if err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}
