package shard

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

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
