package column_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/connectors/column"
	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
)

// TestCanonicalType: what each type of the wire stands as in a canonical shard.
func TestCanonicalType(t *testing.T) {
	p, text := arrow.PrimitiveTypes, arrow.BinaryTypes.String
	small, err := ipc.IntType(128, true)
	if err != nil {
		t.Fatal(err)
	}
	strict := arrow.Field{Name: "item", Type: arrow.BinaryTypes.StringView, Metadata: ipc.Extension("arrow.json", "")}
	for _, x := range []struct{ from, want arrow.DataType }{
		{p.Int8, p.Int8},
		{arrow.BinaryTypes.StringView, text},
		{arrow.BinaryTypes.BinaryView, arrow.BinaryTypes.Binary},
		{&arrow.DictionaryType{IndexType: p.Int8, ValueType: arrow.BinaryTypes.StringView}, text},
		{arrow.RunEndEncodedOf(p.Int32, &arrow.DictionaryType{IndexType: p.Int8, ValueType: p.Int64}), p.Int64},
		{small, &arrow.Decimal128Type{Precision: 38}},
		{arrow.ListViewOf(arrow.BinaryTypes.StringView), arrow.ListOf(text)},
		{arrow.LargeListViewOf(small), arrow.LargeListOf(&arrow.Decimal128Type{Precision: 38})},
		{arrow.ListOfField(strict), arrow.ListOfField(arrow.Field{Name: "item", Type: text, Metadata: strict.Metadata})},
		{arrow.LargeListOf(arrow.BinaryTypes.StringView), arrow.LargeListOf(text)},
		{arrow.FixedSizeListOf(3, arrow.BinaryTypes.StringView), arrow.FixedSizeListOf(3, text)},
		{arrow.StructOf(arrow.Field{Name: "a", Type: arrow.BinaryTypes.StringView}), arrow.StructOf(arrow.Field{Name: "a", Type: text})},
		{arrow.MapOf(text, arrow.BinaryTypes.StringView), arrow.MapOf(text, text)},
	} {
		if got := column.CanonicalType(x.from); !arrow.TypeEqual(got, x.want, arrow.CheckMetadata()) {
			t.Errorf("%s stands as %s, want %s", x.from, got, x.want)
		}
		if err := column.Readable(x.from); err != nil {
			t.Errorf("%s: %v", x.from, err)
		}
	}
	f := column.CanonicalField(arrow.Field{Name: "u", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Nullable: true,
		Metadata: arrow.NewMetadata([]string{"unit", ipc.ExtensionName}, []string{"m", "arrow.uuid"})})
	if name, _ := f.Metadata.GetValue(ipc.ExtensionName); name != "arrow.uuid" || f.Metadata.Len() != 1 || !f.Nullable {
		t.Errorf("%+v", f)
	}
	union := arrow.DenseUnionOf([]arrow.Field{{Name: "a", Type: p.Int8}}, []arrow.UnionTypeCode{0})
	for _, dt := range []arrow.DataType{union, &arrow.DictionaryType{IndexType: p.Int8, ValueType: union}} {
		if err := column.Readable(dt); err == nil || err.Error() != "unions are not read; give one column for each kind of value" {
			t.Errorf("%s: %v", dt, err)
		}
	}
	if err := column.Readable(arrow.ListOf(union)); err == nil || err.Error() != "item: unions are not read; give one column for "+
		"each kind of value" {
		t.Error(err)
	}
}

