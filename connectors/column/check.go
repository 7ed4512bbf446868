package column

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// Check makes sure that every access to the column's own buffers and to its
// children stays inside. After it no method of Column panics for 0 ≤ i < n. Text
// (UTF-8), nulls in columns without nulls, dictionary indices and the values of types
// that have fewer than their bits are checked
// where the values are copied (Canonical).
func (c *Column) Check() error {
	end := int64(c.Offset) + int64(c.Len)
	if c.Valid != nil && int64(len(c.Valid))*8 < end {
		return fmt.Errorf("the validity bitmap has %d bytes for %d values", len(c.Valid), end)
	}
	switch ShapeOf(c.Type) {
	case ShapeNull:
		return nil
	case ShapeFixed, ShapeDict:
		return c.need(0, (end*int64(BitWidth(c.Type))+7)/8)
	case ShapeText:
		return c.checkOffsets(end, len(c.Buffers[1]))
	case ShapeList:
		return c.checkOffsets(end, c.Kids[0].Len)
	case ShapeView:
		return c.checkViews(end)
	case ShapeListView:
		return c.checkListViews(end)
	case ShapeFixedList:
		n := int64(c.Type.(*arrow.FixedSizeListType).Len())
		if int64(c.Kids[0].Len) < end*n {
			return fmt.Errorf("%d lists of %d have only %d values", end, n, c.Kids[0].Len)
		}
	case ShapeStruct:
		for _, k := range c.Kids {
			if int64(k.Len) < end {
				return fmt.Errorf("a struct of %d values has a member of %d", end, k.Len)
			}
		}
	case ShapeRuns:
		return c.checkRuns(end)
	}
	return nil
}

// need wants a buffer of so many bytes. Where it is missing from the message it is empty.
func (c *Column) need(buf int, bytes int64) error {
	if len(c.Buffers) <= buf || int64(len(c.Buffers[buf])) < bytes {
		return fmt.Errorf("a buffer is shorter than the %d bytes that %d values need", bytes, c.Len)
	}
	return nil
}

// checkOffsets wants offsets that never go back and end within limit. A column
// without values may have no offsets at all [Arrow columnar format].
func (c *Column) checkOffsets(end int64, limit int) error {
	if c.Len == 0 {
		c.Buffers[0], c.Offset = make([]byte, OffsetWidth(c.Type)), 0
		return nil
	}
	w := OffsetWidth(c.Type)
	if err := c.need(0, (end+1)*int64(w)); err != nil {
		return err
	}
	b := c.Buffers[0]
	last := intAt(b, w, c.Offset, true)
	if last < 0 {
		return fmt.Errorf("the first offset is %d", last)
	}
	if w == 4 && rise(b[4*c.Offset:4*(int(end)+1)]) {
		last = intAt(b, w, int(end), true)
		if last > int64(limit) {
			return fmt.Errorf("offset %d lies beyond the %d values or bytes that are there", last, limit)
		}
		return nil
	}
	for i := c.Offset + 1; i <= int(end); i++ {
		o := intAt(b, w, i, true)
		if o < last {
			return fmt.Errorf("row %d: offset %d follows %d", i-1-c.Offset, o, last)
		}
		last = o
	}
	if last > int64(limit) {
		return fmt.Errorf("offset %d lies beyond the %d values or bytes that are there", last, limit)
	}
	return nil
}

// rise says whether offsets of 32 bits, of which the first is not below 0, never go back.
func rise(b []byte) bool {
	var back, last int32
	for ; len(b) >= 4; b = b[4:] {
		o := int32(binary.LittleEndian.Uint32(b))
		back |= o - last // its sign, where one goes back; of an o below 0, itself
		back |= o
		last = o
	}
	return back >= 0
}

// checkViews wants every view that is not null to lie inside its data. A view of up to 12
// bytes holds them itself; a longer one names a buffer and a place in it.
func (c *Column) checkViews(end int64) error {
	if err := c.need(0, end*16); err != nil {
		return err
	}
	for i := range c.Len {
		if c.IsNull(i) {
			continue
		}
		v := c.Buffers[0][(c.Offset+i)*16:]
		n := int64(int32(binary.LittleEndian.Uint32(v)))
		if n >= 0 && n <= 12 {
			continue
		}
		buf, at := int64(binary.LittleEndian.Uint32(v[8:])), int64(binary.LittleEndian.Uint32(v[12:]))
		if n < 0 || buf >= int64(len(c.Buffers)-1) || at+n > int64(len(c.Buffers[1+buf])) {
			return fmt.Errorf("row %d: a view of %d bytes points outside its data", i, n)
		}
	}
	return nil
}

// checkListViews wants every list that is not null to lie inside the child. Lists may
// overlap, and stand in any order.
func (c *Column) checkListViews(end int64) error {
	w := OffsetWidth(c.Type)
	if err := c.need(0, end*int64(w)); err != nil {
		return err
	}
	if err := c.need(1, end*int64(w)); err != nil {
		return err
	}
	for i := range c.Len {
		if c.IsNull(i) {
			continue
		}
		from := intAt(c.Buffers[0], w, c.Offset+i, true)
		n := intAt(c.Buffers[1], w, c.Offset+i, true)
		if limit := int64(c.Kids[0].Len); from < 0 || n < 0 || from > limit || n > limit-from {
			return fmt.Errorf("row %d: a list of %d from %d lies outside the %d values that are there", i, n, from, limit)
		}
	}
	return nil
}

// checkRuns wants run ends that rise and cover all rows.
func (c *Column) checkRuns(end int64) error {
	ends, vals := c.Kids[0], c.Kids[1]
	if ends.Valid != nil || ends.Len > vals.Len {
		return fmt.Errorf("run ends that are null or more than the values")
	}
	last := int64(0)
	for i := range ends.Len {
		e := intAt(ends.Buffers[0], BitWidth(ends.Type)/8, ends.Offset+i, true)
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

// CheckIndices holds the indices of a dictionary column against its dictionary; what a
// null has for one does not matter.
func (c *Column) CheckIndices() error {
	at := c.Indices()
	for i := range c.Len {
		k := at.Index(i)
		if (k < 0 || k >= int64(c.Dictionary.Len)) && !c.IsNull(i) {
			return fmt.Errorf("row %d: index %d in a dictionary of %d values", i, k, c.Dictionary.Len)
		}
	}
	return nil
}
