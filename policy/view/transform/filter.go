package transform

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"guichet/schemas"
)

// Filter says which rows of a record stay. A row with null in a column that the
// expression names does not match, also under not [decisions.md 11].
type Filter struct {
	root    expr
	columns []int
	whole   bool
}

// An expression becomes a tree of functions, once for a view, which are asked for each row:
//
//	and[ age gteq 18, not[ region eq "x" ] ]     row (age 30, region null)
//	 ├─ compare column 3 with 18                 true, known
//	 └─ not ─ compare column 5 with "x"          –, not known: the row does not stay
//
// expr judges row i; a null anywhere below gives known = false.
type expr func(rec []arrow.Array, i int) (match, known bool)

// NewFilter compiles an expression for a schema. now is the instant that the view
// is made for; the words now and now-P30D in dates are counted from it. Errors:
// Invalid for a column that is not there, a type that is not compared, a value
// that is none of the column's type.
func NewFilter(f *schemas.Filter, schema *arrow.Schema, now time.Time) (*Filter, error) {
	c := &compiler{schema: schema, now: now}
	root, err := c.compile(f)
	if err != nil {
		return nil, err
	}
	return &Filter{root: root, columns: c.columns, whole: c.whole}, nil
}

// Columns gives the indices of the columns that the filter reads.
func (f *Filter) Columns() []int { return f.columns }

// Whole says whether a day, a month or a year is compared with a column of instants.
// Such filters once took the first instant for it: what is kept of them by name needs
// another name.
func (f *Filter) Whole() bool { return f.whole }

// Rows gives the rows that stay, in order. columns are a record's, by the schema's
// indices; those that the filter does not read may be nil.
func (f *Filter) Rows(columns []arrow.Array, n int) []int32 {
	var out []int32
	for i := range n {
		match, known := f.root(columns, i)
		if match && known {
			if out == nil {
				out = make([]int32, 0, n-i)
			}
			out = append(out, int32(i))
		}
	}
	return out
}

// compiler makes functions of a filter's expressions, over the columns of one table.
type compiler struct {
	schema  *arrow.Schema
	now     time.Time
	columns []int
	whole   bool
}

func (c *compiler) compile(f *schemas.Filter) (expr, error) {
	switch {
	case len(f.And) > 0:
		return c.all(f.And, true)
	case len(f.Or) > 0:
		return c.all(f.Or, false)
	case f.Not != nil:
		inner, err := c.compile(f.Not)
		if err != nil {
			return nil, err
		}
		return func(rec []arrow.Array, i int) (bool, bool) {
			m, k := inner(rec, i)
			return !m, k
		}, nil
	}
	return c.leaf(f)
}