// TestCheckFields: which shard may join a table, and what is said where it may not.
func TestCheckFields(t *testing.T) {
	p := arrow.PrimitiveTypes
	coded := func(index, value arrow.DataType, ordered bool) arrow.DataType {
		return &arrow.DictionaryType{IndexType: index, ValueType: value, Ordered: ordered}
	}
	item := func(nullable bool) arrow.DataType {
		return arrow.ListOfField(arrow.Field{Name: "item", Type: p.Int8, Nullable: nullable})
	}
	for _, x := range []struct {
		want, got arrow.DataType
		says      string
	}{
		{p.Int8, p.Int8, ""},
		{arrow.BinaryTypes.String, arrow.BinaryTypes.StringView, ""},
		{arrow.BinaryTypes.String, coded(p.Int8, arrow.BinaryTypes.String, false), ""},
		{coded(p.Int8, arrow.BinaryTypes.String, false), coded(p.Int8, arrow.BinaryTypes.StringView, false), ""},
		{item(true), item(false), ""}, // nulls are looked for in the values
		{arrow.MapOf(p.Int8, p.Int8), arrow.MapOf(p.Int8, p.Int8), ""},
		{p.Int8, p.Int16, `column "x" has the type int16; in the table's other shards it is int8`},
		{coded(p.Int8, p.Int8, false), p.Int8, `column "x" has the type int8; in the table's other shards it is ` +
			`dictionary<values=int8, indices=int8, ordered=false>`},
		{coded(p.Int8, p.Int8, false), coded(p.Int16, p.Int8, false),
			`column "x" has the type dictionary<values=int8, indices=int16, ordered=false>; in the table's other shards it is ` +
				`dictionary<values=int8, indices=int8, ordered=false>`},
		{arrow.FixedSizeListOf(2, p.Int8), arrow.FixedSizeListOf(3, p.Int8),
			`column "x" has the type fixed_size_list<item: int8, nullable>[3]; in the table's other shards it is fixed_size_list<item: ` +
				`int8, nullable>[2]`},
		{arrow.StructOf(arrow.Field{Name: "a", Type: p.Int8}), arrow.StructOf(arrow.Field{Name: "b", Type: p.Int8}),
			`column "x" has the type struct<b: int8>; in the table's other shards it is struct<a: int8>`},
		{arrow.StructOf(arrow.Field{Name: "a", Type: p.Int8}), arrow.StructOf(),
			`column "x" has the type struct<>; in the table's other shards it is struct<a: int8>`},
	} {
		err := column.CheckFields([]arrow.Field{{Name: "x", Type: x.want}}, []arrow.Field{{Name: "x", Type: x.got}})
		if got := fmt.Sprint(err); x.says == "" && err != nil || x.says != "" && got != "invalid: "+x.says {
			t.Errorf("%s for %s: %v", x.got, x.want, err)
		}
	}
	a, b := []arrow.Field{{Name: "a", Type: p.Int8}}, []arrow.Field{{Name: "b", Type: p.Int8}}
	for want, err := range map[string]error{
		`invalid: column 1 is called "b"; in the table's other shards it is "a"`: column.CheckFields(a, b),
		"invalid: the shard has 2 columns; the table's other shards have 1":      column.CheckFields(a, append(a, b...)),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestShapes(t *testing.T) {
	p := arrow.PrimitiveTypes
	variant := func(a, b string, dt arrow.DataType) arrow.DataType {
		return arrow.StructOf(arrow.Field{Name: a, Type: dt}, arrow.Field{Name: b, Type: dt})
	}
	for _, x := range []struct {
		dt                          arrow.DataType
		flat, fixed, isText, binary bool
		bits, offset                int
	}{
		{arrow.Null, false, true, false, false, 0, 4},
		{arrow.FixedWidthTypes.Boolean, true, true, false, false, 1, 4},
		{p.Int16, true, true, false, false, 16, 4},
		{&arrow.DictionaryType{IndexType: p.Int16, ValueType: arrow.BinaryTypes.String}, false, true, false, false, 16, 4},
		{arrow.BinaryTypes.LargeString, true, false, true, false, 0, 8},
		{arrow.BinaryTypes.StringView, true, false, true, false, 0, 4},
		{arrow.BinaryTypes.Binary, true, false, false, true, 0, 4},
		{arrow.BinaryTypes.LargeBinary, true, false, false, true, 0, 8},
		{arrow.LargeListOf(p.Int8), false, false, false, false, 0, 8},
		{variant("metadata", "value", arrow.BinaryTypes.Binary), false, false, false, false, 0, 4},
	} {
		if column.FlatValues(x.dt) != x.flat || column.FixedWidth(x.dt) != x.fixed ||
			column.IsText(x.dt) != x.isText || column.IsBytes(x.dt) != x.binary ||
			column.BitWidth(x.dt) != x.bits || column.OffsetWidth(x.dt) != x.offset {
			t.Errorf("%s: flat %t, fixed %t, text %t, binary %t, %d bits, offsets of %d", x.dt, column.FlatValues(x.dt), column.FixedWidth(x.dt),
				column.IsText(x.dt), column.IsBytes(x.dt), column.BitWidth(x.dt), column.OffsetWidth(x.dt))
		}
		if got, want := column.IsVariant(x.dt), x.dt.ID() == arrow.STRUCT; got != want {
			t.Errorf("%s is a variant: %t", x.dt, got)
		}
	}
	for _, dt := range []arrow.DataType{variant("metadata", "typed_value", arrow.BinaryTypes.Binary), variant("metadata", "value", p.Int8)} {
		if column.IsVariant(dt) {
			t.Errorf("%s is a variant", dt)
		}
	}
}

// No batch has more bytes of a column than MostBytes says, and of a fixed width as many.
func TestMostBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 6))
		f := arrow.Field{Name: "x", Type: columntest.Type(r, 0), Nullable: r.IntN(2) == 0}
		if f.Type.ID() == arrow.NULL {
			f.Nullable = true
		}
		b := array.NewBuilder(memory.NewGoAllocator(), f.Type)
		for range r.IntN(200) {
			columntest.Append(r, b, f.Nullable)
		}
		a := b.NewArray()
		c, err := column.FromArray(f, a)
		if err != nil {
			rt.Fatal(err)
		}
		most, size := int64(0), int64(0)
		for i := range a.Len() {
			most = max(most, int64(len(a.ValueStr(i)))) // texts and base64 are no shorter than their bytes
		}
		_, bufs := c.Layout(nil, nil)
		for _, b := range bufs {
			size += ipc.Padded(int64(len(b)))
		}
		bound := column.MostBytes(f, int64(a.Len()), most)
		if size > bound || column.FixedWidth(f.Type) && c.Valid != nil && size != bound {
			rt.Fatalf("%s: %d rows of at most %d bytes take %d, bounded by %d", f.Type, a.Len(), most, size, bound)
		}
	})
}

