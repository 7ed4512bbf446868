package column_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/connectors/column"
	"guichet/connectors/column/columntest"
)

// texts is a column of texts; "null" stands for null.
func texts(t testing.TB, words ...string) *column.Column {
	t.Helper()
	b := array.NewStringBuilder(memory.NewGoAllocator())
	for _, w := range words {
		if w == "null" {
			b.AppendNull()
		} else {
			b.Append(w)
		}
	}
	return from(t, b.NewArray())
}

// coded is a dictionary column; -1 stands for null.
func coded(dictionary *column.Column, indices ...int8) *column.Column {
	c := &column.Column{Type: wordType(), Len: len(indices), Dictionary: dictionary}
	valid, nulls := make([]byte, (len(indices)+7)/8), 0
	data := make([]byte, len(indices))
	for i, k := range indices {
		data[i] = byte(k)
		if k < 0 {
			nulls++
		} else {
			valid[i/8] |= 1 << (i % 8)
		}
	}
	c.Buffers = [][]byte{data}
	if nulls > 0 {
		c.Valid = valid
	}
	return c
}

func wordType() *arrow.DictionaryType {
	return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
}

// whole is one run of all of a column.
func whole(c *column.Column) []column.Run { return []column.Run{{Column: c, Len: c.Len}} }

// decoded are the values of a dictionary column.
func decoded(t testing.TB, c *column.Column) []string {
	t.Helper()
	plain, err := column.Canonical(arrow.Field{Name: "w", Type: arrow.BinaryTypes.String, Nullable: true}, whole(c), &column.DictionaryMap{})
	if err != nil {
		t.Fatal(err)
	}
	return values(plain)
}

func TestUnify(t *testing.T) {
	f := arrow.Field{Name: "w", Type: arrow.BinaryTypes.String, Nullable: true}
	for _, x := range []struct {
		name  string
		in    [][]string
		want  string
		remap string // of those after the first
	}{
		{"none", nil, "", ""},
		{"one, repeats and all", [][]string{{"a", "b", "a"}}, "a b a", ""},
		{"values of the first keep their places", [][]string{{"a", "b"}, {"c", "b"}}, "a b c", "[2 1]"},
		{"a repeat in the second", [][]string{{"a"}, {"x", "x"}}, "a x", "[1 1]"},
		{"a repeat in the first is found at its first place", [][]string{{"a", "a"}, {"a"}}, "a a", "[0]"},
		{"null is a value", [][]string{{"a", "null"}, {"null", "b"}}, "a null b", "[1 2]"},
		{"an empty text is no null", [][]string{{"null"}, {""}}, "null ", "[1]"},
		{"three", [][]string{{"a"}, {"b", "a"}, {"c", "b"}}, "a b c", "[1 0][2 1]"},
	} {
		var all []*column.Column
		for _, words := range x.in {
			all = append(all, texts(t, words...))
		}
		d, remap, err := column.Unify(f, all)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		maps := ""
		for _, c := range all[min(1, len(all)):] {
			maps += fmt.Sprint(remap[c])
		}
		if got := strings.Join(values(d), " "); got != x.want || maps != x.remap {
			t.Errorf("%s: %q and %s, want %q and %s", x.name, got, maps, x.want, x.remap)
		}
	}
	large := texts(t, strings.Repeat("x", column.MaxBody))
	if d, _, err := column.Unify(f, []*column.Column{large}); d != nil || err != nil {
		t.Errorf("a dictionary larger than a message: %v, %v", d, err)
	}
}

// However dictionaries are joined, each index leads to the value that it led to.
func TestUnifyKeepsValues(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "a", "b", "ž", "null", "日本"})
	rapid.Check(t, func(rt *rapid.T) {
		var runs []column.Run
		var dictionaries []*column.Column
		var want []string
		for range rapid.IntRange(1, 4).Draw(rt, "columns") {
			words := rapid.SliceOfN(word, 1, 5).Draw(rt, "dictionary")
			d := texts(t, words...)
			c := coded(d, rapid.SliceOfN(rapid.Int8Range(-1, int8(len(words)-1)), 0, 9).Draw(rt, "indices")...)
			dictionaries = append(dictionaries, d)
			runs = column.AppendRun(runs, column.Run{Column: c, Len: c.Len})
			want = append(want, decoded(t, c)...)
		}
		d, remap, err := column.Unify(arrow.Field{Name: "w", Type: arrow.BinaryTypes.String, Nullable: true}, dictionaries)
		if err != nil {
			rt.Fatal(err)
		}
		out, err := column.Canonical(arrow.Field{Name: "w", Type: wordType(), Nullable: true}, runs,
			&column.DictionaryMap{Dictionary: d, Remap: remap})
		if err != nil {
			rt.Fatal(err)
		}
		if got := decoded(t, out); !slices.Equal(got, want) {
			rt.Fatalf("%q, want %q", got, want)
		}
		if why := canonicalFault(out); why != "" {
			rt.Fatal(why)
		}
	})
}

