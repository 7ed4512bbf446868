package transform

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"
)

// What becomes of a value depends on no other: each row alone gives what it gives among the
// others. Of an instant it is what the library's calendar says.
func TestARowIsGeneralisedAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		a := randomArray(r)
		to := []string{"year", "month", "day", "hour", "10", "0.5", "first:2"}[r.IntN(7)]
		g, err := Generalise(a.DataType(), to)
		if err != nil {
			return // not of this type
		}
		all, err := g.Apply(a)
		if err != nil {
			rt.Fatal(err)
		}
		if all.Len() != a.Len() || !arrow.TypeEqual(all.DataType(), g.Type()) {
			rt.Fatalf("%d values of %s for %d", all.Len(), all.DataType(), a.Len())
		}
		for i := range a.Len() {
			one, err := g.Apply(array.NewSlice(a, int64(i), int64(i+1)))
			if err != nil {
				rt.Fatal(err)
			}
			if got, want := all.ValueStr(i), one.ValueStr(0); got != want {
				rt.Fatalf("%s to %s, row %d: %s among others, %s alone", a, to, i, got, want)
			}
		}
	})
}

// Instants of any distance, also the first and last that a type holds, are truncated as the
// library does it one by one.
func TestInstantsAreTruncatedOneByOne(t *testing.T) {
	steps := []string{"year", "month", "day", "hour"}
	rapid.Check(t, func(rt *rapid.T) {
		unit := arrow.TimeUnit(rapid.IntRange(0, 3).Draw(rt, "unit"))
		step := steps[rapid.IntRange(0, 3).Draw(rt, "step")]
		values := rapid.SliceOf(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-4e9, 4e9), rapid.Int64Range(-1e5, 1e5))).Draw(rt, "values")
		f := stepOf(step, func(v arrow.Timestamp) time.Time { return v.ToTime(unit) },
			func(t time.Time) (arrow.Timestamp, error) { return arrow.TimestampFromTime(t, unit) })
		for _, v := range values {
			want, wantErr := arrow.TimestampFromTime(truncate(arrow.Timestamp(v).ToTime(unit), step), unit)
			got, err := f(arrow.Timestamp(v))
			if got != want || (err == nil) != (wantErr == nil) {
				rt.Fatalf("%d %s to %s: %d, %v; want %d, %v", v, unit, step, got, err, want, wantErr)
			}
		}
	})
}

// A value takes a look-up and what is made of it; copied is the least.
func BenchmarkGeneralise(b *testing.B) {
	const n = 16_384
	r := rand.New(rand.NewPCG(1, 2))
	numbers, floats := array.NewInt64Builder(memory.DefaultAllocator), array.NewFloat64Builder(memory.DefaultAllocator)
	texts := array.NewStringBuilder(memory.DefaultAllocator)
	sorted := array.NewTimestampBuilder(memory.DefaultAllocator, seconds("UTC").(*arrow.TimestampType))
	mixed := array.NewTimestampBuilder(memory.DefaultAllocator, seconds("UTC").(*arrow.TimestampType))
	for i := range n {
		numbers.Append(r.Int64N(1e6))
		floats.Append(r.Float64())
		texts.Append(fmt.Sprint("L-", 1000+r.IntN(9000)))
		sorted.Append(arrow.Timestamp(1_700_000_000 + i*900))
		mixed.Append(arrow.Timestamp(1_700_000_000 + r.IntN(1e8)))
	}
	for _, c := range []struct {
		name, to string
		a        arrow.Array
	}{
		{"int64", "10", numbers.NewArray()}, {"float64", "0.1", floats.NewArray()}, {"text", "first:3", texts.NewArray()},
		{"sorted instants", "month", sorted.NewArray()}, {"mixed instants", "month", mixed.NewArray()},
	} {
		g, err := Generalise(c.a.DataType(), c.to)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.Apply(c.a); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
		})
	}
	b.Run("copied", func(b *testing.B) {
		from, to := make([]byte, 8*n), make([]byte, 8*n)
		for b.Loop() {
			copy(to, from)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
	})
}
