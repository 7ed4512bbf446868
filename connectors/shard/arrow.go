package shard

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// fromArrow takes an array of arrow's as a column. Arrays that share a
// dictionary in arrow share it here through known, which may be empty.
func fromArrow(d arrow.ArrayData, known map[arrow.ArrayData]*col) (*col, error) {
	dt := d.DataType()
	if e, ok := dt.(arrow.ExtensionType); ok {
		dt = e.StorageType()
	}
	c := &col{typ: dt, n: d.Len(), off: d.Offset()}
	bufs := make([][]byte, len(d.Buffers()))
	for i, b := range d.Buffers() {
		if b != nil {
			bufs[i] = b.Bytes()
		}
	}
	if len(bufs) > 0 {
		c.valid, c.bufs = bufs[0], bufs[1:]
	}
	if d.NullN() == 0 || len(c.valid) == 0 {
		c.valid = nil
	}
	if s := shapeOf(dt); s == shapeNull || s == shapeRuns {
		c.valid, c.bufs = nil, nil
	}
	for _, k := range d.Children() {
		kid, err := fromArrow(k, known)
		if err != nil {
			return nil, err
		}
		c.kids = append(c.kids, kid)
	}
	if dt.ID() == arrow.DICTIONARY {
		if err := c.takeDictionary(d, known); err != nil {
			return nil, err
		}
	}
	return c, c.check()
}

func (c *col) takeDictionary(d arrow.ArrayData, known map[arrow.ArrayData]*col) (err error) {
	if d.Dictionary() == nil {
		return fmt.Errorf("a column of type %s without its dictionary", c.typ)
	}
	if c.dict = known[d.Dictionary()]; c.dict != nil {
		return nil
	}
	c.dict, err = fromArrow(d.Dictionary(), known)
	known[d.Dictionary()] = c.dict
	return err
}

// toArrow gives a canonical column as arrow's array data, sharing the bytes.
func (c *col) toArrow(dictionaries map[*col]arrow.ArrayData) arrow.ArrayData {
	bufs := []*memory.Buffer{nil}
	if c.valid != nil {
		bufs[0] = memory.NewBufferBytes(c.valid)
	}
	for _, b := range c.bufs {
		bufs = append(bufs, memory.NewBufferBytes(b))
	}
	return c.arrowData(bufs, dictionaries)
}

func (c *col) arrowData(bufs []*memory.Buffer, dictionaries map[*col]arrow.ArrayData) arrow.ArrayData {
	if c.dict != nil {
		d, ok := dictionaries[c.dict]
		if !ok {
			d = c.dict.toArrow(dictionaries)
			dictionaries[c.dict] = d
		}
		return array.NewDataWithDictionary(c.typ, c.n, bufs, c.nulls(0, c.n), c.off, d.(*array.Data))
	}
	kids := make([]arrow.ArrayData, len(c.kids))
	for i, k := range c.kids {
		kids[i] = k.toArrow(dictionaries)
	}
	return array.NewData(c.typ, c.n, bufs, kids, c.nulls(0, c.n), c.off)
}

// record gives columns as a Record of arrow's; schema must be theirs. Dictionaries in
// dicts stay what they are in arrow.
func record(schema *arrow.Schema, cols []*col, rows int, dicts map[*col]arrow.ArrayData) arrow.Record {
	arrs := make([]arrow.Array, len(cols))
	for i, c := range cols {
		arrs[i] = array.MakeFromData(c.toArrow(dicts))
	}
	return array.NewRecord(schema, arrs, int64(rows))
}

// canonical makes the canonical column of an array.
func canonical(f arrow.Field, a arrow.Array) (*col, error) {
	c, err := fromArrow(a.Data(), map[arrow.ArrayData]*col{})
	if err == nil && spreads(f, c) {
		c, err = spread(f, c)
	} else if err == nil {
		c, err = canon(f, []seg{{c: c, n: c.n}}, &canonizer{dict: c.dict})
	}
	if err != nil {
		return nil, invalid("column %q: %w", f.Name, err)
	}
	return c, nil
}