// A compacted dictionary has the values that rows use, each once, in the order of first use,
// and the rows have the values that they had.
func TestCompactor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shared := texts(t, "red", "green", "blue", "never", "null")
		other := texts(t, "blue", "black")
		var runs []column.Run
		var want, order []string
		c := column.NewCompactor("w", wordType())
		for range rapid.IntRange(0, 4).Draw(rt, "columns") {
			d, n := shared, int8(4)
			if rapid.IntRange(0, 3).Draw(rt, "which") == 0 {
				d, n = other, 1
			}
			k := coded(d, rapid.SliceOfN(rapid.Int8Range(-1, n), 0, 9).Draw(rt, "indices")...)
			fresh, err := c.Use(whole(k))
			if err != nil {
				rt.Fatal(err)
			}
			for _, r := range fresh { // those that no row before used
				order = append(order, values(r.Column)[r.From:r.From+r.Len]...)
			}
			runs, want = column.AppendRun(runs, column.Run{Column: k, Len: k.Len}), append(want, decoded(t, k)...)
		}
		m, err := c.Map()
		if err != nil {
			rt.Fatal(err)
		}
		if got := values(m.Dictionary); !slices.Equal(got, order) {
			rt.Fatalf("the dictionary is %q, in the order of use %q", got, order)
		}
		out, err := column.Canonical(arrow.Field{Name: "w", Type: wordType(), Nullable: true}, runs, m)
		if err != nil {
			rt.Fatal(err)
		}
		if got := decoded(t, out); !slices.Equal(got, want) {
			rt.Fatalf("%q, want %q", got, want)
		}
		if nothing, err := c.Use(runs); err != nil || len(nothing) > 0 {
			rt.Fatalf("used again, %d runs are new, %v", len(nothing), err)
		}
	})
}

func TestIndicesAreChecked(t *testing.T) {
	d := texts(t, "a", "b")
	bad := coded(d, 0, 1, 2)
	want := "row 2: index 2 in a dictionary of 2 values"
	if _, err := column.NewCompactor("w", wordType()).Use(whole(bad)); err == nil || err.Error() != "invalid: "+want {
		t.Errorf("compacting: %v", err)
	}
	if err := bad.CheckIndices(); err == nil || err.Error() != want {
		t.Errorf("checking: %v", err)
	}
	if _, err := column.Decode(arrow.Field{Type: arrow.BinaryTypes.String}, whole(bad)); err == nil || err.Error() != want {
		t.Errorf("decoding: %v", err)
	}
	_, err := column.Canonical(arrow.Field{Type: wordType()}, whole(bad), &column.DictionaryMap{Dictionary: d})
	if err == nil || err.Error() != "row 2 has the index 2 in a dictionary of 2 values" {
		t.Errorf("copying: %v", err)
	}
	if err := coded(d, 0, 1, -1).CheckIndices(); err != nil {
		t.Errorf("what a null has for an index: %v", err)
	}
	many := make([]string, 129)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	c := column.NewCompactor("w", wordType())
	var runs []column.Run
	for i := range many {
		runs = append(runs, column.Run{Column: &column.Column{Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16,
			ValueType: arrow.BinaryTypes.String},
			Len: 1, Buffers: [][]byte{{byte(i), byte(i >> 8)}}, Dictionary: texts(t, many...)}, Len: 1})
	}
	if _, err := c.Use(runs); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Map(); err == nil || err.Error() != "invalid: 129 values are too many for the index type" {
		t.Errorf("an index type too small: %v", err)
	}
}

func TestMaxIndex(t *testing.T) {
	p := arrow.PrimitiveTypes
	for dt, want := range map[arrow.DataType]int64{p.Int8: 127, p.Uint8: 255, p.Int16: 32767, p.Uint16: 65535, p.Int32: 1<<31 - 1,
		p.Uint32: 1<<31 - 1, p.Int64: 1<<31 - 1, p.Uint64: 1<<31 - 1} {
		if got := column.MaxIndex(dt); got != want {
			t.Errorf("%s: %d, want %d", dt, got, want)
		}
	}
}

