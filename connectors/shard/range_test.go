package shard_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/decimal256"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/column/columntest"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
)

// TestValuesOutsideTheirType: what full validation of other readers refuses is
// refused at publication, naming column and row; the last value that fits is taken.
func TestValuesOutsideTheirType(t *testing.T) {
	day := int64(86_400_000)
	wide := func(s string, scale int32) decimal256.Num {
		v, err := decimal256.FromString(s, 76, scale)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		dt   arrow.DataType
		put  func(b array.Builder, i int, bad bool)
		want string
	}{
		{&arrow.Decimal128Type{Precision: 5, Scale: 2}, func(b array.Builder, i int, bad bool) {
			v := int64(99_999 - 2*i%3)
			if bad {
				v = 100_000
			}
			b.(*array.Decimal128Builder).Append(decimal128.FromI64(v))
		}, "holds a decimal of more than the 5 digits that decimal(5, 2) has"},
		{&arrow.Decimal128Type{Precision: 38, Scale: 0}, func(b array.Builder, _ int, bad bool) {
			v := decimal128.FromBigInt(new(big.Int).Sub(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)))
			if bad {
				v = v.Sub(decimal128.FromI64(1))
			}
			b.(*array.Decimal128Builder).Append(v)
		}, "more than the 38 digits"},
		{&arrow.Decimal256Type{Precision: 70, Scale: 1}, func(b array.Builder, _ int, bad bool) {
			s := strings.Repeat("9", 69) + ".9"
			if bad {
				s = "1" + strings.Repeat("0", 69) + ".0"
			}
			b.(*array.Decimal256Builder).Append(wide(s, 1))
		}, "more than the 70 digits"},
		{arrow.FixedWidthTypes.Date64, func(b array.Builder, i int, bad bool) {
			v := int64(i-300) * day
			if bad {
				v++
			}
			b.(*array.Date64Builder).Append(arrow.Date64(v))
		}, "ms, which is not a whole day, as date64 requires"},
		{arrow.FixedWidthTypes.Time32s, func(b array.Builder, _ int, bad bool) {
			v := arrow.Time32(86_399)
			if bad {
				v++
			}
			b.(*array.Time32Builder).Append(v)
		}, "holds 86400, which is not a time of day, as time32[s] requires"},
		{arrow.FixedWidthTypes.Time64ns, func(b array.Builder, _ int, bad bool) {
			v := arrow.Time64(0)
			if bad {
				v = -1
			}
			b.(*array.Time64Builder).Append(v)
		}, "holds -1, which is not a time of day, as time64[ns] requires"},
		{arrow.FixedWidthTypes.Time64us, func(b array.Builder, _ int, bad bool) {
			v := arrow.Time64(day*1000 - 1)
			if bad {
				v++
			}
			b.(*array.Time64Builder).Append(v)
		}, "holds 86400000000, which"},
	} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: c.dt, Nullable: true}}, nil)
		make := func(bad int) []byte {
			b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
			var recs []arrow.Record
			for i := range 600 {
				if i%7 == 3 && i != bad {
					b.Field(0).AppendNull()
				} else {
					c.put(b.Field(0), i, i == bad)
				}
				if i%200 == 199 {
					recs = append(recs, b.NewRecord())
				}
			}
			return columntest.Stream(t, schema, recs)
		}
		r, file, err := shardtest.Conform(t, make(-1), shard.Spec{WindowRows: 64})
		if err != nil || r.Rows != 600 {
			t.Errorf("%s: %v", c.dt, err)
			continue
		}
		for _, spec := range []shard.Spec{{WindowRows: 64}, {}} {
			_, _, err = shardtest.Conform(t, make(450), spec)
			if err == nil || !strings.Contains(err.Error(), `column "x": row 450 `) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.dt, err)
			}
		}
		// A tidy file that would have stayed where it is, with one value changed in it.
		last := r.Batches[len(r.Batches)-1]
		bad := append([]byte(nil), file...)
		for i := range bad[last.Offset+int64(last.Meta) : last.Offset+last.Len()] {
			bad[last.Offset+int64(last.Meta)+int64(i)] = 0x6b
		}
		if _, _, err = shardtest.Conform(t, bad, shard.Spec{WindowRows: 64}); err == nil || !strings.Contains(err.Error(), `column "x"`) {
			t.Errorf("%s: a tidy file: %v", c.dt, err)
		}
	}
}

// TestNestedValuesOutsideTheirType names the path.
func TestNestedValuesOutsideTheirType(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.ListOf(arrow.FixedWidthTypes.Time32s), Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	l := b.Field(0).(*array.ListBuilder)
	for i := range 3 {
		l.Append(true)
		l.ValueBuilder().(*array.Time32Builder).Append(arrow.Time32(i * 50_000))
	}
	_, _, err := shardtest.Conform(t, columntest.Stream(t, schema, []arrow.Record{b.NewRecord()}), shard.Spec{})
	if err == nil || !strings.Contains(err.Error(), `column "x": item: value 2 holds 100000, which is not a time of day`) {
		t.Error(err)
	}
}
