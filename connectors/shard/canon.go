package shard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
)

// canonizer maps the indices of dictionary columns whose dictionaries were
// joined: old dictionary to (old index ▸ new index). A dictionary that is not
// in remap keeps its indices.
type canonizer struct {
	remap map[*col][]int32
	dict  *col // what dictionary columns get as their dictionary
}

// canon copies segs into one canonical column of field f: no bitmap where
// nothing is null, null slots and padding bits zero, offsets from 0, no byte
// that no value refers to. It checks what check left: UTF-8, dictionary
// indices, nulls where f has none.
func canon(f arrow.Field, segs []seg, z *canonizer) (*col, error) {
	segs, err := writeOut(f, segs)
	if err != nil {
		return nil, err
	}
	out := &col{typ: f.Type, n: length(segs)}
	if err := out.copyValidity(f, segs); err != nil {
		return nil, err
	}
	switch shapeOf(f.Type) {
	case shapeNull:
		return out, nil
	case shapeFixed:
		out.copyFixed(segs)
		return out, out.checkRange()
	case shapeDict:
		return out, out.copyIndices(segs, z)
	case shapeText:
		return out, out.copyText(segs)
	case shapeList:
		if err := out.copyLists(segs); err != nil {
			return nil, err
		}
	}
	for i, kf := range kidFields(f.Type) {
		k, err := canon(kf, kidSegs(f, segs, i), z)
		if err != nil {
			if v, ok := errors.AsType[*valueFault](err); ok {
				v.nested = true
			}
			return nil, fmt.Errorf("%s: %w", kf.Name, err)
		}
		out.kids = append(out.kids, k)
	}
	return out, nil
}

// copyValidity makes the bitmap. Blanks under a null are null where the field
// allows it.
func (c *col) copyValidity(f arrow.Field, segs []seg) error {
	if f.Type.ID() == arrow.NULL {
		return nil
	}
	nulls, row := 0, 0
	for _, s := range segs {
		k := s.n
		if s.c != nil {
			k = s.c.nulls(s.from, s.n)
		}
		if k > 0 && !f.Nullable && (s.c != nil || s.mustNull) {
			return fmt.Errorf("row %d or later is null, but the column is declared to have no nulls", row)
		}
		nulls += k
		row += s.n
	}
	if nulls == 0 || !f.Nullable {
		return nil
	}
	c.valid = make([]byte, (c.n+7)/8)
	row = 0
	for _, s := range segs {
		s.eachRun(func(_, n int, null bool) {
			if !null {
				setBits(c.valid, row, n)
			}
			row += n
		})
	}
	return nil
}

// setBits sets n bits from bit i on.
func setBits(b []byte, i, n int) {
	for ; n > 0 && i&7 != 0; i, n = i+1, n-1 {
		b[i>>3] |= 1 << (i & 7)
	}
	for ; n >= 8; i, n = i+8, n-8 {
		b[i>>3] = 0xff
	}
	for ; n > 0; i, n = i+1, n-1 {
		b[i>>3] |= 1 << (i & 7)
	}
}

func (c *col) copyFixed(segs []seg) {
	bits := bitWidth(c.typ)
	out := make([]byte, (int64(c.n)*int64(bits)+7)/8)
	c.bufs = [][]byte{out}
	row := 0
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			switch {
			case null:
			case bits == 1:
				copyBits(out, row, s.c.bufs[0], s.c.off+from, n)
			case bitWidth(s.c.typ) < bits:
				widen(out[row*bits/8:], bits/8, s.c.bufs[0], s.c.off+from, n, bitWidth(s.c.typ)/8)
			default:
				w := bits / 8
				copy(out[row*w:(row+n)*w], s.c.bufs[0][(s.c.off+from)*w:])
			}
			row += n
		})
	}
}

// copyBits copies n bits of src from bit j on to bit i of dst on.
func copyBits(dst []byte, i int, src []byte, j, n int) {
	if i&7 == 0 && j&7 == 0 {
		k := n >> 3
		copy(dst[i>>3:(i>>3)+k], src[j>>3:])
		i, j, n = i+k*8, j+k*8, n&7
	}
	for ; n > 0; i, j, n = i+1, j+1, n-1 {
		if bitAt(src, j) {
			dst[i>>3] |= 1 << (i & 7)
		}
	}
}

