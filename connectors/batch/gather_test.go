package batch_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/column/columntest"
	"guichet/connectors/ipc"
)

// copied is the message of gathered rows as it was first made: each column copied out of its
// parts one by one, and all of them copied together.
func copied(t testing.TB, parts []batch.Part, compact bool) []byte {
	t.Helper()
	known := map[arrow.ArrayData]*column.Column{}
	var cols []*column.Column
	for i, f := range parts[0].Record.Schema().Fields() {
		var runs []column.Run
		var all []*column.Column
		for _, p := range parts {
			c, err := column.FromArrow(p.Record.Column(i).Data(), known)
			if err != nil {
				t.Fatal(err)
			}
			runs, all = append(runs, column.Run{Column: c, From: int(p.From), Len: int(p.N)}), append(all, c.Dictionary)
		}
		m := &column.DictionaryMap{}
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			var err error
			if compact {
				c := column.NewCompactor(f.Name, d)
				if _, err := c.Use(runs); err != nil {
					t.Fatal(err)
				}
				m, err = c.Map()
			} else {
				m.Dictionary, m.Remap, err = unified(f.Name, d, all)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		c, err := column.Canonical(f, runs, m)
		if err != nil {
			t.Fatal(err)
		}
		cols = append(cols, c)
	}
	m := batch.RecordMessage(cols, rowsOf(parts))
	return ipc.AppendPadded(bytes.Clone(m.Meta), m.Buffers)
}

func rowsOf(parts []batch.Part) (n int) {
	for _, p := range parts {
		n += int(p.N)
	}
	return n
}

// unified joins the different ones of dictionaries.
func unified(name string, d *arrow.DictionaryType, all []*column.Column) (*column.Column, map[*column.Column][]int32, error) {
	var different []*column.Column
	seen := map[*column.Column]bool{}
	for _, c := range all {
		if !seen[c] {
			different = append(different, c)
		}
		seen[c] = true
	}
	if len(different) == 1 {
		return different[0], nil, nil
	}
	return column.Unify(arrow.Field{Name: name, Type: d.ValueType, Nullable: true}, different)
}

// scattered are random parts of records, some of no rows, some that follow each other.
func scattered(r *rand.Rand, recs []arrow.Record) (parts []batch.Part) {
	for _, rec := range recs {
		for at := int64(0); at < rec.NumRows(); {
			n := min(r.Int64N(4), rec.NumRows()-at)
			if r.IntN(4) > 0 {
				parts = append(parts, batch.Part{Record: rec, From: at, N: n})
			}
			at += n + r.Int64N(2)
		}
	}
	return parts
}

// Rows that are gathered into memory give, byte for byte, the message that they gave when
// they were copied column by column: over random tables, slices of them (so that bits do not
// begin a byte), memory that holds other bytes, and too little of it.
func TestGatheredIntoMemoryEqualsCopied(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 3))
		_, recs := columntest.Table(r)
		for i, rec := range recs {
			from := r.Int64N(rec.NumRows() + 1)
			recs[i] = rec.NewSlice(from, from+r.Int64N(rec.NumRows()-from+1))
		}
		parts := scattered(r, recs)
		if rowsOf(parts) == 0 {
			return
		}
		for _, compact := range []bool{false, true} {
			want := copied(t, parts, compact)
			m, _, err := ipc.SplitMessage(want)
			if err != nil {
				rt.Fatal(err)
			}
			for _, room := range []int{0, 100, len(want) - 1, len(want), len(want) + 1000} {
				into := bytes.Repeat([]byte{0xee}, 40+room)[: 40 : 40+room]
				g, err := batch.Collect(parts, batch.Gathering{Compact: compact, Into: &into})
				if err != nil {
					rt.Fatal(err)
				}
				dicts, err := g.Dictionaries()
				if err != nil {
					rt.Fatal(err)
				}
				alone, err := batch.Collect(parts, batch.Gathering{Compact: compact})
				if err != nil {
					rt.Fatal(err)
				}
				other, err := alone.Dictionaries()
				if err != nil || fmt.Sprint(dicts) != fmt.Sprint(other) {
					rt.Fatalf("the dictionaries differ: %v", err)
				}
				got := g.Message()
				if !bytes.Equal(got, want) || !bytes.Equal(alone.Message(), want) {
					rt.Fatalf("%s, room for %d of %d bytes: the message differs", parts[0].Record.Schema(), room, len(want))
				}
				lies := room >= len(want) && m.BodyLen > 0
				if lies != (len(into) == 40+len(want)) || !lies && len(into) != 40 || lies && &into[40] != &got[0] {
					rt.Fatalf("room for %d of %d bytes: %d bytes lie in it", room, len(want), len(into)-40)
				}
				if !bytes.Equal(into[:40], bytes.Repeat([]byte{0xee}, 40)) {
					rt.Fatal("what lay there before has changed")
				}
			}
		}
	})
}

