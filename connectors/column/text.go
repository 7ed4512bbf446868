package column

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
)

// offsets writes lengths one after another as offsets from 0.
type offsets struct {
	b     []byte
	width int
	row   int
	end   int64
}

// newOffsets is for n values, each of which is to be added; the first offset is there already.
func (s *Space) newOffsets(typ arrow.DataType, n int) *offsets {
	w := OffsetWidth(typ)
	o := &offsets{b: s.Bytes((n + 1) * w), width: w}
	PutInt(o.b, w, 0)
	return o
}

func (o *offsets) add(n int) {
	o.end += int64(n)
	o.row++
	PutInt(o.b[o.row*o.width:], o.width, o.end)
}

// addSpans adds the lengths of n values of c from value from on, as its own offsets have them,
// and gives where the first begins and the last ends. Of 32 bits on both sides they are most,
// and are moved without a look at each length.
func (o *offsets) addSpans(c *Column, from, n int) (first, last int) {
	w, at := OffsetWidth(c.Type), c.Offset+from
	first = int(intAt(c.Buffers[0], w, at, true))
	last = first
	if w == 4 && o.width == 4 {
		src, dst := c.Buffers[0][4*at+4:4*(at+n)+4], o.b[4*o.row+4:]
		move := o.end - int64(first)
		for i := 0; i+4 <= len(src); i += 4 {
			last = int(binary.LittleEndian.Uint32(src[i:]))
			binary.LittleEndian.PutUint32(dst[i:], uint32(int64(last)+move))
		}
		o.row, o.end = o.row+n, int64(last)+move
		return first, last
	}
	for i := range n {
		next := int(intAt(c.Buffers[0], w, at+i+1, true))
		o.add(next - last)
		last = next
	}
	return first, last
}

// err says that the values are too many for offsets of 32 bits. They are counted in 64, so
// that it can be said after the fact.
func (o *offsets) err() error {
	if o.width == 4 && o.end > math.MaxInt32 {
		return fmt.Errorf("%d values or bytes are too many for 32-bit offsets", o.end)
	}
	return nil
}

// denseText says that a column has texts with offsets, none of which is null.
func (c *Column) denseText() bool { return c != nil && c.Valid == nil && ShapeOf(c.Type) == ShapeText }

// copyText copies texts, runs of non-null ones whole: only their offsets are made one by
// one.
func (c *Column) copyText(runs []Run, in *Space) error {
	o := in.newOffsets(c.Type, c.Len)
	data := in.Bytes(int(TextBytes(runs)))[:0]
	var of *Column
	dense := false
	for i := range runs {
		s := &runs[i]
		if s.Column != of {
			of, dense = s.Column, s.Column.denseText()
		}
		if dense && s.Len > 0 {
			first, last := o.addSpans(s.Column, s.From, s.Len)
			data = append(data, s.Column.Buffers[1][first:last]...)
			continue
		}
		s.eachRun(func(from, n int, null bool) {
			if n > 0 && !null && ShapeOf(s.Column.Type) == ShapeText {
				first, last := o.addSpans(s.Column, from, n)
				data = append(data, s.Column.Buffers[1][first:last]...)
				return
			}
			for i := from; i < from+n; i++ {
				if null {
					o.add(0)
					continue
				}
				v := s.Column.Bytes(i)
				data = append(data, v...)
				o.add(len(v))
			}
		})
	}
	c.Buffers = [][]byte{o.b, data}
	if err := o.err(); err != nil {
		return err
	}
	return c.checkText()
}

// checkText wants UTF-8 in every value. One pass over all bytes is enough where
// no value begins inside a character.
func (c *Column) checkText() error {
	if !IsText(c.Type) {
		return nil
	}
	data, whole := c.Buffers[1], utf8.Valid(c.Buffers[1])
	w, b := OffsetWidth(c.Type), 0
	for i := range c.Len {
		a := b // canonical offsets begin at 0
		b = int(intAt(c.Buffers[0], w, i+1, true))
		if whole && (a == len(data) || utf8.RuneStart(data[a])) {
			continue
		}
		if !utf8.Valid(data[a:b]) {
			return &ValueError{Row: int64(i), what: "holds bytes that are not UTF-8"}
		}
	}
	return nil
}
