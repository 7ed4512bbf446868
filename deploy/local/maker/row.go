package maker

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// row takes the values of a row, column by column in the table's order. A
// value of the wrong type or length is remembered as err and ends the shard.
type row struct {
	columns  []column
	builders []array.Builder
	at       int
	err      error
}

func newRow(t *table) *row {
	r := &row{columns: t.columns}
	for i := range t.columns {
		typ := t.columns[i].typ
		if d, ok := typ.(*arrow.DictionaryType); ok {
			typ = d.IndexType // one fixed dictionary for all batches of a shard
		}
		r.builders = append(r.builders, array.NewBuilder(memory.DefaultAllocator, typ))
	}
	return r
}

func (r *row) next() array.Builder {
	if r.at == len(r.builders) {
		r.fail("has too many values")
		return r.builders[0]
	}
	r.at++
	return r.builders[r.at-1]
}

func (r *row) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("row %s at column %d", what, r.at)
	}
}

// end closes a row.
func (r *row) end() {
	if r.at != len(r.builders) {
		r.fail("has too few values")
	}
	r.at = 0
}

// num appends to a column of fractions.
func (r *row) num(v float64) {
	switch b := r.next().(type) {
	case *array.Float32Builder:
		b.Append(float32(v))
	case *array.Float64Builder:
		b.Append(v)
	default:
		r.fail("wants no fraction")
	}
}

// whole appends to a column of whole numbers, of codes into a dictionary, of
// dates (days) or of instants (seconds).
func (r *row) whole(v int64) {
	switch b := r.next().(type) {
	case *array.Int8Builder:
		b.Append(int8(v))
	case *array.Int16Builder:
		b.Append(int16(v))
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Int64Builder:
		b.Append(v)
	case *array.Date32Builder:
		b.Append(arrow.Date32(v))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v))
	default:
		r.fail("wants no whole number")
	}
}

// text appends to a text column.
func (r *row) text(v string) {
	b, ok := r.next().(*array.StringBuilder)
	switch {
	case !ok:
		r.fail("wants no text")
	case len(v) > r.columns[r.at-1].most:
		r.fail("has too long a text")
	default:
		b.Append(v)
	}
}

// yes appends to a column of flags.
func (r *row) yes(v bool) {
	if b, ok := r.next().(*array.BooleanBuilder); ok {
		b.Append(v)
		return
	}
	r.fail("wants no flag")
}

// null appends no value.
func (r *row) null() {
	b := r.next()
	if !r.columns[r.at-1].null {
		r.fail("may not be null")
	}
	b.AppendNull()
}

// record takes what was appended as one fresh batch: offsets from 0, nothing
// shared with another batch. The caller releases it.
func (r *row) record(schema *arrow.Schema, dictionaries []arrow.Array, rows int64) arrow.Record {
	arrays := make([]arrow.Array, len(r.builders))
	for i, b := range r.builders {
		arrays[i] = b.NewArray()
		if dictionaries[i] != nil {
			arrays[i] = array.NewDictionaryArray(schema.Field(i).Type, arrays[i], dictionaries[i])
		}
	}
	return array.NewRecord(schema, arrays, rows)
}

// dictionariesOf builds the dictionary of each dictionary column; nil for the
// others.
func dictionariesOf(t *table) []arrow.Array {
	all := make([]arrow.Array, len(t.columns))
	for i := range t.columns {
		if t.columns[i].values == nil {
			continue
		}
		b := array.NewStringBuilder(memory.DefaultAllocator)
		b.AppendValues(t.columns[i].values, nil)
		all[i] = b.NewArray()
	}
	return all
}
