package column_test

import (
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"pgregory.net/rapid"

	"guichet/connectors/column"
	"guichet/connectors/column/columntest"
)

// TestUnchanged: a column that is taken as it stands is byte for byte what Canonical makes of it.
func TestUnchanged(t *testing.T) {
	taken := 0
	check := func(rt rapid.TB, seed uint64) {
		schema, recs := columntest.Table(rand.New(rand.NewPCG(seed, 1)))
		for _, rec := range recs {
			for i, a := range rec.Columns() {
				k, err := column.FromArrow(a.Data(), map[arrow.ArrayData]*column.Column{})
				if err != nil {
					rt.Fatal(err)
				}
				f := column.CanonicalField(schema.Field(i))
				runs := []column.Run{{Column: k, Len: k.Len}}
				got, err := column.Unchanged(f, runs)
				if got == nil || err != nil {
					continue
				}
				taken++
				want, err := column.Canonical(f, runs, &column.DictionaryMap{})
				if err != nil {
					rt.Fatal(err)
				}
				a, x := got.Layout(nil, nil)
				b, y := want.Layout(nil, nil)
				if len(a) != len(b) || a[0] != b[0] || len(x) != len(y) {
					rt.Fatalf("%s: %v, %v", f.Type, a, b)
				}
				for j := range x {
					if string(x[j]) != string(y[j]) {
						rt.Fatalf("%s: buffer %d differs", f.Type, j)
					}
				}
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) { check(rt, rapid.Uint64().Draw(rt, "seed")) })
	for seed := uint64(0); taken == 0 && seed < 1000; seed++ { // one table in some thirty has such a column
		check(t, seed)
	}
	if taken == 0 {
		t.Error("no column was taken as it stands")
	}
}
