package shard

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// check makes sure that every access to the column's own buffers and to its
// children stays inside. After it no method of col panics for 0 ≤ i < n. Text
// (UTF-8), nulls in columns without nulls, dictionary indices and the values of types
// that have fewer than their bits are checked
// where the values are copied (canon).
func (c *col) check() error {
	end := int64(c.off) + int64(c.n)
	if c.valid != nil && int64(len(c.valid))*8 < end {
		return fmt.Errorf("the validity bitmap has %d bytes for %d values", len(c.valid), end)
	}
	switch shapeOf(c.typ) {
	case shapeNull:
		return nil
	case shapeFixed, shapeDict:
		return c.need(0, (end*int64(bitWidth(c.typ))+7)/8)
	case shapeText:
		return c.checkOffsets(end, len(c.bufs[1]))
	case shapeList:
		return c.checkOffsets(end, c.kids[0].n)
	case shapeView:
		return c.checkViews(end)
	case shapeListView:
		return c.checkListViews(end)
	case shapeFixedList:
		n := int64(c.typ.(*arrow.FixedSizeListType).Len())
		if int64(c.kids[0].n) < end*n {
			return fmt.Errorf("%d lists of %d have only %d values", end, n, c.kids[0].n)
		}
	case shapeStruct:
		for _, k := range c.kids {
			if int64(k.n) < end {
				return fmt.Errorf("a struct of %d values has a member of %d", end, k.n)
			}
		}
	case shapeRuns:
		return c.checkRuns(end)
	}
	return nil
}

func (c *col) need(buf int, bytes int64) error {
	if len(c.bufs) <= buf || int64(len(c.bufs[buf])) < bytes {
		return fmt.Errorf("a buffer is shorter than the %d bytes that %d values need", bytes, c.n)
	}
	return nil
}

// checkOffsets wants offsets that never go back and end within limit. A column
// without values may have no offsets at all [Arrow columnar format].
func (c *col) checkOffsets(end int64, limit int) error {
	if c.n == 0 {
		c.bufs[0], c.off = make([]byte, offsetWidth(c.typ)), 0
		return nil
	}
	w := offsetWidth(c.typ)
	if err := c.need(0, (end+1)*int64(w)); err != nil {
		return err
	}
	b := c.bufs[0]
	last := intAt(b, w, c.off, true)
	if last < 0 {
		return fmt.Errorf("the first offset is %d", last)
	}
	for i := c.off + 1; i <= int(end); i++ {
		o := intAt(b, w, i, true)
		if o < last {
			return fmt.Errorf("row %d: offset %d follows %d", i-1-c.off, o, last)
		}
		last = o
	}
	if last > int64(limit) {
		return fmt.Errorf("offset %d lies beyond the %d values or bytes that are there", last, limit)
	}
	return nil
}

func (c *col) checkViews(end int64) error {
	if err := c.need(0, end*16); err != nil {
		return err
	}
	for i := range c.n {
		if c.isNull(i) {
			continue
		}
		v := c.bufs[0][(c.off+i)*16:]
		n := int64(int32(binary.LittleEndian.Uint32(v)))
		if n >= 0 && n <= 12 {
			continue
		}
		buf, at := int64(binary.LittleEndian.Uint32(v[8:])), int64(binary.LittleEndian.Uint32(v[12:]))
		if n < 0 || buf >= int64(len(c.bufs)-1) || at+n > int64(len(c.bufs[1+buf])) {
			return fmt.Errorf("row %d: a view of %d bytes points outside its data", i, n)
		}
	}
	return nil
}

func (c *col) checkListViews(end int64) error {
	w := offsetWidth(c.typ)
	if err := c.need(0, end*int64(w)); err != nil {
		return err
	}
	if err := c.need(1, end*int64(w)); err != nil {
		return err
	}
	for i := range c.n {
		if c.isNull(i) {
			continue
		}
		from := intAt(c.bufs[0], w, c.off+i, true)
		n := intAt(c.bufs[1], w, c.off+i, true)
		if limit := int64(c.kids[0].n); from < 0 || n < 0 || from > limit || n > limit-from {
			return fmt.Errorf("row %d: a list of %d from %d lies outside the %d values that are there", i, n, from, limit)
		}
	}
	return nil
}

func (c *col) checkRuns(end int64) error {
	ends, vals := c.kids[0], c.kids[1]
	if ends.valid != nil || ends.n > vals.n {
		return fmt.Errorf("run ends that are null or more than the values")
	}
	last := int64(0)
	for i := range ends.n {
		e := intAt(ends.bufs[0], bitWidth(ends.typ)/8, ends.off+i, true)
		if e <= last {
			return fmt.Errorf("run end %d follows %d", e, last)
		}
		last = e
	}
	if last < end {
		return fmt.Errorf("the runs end at %d of %d rows", last, end)
	}
	return nil
}

// checkIndices holds the indices of a dictionary column against its dictionary; what a
// null has for one does not matter.
func (c *col) checkIndices() error {
	at := c.indices()
	for i := range c.n {
		k := at.index(i)
		if (k < 0 || k >= int64(c.dict.n)) && !c.isNull(i) {
			return fmt.Errorf("row %d: index %d in a dictionary of %d values", i, k, c.dict.n)
		}
	}
	return nil
}