// Views and run-end encoded columns, which canonical shards have not, become what they show.
func TestEncodedColumns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 7))
		dt := []arrow.DataType{arrow.BinaryTypes.StringView, arrow.BinaryTypes.BinaryView, arrow.ListViewOf(arrow.PrimitiveTypes.Int16),
			arrow.LargeListViewOf(arrow.BinaryTypes.StringView)}[r.IntN(4)]
		b := array.NewBuilder(memory.NewGoAllocator(), dt)
		for range r.IntN(30) {
			switch b := b.(type) {
			case *array.StringViewBuilder:
				b.Append([]string{"", "short", "exactly 12 b", "more than twelve bytes", "日本"}[r.IntN(5)])
			case *array.BinaryViewBuilder:
				b.Append([]byte{byte(r.Uint32()), 2, 3})
			case array.VarLenListLikeBuilder:
				b.AppendWithSize(true, 0)
			}
			if r.IntN(4) == 0 {
				b.AppendNull()
			}
		}
		a := b.NewArray()
		at := r.IntN(a.Len() + 1)
		slice := array.NewSlice(a, int64(at), int64(a.Len()))
		f := arrow.Field{Name: "x", Type: column.CanonicalType(dt), Nullable: true}
		c, err := column.Canonical(f, whole(from(t, slice)), &column.DictionaryMap{})
		if err != nil {
			rt.Fatal(err)
		}
		var want []string
		for i := range slice.Len() {
			if slice.IsNull(i) {
				want = append(want, "null")
			} else {
				want = append(want, slice.ValueStr(i))
			}
		}
		if got := values(c); !slices.Equal(got, want) && len(got)+len(want) > 0 {
			rt.Fatalf("%s: %q, want %q", dt, got, want)
		}
		if why := canonicalFault(c); why != "" {
			rt.Fatal(why)
		}
	})
	// Runs 2×"a", 3×null, 1×"b", from the second row on.
	ends := &column.Column{Type: arrow.PrimitiveTypes.Int32, Len: 3, Buffers: [][]byte{le(2, 5, 6)}}
	runs := &column.Column{Type: arrow.RunEndEncodedOf(ends.Type, arrow.BinaryTypes.String), Len: 5, Offset: 1,
		Kids: []*column.Column{ends, texts(t, "a", "null", "b")}}
	if err := runs.Check(); err != nil {
		t.Fatal(err)
	}
	c, err := column.Canonical(arrow.Field{Type: arrow.BinaryTypes.String, Nullable: true}, whole(runs), &column.DictionaryMap{})
	if err != nil || fmt.Sprint(values(c)) != "[a null null null b]" {
		t.Errorf("%v, %v", values(c), err)
	}
	if empty := column.Empty(arrow.BinaryTypes.StringView); empty.Len != 0 || empty.Type.ID() != arrow.STRING || empty.Check() != nil {
		t.Errorf("%+v", empty)
	}
}
