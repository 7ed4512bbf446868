package transform

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// mostRunes bounds first:n: what is cut there is a whole text.
const mostRunes = 100_000

// Generalise makes values coarser: to says how. "year", "month", "day", "hour"
// truncate dates and timestamps (UTC); a width such as "10" rounds numbers down to
// its multiples; "first:3" keeps the first characters of a text. The type stays.
func Generalise(from arrow.DataType, to string) (Column, error) {
	base := from
	if d, ok := from.(*arrow.DictionaryType); ok {
		base = d.ValueType
	}
	g := &general{typ: base, most: 16} // no number or date is longer
	refuse := func() (Column, error) {
		return nil, fmt.Errorf("columns of type %s cannot be generalised to %s", from, to)
	}
	switch {
	case strings.HasPrefix(to, "first:"):
		n, err := strconv.Atoi(to[len("first:"):])
		if err != nil || n < 1 || n > mostRunes || base.ID() != arrow.STRING && base.ID() != arrow.LARGE_STRING {
			return refuse()
		}
		g.text = func(s string) string { return firstRunes(s, n) }
		g.most = int64(n) * utf8.UTFMax
	case to == "year" || to == "month" || to == "day" || to == "hour":
		if base.ID() != arrow.DATE32 && base.ID() != arrow.DATE64 && base.ID() != arrow.TIMESTAMP ||
			to == "hour" && base.ID() != arrow.TIMESTAMP {
			return refuse()
		}
		g.instant = func(t time.Time) time.Time { return truncate(t, to) }
	default:
		w, err := strconv.ParseFloat(to, 64)
		if err != nil || w <= 0 {
			return refuse()
		}
		switch {
		case arrow.IsFloating(base.ID()) && base.ID() != arrow.FLOAT16:
			g.number = func(f float64) float64 { return math.Floor(f/w) * w }
		case arrow.IsInteger(base.ID()) && w == math.Trunc(w) && w < math.MaxInt32:
			g.width = int64(w)
		default:
			return refuse()
		}
	}
	return g, nil
}

// general makes values coarser, one function for each type.
type general struct {
	typ     arrow.DataType
	text    func(string) string
	instant func(time.Time) time.Time
	number  func(float64) float64
	width   int64
	most    int64
}

func (g *general) Most() int64 { return g.most }

func (g *general) Type() arrow.DataType { return g.typ }

// firstRunes counts code points, so that no character is cut in two: of "Žižkov" the first
// two are "Ži", three bytes.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// truncate goes by UTC whatever zone a column names: an instant has one hour, and who
// joins two columns must not find them cut apart.
func truncate(t time.Time, to string) time.Time {
	t = t.UTC()
	switch to {
	case "year":
		return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	case "month":
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	case "day":
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	default:
		return t.Truncate(time.Hour)
	}
}

// Apply writes a dictionary's rows out: values that were told apart may be equal now, and
// a dictionary that has one value twice is not canonical.
func (g *general) Apply(a arrow.Array) (arrow.Array, error) {
	at := func(i int) int { return i }
	null := a.IsNull
	if d, ok := a.(*array.Dictionary); ok {
		values := d.Dictionary()
		at = d.GetValueIndex
		null = func(i int) bool { return d.IsNull(i) || values.IsNull(d.GetValueIndex(i)) }
		n := d.Len()
		return g.values(values, n, at, null)
	}
	return g.values(a, a.Len(), at, null)
}

func (g *general) values(a arrow.Array, n int, at func(int) int, null func(int) bool) (arrow.Array, error) {
	b := array.NewBuilder(memory.DefaultAllocator, g.typ)
	b.Reserve(n)
	for i := range n {
		if null(i) {
			b.AppendNull()
			continue
		}
		err := g.append(b, a, at(i))
		if err != nil {
			return nil, err
		}
	}
	return b.NewArray(), nil
}

func (g *general) append(b array.Builder, a arrow.Array, i int) error {
	switch a := a.(type) {
	case *array.String:
		b.(*array.StringBuilder).Append(g.text(a.Value(i)))
	case *array.LargeString:
		b.(*array.LargeStringBuilder).Append(g.text(a.Value(i)))
	case *array.Float64:
		b.(*array.Float64Builder).Append(g.number(a.Value(i)))
	case *array.Float32:
		b.(*array.Float32Builder).Append(float32(g.number(float64(a.Value(i)))))
	case *array.Date32:
		b.(*array.Date32Builder).Append(arrow.Date32FromTime(g.instant(a.Value(i).ToTime())))
	case *array.Date64:
		b.(*array.Date64Builder).Append(arrow.Date64FromTime(g.instant(a.Value(i).ToTime())))
	case *array.Timestamp:
		unit := g.typ.(*arrow.TimestampType).Unit
		ts, err := arrow.TimestampFromTime(g.instant(a.Value(i).ToTime(unit)), unit)
		if err != nil {
			return fmt.Errorf("generalise a timestamp: %w", err)
		}
		b.(*array.TimestampBuilder).Append(ts)
	default:
		return g.integer(b, a, i)
	}
	return nil
}

// floor rounds down to a multiple of the width; the least value of a narrow type
// may have no multiple below it, then it stays at the type's least.
func floor[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](v T, width int64) T {
	// By 10, 19 becomes 10 and -1 becomes -10. Of an int8, -128 has no multiple that is
	// below it and an int8 too: it becomes -120, which tells less than -128 did.
	w := uint64(width)
	if v >= 0 {
		return T(uint64(v) - uint64(v)%w)
	}
	r := int64(v) % width
	if r == 0 {
		return v
	}
	down := int64(v) - r - width
	if int64(T(down)) != down || down > int64(v) {
		return v - T(r)
	}
	return T(down)
}

func (g *general) integer(b array.Builder, a arrow.Array, i int) error {
	switch a := a.(type) {
	case *array.Int8:
		b.(*array.Int8Builder).Append(floor(a.Value(i), g.width))
	case *array.Int16:
		b.(*array.Int16Builder).Append(floor(a.Value(i), g.width))
	case *array.Int32:
		b.(*array.Int32Builder).Append(floor(a.Value(i), g.width))
	case *array.Int64:
		b.(*array.Int64Builder).Append(floor(a.Value(i), g.width))
	case *array.Uint8:
		b.(*array.Uint8Builder).Append(floor(a.Value(i), g.width))
	case *array.Uint16:
		b.(*array.Uint16Builder).Append(floor(a.Value(i), g.width))
	case *array.Uint32:
		b.(*array.Uint32Builder).Append(floor(a.Value(i), g.width))
	case *array.Uint64:
		b.(*array.Uint64Builder).Append(floor(a.Value(i), g.width))
	default:
		return fmt.Errorf("columns of type %s cannot be generalised", a.DataType())
	}
	return nil
}
