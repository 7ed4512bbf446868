package batch_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// says fails unless err is Invalid and says want.
func says(t *testing.T, name string, err error, want string) {
	t.Helper()
	if err == nil || schemas.KindOf(err) != schemas.Invalid || strings.TrimPrefix(err.Error(), "invalid: ") != want {
		t.Errorf("%s: %v\nwant %s", name, err, want)
	}
}

// numbers is a record of an int64 and a text column.
func numbers(n int) arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "w",
		Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		if i%3 == 1 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append(strings.Repeat("w", i%5))
		}
	}
	return b.NewRecord()
}

// encode gives rows of a record as a message, with those of its dictionaries.
func encode(rec arrow.Record, from, n int64) (msg []byte, dictionaries [][]byte, err error) {
	g, err := batch.Collect([]batch.Part{{Record: rec, From: from, N: n}}, batch.Gathering{})
	if err != nil {
		return nil, nil, err
	}
	dictionaries, err = g.Dictionaries()
	return g.Message(), dictionaries, err
}

// encoded is the message of all rows of a record.
func encoded(t testing.TB, rec arrow.Record) []byte {
	t.Helper()
	msg, _, err := encode(rec, 0, rec.NumRows())
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// What is encoded Arrow reads as the rows that went in, and so does the decoder.
func TestEncodedRecordsReadBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		schema, recs := columntest.Table(r)
		for _, rec := range recs {
			from := r.Int64N(rec.NumRows() + 1)
			n := r.Int64N(rec.NumRows() - from + 1)
			msg, dicts, err := encode(rec, from, n)
			if err != nil {
				rt.Fatal(err)
			}
			want := columntest.Texts([]arrow.Record{rec.NewSlice(from, from+n)})
			message := ipc.EncodeSchema(schema.Fields())
			stream := slices.Concat(slices.Clone(message), slices.Concat(dicts...), msg, ipc.EndOfStream())
			if diff := cmp.Diff(want, columntest.Texts(columntest.ReadStream(t, stream))); diff != "" {
				rt.Fatalf("Arrow (-want +got):\n%s", diff)
			}
			d, err := batch.NewDecoder(message, dicts)
			if err != nil {
				rt.Fatal(err)
			}
			got, err := recordOf(d, message, msg)
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(want, columntest.Texts([]arrow.Record{got})); diff != "" {
				rt.Fatalf("the decoder (-want +got):\n%s", diff)
			}
			// Encoded again of what was decoded it has the same bytes.
			if !bytes.Equal(encoded(t, got), msg) {
				rt.Fatal("other bytes the second time")
			}
			meta, buffers, err := batch.BatchFrame(schema.Fields())
			m, at, _ := ipc.SplitMessage(msg)
			if err != nil || buffers != len(m.Buffers) || int64(at.Meta) > meta {
				rt.Fatalf("%d buffers in %d bytes of metadata, said were %d in %d, %v", len(m.Buffers), at.Meta, buffers, meta, err)
			}
		}
	})
}

