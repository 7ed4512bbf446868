package column_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"pgregory.net/rapid"

	"guichet/connectors/column"
	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
)

// Columns that are made in a space one after another lie there as a message's body, and are
// what they are without it; a space that is too small says so.
func TestColumnsInASpaceAreABody(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 4))
		schema, recs := columntest.Table(r)
		var bufs [][]byte
		var arrays []arrow.Array
		var fields []arrow.Field
		for _, rec := range recs {
			for i, f := range schema.Fields() {
				f.Type = column.CanonicalType(f.Type) // dictionaries are written out
				c, err := (*column.Space)(nil).FromArray(f, rec.Column(i))
				if err != nil {
					rt.Fatal(err)
				}
				shared, err := column.FromArray(f, rec.Column(i))
				if err != nil {
					rt.Fatal(err)
				}
				_, one := c.Layout(nil, nil)
				_, other := shared.Layout(nil, nil)
				for k := range one {
					if !bytes.Equal(one[k], other[k]) {
						rt.Fatalf("%s: what is shared differs from what is copied", f)
					}
				}
				bufs, arrays, fields = append(bufs, one...), append(arrays, rec.Column(i)), append(fields, f)
			}
		}
		want := ipc.AppendPadded(nil, bufs)
		for _, room := range []int{len(want), len(want) + 64, len(want) - 1} {
			if room < 0 {
				continue
			}
			body := bytes.Repeat([]byte{0xee}, room)
			space := column.NewSpace(body)
			for i, a := range arrays {
				if _, err := space.FromArray(fields[i], a); err != nil {
					rt.Fatal(err)
				}
			}
			fits := room >= len(want)
			if space.Spilled() == fits || fits && !bytes.Equal(body[:len(want)], want) {
				rt.Fatalf("%s: in a space of %d bytes for %d the body differs", schema, room, len(want))
			}
		}
	})
}
