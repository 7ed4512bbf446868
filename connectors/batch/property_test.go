package batch_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
)

func TestConformKeepsEveryCell(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		schema, recs := columntest.Table(r)
		spec := shard.Spec{WindowRows: int64(1) << r.IntN(7)}
		_, out := shardtest.MustIn(t, columntest.Stream(t, schema, recs), spec)
		if diff := cmp.Diff(columntest.Texts(recs), columntest.Texts(columntest.ReadFile(t, out))); diff != "" {
			rt.Fatalf("%s\n(-want +got)\n%s", schema, diff)
		}
	})
}

// TestSelectEqualsProjection compares Select on bytes with arrow's own
// projection of decoded records, and Gather and its messages with slices.
func TestSelectEqualsProjection(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		schema, recs := columntest.Table(r)
		rep, out := shardtest.MustIn(t, columntest.Stream(t, schema, recs), shard.Spec{WindowRows: 8})
		keep := r.Perm(schema.NumFields())[:1+r.IntN(schema.NumFields())]
		p, err := batch.Edit(rep.Schema, keep, nil)
		if err != nil {
			rt.Fatal(err)
		}
		stream := p.Schema()
		for _, b := range rep.Dictionaries {
			if keeps(t, p, columntest.Piece(out, b)) {
				stream = append(stream, columntest.Piece(out, b)...)
			}
		}
		for _, b := range rep.Batches {
			msg, err := p.Splice(nil, columntest.Piece(out, b), nil)
			if err != nil {
				rt.Fatal(err)
			}
			stream = append(stream, msg...)
		}
		got := columntest.ReadStream(t, append(stream, ipc.EndOfStream()...))
		var want []arrow.Record
		for _, rec := range columntest.ReadFile(t, out) {
			var cols []arrow.Array
			var fs []arrow.Field
			for _, i := range keep {
				cols, fs = append(cols, rec.Column(i)), append(fs, rec.Schema().Field(i))
			}
			want = append(want, array.NewRecord(arrow.NewSchema(fs, nil), cols, rec.NumRows()))
		}
		if diff := cmp.Diff(columntest.Texts(want), columntest.Texts(got)); diff != "" {
			rt.Fatal(diff)
		}
		pieces(rt, r, rep, out)
	})
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
func pieces(rt *rapid.T, r *rand.Rand, rep shard.Report, file []byte) {
	var dicts [][]byte
	for _, b := range rep.Dictionaries {
		dicts = append(dicts, columntest.Piece(file, b))
	}
	d, err := batch.NewDecoder(rep.Schema, dicts)
	if err != nil {
		rt.Fatal(err)
	}
	var parts []batch.Part
	var want []arrow.Record
	for _, b := range rep.Batches {
		rec, err := recordOf(d, rep.Schema, columntest.Piece(file, b))
		if err != nil {
			rt.Fatal(err)
		}
		from := r.Int64N(b.Rows)
		n := r.Int64N(b.Rows - from + 1)
		parts, want = append(parts, batch.Part{Record: rec, From: from, N: n}), append(want, rec.NewSlice(from, from+n))
		msg, _, err := encode(rec, from, n)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := recordOf(d, rep.Schema, msg)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(columntest.Texts(want[len(want)-1:]), columntest.Texts([]arrow.Record{again})); diff != "" {
			rt.Fatal(diff)
		}
	}
	if len(parts) == 0 {
		return
	}
	for _, p := range parts {
		takes(rt, r, p.Record)
	}
	for _, compact := range []bool{false, true} {
		g, err := batch.Gather(parts, compact)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(columntest.Texts(want), columntest.Texts([]arrow.Record{g})); diff != "" {
			rt.Fatal(diff)
		}
	}
}

// takes compares the messages of rows in any order, taken by their places and gathered as parts:
// they are the same bytes, wherever they lie.
func takes(rt *rapid.T, r *rand.Rand, rec arrow.Record) {
	from := r.Int64N(rec.NumRows())
	rec = rec.NewSlice(from, rec.NumRows()) // its columns may begin inside of their buffers
	rows := make([]int32, 1+r.IntN(2*int(rec.NumRows())))
	parts := make([]batch.Part, len(rows))
	for i := range rows {
		rows[i] = r.Int32N(int32(rec.NumRows()))
		parts[i] = batch.Part{Record: rec, From: int64(rows[i]), N: 1}
	}
	for _, compact := range []bool{false, true} {
		want, err := batch.Collect(parts, batch.Gathering{Compact: compact})
		if err != nil {
			rt.Fatal(err)
		}
		wantDicts, err := want.Dictionaries()
		if err != nil {
			rt.Fatal(err)
		}
		message := want.Message()
		into := slices.Repeat([]byte{0xee}, r.IntN(2*len(message)))[:0]
		for _, in := range []*[]byte{nil, &into} {
			got, err := batch.Take(rec, rows, batch.Gathering{Compact: compact, Into: in})
			if err != nil {
				rt.Fatal(err)
			}
			dicts, err := got.Dictionaries()
			if err != nil {
				rt.Fatal(err)
			}
			if !slices.EqualFunc(dicts, wantDicts, bytes.Equal) || !bytes.Equal(got.Message(), message) {
				rt.Fatalf("rows %v of %s, compact %v: other bytes than gathered", rows, rec.Schema(), compact)
			}
		}
	}
}
