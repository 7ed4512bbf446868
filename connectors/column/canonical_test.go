package column_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/column"
	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
)

// from takes an array as a column.
func from(t testing.TB, a arrow.Array) *column.Column {
	t.Helper()
	c, err := column.FromArrow(a.Data(), map[arrow.ArrayData]*column.Column{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// values are a column's values as Arrow shows them.
func values(c *column.Column) []string {
	a := array.MakeFromData(c.ToArrow(map[*column.Column]arrow.ArrayData{}))
	out := make([]string, a.Len())
	for i := range out {
		if out[i] = a.ValueStr(i); a.IsNull(i) {
			out[i] = "null"
		}
	}
	return out
}

// flatten is every byte of a column that a message would have, with its counts.
func flatten(c *column.Column) string {
	nodes, bufs := c.Layout(nil, nil)
	return fmt.Sprintf("%v %x", nodes, bufs)
}

// canonicalFault says in words what of a column is not in canonical form.
func canonicalFault(c *column.Column) string {
	nulls := c.Nulls(0, c.Len)
	switch {
	case c.Offset != 0:
		return fmt.Sprintf("it begins at %d", c.Offset)
	case c.Type.ID() != arrow.NULL && (c.Valid == nil) != (nulls == 0):
		return fmt.Sprintf("%d nulls, and a bitmap of %d bytes", nulls, len(c.Valid))
	case c.Valid != nil && (len(c.Valid) != (c.Len+7)/8 || tail(c.Valid, c.Len) != 0):
		return fmt.Sprintf("the bitmap %x of %d values", c.Valid, c.Len)
	}
	switch column.ShapeOf(c.Type) {
	case column.ShapeFixed, column.ShapeDict:
		bits := column.BitWidth(c.Type)
		b := c.Buffers[0]
		if len(b) != (c.Len*bits+7)/8 || tail(b, c.Len*bits) != 0 {
			return fmt.Sprintf("%d bytes for %d values of %d bits", len(b), c.Len, bits)
		}
		for i := range c.Len {
			for k := i * bits; c.IsNull(i) && k < (i+1)*bits; k++ {
				if column.BitAt(b, k) {
					return fmt.Sprintf("bytes under the null %d", i)
				}
			}
		}
	case column.ShapeText, column.ShapeList:
		w := column.OffsetWidth(c.Type)
		at := func(i int) int {
			if w == 8 {
				return int(binary.LittleEndian.Uint64(c.Buffers[0][8*i:]))
			}
			return int(binary.LittleEndian.Uint32(c.Buffers[0][4*i:]))
		}
		end := 0
		if column.ShapeOf(c.Type) == column.ShapeText {
			end = len(c.Buffers[1])
		} else {
			end = c.Kids[0].Len
		}
		if len(c.Buffers[0]) != (c.Len+1)*w || at(0) != 0 || at(c.Len) != end {
			return fmt.Sprintf("offsets from %d to %d over %d", at(0), at(c.Len), end)
		}
		for i := range c.Len {
			if c.IsNull(i) && at(i) != at(i+1) {
				return fmt.Sprintf("the null %d takes bytes", i)
			}
		}
	}
	for i, k := range c.Kids {
		if why := canonicalFault(k); why != "" {
			return fmt.Sprintf("child %d: %s", i, why)
		}
	}
	return ""
}

// tail is what stands in a bitmap beyond n bits.
func tail(b []byte, n int) byte {
	if n%8 == 0 {
		return 0
	}
	return b[n/8] >> (n % 8)
}

// anyRuns are runs of columns, some of nothing.
func anyRuns(r *rand.Rand, cols []*column.Column) []column.Run {
	var out []column.Run
	for range r.IntN(6) {
		c := cols[r.IntN(len(cols))]
		f := r.IntN(c.Len + 1)
		out = append(out, column.Run{Column: c, From: f, Len: r.IntN(c.Len - f + 1)})
	}
	return out
}

// Whatever pieces of whatever columns a new one is made of: its values are those that
// Arrow's own concatenation of the slices has, it is in canonical form, it is as large as was
// said before, and made again of itself it has the same bytes.
func TestCanonicalEqualsArrow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		schema, recs := columntest.Table(r)
		for i, f := range schema.Fields() {
			if f.Type.ID() == arrow.DICTIONARY || len(recs) == 0 {
				continue
			}
			var cols []*column.Column
			arrays := map[*column.Column]arrow.Array{}
			for _, rec := range recs {
				c := from(t, rec.Column(i))
				cols = append(cols, c)
				arrays[c] = rec.Column(i)
			}
			runs := anyRuns(r, cols)
			var joined []column.Run
			var want []string
			for _, run := range runs {
				slice := array.NewSlice(arrays[run.Column], int64(run.From), int64(run.From+run.Len))
				for k := range slice.Len() {
					if v := slice.ValueStr(k); slice.IsNull(k) {
						want = append(want, "null")
					} else {
						want = append(want, v)
					}
				}
				joined = column.AppendRun(joined, run)
			}
			got, err := column.Canonical(f, joined, &column.DictionaryMap{})
			if err != nil {
				rt.Fatalf("%s: %v", f.Type, err)
			}
			if diff := cmp.Diff(want, values(got)); diff != "" && len(want)+got.Len > 0 {
				rt.Fatalf("%s (-want +got):\n%s", f.Type, diff)
			}
			if why := canonicalFault(got); why != "" {
				rt.Fatalf("%s: %s", f.Type, why)
			}
			size, err := column.Measure(f, joined)
			if _, bufs := got.Layout(nil, nil); err != nil || size != int64(len(bytes.Join(bufs, nil))) {
				rt.Fatalf("%s: measured as %d bytes, %d are there, %v", f.Type, size, len(bytes.Join(bufs, nil)), err)
			}
			again, err := column.Canonical(f, []column.Run{{Column: got, Len: got.Len}}, &column.DictionaryMap{})
			if err != nil || flatten(again) != flatten(got) {
				rt.Fatalf("%s: made of itself it differs, %v", f.Type, err)
			}
		}
	})
}

