package streamtest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

func newBuilder(fields ...arrow.Field) *array.RecordBuilder {
	return array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
}

func coded(index arrow.DataType) arrow.DataType {
	return &arrow.DictionaryType{IndexType: index, ValueType: arrow.BinaryTypes.String}
}

// Filter is the duty that rows stay away but those whose column compares so with a value.
func Filter(column, op string, values ...string) schemas.Duty {
	return schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: column, Op: op, Values: values}}
}

// Hide is the duty to leave columns out.
func Hide(columns ...string) schemas.Duty {
	return schemas.Duty{Kind: schemas.DutyHide, Columns: columns}
}

// Pseudonymise is the duty to replace the values of columns.
func Pseudonymise(columns ...string) schemas.Duty {
	return schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: columns}
}

// Numbers is the column n: 0, 1, 2, …
func Numbers(rows int) arrow.Record {
	b := newBuilder(arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64})
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
	}
	return b.NewRecord()
}

// Padded are rows of 1 KiB with the numbers first, first+1, …
func Padded(first, rows int) arrow.Record {
	b := newBuilder(arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "pad", Type: arrow.BinaryTypes.String})
	for i := first; i < first+rows; i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(strings.Repeat("x", 1<<10))
	}
	return b.NewRecord()
}

// People are random rows with a column of each shape that views handle apart.
func People(r *rand.Rand, rows int) arrow.Record {
	b := newBuilder(arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		arrow.Field{Name: "kind", Type: coded(arrow.PrimitiveTypes.Int8), Nullable: true},
		arrow.Field{Name: "many", Type: arrow.ListOf(arrow.PrimitiveTypes.Int16), Nullable: true},
		arrow.Field{Name: "region", Type: coded(arrow.PrimitiveTypes.Int16), Nullable: true},
		arrow.Field{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		arrow.Field{Name: "secret", Type: arrow.BinaryTypes.String, Nullable: true})
	for range rows {
		b.Field(0).(*array.Int64Builder).Append(r.Int64N(100))
		for _, i := range []int{1, 2, 3, 4, 5, 6} {
			if r.IntN(5) == 0 {
				b.Field(i).AppendNull()
				continue
			}
			switch f := b.Field(i).(type) {
			case *array.StringBuilder:
				f.Append(strings.Repeat("ž", r.IntN(6)) + fmt.Sprint(r.IntN(50)))
			case *array.BinaryDictionaryBuilder:
				_ = f.AppendString(fmt.Sprint("value ", r.IntN(9)))
			case *array.ListBuilder:
				f.Append(true)
				for range r.IntN(4) {
					f.ValueBuilder().(*array.Int16Builder).Append(int16(r.IntN(9)))
				}
			case *array.BooleanBuilder:
				f.Append(r.IntN(2) == 0)
			}
		}
	}
	return b.NewRecord()
}

// Curves are like a table of smart meters: a text that names a household, an instant,
// a dictionary and eight measured numbers.
func Curves(rows int) arrow.Record {
	fields := []arrow.Field{
		{Name: "meter", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
		{Name: "tariff", Type: coded(arrow.PrimitiveTypes.Int16), Nullable: true},
	}
	for i := range 8 {
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("kw%d", i), Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	b := newBuilder(fields...)
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