func (c *col) copyIndices(segs []seg, z *canonizer) error {
	if c.dict = z.dict; c.dict == nil {
		return fmt.Errorf("a dictionary column without its dictionary")
	}
	w := bitWidth(c.typ) / 8
	out := make([]byte, c.n*w)
	c.bufs = [][]byte{out}
	row := 0
	var last *col
	var remap []int32
	var at indices
	for _, s := range segs {
		if s.c != nil && s.c != last {
			last, remap, at = s.c, z.remap[s.c.dict], s.c.indices()
		}
		for i := s.from; i < s.from+s.n; i, row = i+1, row+1 {
			if s.c == nil || s.c.isNull(i) {
				continue
			}
			k := at.index(i)
			if k < 0 || k >= int64(s.c.dict.n) {
				return &valueFault{row: int64(row), what: fmt.Sprintf("has the index %d in a dictionary of %d values", k, s.c.dict.n)}
			}
			if remap != nil {
				k = int64(remap[k])
			}
			putInt(out[row*w:], w, k)
		}
	}
	return nil
}

func putInt(b []byte, width int, v int64) {
	switch width {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, uint64(v))
	}
}

// offsets writes lengths one after another as offsets from 0.
type offsets struct {
	b     []byte
	width int
	row   int
	end   int64
}

func newOffsets(typ arrow.DataType, n int) *offsets {
	w := offsetWidth(typ)
	return &offsets{b: make([]byte, (n+1)*w), width: w}
}

func (o *offsets) add(n int) {
	o.end += int64(n)
	o.row++
	putInt(o.b[o.row*o.width:], o.width, o.end)
}

func (o *offsets) err() error {
	if o.width == 4 && o.end > math.MaxInt32 {
		return fmt.Errorf("%d values or bytes are too many for 32-bit offsets", o.end)
	}
	return nil
}

func (c *col) copyText(segs []seg) error {
	o := newOffsets(c.typ, c.n)
	data := make([]byte, 0, textBytes(segs))
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			if n > 0 && !null && shapeOf(s.c.typ) == shapeText {
				w, at := offsetWidth(s.c.typ), s.c.off+from
				first := int(intAt(s.c.bufs[0], w, at, true))
				last := first
				for i := range n {
					next := int(intAt(s.c.bufs[0], w, at+i+1, true))
					o.add(next - last)
					last = next
				}
				data = append(data, s.c.bufs[1][first:last]...)
				return
			}
			for i := from; i < from+n; i++ {
				if null {
					o.add(0)
					continue
				}
				v := s.c.bytes(i)
				data = append(data, v...)
				o.add(len(v))
			}
		})
	}
	c.bufs = [][]byte{o.b, data}
	if err := o.err(); err != nil {
		return err
	}
	return c.checkText()
}

// checkText wants UTF-8 in every value. One pass over all bytes is enough where
// no value begins inside a character.
func (c *col) checkText() error {
	if !isText(c.typ) {
		return nil
	}
	data, whole := c.bufs[1], utf8.Valid(c.bufs[1])
	w, b := offsetWidth(c.typ), 0
	for i := range c.n {
		a := b // canonical offsets begin at 0
		b = int(intAt(c.bufs[0], w, i+1, true))
		if whole && (a == len(data) || utf8.RuneStart(data[a])) {
			continue
		}
		if !utf8.Valid(data[a:b]) {
			return &valueFault{row: int64(i), what: "holds bytes that are not UTF-8"}
		}
	}
	return nil
}

func (c *col) copyLists(segs []seg) error {
	o := newOffsets(c.typ, c.n)
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			for i := from; i < from+n; i++ {
				if null {
					o.add(0)
					continue
				}
				a, b := s.c.span(i)
				o.add(b - a)
			}
		})
	}
	c.bufs = [][]byte{o.b}
	return o.err()
}