// Equal values have equal bytes, whatever lies under their nulls and wherever they begin.
func TestEqualValuesHaveEqualBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		f := arrow.Field{Name: "x", Type: columntest.Type(r, 2), Nullable: true}
		b := array.NewBuilder(memory.NewGoAllocator(), f.Type)
		for range 3 + r.IntN(30) {
			columntest.Append(r, b, true)
		}
		hidden := columntest.HideSome(r, b.NewArray())
		// The same values, built one after another, have nothing under their nulls.
		shown := array.NewBuilder(memory.NewGoAllocator(), f.Type)
		for i := range hidden.Len() {
			if hidden.IsNull(i) {
				shown.AppendNull()
				continue
			}
			if err := shown.AppendValueFromString(hidden.ValueStr(i)); err != nil {
				rt.Skip(err) // types whose text Arrow does not read back
			}
		}
		other := shown.NewArray()
		for i := range hidden.Len() {
			if hidden.ValueStr(i) != other.ValueStr(i) {
				rt.Skip("Arrow does not read back its own text")
			}
		}
		at := r.IntN(hidden.Len())
		run := func(a arrow.Array) []column.Run {
			return []column.Run{{Column: from(t, a), From: at, Len: a.Len() - at}}
		}
		x, err := column.Canonical(f, run(hidden), &column.DictionaryMap{})
		if err != nil {
			rt.Fatal(err)
		}
		sliced := array.NewSlice(other, int64(at), int64(other.Len()))
		y, err := column.Canonical(f, []column.Run{{Column: from(t, sliced), Len: sliced.Len()}}, &column.DictionaryMap{})
		if err != nil {
			rt.Fatal(err)
		}
		if flatten(x) != flatten(y) {
			rt.Fatalf("%s: %s\nand %s", f.Type, flatten(x), flatten(y))
		}
	})
}

// TestCanonicalRefuses: what a column may not hold, with the place.
func TestCanonicalRefuses(t *testing.T) {
	build := func(dt arrow.DataType, put func(array.Builder)) arrow.Array {
		b := array.NewBuilder(memory.NewGoAllocator(), dt)
		put(b)
		return b.NewArray()
	}
	words := func(all ...string) arrow.Array {
		return build(arrow.BinaryTypes.Binary, func(b array.Builder) {
			for _, w := range all {
				b.(*array.BinaryBuilder).Append([]byte(w))
			}
		})
	}
	asText := func(a arrow.Array) *column.Column {
		c := from(t, a)
		c.Type = arrow.BinaryTypes.String
		return c
	}
	ints := build(arrow.PrimitiveTypes.Int8, func(b array.Builder) {
		b.(*array.Int8Builder).Append(1)
		b.AppendNull()
	})
	list := build(arrow.ListOf(arrow.PrimitiveTypes.Int8), func(b array.Builder) {
		l := b.(*array.ListBuilder)
		l.Append(true)
		l.ValueBuilder().(*array.Int8Builder).Append(1)
		l.Append(true)
		l.ValueBuilder().AppendNull()
	})
	strict := arrow.ListOfField(arrow.Field{Name: "item", Type: arrow.PrimitiveTypes.Int8})
	for _, x := range []struct {
		name string
		f    arrow.Field
		c    *column.Column
		want string
	}{
		{"a null where there is none", arrow.Field{Type: arrow.PrimitiveTypes.Int8}, from(t, ints),
			"row 0 or later is null, but the column is declared to have no nulls"},
		{"a null among a list's values", arrow.Field{Type: strict, Nullable: true}, from(t, list),
			"item: row 0 or later is null, but the column is declared to have no nulls"},
		{"bytes that are no text", arrow.Field{Type: arrow.BinaryTypes.String}, asText(words("ž", "\xff", "a")),
			"row 1 holds bytes that are not UTF-8"},
		{"a character over two values", arrow.Field{Type: arrow.BinaryTypes.String}, asText(words("a\xc5", "\xbe")),
			"row 1 holds bytes that are not UTF-8"},
		{"a dictionary column without one", arrow.Field{Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8,
			ValueType: arrow.BinaryTypes.String}},
			&column.Column{Type: arrow.PrimitiveTypes.Int8, Len: 1, Buffers: [][]byte{{0}}}, "a dictionary column without its dictionary"},
	} {
		_, err := column.Canonical(x.f, []column.Run{{Column: x.c, Len: x.c.Len}}, &column.DictionaryMap{})
		if err == nil || err.Error() != x.want {
			t.Errorf("%s: %v\nwant %s", x.name, err, x.want)
		}
	}
	// The same bytes are no fault in a binary column, nor a null in one that may have it.
	for _, c := range []*column.Column{from(t, words("\xff")), from(t, ints)} {
		if _, err := column.Canonical(arrow.Field{Type: c.Type, Nullable: true}, []column.Run{{Column: c, Len: c.Len}},
			&column.DictionaryMap{}); err != nil {
			t.Error(err)
		}
	}
}