// all joins by and (every must match) or by or (one must); a null in any of them
// makes the row not match.
func (c *compiler) all(list []schemas.Filter, and bool) (expr, error) {
	parts := make([]expr, len(list))
	for i := range list {
		var err error
		parts[i], err = c.compile(&list[i])
		if err != nil {
			return nil, err
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return func(rec []arrow.Array, i int) (bool, bool) {
		match := and
		for _, p := range parts {
			m, k := p(rec, i)
			if !k {
				return false, false
			}
			if and {
				match = match && m
			} else {
				match = match || m
			}
		}
		return match, true
	}, nil
}

func (c *compiler) leaf(f *schemas.Filter) (expr, error) {
	at := c.schema.FieldIndices(f.Column)
	if len(at) != 1 {
		return nil, schemas.BadField("filter", "/column", "the table has no column %q", f.Column)
	}
	c.columns = append(c.columns, at[0])
	typ := c.schema.Field(at[0]).Type
	if d, ok := typ.(*arrow.DictionaryType); ok {
		typ = d.ValueType
	}
	compare, err := c.comparer(typ, f.Values)
	if err != nil {
		return nil, schemas.BadField("filter", "/values", "column %q: %v", f.Column, err)
	}
	test := tests()[f.Op]
	if test == nil {
		return nil, schemas.BadField("filter", "/op", "%q is not a comparison", f.Op)
	}
	return func(rec []arrow.Array, i int) (bool, bool) {
		a := rec[at[0]]
		if a.IsNull(i) {
			return false, false
		}
		if d, ok := a.(*array.Dictionary); ok {
			a, i = d.Dictionary(), d.GetValueIndex(i)
			if a.IsNull(i) {
				return false, false
			}
		}
		if len(f.Values) == 1 {
			n, known := compare(a, i, 0)
			return known && test(n), known
		}
		known := true // NaN is neither below nor above
		order := func(v int) int {
			n, ok := compare(a, i, v)
			known = known && ok
			return n
		}
		if len(f.Values) > 1 && f.Op == "in" { // thousands of them, for each row: not one after another
			_, found := sort.Find(len(f.Values), order)
			return found && known, known
		}
		for v := range f.Values {
			n := order(v)
			if !known || test(n) {
				return known, known
			}
		}
		return false, true
	}, nil
}

func tests() map[string]func(n int) bool {
	return map[string]func(n int) bool{
		"eq": func(n int) bool { return n == 0 }, "in": func(n int) bool { return n == 0 }, "neq": func(n int) bool { return n != 0 },
		"lt": func(n int) bool { return n < 0 }, "lteq": func(n int) bool { return n <= 0 },
		"gt": func(n int) bool { return n > 0 }, "gteq": func(n int) bool { return n >= 0 },
	}
}

// comparer compares the value at i with the v-th value of the expression: < 0, 0,
// > 0; ok is false for NaN. The values are numbered in ascending order, each once read.
func (c *compiler) comparer(typ arrow.DataType, values []string) (func(a arrow.Array, i, v int) (n int, ok bool), error) {
	switch {
	case typ.ID() == arrow.STRING || typ.ID() == arrow.LARGE_STRING: // by bytes, as UTF-8 orders code points
		values = slices.Sorted(slices.Values(values))
		return func(a arrow.Array, i, v int) (int, bool) {
			if s, ok := a.(*array.String); ok {
				return strings.Compare(s.Value(i), values[v]), true
			}
			return strings.Compare(a.(*array.LargeString).Value(i), values[v]), true
		}, nil
	case typ.ID() == arrow.BOOL:
		want := make([]bool, len(values))
		for j, s := range values {
			b, err := strconv.ParseBool(s)
			if err != nil {
				return nil, fmt.Errorf("%q is neither true nor false", s)
			}
			want[j] = b
		}
		slices.SortFunc(want, func(a, b bool) int {
			switch {
			case a == b:
				return 0
			case b:
				return -1
			}
			return 1
		})
		return func(a arrow.Array, i, v int) (int, bool) {
			have := a.(*array.Boolean).Value(i)
			switch {
			case have == want[v]:
				return 0, true
			case want[v]:
				return -1, true
			}
			return 1, true
		}, nil
	case arrow.IsInteger(typ.ID()):
		return integers(values)
	case typ.ID() == arrow.FLOAT32 || typ.ID() == arrow.FLOAT64:
		return floats(values)
	case typ.ID() == arrow.DATE32 || typ.ID() == arrow.DATE64 || typ.ID() == arrow.TIMESTAMP:
		return c.instants(typ, values)
	}
	return nil, fmt.Errorf("columns of type %s are not compared", typ)
}

// decimal is how numbers are written in filters. What big.Rat takes beyond it, such as
// exponents of any size, makes it write out numbers that fill the memory.
var decimal = regexp.MustCompile(`^[+-]?([0-9]{1,64}(\.[0-9]{0,64})?|\.[0-9]{1,64})([eE][+-]?[0-9]{1,2})?$`)

// whole is where a number lies among those of integer columns, int64 and uint64.
type whole struct {
	value   *big.Rat
	beyond  int    // what every integer is to it: < 0, > 0; 0: it lies among them
	neg     bool   // it lies below 0
	floor   int64  // of one below 0
	ufloor  uint64 // of another
	between bool   // it is above its floor
}

func wholeOf(s string) (whole, error) {
	if len(s) > 64 || !decimal.MatchString(s) {
		return whole{}, fmt.Errorf("%q is not a number that columns of integers hold", cut(s))
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return whole{}, fmt.Errorf("%q is not a number", s)
	}
	f, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	w := whole{value: r, between: rest.Sign() != 0, neg: f.Sign() < 0}
	switch {
	case w.neg && f.IsInt64():
		w.floor = f.Int64()
	case w.neg:
		w.beyond = 1
	case f.IsUint64():
		w.ufloor = f.Uint64()
	default:
		w.beyond = -1
	}
	return w, nil
}

// compare compares an integer with it. With -0.5, whose floor is -1, the integer -1 is below
// although it equals the floor: what is written lies between.
func (w *whole) compare(signed int64, unsigned uint64, isUnsigned bool) int {
	n := w.beyond
	switch {
	case n != 0:
		return n
	case isUnsigned && w.neg:
		return 1
	case isUnsigned:
		n = cmp.Compare(unsigned, w.ufloor)
	case w.neg:
		n = cmp.Compare(signed, w.floor)
	case signed < 0:
		return -1
	default:
		n = cmp.Compare(uint64(signed), w.ufloor)
	}
	if n == 0 && w.between {
		return -1
	}
	return n
}

// cut shortens a foreign text for a message.
func cut(s string) string { return s[:min(len(s), 64)] }

// integers compares exactly, also uint64 with negative numbers and with decimals: as floats
// 2^53 and 2^53+1 would be one number, and a filter on ids would show a stranger's row.
func integers(values []string) (func(a arrow.Array, i, v int) (int, bool), error) {
	want := make([]whole, len(values))
	for j, s := range values {
		var err error
		want[j], err = wholeOf(s)
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(want, func(a, b whole) int { return a.value.Cmp(b.value) })
	return func(a arrow.Array, i, v int) (int, bool) {
		signed, unsigned, isUnsigned := intAt(a, i)
		return want[v].compare(signed, unsigned, isUnsigned), true
	}, nil
}

func intAt(a arrow.Array, i int) (signed int64, unsigned uint64, isUnsigned bool) {
	switch a := a.(type) {
	case *array.Int8:
		return int64(a.Value(i)), 0, false
	case *array.Int16:
		return int64(a.Value(i)), 0, false
	case *array.Int32:
		return int64(a.Value(i)), 0, false
	case *array.Int64:
		return a.Value(i), 0, false
	case *array.Uint8:
		return int64(a.Value(i)), 0, false
	case *array.Uint16:
		return int64(a.Value(i)), 0, false
	case *array.Uint32:
		return int64(a.Value(i)), 0, false
	}
	return 0, a.(*array.Uint64).Value(i), true
}

// floats orders NaN nowhere: a row that has it stays away, also under not.
func floats(values []string) (func(a arrow.Array, i, v int) (int, bool), error) {
	want := make([]float64, len(values))
	for j, s := range values {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f != f {
			return nil, fmt.Errorf("%q is not a number", cut(s))
		}
		want[j] = f
	}
	slices.Sort(want)
	return func(a arrow.Array, i, v int) (int, bool) {
		var have float64
		if f, ok := a.(*array.Float64); ok {
			have = f.Value(i)
		} else {
			have = float64(a.(*array.Float32).Value(i))
		}
		switch {
		case have != have:
			return 0, false
		case have < want[v]:
			return -1, true
		case have > want[v]:
			return 1, true
		}
		return 0, true
	}, nil
}
