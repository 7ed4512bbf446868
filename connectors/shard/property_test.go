package shard

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

func anyType(r *rand.Rand, depth int) arrow.DataType {
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
	item := arrow.Field{Name: "item", Type: anyType(r, depth-1), Nullable: true}
	for item.Type.ID() == arrow.BINARY || item.Type.ID() == arrow.LARGE_BINARY {
		item.Type = anyType(r, 0) // arrow's JSON gives empty nested bytes as null
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

// grow appends one random value.
func grow(r *rand.Rand, b array.Builder, nullable bool) {
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
		growSome(r, b.ValueBuilder())
	case *array.LargeListBuilder:
		b.Append(true)
		growSome(r, b.ValueBuilder())
	case *array.FixedSizeListBuilder:
		b.Append(true)
		grow(r, b.ValueBuilder(), true)
		grow(r, b.ValueBuilder(), true)
	case *array.MapBuilder:
		b.Append(true)
		for range r.IntN(3) {
			grow(r, b.KeyBuilder(), false)
			grow(r, b.ItemBuilder(), true)
		}
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			grow(r, b.FieldBuilder(i), true)
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

func growSome(r *rand.Rand, b array.Builder) {
	for range r.IntN(4) {
		grow(r, b, true)
	}
}

// anyTable makes batches of random columns. Some get nulls over values that
// stay in the buffers.
func anyTable(r *rand.Rand) (*arrow.Schema, []arrow.Record) {
	fields := make([]arrow.Field, 1+r.IntN(4))
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprintf("c%d", i), Type: anyType(r, 2), Nullable: true}
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
				grow(r, b.Field(i), true)
			}
		}
		rec := b.NewRecord()
		cols := make([]arrow.Array, rec.NumCols())
		for i := range cols {
			if cols[i] = rec.Column(i); r.IntN(3) == 0 {
				cols[i] = blind(r, cols[i])
			}
		}
		recs[k] = array.NewRecord(schema, cols, rec.NumRows())
	}
	return schema, recs
}

// blind makes some values null and leaves their bytes where they are.
func blind(r *rand.Rand, a arrow.Array) arrow.Array {
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

func texts(recs []arrow.Record) (out []string) {
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

// written gives the records as arrow's own writer puts them down.
func written(t testing.TB, schema *arrow.Schema, recs []arrow.Record) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := arrowipc.NewWriter(&buf, arrowipc.WithSchema(schema))
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestConformKeepsEveryCell(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		schema, recs := anyTable(r)
		spec := Spec{WindowRows: int64(1) << r.IntN(7)}
		_, out := must2(t, written(t, schema, recs), spec)
		if diff := cmp.Diff(texts(recs), texts(records(t, out))); diff != "" {
			rt.Fatalf("%s\n(-want +got)\n%s", schema, diff)
		}
	})
}

// must2 is must for a given window.
func must2(t testing.TB, in []byte, spec Spec) (Report, []byte) {
	t.Helper()
	r, out, err := conform(t, in, spec)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := conform(t, out, Spec{WindowRows: spec.WindowRows, Schema: r.Schema})
	if err != nil || !again.Conforms {
		t.Fatalf("own output: conforms %t, %v", again.Conforms, err)
	}
	for i, b := range r.Batches[:max(len(r.Batches)-1, 0)] {
		if b.Rows != spec.WindowRows {
			t.Fatalf("batch %d of %d has %d rows of %d", i, len(r.Batches), b.Rows, spec.WindowRows)
		}
	}
	return r, out
}

