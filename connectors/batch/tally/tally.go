// Package tally counts how the values of columns are distributed, in little memory and so that no
// small count is told.
//
// In: a table's schema, then the arrays of its batches, twice. Out: bins with round edges of numbers
// and times, the most frequent values of texts. Always: the same arrays make the same counts; none
// is below values.LeastCount, all are to the nearest ten; what a column holds is bounded, however
// long it is. It must not know where rows come from, nor who may be told.
//
//	Look, each array ─▶ Settle: edges by a sample, candidates ─▶ Count, each array ─▶ Result
//
// Edges lie where the bulk of the values is: those beyond fall into bins that are open, so that the
// least and the largest value are not told.
package tally

import (
	"math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/schemas/values"
)

// sampled is how many values of a column its edges are chosen by.
const sampled = 4096

// The kinds of a distribution.
const (
	kindNumber   = "number"
	kindTime     = "time"
	kindCategory = "category"
)

// Column counts one column. Not safe for concurrent use.
type Column struct {
	kind     string
	dt       arrow.DataType
	integral bool // no value seen has a fraction

	rows, values, missing int64 // of the second pass
	seen                  int64 // values of the first
	sample                []float64
	random                *rand.Rand

	edges  edges
	counts []int64 // one more than edges

	words  map[string]int64
	others int64
}

// Columns makes one for each column of a table; nil for those whose type has no bins. Errors: a
// schema that cannot be read.
func Columns(schema []byte) ([]*Column, error) {
	s, err := ipc.ParseSchema(schema)
	if err != nil {
		return nil, err
	}
	out := make([]*Column, len(s.Arrow.Fields()))
	for i, f := range s.Arrow.Fields() {
		out[i] = newColumn(f.Type)
	}
	return out, nil
}

func newColumn(dt arrow.DataType) *Column {
	kind := ""
	of := dt
	if d, is := dt.(*arrow.DictionaryType); is {
		of = d.ValueType
	}
	switch of.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		kind = kindCategory
	}
	if of == dt {
		switch id := dt.ID(); {
		case id == arrow.BOOL:
			kind = kindCategory
		case arrow.IsInteger(id), arrow.IsFloating(id), id == arrow.DECIMAL128, id == arrow.DECIMAL256:
			kind = kindNumber
		case id == arrow.DATE32, id == arrow.DATE64, id == arrow.TIMESTAMP:
			kind = kindTime
		}
	}
	if kind == "" {
		return nil
	}
	return &Column{kind: kind, dt: dt, integral: true, words: map[string]int64{}, random: rand.New(rand.NewPCG(1, 2))}
}

// Pass is one of the two: Look or Count.
type Pass func(c *Column, a arrow.Array)

// Take gives columns of a record batch message, by their places in the table, to those that count
// them. Errors: a message that cannot be read.
func Take(d *batch.Decoder, msg []byte, places []int, to []*Column, how Pass) error {
	arrays, err := d.Columns(msg, places)
	if err != nil {
		return err
	}
	for i, a := range arrays {
		how(to[i], a)
	}
	return nil
}

// Look takes the values of an array in the first pass.
func (c *Column) Look(a arrow.Array) {
	if c.kind == kindCategory {
		each(a, texts(a), func(s string) { c.candidate(s) }, func() {})
		return
	}
	each(a, numbers(a), func(f float64) {
		if !finite(f) {
			return
		}
		c.seen++
		c.integral = c.integral && f == float64(int64(f))
		if len(c.sample) < sampled {
			c.sample = append(c.sample, f)
		} else if i := c.random.Int64N(c.seen); i < sampled {
			c.sample[i] = f
		}
	}, func() {})
}

// Settle ends the first pass.
func (c *Column) Settle() {
	if c.kind == kindCategory {
		for s := range c.words {
			c.words[s] = 0
		}
		return
	}
	days := c.dt.ID() == arrow.DATE32 || c.dt.ID() == arrow.DATE64
	c.edges = edgesOf(c.sample, c.kind == kindTime, c.kind == kindTime && days || c.kind == kindNumber && c.integral)
	c.counts = make([]int64, len(c.edges.at)+1)
	c.sample = nil
}