func TestDecoderRefuses(t *testing.T) {
	rec := numbers(4)
	schema, msg := ipc.EncodeSchema(rec.Schema().Fields()), encoded(t, numbers(4))
	d, err := batch.NewDecoder(schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := encoded(t, array.NewRecord(arrow.NewSchema(rec.Schema().Fields()[:1], nil), rec.Columns()[:1], 4))
	nodes := []ipc.NodeRef{{Length: 4}, {Length: 3}}
	refs, size := ipc.PlaceBuffers([][]byte{nil, make([]byte, 32), nil, make([]byte, 16), nil})
	uneven := append(ipc.RecordMeta(4, nodes, refs, size), make([]byte, size)...)
	short := append(ipc.RecordMeta(4, []ipc.NodeRef{{Length: 4}, {Length: 4}}, refs, size), make([]byte, size)...)
	backwards := bytes.Clone(msg)
	_, at, err := ipc.SplitMessage(msg)
	if err != nil {
		t.Fatal(err)
	}
	copy(backwards[int64(at.Meta)+128:], []byte{9}) // the first offset of w
	for _, x := range []struct {
		name, want string
		msg        []byte
	}{
		{"nothing", "the message does not begin with the continuation marker ffffffff", nil},
		{"a schema", "the message is not an uncompressed record batch", schema},
		{"another table's", "the batch does not have the schema's columns", other},
		{"half a body", fmt.Sprintf("the message says its body has %d bytes; %d are there", len(msg)-int(at.Meta),
			len(msg)-int(at.Meta)-9), msg[:len(msg)-9]},
		{"columns of two lengths", `column "w": 3 values in a batch of 4 rows`, uneven},
		{"a column too short", `column "w": a buffer is shorter than the 20 bytes that 4 values need`, short},
	} {
		_, err := d.Columns(x.msg, []int{0, 1})
		says(t, x.name, err, x.want)
	}
	if _, err := d.Columns(backwards, []int{1}); err == nil {
		t.Error("offsets that go back are read")
	}
	// What is wrong with a column that nobody asked for is not looked at.
	if cols, err := d.Columns(backwards, []int{0}); err != nil || len(cols) != 1 {
		t.Errorf("%d columns, %v", len(cols), err)
	}
	if cols, err := d.Columns(msg, []int{1, 0, 1}); err != nil || len(cols) != 3 || cols[0].DataType().ID() != arrow.STRING {
		t.Errorf("in another order, and twice: %d columns, %v", len(cols), err)
	}
}

func TestDictionariesOfADecoder(t *testing.T) {
	rec := coded(words("a", "b", "c"), 2, -1, 0)
	schema, msg := ipc.EncodeSchema(rec.Schema().Fields()), encoded(t, rec)
	dict := func(id int64, delta bool, all ...string) []byte {
		c, err := column.FromArray(arrow.Field{Name: "w", Type: arrow.BinaryTypes.String, Nullable: true}, words(all...))
		if err != nil {
			t.Fatal(err)
		}
		m := batch.DictionaryMessage(id, c)
		out := bytes.Clone(m.Meta)
		for _, b := range m.Buffers {
			out = ipc.AppendPadded(out, [][]byte{b})
		}
		if delta {
			t.Fatal("ours are no deltas")
		}
		return out
	}
	show := func(dicts ...[]byte) string {
		d, err := batch.NewDecoder(schema, dicts)
		if err != nil {
			return err.Error()
		}
		cols, err := d.Columns(msg, []int{0})
		if err != nil {
			return err.Error()
		}
		var out []string
		for i := range cols[0].Len() {
			out = append(out, cols[0].ValueStr(i))
		}
		return strings.Join(out, " ")
	}
	for _, x := range []struct {
		name, want string
		dicts      [][]byte
	}{
		{"its own", "c (null) a", [][]byte{dict(0, false, "a", "b", "c")}},
		{"the last one counts", "z (null) x", [][]byte{dict(0, false, "a", "b", "c"), dict(0, false, "x", "y", "z")}},
		{"none", `invalid: column "w": row 0: index 2 in a dictionary of 0 values`, nil},
		{"one too small", `invalid: column "w": row 0: index 2 in a dictionary of 2 values`, [][]byte{dict(0, false, "a", "b")}},
		{"of another column", "invalid: the dictionary at byte 0 has the id 7, which no column names", [][]byte{dict(7, false, "a")}},
	} {
		if got := show(x.dicts...); got != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
	// In a file, where all stand at once, one may not be given twice.
	s, err := ipc.ParseSchema(schema)
	if err != nil {
		t.Fatal(err)
	}
	dicts, err := batch.NewDictionaries(s)
	if err != nil {
		t.Fatal(err)
	}
	one := dict(0, false, "a")
	m, at, err := ipc.SplitMessage(one)
	if err != nil {
		t.Fatal(err)
	}
	body := one[at.Meta:]
	if c, err := dicts.Add(&m, body, 8, nil, true); err != nil || c.Len != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	_, err = dicts.Add(&m, body, 8, nil, true)
	says(t, "twice in a file", err, "dictionary 0 is given twice; a file cannot replace one")
	m.IsDelta = true // as other writers go on with a dictionary
	if c, err := dicts.Add(&m, body, 8, nil, true); err != nil || c.Len != 2 {
		t.Errorf("with its delta: %+v, %v", c, err)
	}
	m.Compressed = true
	_, err = dicts.Add(&m, body, 8, nil, false)
	says(t, "compressed", err, "dictionary 0 at byte 8: a compressed body")
	if c, err := dicts.Add(&m, body, 8, plain{}, false); err != nil || c.Len != 3 {
		t.Errorf("unpacked: %+v, %v", c, err)
	}
	_, err = dicts.Add(&m, body, 8, broken{}, false)
	says(t, "that cannot be unpacked", err, `dictionary 0 at byte 8: column "w": torn`)
}

// plain unpacks what was never packed.
type plain struct{}

func (plain) Unpack(_ int8, b []byte) ([]byte, error) { return b, nil }

// broken unpacks nothing.
type broken struct{}

func (broken) Unpack(int8, []byte) ([]byte, error) { return nil, errors.New("torn") }

func TestSpliceRefuses(t *testing.T) {
	rec := numbers(5)
	schema, msg := ipc.EncodeSchema(rec.Schema().Fields()), encoded(t, rec)
	text := arrow.Field{Name: "n", Type: arrow.BinaryTypes.String, Nullable: true}
	p, err := batch.Edit(schema, []int{1, 0}, map[int]arrow.Field{0: text})
	if err != nil {
		t.Fatal(err)
	}
	values := words("a", "b", "c", "d", "e")
	splice := func(msg []byte, a arrow.Array) error {
		edited := map[int]arrow.Array{}
		if a != nil {
			edited[0] = a
		}
		_, err := p.Splice(nil, msg, edited)
		return err
	}
	says(t, "no new values", splice(msg, nil), `column "n" is edited, and its new values are not there`)
	says(t, "too few", splice(msg, words("a")), `column "n" is edited, and its new values are not there`)
	says(t, "a schema", splice(schema, values), "only uncompressed record batches are projected")
	says(t, "another batch", splice(encoded(t, array.NewRecord(arrow.NewSchema(rec.Schema().Fields()[:1], nil), rec.Columns()[:1],
		5)), values),
		"the batch does not have the schema's columns")
	refs, size := ipc.PlaceBuffers([][]byte{nil, make([]byte, 40), nil, make([]byte, 24), []byte("x")})
	refs[3], refs[4] = ipc.BufferRef{Offset: 128, Length: 24}, ipc.BufferRef{Offset: 64, Length: 1}
	crossed := append(ipc.RecordMeta(5, []ipc.NodeRef{{Length: 5}, {Length: 5}}, refs, size), make([]byte, size)...)
	says(t, "buffers out of order", splice(crossed, values), "the batch's buffers are not in order")
	refs[3], refs[4] = ipc.BufferRef{Offset: 64, Length: 24}, ipc.BufferRef{Offset: 128, Length: 1}
	cut := append(ipc.RecordMeta(5, []ipc.NodeRef{{Length: 5}, {Length: 5}}, refs, 129), make([]byte, 129)...)
	says(t, "a body without its last padding", splice(cut, values), "the batch's body is not padded to 8 bytes")
	if err := splice(msg, values); err != nil {
		t.Error(err)
	}

	_, err = batch.Edit(schema, []int{2}, nil)
	says(t, "no such column", err, "column 2 of a table with 2")
	_, err = batch.Edit(schema, []int{-1}, nil)
	says(t, "before the first", err, "column -1 of a table with 2")
	coded := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	_, err = batch.Edit(schema, []int{0}, map[int]arrow.Field{0: {Name: "n", Type: coded}})
	says(t, "into a dictionary", err, `column "n" is edited into a dictionary`)
	_, err = batch.Edit([]byte("no schema"), nil, nil)
	says(t, "no schema", err, "the message does not begin with the continuation marker ffffffff")
	_, err = batch.SpansOf(ipc.NewSchema([]arrow.Field{{Name: "v", Type: arrow.BinaryTypes.StringView}}).Top)
	says(t, "views", err, `column "v": views are not projected`)
}

func TestGatherRefuses(t *testing.T) {
	rec := numbers(3)
	_, err := batch.Gather(nil, false)
	says(t, "nothing", err, "no rows to gather")
	_, err = batch.Gather([]batch.Part{{Record: rec, From: 2, N: 2}}, false)
	says(t, "rows behind the end", err, "rows 2 to 4 of a record of 3 rows")
	_, err = batch.Gather([]batch.Part{{Record: rec, From: -1, N: 2}}, false)
	says(t, "rows before the first", err, "rows -1 to 1 of a record of 3 rows")
	_, _, err = encode(rec, 0, 4)
	says(t, "encoding them", err, "rows 0 to 4 of a record of 3 rows")
	bad := coded(words("a"), 3)
	_, err = batch.Gather([]batch.Part{{Record: bad, N: 1}}, true)
	says(t, "an index outside", err, `column "w": row 0: index 3 in a dictionary of 1 values`)
	_, _, err = encode(bad, 0, 1)
	says(t, "encoding it", err, `column "w": row 0 has the index 3 in a dictionary of 1 values`)
	edited := func(a arrow.Array, err error) error {
		_, err = batch.Collect([]batch.Part{{Record: rec, N: 3}}, batch.Gathering{Edits: map[int]batch.ColumnEdit{0: {
			Field: rec.Schema().Field(1), Apply: func(arrow.Array) (arrow.Array, error) { return a, err }}}})
		return err
	}
	says(t, "another number of values", edited(words("a"), nil), `column "w": 1 values for 3 rows`)
	if err := edited(nil, errors.ErrUnsupported); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("an edit's own error: %v", err)
	}
}

// Gathered rows can be edited column by column before they are encoded, under ids of another
// schema.
func TestEditsAndOtherIDs(t *testing.T) {
	x, y := coded(words("a", "b"), 0, 1), coded(words("b", "c"), 1, 0)
	g, err := batch.Collect([]batch.Part{{Record: x, N: 2}, {Record: y, N: 2}, {Record: x, From: 1, N: 1}}, batch.Gathering{})
	if err != nil {
		t.Fatal(err)
	}
	rec := g.Record()
	if got := fmt.Sprint(columntest.Texts([]arrow.Record{rec})); got != "[a b c b b]" || g.Rows() != 5 {
		t.Errorf("%s", got)
	}
	dicts, err := g.DictionariesAs([]int{9})
	if err != nil || len(dicts) != 1 {
		t.Fatal(len(dicts), err)
	}
	m, err := ipc.ParseMeta(dicts[0])
	if err != nil || m.DictionaryID != 9 || m.Rows != 3 {
		t.Errorf("%+v, %v", m, err)
	}
	f := arrow.Field{Name: "w", Type: arrow.PrimitiveTypes.Int8, Nullable: true}
	b := array.NewInt8Builder(memory.NewGoAllocator())
	b.AppendValues([]int8{1, 2, 3, 4, 5}, nil)
	values := b.NewArray()
	g, err = batch.Collect([]batch.Part{{Record: x, N: 2}, {Record: y, N: 2}, {Record: x, From: 1, N: 1}}, batch.Gathering{
		Edits: map[int]batch.ColumnEdit{0: {Field: f, Apply: func(a arrow.Array) (arrow.Array, error) {
			if got := fmt.Sprint(columntest.Texts([]arrow.Record{array.NewRecord(rec.Schema(), []arrow.Array{a}, 5)})); got != "[a b c b b]" {
				t.Errorf("edited is %s", got)
			}
			return values, nil
		}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(columntest.Texts([]arrow.Record{g.Record()})); got != "[1 2 3 4 5]" {
		t.Errorf("%s", got)
	}
	if !bytes.Equal(g.Message(), encoded(t, g.Record())) {
		t.Error("gathered rows have another message than the same record")
	}
}

// A table of more than 256 columns has no sizes of each in its manifest: they would be longer
// than what they save.
func TestColumnBytes(t *testing.T) {
	for _, n := range []int{3, 256, 257} {
		fields := make([]arrow.Field, n)
		for i := range fields {
			fields[i] = arrow.Field{Name: fmt.Sprint(i), Type: arrow.PrimitiveTypes.Int32}
		}
		spans, err := batch.SpansOf(ipc.NewSchema(fields).Top)
		if err != nil {
			t.Fatal(err)
		}
		bufs := make([][]byte, 2*n)
		for i := range n {
			bufs[2*i+1] = make([]byte, 4*i)
		}
		refs, _ := ipc.PlaceBuffers(bufs)
		got, err := batch.ColumnBytes(spans, refs)
		if err != nil || (got == nil) != (n > 256) {
			t.Fatalf("%d columns: %d sizes, %v", n, len(got), err)
		}
		for i, size := range got {
			if size != int64(4*i+7)&^7 {
				t.Errorf("column %d of %d has %d bytes", i, n, size)
			}
		}
	}
}

// The least round trip: two columns of a message, one of them edited.
func ExampleProjection_Splice() {
	rec := numbers(3)
	schema := ipc.EncodeSchema(rec.Schema().Fields())
	msg, _, err := encode(rec, 0, 3)
	if err != nil {
		panic(err)
	}
	text := arrow.Field{Name: "n", Type: arrow.BinaryTypes.String, Nullable: true}
	p, err := batch.Edit(schema, []int{1, 0}, map[int]arrow.Field{0: text})
	if err != nil {
		panic(err)
	}
	out, err := p.Splice(nil, msg, map[int]arrow.Array{0: words("nil", "one", "two")})
	if err != nil {
		panic(err)
	}
	d, err := batch.NewDecoder(p.Schema(), nil)
	if err != nil {
		panic(err)
	}
	cols, err := d.Columns(out, []int{0, 1})
	if err != nil {
		panic(err)
	}
	fmt.Println(cols[0], cols[1])
	// Output:
	// ["" (null) "ww"] ["nil" "one" "two"]
}
