package columntest

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Type is a random type, nested at most depth times. It has no types whose values Arrow's
// JSON does not tell apart.
func Type(r *rand.Rand, depth int) arrow.DataType {
	flat := []arrow.DataType{
		arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Uint32,
		arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Uint64, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary,
		&arrow.FixedSizeBinaryType{ByteWidth: 3}, arrow.FixedWidthTypes.Date32, arrow.Null, arrow.BinaryTypes.String,
		&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Riga"}, &arrow.Decimal128Type{Precision: 20, Scale: 3},
	}
	if depth == 0 {
		return flat[r.IntN(len(flat))]
	}
	item := arrow.Field{Name: "item", Type: Type(r, depth-1), Nullable: true}
	for item.Type.ID() == arrow.BINARY || item.Type.ID() == arrow.LARGE_BINARY {
		item.Type = Type(r, 0) // arrow's JSON gives empty nested bytes as null
	}
	switch r.IntN(8) {
	case 0:
		return arrow.ListOfField(item)
	case 1:
		return arrow.LargeListOfField(item)
	case 2:
		return arrow.FixedSizeListOfField(2, item)
	case 3:
		return arrow.StructOf(arrow.Field{Name: "a", Type: item.Type, Nullable: true}, arrow.Field{Name: "b",
			Type: arrow.PrimitiveTypes.Int16, Nullable: true})
	case 4:
		return arrow.MapOf(arrow.BinaryTypes.String, item.Type)
	}
	return flat[r.IntN(len(flat))]
}

func anyWord(r *rand.Rand) string {
	return strings.Repeat([]string{"", "a", "žā", "bc", "łó", "日本"}[r.IntN(6)], r.IntN(4))
}

// Append appends one random value.
func Append(r *rand.Rand, b array.Builder, nullable bool) {
	if nullable && r.IntN(4) == 0 {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(r.IntN(2) == 0)
	case *array.StringBuilder:
		b.Append(anyWord(r))
	case *array.LargeStringBuilder:
		b.Append(anyWord(r))
	case *array.BinaryBuilder:
		b.Append([]byte(anyWord(r)))
	case *array.FixedSizeBinaryBuilder:
		b.Append([]byte{byte(r.Uint32()), 1, 2})
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(r.Int64N(1e12)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(r.Int64N(1e15)))
	case *array.Date32Builder:
		b.Append(arrow.Date32(r.IntN(40000)))
	case *array.NullBuilder:
		b.AppendNull()
	case *array.ListBuilder:
		b.Append(true)
		appendSome(r, b.ValueBuilder())
	case *array.LargeListBuilder:
		b.Append(true)
		appendSome(r, b.ValueBuilder())
	case *array.FixedSizeListBuilder:
		b.Append(true)
		Append(r, b.ValueBuilder(), true)
		Append(r, b.ValueBuilder(), true)
	case *array.MapBuilder:
		b.Append(true)
		for range r.IntN(3) {
			Append(r, b.KeyBuilder(), false)
			Append(r, b.ItemBuilder(), true)
		}
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			Append(r, b.FieldBuilder(i), true)
		}
	case *array.BinaryDictionaryBuilder:
		if err := b.AppendString(anyWord(r)); err != nil {
			panic(err)
		}
	default:
		if err := b.AppendValueFromString(fmt.Sprint(r.IntN(100))); err != nil {
			panic(err)
		}
	}
}

func appendSome(r *rand.Rand, b array.Builder) {
	for range r.IntN(4) {
		Append(r, b, true)
	}
}

// Table makes batches of random columns. Some get nulls over values that
// stay in the buffers.
func Table(r *rand.Rand) (*arrow.Schema, []arrow.Record) {
	fields := make([]arrow.Field, 1+r.IntN(4))
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprintf("c%d", i), Type: Type(r, 2), Nullable: true}
		if r.IntN(5) == 0 {
			fields[i].Type = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
		}
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	recs := make([]arrow.Record, r.IntN(4))
	for k := range recs {
		for range r.IntN(40) {
			for i := range fields {
				Append(r, b.Field(i), true)
			}
		}
		rec := b.NewRecord()
		cols := make([]arrow.Array, rec.NumCols())
		for i := range cols {
			if cols[i] = rec.Column(i); r.IntN(3) == 0 {
				cols[i] = HideSome(r, cols[i])
			}
		}
		recs[k] = array.NewRecord(schema, cols, rec.NumRows())
	}
	return schema, recs
}

// HideSome makes some values null and leaves their bytes where they are.
func HideSome(r *rand.Rand, a arrow.Array) arrow.Array {
	d := a.Data()
	if a.DataType().ID() == arrow.NULL || a.DataType().ID() == arrow.DICTIONARY || a.Len() == 0 {
		return a
	}
	valid := make([]byte, (a.Len()+7)/8)
	for i := range a.Len() {
		if a.IsValid(i) && r.IntN(3) > 0 {
			valid[i/8] |= 1 << (i % 8)
		}
	}
	bufs := append([]*memory.Buffer{memory.NewBufferBytes(valid)}, d.Buffers()[1:]...)
	return array.MakeFromData(array.NewData(d.DataType(), d.Len(), bufs, d.Children(), -1, 0))
}

// Texts are the rows as text, values joined by |.
func Texts(recs []arrow.Record) (out []string) {
	for _, rec := range recs {
		for i := range int(rec.NumRows()) {
			var row []string
			for _, c := range rec.Columns() {
				if c.IsNull(i) {
					row = append(row, "null")
				} else {
					row = append(row, c.ValueStr(i))
				}
			}
			out = append(out, strings.Join(row, "|"))
		}
	}
	return out
}

// Edited is a column of another type made of a: 16 bytes for each value, or a text.
func Edited(a arrow.Array, text bool) (arrow.Field, arrow.Array) {
	f := arrow.Field{Name: "edited", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Nullable: true}
	if text {
		f.Type = arrow.BinaryTypes.String
	}
	b := array.NewBuilder(memory.DefaultAllocator, f.Type)
	for i := range a.Len() {
		sum := sha256.Sum256([]byte(a.ValueStr(i)))
		switch b := b.(type) {
		case *array.FixedSizeBinaryBuilder:
			if a.IsNull(i) {
				b.AppendNull()
				continue
			}
			b.Append(sum[:16])
		case *array.StringBuilder:
			if a.IsNull(i) {
				b.AppendNull()
				continue
			}
			b.Append(fmt.Sprintf("%.3q", a.ValueStr(i)))
		}
	}
	return f, b.NewArray()
}