// Runs without a column are blanks: null where the field may be null, else zero; nulls of the
// source contradict a field without nulls.
func TestBlanks(t *testing.T) {
	for _, x := range []struct {
		f    arrow.Field
		must bool
		want string
	}{
		{arrow.Field{Type: arrow.PrimitiveTypes.Int16, Nullable: true}, false, "null null"},
		{arrow.Field{Type: arrow.PrimitiveTypes.Int16}, false, "0 0"},
		{arrow.Field{Type: arrow.BinaryTypes.String}, false, " "},
		{arrow.Field{Type: arrow.BinaryTypes.String, Nullable: true}, true, "null null"},
		{arrow.Field{Type: arrow.ListOf(arrow.PrimitiveTypes.Int8)}, false, "[] []"},
		{arrow.Field{Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int8)}, false, "[null,null] [null,null]"},
		{arrow.Field{Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.FixedWidthTypes.Boolean})}, false, `{"a":false} {"a":false}`},
		{arrow.Field{Type: arrow.PrimitiveTypes.Int16}, true, "row 0 or later is null, but the column is declared to have no nulls"},
	} {
		c, err := column.Canonical(x.f, []column.Run{{Len: 2, MustBeNull: x.must}}, &column.DictionaryMap{})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = strings.Join(values(c), " ")
		}
		if got != x.want {
			t.Errorf("%s, nullable %t: %q, want %q", x.f.Type, x.f.Nullable, got, x.want)
		}
	}
}

// TestAppendRun: what touches becomes one run, nothing else does.
func TestAppendRun(t *testing.T) {
	a, b := &column.Column{Len: 9}, &column.Column{Len: 9}
	var runs []column.Run
	for _, r := range []column.Run{
		{Column: a, From: 0, Len: 2}, {Column: a, From: 2, Len: 1}, {Column: a, From: 4, Len: 1}, {Column: a, From: 4, Len: 1},
		{Column: b, From: 5, Len: 1}, {Column: b, From: 6, Len: 0}, {Len: 1}, {Len: 2}, {Len: 1, MustBeNull: true}, {Column: b, From: 6, Len: 1},
	} {
		runs = column.AppendRun(runs, r)
	}
	want := []column.Run{
		{Column: a, From: 0, Len: 3}, {Column: a, From: 4, Len: 1}, {Column: a, From: 4, Len: 1}, {Column: b, From: 5, Len: 1},
		{Len: 3}, {Len: 1, MustBeNull: true}, {Column: b, From: 6, Len: 1},
	}
	if fmt.Sprint(runs) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", runs, want)
	}
}

// A column of texts taken from the middle of a longer one: the example of the package.
func ExampleCanonical() {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.AppendValues([]string{"zz", "ab", "", "c", "d"}, []bool{true, true, false, true, true})
	words, err := column.FromArrow(b.NewArray().Data(), map[arrow.ArrayData]*column.Column{})
	if err != nil {
		panic(err)
	}
	field := arrow.Field{Name: "w", Type: arrow.BinaryTypes.String, Nullable: true}
	runs := column.AppendRun(nil, column.Run{Column: words, From: 1, Len: 3})
	size, err := column.Measure(field, runs)
	if err != nil {
		panic(err)
	}
	c, err := column.Canonical(field, runs, &column.DictionaryMap{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d bytes: bits %03b, offsets %v, data %q\n", size, c.Valid[0], c.Buffers[0], c.Buffers[1])
	nodes, _ := c.Layout(nil, nil)
	fmt.Println(nodes, nodes[0] == ipc.NodeRef{Length: 3, Nulls: 1})
	// Output:
	// 20 bytes: bits 101, offsets [0 0 0 0 2 0 0 0 2 0 0 0 3 0 0 0], data "abc"
	// [{3 1}] true
}
