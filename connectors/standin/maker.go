package standin

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/decimal256"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// maker makes up the values of one column.
type maker struct{ *rand.Rand }

// distinct is how many words a made-up dictionary has.
const distinct = 16

// dictionary makes up a column of codes.
func (m *maker) dictionary(t *arrow.DictionaryType, nullable bool, rows int) arrow.Array {
	words := array.NewBuilder(memory.DefaultAllocator, t.ValueType)
	for i := range min(distinct, rows*distinct) { // none for no rows: a word may be as wide as a type says
		if b, ok := words.(array.StringLikeBuilder); ok {
			b.Append(fmt.Sprint("made up ", i))
			continue
		}
		m.add(words, t.ValueType, false)
	}
	codes := array.NewBuilder(memory.DefaultAllocator, t.IndexType)
	for range rows {
		if nullable && m.IntN(10) == 0 {
			codes.AppendNull()
			continue
		}
		m.number(codes, int64(m.IntN(distinct)))
	}
	return array.NewDictionaryArray(t, codes.NewArray(), words.NewArray())
}

// from is when made-up times begin, span how long they go on.
const (
	from = 1_577_836_800 // 2020-01-01, in seconds since 1970
	span = 6 * 365 * 24 * 3600
)

// add adds one value, a null to every tenth that may be one.
func (m *maker) add(b array.Builder, dt arrow.DataType, nullable bool) {
	if nullable && m.IntN(10) == 0 {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.NullBuilder:
		b.AppendNull()
	case *array.BooleanBuilder:
		b.Append(m.IntN(2) == 0)
	case array.StringLikeBuilder:
		b.Append(fmt.Sprint("made up ", m.IntN(100)))
	case *array.BinaryBuilder:
		b.Append(m.bytes(8))
	case *array.FixedSizeBinaryBuilder:
		b.Append(m.bytes(dt.(*arrow.FixedSizeBinaryType).ByteWidth))
	case *array.Float16Builder:
		b.Append(float16.New(float32(m.tenths())))
	case *array.Float32Builder:
		b.Append(float32(m.tenths()))
	case *array.Float64Builder:
		b.Append(m.tenths())
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(m.digits(dt.(*arrow.Decimal128Type).Precision)))
	case *array.Decimal256Builder:
		b.Append(decimal256.FromI64(m.digits(dt.(*arrow.Decimal256Type).Precision)))
	case *array.StructBuilder:
		b.Append(true)
		for i, f := range dt.(*arrow.StructType).Fields() {
			m.add(b.FieldBuilder(i), f.Type, f.Nullable)
		}
	case *array.MapBuilder:
		t := dt.(*arrow.MapType)
		b.Append(true)
		for range m.IntN(mostItems + 1) { // a key may come twice: Arrow does not say which counts
			m.add(b.KeyBuilder(), t.KeyType(), false)
			m.add(b.ItemBuilder(), t.ItemType(), t.ItemField().Nullable)
		}
	case array.ListLikeBuilder:
		m.list(b, dt)
	default:
		m.time(b, dt)
	}
}

// list adds a list.
func (m *maker) list(b array.ListLikeBuilder, dt arrow.DataType) {
	elem := dt.(arrow.ListLikeType).ElemField()
	n := m.IntN(mostItems + 1)
	if t, ok := dt.(*arrow.FixedSizeListType); ok {
		n = int(t.Len())
	}
	b.Append(true)
	for range n {
		m.add(b.ValueBuilder(), elem.Type, elem.Nullable)
	}
}

// time adds an instant, a day or a duration of the years 2020 to 2025, and a number to
// what is none of these.
func (m *maker) time(b array.Builder, dt arrow.DataType) {
	at := int64(m.IntN(span))
	perSecond := func(u arrow.TimeUnit) int64 { return int64(time.Second / u.Multiplier()) }
	switch b := b.(type) {
	case *array.Date32Builder:
		b.Append(arrow.Date32((from + at) / 86400))
	case *array.Date64Builder:
		b.Append(arrow.Date64((from + at) / 86400 * 86_400_000))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp((from + at) * perSecond(dt.(*arrow.TimestampType).Unit)))
	case *array.Time32Builder:
		b.Append(arrow.Time32(at % 86400 * perSecond(dt.(*arrow.Time32Type).Unit)))
	case *array.Time64Builder:
		b.Append(arrow.Time64(at % 86400 * perSecond(dt.(*arrow.Time64Type).Unit)))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(at % 86400 * perSecond(dt.(*arrow.DurationType).Unit)))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(at % 12))
	case *array.DayTimeIntervalBuilder:
		b.Append(arrow.DayTimeInterval{Days: int32(at % 30), Milliseconds: int32(at % 1000)})
	case *array.MonthDayNanoIntervalBuilder:
		b.Append(arrow.MonthDayNanoInterval{Months: int32(at % 12), Days: int32(at % 30), Nanoseconds: at})
	default:
		m.number(b, at%100)
	}
}

// number adds a whole number; null where it is of no type that is known here.
func (m *maker) number(b array.Builder, n int64) {
	switch b := b.(type) {
	case *array.Int8Builder:
		b.Append(int8(n))
	case *array.Int16Builder:
		b.Append(int16(n))
	case *array.Int32Builder:
		b.Append(int32(n))
	case *array.Int64Builder:
		b.Append(n)
	case *array.Uint8Builder:
		b.Append(uint8(n))
	case *array.Uint16Builder:
		b.Append(uint16(n))
	case *array.Uint32Builder:
		b.Append(uint32(n))
	case *array.Uint64Builder:
		b.Append(uint64(n))
	default:
		b.AppendNull()
	}
}

// tenths is a number around 0 with one digit after the point.
func (m *maker) tenths() float64 { return math.Round(m.NormFloat64()*100) / 10 }

// digits is a number that fits into so many digits.
func (m *maker) digits(precision int32) int64 {
	return m.Int64N(int64(math.Pow10(int(min(precision, 6)))))
}

// bytes are so many.
func (m *maker) bytes(n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, m.Uint64())
	}
	return b[:n]
}
