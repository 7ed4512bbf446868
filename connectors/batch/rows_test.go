package batch_test

import (
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/schemas"
)

// Rows of a batch that are decoded alone are those of the whole batch, also once they are
// gathered; rows that are not there are refused.
func TestRowsAreOfTheirBatch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 5))
		schema, recs := columntest.Table(r)
		rep, out := shardtest.MustIn(t, columntest.Stream(t, schema, recs), shard.Spec{WindowRows: 32})
		d := shardtest.DecoderOf(rt, rep, out)
		columns := r.Perm(schema.NumFields())
		for _, b := range rep.Batches {
			msg := columntest.Piece(out, b)
			whole, err := d.Columns(msg, columns)
			if err != nil {
				rt.Fatal(err)
			}
			from := r.Int64N(b.Rows)
			n := 1 + r.Int64N(b.Rows-from)
			part, err := d.Rows(msg, columns, from, n)
			if err != nil {
				rt.Fatal(err)
			}
			for i, a := range part {
				want := array.NewSlice(whole[i], from, from+n)
				for k := range int(n) {
					if diff := cmp.Diff(want.ValueStr(k), a.ValueStr(k)); diff != "" || int64(a.Len()) != n {
						rt.Fatalf("%s, row %d of %d to %d: %s", schema.Field(columns[i]), k, from, from+n, diff)
					}
				}
			}
			for _, bad := range [][2]int64{{-1, 1}, {b.Rows + 1, -1}, {0, b.Rows + 1}} {
				if _, err := d.Rows(msg, columns, bad[0], bad[1]); schemas.KindOf(err) != schemas.Invalid {
					rt.Fatalf("%d rows from %d of %d: %v", bad[1], bad[0], b.Rows, err)
				}
			}
			gathered(rt, d, rep.Schema, msg, from, n)
		}
	})
}

// gathered makes messages of rows that are decoded alone and with their batch.
func gathered(rt *rapid.T, d *batch.Decoder, schema, msg []byte, from, n int64) {
	rec, err := recordOf(d, schema, msg)
	if err != nil {
		rt.Fatal(err)
	}
	all := make([]int, rec.NumCols())
	for i := range all {
		all[i] = i
	}
	cols, err := d.Rows(msg, all, from, n)
	if err != nil {
		rt.Fatal(err)
	}
	var messages [2]string
	for i, p := range []batch.Part{{Record: rec, From: from, N: n}, {Record: array.NewRecord(rec.Schema(), cols, n), N: n}} {
		g, err := batch.Collect([]batch.Part{p}, batch.Gathering{})
		if err != nil {
			rt.Fatal(err)
		}
		messages[i] = string(g.Message())
	}
	if messages[0] != messages[1] {
		rt.Fatalf("rows %d to %d become another message alone; CRC-32C %x and %x", from, from+n, ipc.Sum([]byte(messages[0])), ipc.Sum([]byte(messages[1])))
	}
}
