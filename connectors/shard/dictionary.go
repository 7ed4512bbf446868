package shard

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
)

// joinValues joins dictionaries in order; values of the first keep their
// places. dict is nil where the whole is too large for a message.
func joinValues(f arrow.Field, all []*col) (dict *col, remap map[*col][]int32, err error) {
	if len(all) == 0 {
		return emptyColumn(f.Type), nil, nil
	}
	segs := []seg{{c: all[0], n: all[0].n}}
	if len(all) > 1 {
		remap = map[*col][]int32{}
		next, places := int32(all[0].n), map[string]int32{}
		for i := range all[0].n {
			if k := valueKey(all[0], i); i == 0 || places[k] == 0 {
				places[k] = int32(i) + 1
			}
		}
		for _, d := range all[1:] {
			to := make([]int32, d.n)
			for i := range to {
				k := valueKey(d, i)
				if places[k] == 0 {
					next++
					places[k] = next
					segs = push(segs, seg{c: d, from: i, n: 1})
				}
				to[i] = places[k] - 1
			}
			remap[d] = to
		}
	}
	size, err := measure(f, segs)
	if err != nil || size > batchLimit-1024 {
		return nil, nil, err
	}
	dict, err = canon(f, segs, &canonizer{})
	return dict, remap, err
}

// valueKey is value i of a flat column as a map key.
func valueKey(c *col, i int) string {
	if c.isNull(i) {
		return "null"
	}
	if s := shapeOf(c.typ); s == shapeText || s == shapeView {
		return "v" + string(c.bytes(i))
	}
	w := bitWidth(c.typ)
	if w == 1 {
		return fmt.Sprint(bitAt(c.bufs[0], c.off+i))
	}
	return "v" + string(c.bufs[0][(c.off+i)*w/8:(c.off+i+1)*w/8])
}

func maxIndex(dt arrow.DataType) int64 {
	switch dt.ID() {
	case arrow.INT8:
		return math.MaxInt8
	case arrow.UINT8:
		return math.MaxUint8
	case arrow.INT16:
		return math.MaxInt16
	case arrow.UINT16:
		return math.MaxUint16
	}
	return math.MaxInt32
}

// spreads says whether a dictionary column without nulls is written out as values of
// whole bytes.
func spreads(f arrow.Field, c *col) bool {
	return c.dict != nil && shapeOf(f.Type) == shapeFixed && bitWidth(f.Type)%8 == 0 && arrow.TypeEqual(f.Type, c.dict.typ) &&
		c.valid == nil && c.dict.valid == nil
}

// spread is canon for it.
func spread(f arrow.Field, c *col) (*col, error) {
	w, at := bitWidth(f.Type)/8, c.indices()
	values := c.dict.bufs[0][c.dict.off*w:]
	data := make([]byte, 0, c.n*w)
	for i := range c.n {
		k := at.index(i)
		if k < 0 || k >= int64(c.dict.n) {
			return nil, invalid("row %d: index %d in a dictionary of %d values", i, k, c.dict.n)
		}
		data = append(data, values[int(k)*w:int(k+1)*w]...)
	}
	return &col{typ: f.Type, n: c.n, bufs: [][]byte{data}}, nil
}