// Equal keys are equal values, for every flat type.
func TestValueKey(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 4))
		dt := columntest.Type(r, 0)
		if dt.ID() == arrow.NULL {
			return
		}
		b := array.NewBuilder(memory.NewGoAllocator(), dt)
		for range 2 + r.IntN(12) {
			columntest.Append(r, b, true)
		}
		a := b.NewArray()
		c := from(t, a)
		for i := range c.Len {
			for k := range c.Len {
				same := a.IsNull(i) == a.IsNull(k) && (a.IsNull(i) || a.ValueStr(i) == a.ValueStr(k))
				if (column.ValueKey(c, i) == column.ValueKey(c, k)) != same {
					rt.Fatalf("%s: %s and %s have the keys %q and %q", dt, a.ValueStr(i), a.ValueStr(k), column.ValueKey(c, i), column.ValueKey(c, k))
				}
			}
		}
	})
}

// Arrays with a dictionary become plain columns of what they show, by whichever way.
func TestFromArray(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 5))
		vt := []arrow.DataType{arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, arrow.FixedWidthTypes.Date32,
			arrow.FixedWidthTypes.Boolean}[r.IntN(4)]
		b := array.NewBuilder(memory.NewGoAllocator(), vt)
		nulls := r.IntN(2) == 0
		for range 1 + r.IntN(5) {
			columntest.Append(r, b, nulls)
		}
		d := b.NewArray()
		ib := array.NewInt16Builder(memory.NewGoAllocator())
		var want []string
		for range r.IntN(12) {
			k := r.IntN(d.Len())
			if nulls && r.IntN(4) == 0 {
				ib.AppendNull()
				want = append(want, "null")
				continue
			}
			ib.Append(int16(k))
			if d.IsNull(k) {
				want = append(want, "null")
			} else {
				want = append(want, d.ValueStr(k))
			}
		}
		a := array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: vt}, ib.NewArray(), d)
		c, err := column.FromArray(arrow.Field{Name: "x", Type: vt, Nullable: true}, a)
		if err != nil {
			rt.Fatal(err)
		}
		if got := values(c); !slices.Equal(got, want) && len(got)+len(want) > 0 {
			rt.Fatalf("%q, want %q", got, want)
		}
		if why := canonicalFault(c); why != "" {
			rt.Fatal(why)
		}
	})
}

// Records of one decoder share their dictionaries, in Arrow and here.
func TestDictionariesAreShared(t *testing.T) {
	d := texts(t, "a", "b")
	known := map[*column.Column]arrow.ArrayData{}
	schema := arrow.NewSchema([]arrow.Field{{Name: "w", Type: wordType(), Nullable: true}}, nil)
	x := column.Record(schema, []*column.Column{coded(d, 0)}, 1, known)
	y := column.Record(schema, []*column.Column{coded(d, 1, 0)}, 2, known)
	if len(known) != 1 || x.Column(0).Data().Dictionary() != y.Column(0).Data().Dictionary() {
		t.Error("two dictionaries in Arrow")
	}
	back := map[arrow.ArrayData]*column.Column{}
	var cols []*column.Column
	for _, rec := range []arrow.Record{x, y} {
		c, err := column.FromArrow(rec.Column(0).Data(), back)
		if err != nil {
			t.Fatal(err)
		}
		cols = append(cols, c)
	}
	if cols[0].Dictionary != cols[1].Dictionary || len(back) != 1 {
		t.Error("two dictionaries here")
	}
	if got := strings.Join(decoded(t, cols[1]), " "); got != "b a" || cols[1].Index(0) != 1 {
		t.Errorf("%s, index %d", got, cols[1].Index(0))
	}
}

// A dictionary of two dictionaries and the rows that use them.
func ExampleUnify() {
	f := arrow.Field{Name: "w", Type: arrow.BinaryTypes.String, Nullable: true}
	word := func(words ...string) *column.Column {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		b.AppendValues(words, nil)
		c, err := column.FromArray(f, b.NewArray())
		if err != nil {
			panic(err)
		}
		return c
	}
	first, second := word("a", "b"), word("c", "b")
	d, remap, err := column.Unify(f, []*column.Column{first, second})
	if err != nil {
		panic(err)
	}
	fmt.Println(values(d), remap[second])
	// Output:
	// [a b c] [2 1]
}