// Count takes the values of an array in the second pass.
func (c *Column) Count(a arrow.Array) {
	c.rows += int64(a.Len())
	none := func() { c.missing++ }
	if c.kind == kindCategory {
		each(a, texts(a), func(s string) {
			c.values++
			s = shown(s)
			if n, is := c.words[s]; is {
				c.words[s] = n + 1
			} else {
				c.others++
			}
		}, none)
		return
	}
	each(a, numbers(a), func(f float64) {
		if f != f {
			c.missing++
			return
		}
		c.values++
		c.counts[c.edges.place(f)]++
	}, none)
}

// each gives the values of an array, and says where there is none.
func each[T any](a arrow.Array, at func(i int) T, do func(T), none func()) {
	for i := range a.Len() {
		if at == nil || a.IsNull(i) {
			none()
			continue
		}
		do(at(i))
	}
}

// Result tells the counts; of too few values, or of values of which none is frequent, why not.
func (c *Column) Result() (d values.Distribution, why values.Why) {
	d = values.Distribution{Kind: c.kind, Rows: c.rows, Missing: told(c.missing)}
	if c.values < values.LeastRows {
		return d, values.LeftFew
	}
	if c.kind == kindCategory {
		d.Values, d.Others = c.frequent()
		if len(d.Values) == 0 {
			return d, values.LeftVarious
		}
		return d, ""
	}
	d.Log = c.edges.log
	d.Bins = c.bins()
	if len(d.Bins) < 2 { // without outer edges it says nothing
		return values.Distribution{Kind: c.kind, Rows: c.rows}, values.LeftFew
	}
	return d, ""
}

// told is a count as it is told: to the nearest ten, nothing of a small one.
func told(n int64) int64 {
	if n < values.LeastCount {
		return 0
	}
	return (n + 5) / 10 * 10
}

// of reads values as floating-point numbers.
func of[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64](at func(int) T) func(int) float64 {
	return func(i int) float64 { return float64(at(i)) }
}

// numbers reads an array of numbers; times are seconds since 1970. Nil where it cannot be read so.
func numbers(a arrow.Array) func(i int) float64 {
	switch a := a.(type) {
	case *array.Int8:
		return of(a.Value)
	case *array.Int16:
		return of(a.Value)
	case *array.Int32:
		return of(a.Value)
	case *array.Int64:
		return of(a.Value)
	case *array.Uint8:
		return of(a.Value)
	case *array.Uint16:
		return of(a.Value)
	case *array.Uint32:
		return of(a.Value)
	case *array.Uint64:
		return of(a.Value)
	case *array.Float16:
		return func(i int) float64 { return float64(a.Value(i).Float32()) }
	case *array.Float32:
		return of(a.Value)
	case *array.Float64:
		return of(a.Value)
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		return func(i int) float64 { return a.Value(i).ToFloat64(scale) }
	case *array.Decimal256:
		scale := a.DataType().(*arrow.Decimal256Type).Scale
		return func(i int) float64 { return a.Value(i).ToFloat64(scale) }
	case *array.Date32:
		return func(i int) float64 { return float64(a.Value(i)) * day }
	case *array.Date64:
		return func(i int) float64 { return float64(a.Value(i)) / 1000 }
	case *array.Timestamp:
		unit := a.DataType().(*arrow.TimestampType).Unit.Multiplier().Seconds()
		return func(i int) float64 { return float64(a.Value(i)) * unit }
	}
	return nil
}

// texts reads an array of texts or of yes and no. Nil where it cannot be read so.
func texts(a arrow.Array) func(i int) string {
	switch a := a.(type) {
	case *array.String:
		return a.Value
	case *array.LargeString:
		return a.Value
	case *array.StringView:
		return a.Value
	case *array.Boolean:
		return func(i int) string {
			if a.Value(i) {
				return "true"
			}
			return "false"
		}
	case *array.Dictionary:
		words := texts(a.Dictionary())
		if words == nil {
			return nil
		}
		return func(i int) string {
			at := a.GetValueIndex(i)
			if a.Dictionary().IsNull(at) {
				return ""
			}
			return words(at)
		}
	}
	return nil
}
