package stream

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

// curves is like a table of smart meters: a text that names a household, an instant,
// a dictionary and eight measured numbers.
func curves(rows int) arrow.Record {
	fields := []arrow.Field{
		{Name: "meter", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
		{Name: "tariff", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}, Nullable: true},
	}
	for i := range 8 {
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("kw%d", i), Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range rows {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("LU-%08d", i/96))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(i % 96 * 900_000_000))
		_ = b.Field(2).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprintf("tariff %d", i/96%40))
		for j := range 8 {
			b.Field(3 + j).(*array.Float64Builder).Append(r.Float64())
		}
	}
	return b.NewRecord()
}

// BenchmarkViews streams one table as agreements show it, from a store on this
// machine; plain is what the others are held against. What an own store is faster is
// the cost of comparing checksums.
func BenchmarkViews(b *testing.B) {
	const rows = 400_000
	l := newLab(b, 0, curves(rows))
	filter := func(op, value string) schemas.Duty {
		return schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "kw0", Op: op, Values: []string{value}}}
	}
	for _, v := range []struct {
		name   string
		duties []schemas.Duty
	}{
		{"plain", nil},
		{"plain, own store", nil},
		{"hidden", []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"meter"}}}},
		{"pseudonymised", []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"meter"}}}},
		{"pseudonymised dictionary", []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"tariff"}}}},
		{"generalised", []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{"kw0"}, To: "0.1"}}},
		{"filtered, all stay", []schemas.Duty{filter("gteq", "0")}},
		{"filtered, half stay", []schemas.Duty{filter("gteq", "0.5")}},
		{"filtered, 1 % stay", []schemas.Duty{filter("lt", "0.01")}},
	} {
		src := l.source(b, v.duties)
		l.own.Store(v.name == "plain, own store")
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.drain(b, src, Ask{World: 1})
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
	half := []schemas.Duty{filter("gteq", "0.5")}
	b.Run("index, half stay", func(b *testing.B) {
		for b.Loop() {
			l.source(b, half)
		}
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	})
}
