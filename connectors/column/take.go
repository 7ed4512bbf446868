package column

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
)

// Take is Canonical of single rows of one column, in any order, for the layouts where a row's
// place is enough: values of whole bytes, bits, texts, and dense lists of a fixed size. The column is
// byte for byte what runs of these rows make. It is nil for other layouts and for what Canonical
// refuses: then Canonical is to be asked, which says why. Every row lies in c.
func (s *Space) Take(f arrow.Field, c *Column, rows []int32) *Column {
	shape := ShapeOf(f.Type)
	if len(rows) == 0 || ShapeOf(c.Type) != shape || c.Type.ID() == arrow.EXTENSION {
		return nil
	}
	out := &Column{Type: f.Type, Len: len(rows)}
	switch shape {
	case ShapeFixed:
		bits := BitWidth(f.Type)
		if bits != BitWidth(c.Type) || bits != 1 && (bits == 0 || bits%8 != 0) || !out.takeValidity(f, c, rows, s) {
			return nil
		}
		if bits == 1 {
			out.takeBits(c, rows, s)
		} else {
			out.takeFixed(c.Buffers[0][c.Offset*bits/8:], bits/8, rows, s)
		}
		if out.checkRange() != nil {
			return nil
		}
	case ShapeText:
		if OffsetWidth(f.Type) != 4 || OffsetWidth(c.Type) != 4 || !out.takeValidity(f, c, rows, s) || !out.takeText(c, rows, s) {
			return nil
		}
	case ShapeFixedList:
		kid, n := c.Kids[0], int(f.Type.(*arrow.FixedSizeListType).Len())
		kf := f.Type.(*arrow.FixedSizeListType).ElemField()
		bits := BitWidth(kf.Type)
		dense := c.Valid == nil && kid.Valid == nil && ShapeOf(kf.Type) == ShapeFixed && ShapeOf(kid.Type) == ShapeFixed
		if !dense || bits != BitWidth(kid.Type) || bits == 0 || bits%8 != 0 || n == 0 || kid.Type.ID() == arrow.EXTENSION {
			return nil
		}
		k := &Column{Type: kf.Type, Len: len(rows) * n}
		k.takeFixed(kid.Buffers[0][(kid.Offset+c.Offset*n)*bits/8:], n*bits/8, rows, s)
		if k.checkRange() != nil {
			return nil
		}
		out.Kids = []*Column{k}
	default:
		return nil
	}
	return out
}

// takeValidity makes the bitmap; false where a null is not allowed.
func (c *Column) takeValidity(f arrow.Field, from *Column, rows []int32, in *Space) bool {
	if from.Valid == nil {
		return true
	}
	nulls := 0
	for _, r := range rows {
		if !BitAt(from.Valid, from.Offset+int(r)) {
			nulls++
		}
	}
	if nulls == 0 {
		return true
	}
	if !f.Nullable {
		return false
	}
	c.Valid = in.zeros((c.Len + 7) / 8)
	for i, r := range rows {
		if BitAt(from.Valid, from.Offset+int(r)) {
			c.Valid[i>>3] |= 1 << (i & 7)
		}
	}
	return true
}

// takeFixed copies values of w bytes; those under nulls become zero.
func (c *Column) takeFixed(data []byte, w int, rows []int32, in *Space) {
	out := in.Bytes(len(rows) * w)
	c.Buffers = [][]byte{out}
	switch w {
	case 1:
		for i, r := range rows {
			out[i] = data[r]
		}
	case 2:
		for i, r := range rows {
			binary.LittleEndian.PutUint16(out[2*i:], binary.LittleEndian.Uint16(data[2*int(r):]))
		}
	case 4:
		for i, r := range rows {
			binary.LittleEndian.PutUint32(out[4*i:], binary.LittleEndian.Uint32(data[4*int(r):]))
		}
	case 8:
		for i, r := range rows {
			binary.LittleEndian.PutUint64(out[8*i:], binary.LittleEndian.Uint64(data[8*int(r):]))
		}
	case 16:
		for i, r := range rows {
			from, to := data[16*int(r):][:16], out[16*i:][:16]
			binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(from))
			binary.LittleEndian.PutUint64(to[8:], binary.LittleEndian.Uint64(from[8:]))
		}
	default:
		for i, r := range rows {
			copy(out[i*w:(i+1)*w], data[int(r)*w:(int(r)+1)*w])
		}
	}
	if c.Valid == nil {
		return
	}
	for i := range rows {
		if c.IsNull(i) {
			clear(out[i*w : (i+1)*w])
		}
	}
}

func (c *Column) takeBits(from *Column, rows []int32, in *Space) {
	out := in.zeros((c.Len + 7) / 8)
	c.Buffers = [][]byte{out}
	for i, r := range rows {
		if BitAt(from.Buffers[0], from.Offset+int(r)) && (c.Valid == nil || !c.IsNull(i)) {
			out[i>>3] |= 1 << (i & 7)
		}
	}
}

// takeText makes the offsets, then copies the bytes; false where Canonical refuses them.
func (c *Column) takeText(from *Column, rows []int32, in *Space) bool {
	ends := in.Bytes((c.Len + 1) * 4)
	clear(ends[:4])
	at, end := from.Buffers[0][from.Offset*4:], int64(0)
	for i, r := range rows {
		if c.Valid == nil || !c.IsNull(i) {
			b := at[4*int(r):][:8]
			end += int64(binary.LittleEndian.Uint32(b[4:])) - int64(binary.LittleEndian.Uint32(b))
		}
		binary.LittleEndian.PutUint32(ends[4*i+4:], uint32(end))
	}
	if end > math.MaxInt32 {
		return false
	}
	data, n := in.Bytes(int(end)), 0
	for i, r := range rows {
		if c.Valid == nil || !c.IsNull(i) {
			b := at[4*int(r):][:8]
			n += copy(data[n:], from.Buffers[1][binary.LittleEndian.Uint32(b):binary.LittleEndian.Uint32(b[4:])])
		}
	}
	c.Buffers = [][]byte{ends, data}
	return c.checkText() == nil
}