// TestSelectEqualsProjection compares Select on bytes with arrow's own
// projection of decoded records, and Gather and EncodeRecord with slices.
func TestSelectEqualsProjection(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		schema, recs := anyTable(r)
		rep, out := must2(t, written(t, schema, recs), Spec{WindowRows: 8})
		keep := r.Perm(schema.NumFields())[:1+r.IntN(schema.NumFields())]
		p, err := batch.Edit(rep.Schema, keep, nil)
		if err != nil {
			rt.Fatal(err)
		}
		stream := p.Schema()
		for _, b := range rep.Dictionaries {
			if keeps(t, p, piece(out, b)) {
				stream = append(stream, piece(out, b)...)
			}
		}
		for _, b := range rep.Batches {
			msg, err := p.Splice(nil, piece(out, b), nil)
			if err != nil {
				rt.Fatal(err)
			}
			stream = append(stream, msg...)
		}
		got := readStream(t, append(stream, ipc.EndOfStream()...))
		var want []arrow.Record
		for _, rec := range records(t, out) {
			var cols []arrow.Array
			var fs []arrow.Field
			for _, i := range keep {
				cols, fs = append(cols, rec.Column(i)), append(fs, rec.Schema().Field(i))
			}
			want = append(want, array.NewRecord(arrow.NewSchema(fs, nil), cols, rec.NumRows()))
		}
		if diff := cmp.Diff(texts(want), texts(got)); diff != "" {
			rt.Fatal(diff)
		}
		pieces(rt, r, rep, out)
	})
}

func piece(file []byte, b schemas.Block) []byte { return file[b.Offset : b.Offset+b.Len()] }

func readStream(t testing.TB, b []byte) (out []arrow.Record) {
	t.Helper()
	rd, err := arrowipc.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for rd.Next() {
		rec := rd.Record()
		rec.Retain()
		out = append(out, rec)
	}
	if rd.Err() != nil {
		t.Fatal(rd.Err())
	}
	return out
}

// recordOf decodes all columns of a message.
func recordOf(d *batch.Decoder, schema, msg []byte) (arrow.Record, error) {
	s, err := ipc.ParseSchema(schema)
	if err != nil {
		return nil, err
	}
	all := make([]int, len(s.Top))
	for i := range all {
		all[i] = i
	}
	cols, err := d.Columns(msg, all)
	if err != nil {
		return nil, err
	}
	fields := s.Arrow.Fields()
	for i := range fields { // by its columns: equal types of timestamps are unequal once their zone was asked for
		fields[i].Type = cols[i].DataType()
	}
	m, err := ipc.ParseMeta(msg)
	return array.NewRecord(arrow.NewSchema(fields, nil), cols, m.Rows), err
}

// keeps says whether a dictionary message belongs to a column of a projection.
func keeps(t testing.TB, p *batch.Projection, dictionary []byte) bool {
	t.Helper()
	s, err := ipc.ParseSchema(p.Schema())
	if err != nil {
		t.Fatal(err)
	}
	m, err := ipc.ParseMeta(dictionary)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(s.Top, func(n *ipc.Node) bool { return n.DictionaryID == m.DictionaryID })
}

// pieces decodes, gathers and encodes a random part of each batch.
func pieces(rt *rapid.T, r *rand.Rand, rep Report, file []byte) {
	var dicts [][]byte
	for _, b := range rep.Dictionaries {
		dicts = append(dicts, piece(file, b))
	}
	d, err := batch.NewDecoder(rep.Schema, dicts)
	if err != nil {
		rt.Fatal(err)
	}
	var parts []batch.Part
	var want []arrow.Record
	for _, b := range rep.Batches {
		rec, err := recordOf(d, rep.Schema, piece(file, b))
		if err != nil {
			rt.Fatal(err)
		}
		from := r.Int64N(b.Rows)
		n := r.Int64N(b.Rows - from + 1)
		parts, want = append(parts, batch.Part{Record: rec, From: from, N: n}), append(want, rec.NewSlice(from, from+n))
		msg, err := batch.EncodeRecord(rec, from, n)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := recordOf(d, rep.Schema, msg)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(texts(want[len(want)-1:]), texts([]arrow.Record{again})); diff != "" {
			rt.Fatal(diff)
		}
	}
	if len(parts) == 0 {
		return
	}
	for _, compact := range []bool{false, true} {
		g, err := batch.Gather(parts, compact)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(texts(want), texts([]arrow.Record{g})); diff != "" {
			rt.Fatal(diff)
		}
	}
}