// Messages that follow each other in one piece of memory leave each other alone, and one that
// is taken back makes room.
func TestGatheredOneAfterAnother(t *testing.T) {
	rec := numbers(50)
	into := make([]byte, 0, 1<<16)
	var want []byte
	for i := range int64(5) {
		part := []batch.Part{{Record: rec, From: i, N: 40}}
		for _, keep := range []bool{false, true} {
			before := len(into)
			g, err := batch.Collect(part, batch.Gathering{Into: &into})
			if err != nil {
				t.Fatal(err)
			}
			g.Message()
			if !keep {
				into = into[:before]
			}
		}
		want = append(want, copied(t, part, false)...)
	}
	if !bytes.Equal(into, want) {
		t.Error("the messages differ from those made apart")
	}
}

// BenchmarkGather keeps three of four rows at random, as a filter does, of columns that each
// have one shape; copied is the least that it can cost, the bytes of the result.
func BenchmarkGather(b *testing.B) {
	const rows = 16_384
	for _, c := range []struct {
		name string
		typ  arrow.DataType
		null bool
	}{
		{"int64", arrow.PrimitiveTypes.Int64, false}, {"int64, nulls", arrow.PrimitiveTypes.Int64, true},
		{"text", arrow.BinaryTypes.String, false}, {"text, nulls", arrow.BinaryTypes.String, true},
		{"16 float32", arrow.FixedSizeListOf(16, arrow.PrimitiveTypes.Float32), false}, {"list", arrow.ListOf(arrow.PrimitiveTypes.Int16), false},
		{"dictionary", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}, false},
		{"bool", arrow.FixedWidthTypes.Boolean, false},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		build := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "x", Type: c.typ, Nullable: true}}, nil))
		for range rows {
			appendOne(r, build.Field(0), c.null)
		}
		rec := build.NewRecord()
		var parts []batch.Part
		for i := range int64(rows) {
			if n := len(parts) - 1; r.IntN(4) == 0 {
				continue
			} else if n >= 0 && parts[n].From+parts[n].N == i {
				parts[n].N++
				continue
			}
			parts = append(parts, batch.Part{Record: rec, From: i, N: 1})
		}
		into := make([]byte, 0, 4<<20)
		var size int
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			began := used()
			for b.Loop() {
				into = into[:0]
				g, err := batch.Collect(parts, batch.Gathering{Compact: true, Into: &into})
				if err != nil {
					b.Fatal(err)
				}
				size = len(g.Message())
			}
			b.ReportMetric(float64(used()-began)/float64(b.N)/rows, "cpu-ns/row")
		})
		b.Run(c.name+", copied", func(b *testing.B) {
			to, began := make([]byte, size), used()
			for b.Loop() {
				copy(to, into[:size])
			}
			b.ReportMetric(float64(used()-began)/float64(b.N)/rows, "cpu-ns/row")
		})
	}
}

// used is the processor time of this process: on a busy machine it says more than a clock.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func appendOne(r *rand.Rand, b array.Builder, null bool) {
	if null && r.IntN(10) == 0 {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(r.Int64())
	case *array.StringBuilder:
		b.Append(fmt.Sprint("household ", r.IntN(1000)))
	case *array.FixedSizeListBuilder:
		b.Append(true)
		for range 16 {
			b.ValueBuilder().(*array.Float32Builder).Append(r.Float32())
		}
	case *array.ListBuilder:
		b.Append(true)
		for range r.IntN(5) {
			b.ValueBuilder().(*array.Int16Builder).Append(int16(r.Int()))
		}
	case *array.BinaryDictionaryBuilder:
		_ = b.AppendString(fmt.Sprint("tariff ", r.IntN(40)))
	default:
		b.(*array.BooleanBuilder).Append(r.IntN(2) == 0)
	}
}
