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
		g.step = to
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
	typ    arrow.DataType
	text   func(string) string
	number func(float64) float64
	step   string // of instants
	width  int64
	most   int64
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

// after is where the step that begins at t ends.
func after(t time.Time, step string) time.Time {
	switch step {
	case "year":
		return t.AddDate(1, 0, 0)
	case "month":
		return t.AddDate(0, 1, 0)
	case "day":
		return t.AddDate(0, 0, 1)
	default:
		return t.Add(time.Hour)
	}
}

// Apply writes a dictionary's rows out: values that were told apart may be equal now, and
// a dictionary that has one value twice is not canonical.
func (g *general) Apply(a arrow.Array) (arrow.Array, error) {
	rows := rowsOf{n: a.Len(), null: a.IsNull, at: func(i int) int { return i }}
	if d, ok := a.(*array.Dictionary); ok {
		values := d.Dictionary()
		rows.at, rows.null = d.GetValueIndex, func(i int) bool { return d.IsNull(i) || values.IsNull(d.GetValueIndex(i)) }
		a = values
	}
	unit := arrow.Second
	if t, ok := g.typ.(*arrow.TimestampType); ok {
		unit = t.Unit
	}
	switch a := a.(type) {
	case *array.String:
		b := array.NewStringBuilder(memory.DefaultAllocator)
		rows.texts(b, func(i int) { b.Append(g.text(a.Value(i))) })
		return b.NewArray(), nil
	case *array.LargeString:
		b := array.NewLargeStringBuilder(memory.DefaultAllocator)
		rows.texts(b, func(i int) { b.Append(g.text(a.Value(i))) })
		return b.NewArray(), nil
	case *array.Float64:
		return made(g.typ, rows, a.Float64Values(), func(f float64) (float64, error) { return g.number(f), nil })
	case *array.Float32:
		return made(g.typ, rows, a.Float32Values(), func(f float32) (float32, error) { return float32(g.number(float64(f))), nil })
	case *array.Date32:
		return made(g.typ, rows, a.Date32Values(), stepOf(g.step, arrow.Date32.ToTime,
			func(t time.Time) (arrow.Date32, error) { return arrow.Date32FromTime(t), nil }))
	case *array.Date64:
		return made(g.typ, rows, a.Date64Values(), stepOf(g.step, arrow.Date64.ToTime,
			func(t time.Time) (arrow.Date64, error) { return arrow.Date64FromTime(t), nil }))
	case *array.Timestamp:
		return made(g.typ, rows, a.TimestampValues(), stepOf(g.step, func(t arrow.Timestamp) time.Time { return t.ToTime(unit) },
			func(t time.Time) (arrow.Timestamp, error) { return arrow.TimestampFromTime(t, unit) }))
	}
	return g.integers(a, rows)
}

// rowsOf says where the rows of the result lie among values: of a dictionary, under indices.
type rowsOf struct {
	n    int
	at   func(i int) int
	null func(i int) bool
}

// texts appends each row to a builder.
func (r rowsOf) texts(b array.Builder, appendText func(i int)) {
	b.Reserve(r.n)
	for i := range r.n {
		if r.null(i) {
			b.AppendNull()
			continue
		}
		appendText(r.at(i))
	}
}

// made is an array of fixed width, of a function of values.
func made[T arrow.FixedWidthType](typ arrow.DataType, rows rowsOf, values []T, f func(T) (T, error)) (arrow.Array, error) {
	out, valid, nulls := make([]T, rows.n), make([]byte, (rows.n+7)/8), 0
	for i := range out {
		if rows.null(i) {
			nulls++
			continue
		}
		valid[i>>3] |= 1 << (i & 7)
		v, err := f(values[rows.at(i)])
		if err != nil {
			return nil, fmt.Errorf("generalise a value: %w", err)
		}
		out[i] = v
	}
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.GetBytes(out))}
	if nulls > 0 {
		buffers[0] = memory.NewBufferBytes(valid)
	}
	return array.MakeFromData(array.NewData(typ, rows.n, buffers, nil, nulls, 0)), nil
}

// stepOf truncates instants to a step. Those of one hour, day, month or year often follow
// each other: where two do, the step's end is found too, and the next ones are compared alone.
func stepOf[T ~int32 | ~int64](step string, toTime func(T) time.Time, fromTime func(time.Time) (T, error)) func(T) (T, error) {
	var from, until, last T // where until is from, no step is known
	return func(v T) (T, error) {
		if v >= from && v < until {
			return from, nil
		}
		t := truncate(toTime(v), step)
		first, err := fromTime(t)
		if err != nil {
			return 0, err
		}
		if first != last {
			last = first
			return first, nil
		}
		end, err := fromTime(after(t, step))
		if err != nil || end <= first || !truncate(toTime(end-1), step).Equal(t) { // beyond what the type tells apart
			return first, nil
		}
		from, until = first, end
		return first, nil
	}
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

func (g *general) integers(a arrow.Array, rows rowsOf) (arrow.Array, error) {
	switch a := a.(type) {
	case *array.Int8:
		return made(g.typ, rows, a.Int8Values(), floorOf[int8](g.width))
	case *array.Int16:
		return made(g.typ, rows, a.Int16Values(), floorOf[int16](g.width))
	case *array.Int32:
		return made(g.typ, rows, a.Int32Values(), floorOf[int32](g.width))
	case *array.Int64:
		return made(g.typ, rows, a.Int64Values(), floorOf[int64](g.width))
	case *array.Uint8:
		return made(g.typ, rows, a.Uint8Values(), floorOf[uint8](g.width))
	case *array.Uint16:
		return made(g.typ, rows, a.Uint16Values(), floorOf[uint16](g.width))
	case *array.Uint32:
		return made(g.typ, rows, a.Uint32Values(), floorOf[uint32](g.width))
	case *array.Uint64:
		return made(g.typ, rows, a.Uint64Values(), floorOf[uint64](g.width))
	}
	return nil, fmt.Errorf("columns of type %s cannot be generalised", a.DataType())
}

func floorOf[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](width int64) func(T) (T, error) {
	return func(v T) (T, error) { return floor(v, width), nil }
}
