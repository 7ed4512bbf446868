package batch_test

import (
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
)

// Splicing edited columns between bytes that pass as they lie gives what decoding,
// editing and encoding everything gives; and the manifest's sizes are exact.
func TestSpliceEqualsEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 3))
		schema, recs := columntest.Table(r)
		rep, out := shardtest.MustIn(t, columntest.Stream(t, schema, recs), shard.Spec{WindowRows: 8})
		keep := r.Perm(schema.NumFields())[:1+r.IntN(schema.NumFields())]
		d := shardtest.DecoderOf(rt, rep, out)
		edits, text := map[int]bool{}, map[int]bool{}
		for _, i := range keep {
			switch r.IntN(3) {
			case 0:
				edits[i] = true
			case 1:
				edits[i], text[i] = true, true
			}
		}
		for _, b := range rep.Batches {
			msg := columntest.Piece(out, b)
			cols, err := d.Columns(msg, keep)
			if err != nil {
				rt.Fatal(err)
			}
			fields, edited, fresh := map[int]arrow.Field{}, map[int]arrow.Array{}, int64(0)
			var shown []arrow.Field
			var kept int64
			for at, i := range keep {
				f := parsed(t, rep.Schema)[i]
				f.Type = cols[at].DataType() // as in recordOf
				if edits[i] {
					f, cols[at] = columntest.Edited(cols[at], text[i])
					fields[i], edited[i] = f, cols[at]
					fresh += column.MostBytes(f, b.Rows, 16)
				} else {
					kept += b.Columns[i]
				}
				shown = append(shown, f)
			}
			p, err := batch.Edit(rep.Schema, keep, fields)
			if err != nil {
				rt.Fatal(err)
			}
			got, err := p.Splice(nil, msg, edited)
			if err != nil {
				rt.Fatal(err)
			}
			want := array.NewRecord(arrow.NewSchema(shown, nil), cols, b.Rows)
			stream := p.Schema()
			for _, dict := range rep.Dictionaries {
				if keeps(t, p, columntest.Piece(out, dict)) {
					stream = append(stream, columntest.Piece(out, dict)...)
				}
			}
			if diff := cmp.Diff(columntest.Texts([]arrow.Record{want}), columntest.Texts(columntest.ReadStream(t, append(append(stream, got...),
				ipc.EndOfStream()...)))); diff != "" {
				rt.Fatal(diff)
			}
			m, at, err := ipc.SplitMessage(got)
			if err != nil {
				rt.Fatal(err)
			}
			meta, _, err := batch.BatchFrame(shown)
			if err != nil {
				rt.Fatal(err)
			}
			if m.BodyLen > kept+fresh || fresh == 0 && m.BodyLen != kept || int64(at.Meta) > meta {
				rt.Fatalf("a body of %d bytes, bounded by %d kept and %d made anew; metadata of %d bytes, bounded by %d", m.BodyLen, kept,
					fresh, at.Meta, meta)
			}
			if whole, _, err := encode(want, 0, b.Rows); err != nil || len(whole) < len(got) {
				rt.Fatalf("encoded as a whole it has %d bytes, spliced %d; %v", len(whole), len(got), err)
			}
		}
	})
}

// What Sizes counts row by row is what gathering and encoding the rows gives.
func TestSizesEqualEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 4))
		schema, recs := columntest.Table(r)
		rep, out := shardtest.MustIn(t, columntest.Stream(t, schema, recs), shard.Spec{WindowRows: 8})
		d := shardtest.DecoderOf(rt, rep, out)
		sizes := batch.NewSizes(parsed(t, rep.Schema))
		var parts []batch.Part
		for _, b := range rep.Batches {
			rec, err := recordOf(d, rep.Schema, columntest.Piece(out, b))
			if err != nil {
				rt.Fatal(err)
			}
			var rows []int32
			for i := range b.Rows {
				if r.IntN(3) > 0 {
					rows = append(rows, int32(i))
					parts = append(parts, batch.Part{Record: rec, From: i, N: 1})
				}
			}
			c, err := sizes.Select(rec.Columns(), rows)
			if err != nil {
				rt.Fatal(err)
			}
			before := sizes.Body()
			fits, err := sizes.Add(c, 0, len(rows), 2000)
			if err != nil {
				rt.Fatal(err)
			}
			if body := sizes.Body(); fits > 0 && body > 2000 || fits == 0 && body != before {
				rt.Fatalf("%d rows were to fit 2000 bytes and have %d", fits, body)
			}
			rest, err := sizes.Add(c, fits, len(rows)-fits, 1<<40)
			if err != nil || rest != len(rows)-fits {
				rt.Fatalf("%d of the other %d rows, %v", rest, len(rows)-fits, err)
			}
		}
		if len(parts) == 0 {
			return
		}
		g, err := batch.Collect(parts, batch.Gathering{Compact: true})
		if err != nil {
			rt.Fatal(err)
		}
		m, at, err := ipc.SplitMessage(g.Message())
		if err != nil {
			rt.Fatal(err)
		}
		meta, buffers, err := batch.BatchFrame(g.Record().Schema().Fields())
		if err != nil || int64(at.Meta) > meta || buffers != len(m.Buffers) {
			rt.Fatalf("metadata of %d bytes and %d buffers, counted %d and %d, %v", at.Meta, len(m.Buffers), meta, buffers, err)
		}
		if sizes.Body() != m.BodyLen {
			rt.Fatalf("a body of %d bytes, counted %d: %v", m.BodyLen, sizes.Body(), sizes.Columns())
		}
		dicts, err := g.Dictionaries()
		if err != nil {
			rt.Fatal(err)
		}
		for i, n := range sizes.Dictionaries() {
			if int64(len(dicts[i])) > n || n > int64(len(dicts[i]))+64 {
				rt.Fatalf("dictionary %d has %d bytes, counted %d", i, len(dicts[i]), n)
			}
		}
	})
}

// parsed are the fields of a schema message.
func parsed(t testing.TB, schema []byte) []arrow.Field {
	t.Helper()
	s, err := ipc.ParseSchema(schema)
	if err != nil {
		t.Fatal(err)
	}
	return s.Arrow.Fields()
}
