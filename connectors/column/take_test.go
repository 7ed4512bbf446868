package column_test

import (
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/column"
	"guichet/connectors/column/columntest"
)

// buffers are a column's buffers as a message has them.
func buffers(c *column.Column) (out []string) {
	_, bufs := c.Layout(nil, nil)
	for _, b := range bufs {
		out = append(out, string(b))
	}
	return out
}

// canonical is a column as messages have it, or single rows of one.
func canonical(t testing.TB, f arrow.Field, c *column.Column, rows ...int32) *column.Column {
	t.Helper()
	runs := []column.Run{{Column: c, Len: c.Len}}
	if rows != nil {
		runs = nil
	}
	for _, r := range rows {
		runs = append(runs, column.Run{Column: c, From: int(r), Len: 1})
	}
	var alone *column.Space
	out, err := alone.Canonical(f, runs, &column.DictionaryMap{})
	if err != nil {
		t.Fatalf("%s: %v", f, err)
	}
	return out
}

// A column that is taken by places is what runs of these rows make, and lies in the space
// one buffer behind the other.
func TestTakeEqualsCanonical(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 11))
		schema, recs := columntest.Table(r)
		if len(recs) == 0 || recs[0].NumRows() == 0 {
			return
		}
		rec := recs[0]
		rows := make([]int32, 1+r.IntN(40))
		for i := range rows {
			rows[i] = int32(r.Int64N(rec.NumRows()))
		}
		for i, f := range schema.Fields() {
			c := from(t, rec.Column(i))
			if f.Type.ID() != arrow.DICTIONARY && r.IntN(2) == 0 {
				c = canonical(t, f, c)
			}
			memory := make([]byte, 1<<16)
			space := column.NewSpace(memory)
			got := space.Take(f, c, rows)
			if got == nil {
				continue
			}
			want := canonical(t, f, c, rows...)
			if diff := cmp.Diff(buffers(want), buffers(got)); diff != "" || !arrow.TypeEqual(got.Type, want.Type) || got.Len != len(rows) {
				rt.Fatalf("%s, %d rows (-canonical +taken):\n%s", f, got.Len, diff)
			}
			if space.Spilled() {
				rt.Fatalf("%s of %d rows does not fit", f, len(rows))
			}
		}
	})
}

// The layouts that a place is enough for are taken by it; others, and a null where there may be
// none, are left to Canonical, and use none of the space.
func TestTakeKnowsItsLayouts(t *testing.T) {
	vector := arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32)
	for _, one := range []struct {
		typ             arrow.DataType
		null, nullable  bool
		isTaken, spends bool
	}{
		{arrow.PrimitiveTypes.Int8, false, false, true, true},
		{arrow.PrimitiveTypes.Int64, true, true, true, true},
		{arrow.PrimitiveTypes.Int64, true, false, false, false},
		{arrow.FixedWidthTypes.Boolean, true, true, true, true},
		{&arrow.FixedSizeBinaryType{ByteWidth: 3}, true, true, true, true},
		{arrow.BinaryTypes.String, true, true, true, true},
		{arrow.BinaryTypes.String, true, false, false, false},
		{arrow.BinaryTypes.LargeString, false, true, false, false},
		{vector, false, true, true, true},
		{vector, true, true, false, false},
		{arrow.ListOf(arrow.PrimitiveTypes.Int8), false, true, false, false},
		{arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int8, Nullable: true}), false, true, false, false},
	} {
		b := array.NewBuilder(memory.DefaultAllocator, one.typ)
		r := rand.New(rand.NewPCG(5, 6))
		for i := range 6 {
			list, ok := b.(*array.FixedSizeListBuilder)
			switch {
			case one.null && i == 5:
				b.AppendNull()
			case ok:
				list.Append(true)
				list.ValueBuilder().(*array.Float32Builder).AppendValues([]float32{1, 2}, nil)
			default:
				columntest.Append(r, b, false)
			}
		}
		c := canonical(t, arrow.Field{Name: "c", Type: one.typ, Nullable: true}, from(t, b.NewArray()))
		room := []byte{0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee}
		space := column.NewSpace(append(room, make([]byte, 4096)...))
		got := space.Take(arrow.Field{Name: "c", Type: one.typ, Nullable: one.nullable}, c, []int32{5, 0, 0, 3})
		if (got != nil) != one.isTaken {
			t.Errorf("%s, a null %t, nullable %t: taken %t", one.typ, one.null, one.nullable, got != nil)
		}
		if next := space.Bytes(1); (next[0] != 0xee) != one.spends {
			t.Errorf("%s, a null %t, nullable %t: something of the space is used: %t", one.typ, one.null, one.nullable, next[0] != 0xee)
		}
	}
}
