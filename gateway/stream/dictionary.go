package stream

import (
	"context"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/batch"
	"guichet/policy/view"
)

// usedValues are, per dictionary column, the values in use in the order of their
// first use, and the new index of each old one.
type usedValues struct{ columns map[int]*usedColumn }

type usedColumn struct {
	typ    *arrow.DictionaryType
	values arrow.Array // the shard's own dictionary
	order  []int
	to     map[int]int
	after  arrow.Array // the compacted dictionary
}

func (u *usedValues) see(rec arrow.Record) {
	if u.columns == nil {
		u.columns = map[int]*usedColumn{}
	}
	for i, col := range rec.Columns() {
		d, ok := col.(*array.Dictionary)
		if !ok {
			continue
		}
		c := u.columns[i]
		if c == nil {
			c = &usedColumn{typ: d.DataType().(*arrow.DictionaryType), values: d.Dictionary(), to: map[int]int{}}
			u.columns[i] = c
		}
		for row := range d.Len() {
			if d.IsNull(row) {
				continue
			}
			k := d.GetValueIndex(row)
			if _, seen := c.to[k]; !seen {
				c.to[k] = len(c.order)
				c.order = append(c.order, k)
			}
		}
	}
}

// messages compacts each dictionary and gives their messages, in schema order.
func (u *usedValues) messages(fields []arrow.Field) ([][]byte, error) {
	cols := make([]arrow.Array, len(fields))
	rows := int64(0)
	for _, c := range u.columns {
		rows = max(rows, int64(len(c.order)))
	}
	for i, f := range fields {
		fields[i].Nullable = true // the columns have not all as many values as there are rows
		if c := u.columns[i]; c != nil {
			cols[i] = c.column(int(rows), func(row int) int { return c.order[row] }, len(c.order), c.values)
			continue
		}
		b := array.NewBuilder(memory.DefaultAllocator, f.Type)
		b.AppendNulls(int(rows))
		cols[i] = b.NewArray()
	}
	rec := arrow.Record(array.NewRecord(arrow.NewSchema(fields, nil), cols, rows))
	rec, err := batch.Gather([]batch.Part{{Record: rec, N: rows}}, true) // with no rows it leaves empty dictionaries
	if err != nil {
		return nil, err
	}
	for i, c := range u.columns {
		c.after = rec.Column(i).(*array.Dictionary).Dictionary()
	}
	return batch.EncodeDictionaries(rec)
}

// column makes a dictionary column of n rows, of which the first known have index
// at(row) and the rest are null.
func (c *usedColumn) column(n int, at func(row int) int, known int, dict arrow.Array) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, c.typ.IndexType)
	b.Reserve(n)
	for row := range n {
		k := -1
		if row < known {
			k = at(row)
		}
		appendIndex(b, k)
	}
	return array.NewDictionaryArray(c.typ, b.NewArray(), dict)
}

// appendIndex appends k, or null where it is negative.
func appendIndex(b array.Builder, k int) {
	if k < 0 {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.Int8Builder:
		b.Append(int8(k))
	case *array.Int16Builder:
		b.Append(int16(k))
	case *array.Int32Builder:
		b.Append(int32(k))
	default: // the other index types are rare
		_ = b.AppendValueFromString(strconv.Itoa(k)) // an index of its own type always fits
	}
}

// refer gives the record with indices into the compacted dictionaries.
func (u *usedValues) refer(rec arrow.Record) arrow.Record {
	cols := append([]arrow.Array(nil), rec.Columns()...)
	for i, c := range u.columns {
		d := cols[i].(*array.Dictionary)
		cols[i] = c.column(d.Len(), func(row int) int {
			if d.IsNull(row) {
				return -1
			}
			return c.to[d.GetValueIndex(row)]
		}, d.Len(), c.after)
	}
	return array.NewRecord(rec.Schema(), cols, rec.NumRows())
}

// compacted appends rows of a batch with the dictionary values that they use, cut where
// they become too large for a message.
func (r *reader) compacted(ctx context.Context, out []Message, sl slice, msg []byte) ([]Message, error) {
	o := r.opened(ctx, sl.shard)
	if o.err != nil {
		return nil, o.err
	}
	rec, err := r.record(o, msg)
	if err != nil {
		return nil, err
	}
	return compactPieces(r.source.view, out, batch.Part{Record: rec, From: sl.from, N: sl.rows})
}

// compactPieces halves rows until each half is a message, with its own dictionaries.
func compactPieces(v *view.View, out []Message, p batch.Part) ([]Message, error) {
	g, err := v.Gather([]batch.Part{p}, true)
	if err != nil {
		return nil, err
	}
	msg := g.Message()
	if len(msg) > view.MaxMessage && p.N > 1 {
		half := p.N / 2
		out, err = compactPieces(v, out, batch.Part{Record: p.Record, From: p.From, N: half})
		if err != nil {
			return nil, err
		}
		return compactPieces(v, out, batch.Part{Record: p.Record, From: p.From + half, N: p.N - half})
	}
	dicts, err := g.DictionariesAs(v.Dictionaries)
	if err != nil {
		return nil, err
	}
	for _, d := range dicts {
		out = append(out, message(d, 0))
	}
	return append(out, message(msg, p.N)), nil
}
