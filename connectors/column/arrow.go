package column

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/ipc"
)

// FromArrow takes an array of Arrow's as a column that shares its bytes, and checks it.
// Arrays that share a dictionary in Arrow share it here through known, which may be empty:
// who takes several records keeps one known, so that equal dictionaries are the same one.
func FromArrow(d arrow.ArrayData, known map[arrow.ArrayData]*Column) (*Column, error) {
	dt := d.DataType()
	if e, ok := dt.(arrow.ExtensionType); ok {
		dt = e.StorageType()
	}
	c := &Column{Type: dt, Len: d.Len(), Offset: d.Offset()}
	bufs := make([][]byte, len(d.Buffers()))
	for i, b := range d.Buffers() {
		if b != nil {
			bufs[i] = b.Bytes()
		}
	}
	if len(bufs) > 0 {
		c.Valid, c.Buffers = bufs[0], bufs[1:]
	}
	// A count of no nulls wins over a bitmap, as in every reader that we know.
	if d.NullN() == 0 || len(c.Valid) == 0 {
		c.Valid = nil
	}
	if s := ShapeOf(dt); s == ShapeNull || s == ShapeRuns {
		c.Valid, c.Buffers = nil, nil
	}
	for _, k := range d.Children() {
		kid, err := FromArrow(k, known)
		if err != nil {
			return nil, err
		}
		c.Kids = append(c.Kids, kid)
	}
	if dt.ID() == arrow.DICTIONARY {
		if err := c.shareDictionary(d, known); err != nil {
			return nil, err
		}
	}
	return c, c.Check()
}

// shareDictionary takes the dictionary of an array, or finds the column that it became
// before.
func (c *Column) shareDictionary(d arrow.ArrayData, known map[arrow.ArrayData]*Column) (err error) {
	if d.Dictionary() == nil {
		return fmt.Errorf("a column of type %s without its dictionary", c.Type)
	}
	if c.Dictionary = known[d.Dictionary()]; c.Dictionary != nil {
		return nil
	}
	c.Dictionary, err = FromArrow(d.Dictionary(), known)
	known[d.Dictionary()] = c.Dictionary
	return err
}

// ToArrow gives a column as Arrow's array data, sharing the bytes. Dictionaries become
// what dictionaries says, which grows by those that it does not have.
func (c *Column) ToArrow(dictionaries map[*Column]arrow.ArrayData) arrow.ArrayData {
	bufs := []*memory.Buffer{nil}
	if c.Valid != nil {
		bufs[0] = memory.NewBufferBytes(c.Valid)
	}
	for _, b := range c.Buffers {
		bufs = append(bufs, memory.NewBufferBytes(b))
	}
	return c.arrowData(bufs, dictionaries)
}

func (c *Column) arrowData(bufs []*memory.Buffer, dictionaries map[*Column]arrow.ArrayData) arrow.ArrayData {
	if c.Dictionary != nil {
		d, ok := dictionaries[c.Dictionary]
		if !ok {
			d = c.Dictionary.ToArrow(dictionaries)
			dictionaries[c.Dictionary] = d
		}
		return array.NewDataWithDictionary(c.Type, c.Len, bufs, c.Nulls(0, c.Len), c.Offset, d.(*array.Data))
	}
	kids := make([]arrow.ArrayData, len(c.Kids))
	for i, k := range c.Kids {
		kids[i] = k.ToArrow(dictionaries)
	}
	return array.NewData(c.Type, c.Len, bufs, kids, c.Nulls(0, c.Len), c.Offset)
}

// Record gives columns as a Record of Arrow's; schema must be theirs. Dictionaries in
// dicts stay what they are in Arrow. Release has no effect: the memory is Go's.
func Record(schema *arrow.Schema, cols []*Column, rows int, dicts map[*Column]arrow.ArrayData) arrow.Record {
	arrs := make([]arrow.Array, len(cols))
	for i, c := range cols {
		arrs[i] = array.MakeFromData(c.ToArrow(dicts))
	}
	return array.NewRecord(schema, arrs, int64(rows))
}

// FromArray gives the canonical column of an array, which shares its bytes where they are
// that already. Kind: Invalid.
func FromArray(f arrow.Field, a arrow.Array) (*Column, error) {
	c, err := FromArrow(a.Data(), map[arrow.ArrayData]*Column{})
	if err == nil {
		c, err = Unchanged(f, []Run{{Column: c, Len: c.Len}})
	}
	switch {
	case err != nil:
		return nil, ipc.Invalid("column %q: %w", f.Name, err)
	case c != nil:
		return c, nil
	}
	return (*Space)(nil).FromArray(f, a)
}

// Unchanged gives a whole column as it stands, where its buffers are canonical by their
// layout: flat values without nulls, the first of them at the buffers' start. Its values
// are checked as Canonical checks them; nothing is copied. nil where Canonical has to say.
//
// Most columns of most tables are such, and copying them is most of what publication would
// do with them.
func Unchanged(f arrow.Field, runs []Run) (*Column, error) {
	if len(runs) != 1 || runs[0].Column == nil || runs[0].From != 0 || runs[0].Len != runs[0].Column.Len {
		return nil, nil
	}
	k := runs[0].Column
	if k.Len == 0 || k.Offset != 0 || k.Valid != nil || k.Dictionary != nil || !arrow.TypeEqual(k.Type, f.Type) {
		return nil, nil
	}
	switch ShapeOf(f.Type) {
	case ShapeFixed:
		bits := BitWidth(f.Type)
		if bits%8 != 0 {
			return nil, nil
		}
		c := &Column{Type: f.Type, Len: k.Len, Buffers: [][]byte{k.Buffers[0][:k.Len*bits/8]}}
		return c, c.checkRange()
	case ShapeText:
		w := OffsetWidth(f.Type)
		if intAt(k.Buffers[0], w, 0, true) != 0 {
			return nil, nil
		}
		c := &Column{Type: f.Type, Len: k.Len, Buffers: [][]byte{k.Buffers[0][:(k.Len+1)*w], k.Buffers[1][:intAt(k.Buffers[0], w, k.Len, true)]}}
		return c, c.checkText()
	}
	return nil, nil
}
