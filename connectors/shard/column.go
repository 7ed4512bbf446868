package shard

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// col is one column, nested column or dictionary: its buffers as slices of
// checked length. Value i stands at place off+i of the buffers; the values of a
// struct's or fixed-size list's children are counted from the same place.
type col struct {
	typ   arrow.DataType
	n     int
	off   int
	valid []byte   // bitmap; nil where nothing is null
	bufs  [][]byte // fixed: data · text: offsets, data · view: views, data… · list: offsets · list view: offsets, sizes
	kids  []*col
	dict  *col // values of a dictionary column
}

func bitAt(b []byte, i int) bool { return b[i>>3]&(1<<(i&7)) != 0 }

// isNull says whether value i is null.
func (c *col) isNull(i int) bool {
	return c.typ.ID() == arrow.NULL || c.valid != nil && !bitAt(c.valid, c.off+i)
}

// nulls counts the nulls among n values from i on.
func (c *col) nulls(i, n int) int {
	if c.typ.ID() == arrow.NULL {
		return n
	}
	if c.valid == nil {
		return 0
	}
	return n - popcount(c.valid, c.off+i, n)
}

// popcount counts the set bits among n from bit i on.
func popcount(b []byte, i, n int) (set int) {
	for ; n > 0 && i&7 != 0; i, n = i+1, n-1 {
		set += int(b[i>>3]>>(i&7)) & 1
	}
	p := i >> 3
	for ; n >= 64; n, p = n-64, p+8 {
		set += bits.OnesCount64(binary.LittleEndian.Uint64(b[p:]))
	}
	for i = p << 3; n > 0; i, n = i+1, n-1 {
		set += int(b[i>>3]>>(i&7)) & 1
	}
	return set
}

// intAt reads entry i of a buffer of integers of width bytes.
func intAt(b []byte, width, i int, signed bool) int64 {
	switch b = b[i*width:]; width {
	case 1:
		if signed {
			return int64(int8(b[0]))
		}
		return int64(b[0])
	case 2:
		v := binary.LittleEndian.Uint16(b)
		if signed {
			return int64(int16(v))
		}
		return int64(v)
	case 4:
		v := binary.LittleEndian.Uint32(b)
		if signed {
			return int64(int32(v))
		}
		return int64(v)
	}
	return int64(binary.LittleEndian.Uint64(b)) // beyond int64: negative, so refused as an index
}

// shape is how values of a type lie in buffers.
type shape uint8

const (
	shapeNull shape = iota
	shapeFixed
	shapeText     // offsets and data
	shapeView     // 16-byte views and data
	shapeList     // offsets and one child
	shapeListView // offsets, sizes and one child
	shapeFixedList
	shapeStruct
	shapeDict
	shapeRuns
)

func shapeOf(dt arrow.DataType) shape {
	switch dt.ID() {
	case arrow.NULL:
		return shapeNull
	case arrow.STRING, arrow.BINARY, arrow.LARGE_STRING, arrow.LARGE_BINARY:
		return shapeText
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return shapeView
	case arrow.LIST, arrow.LARGE_LIST, arrow.MAP:
		return shapeList
	case arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW:
		return shapeListView
	case arrow.FIXED_SIZE_LIST:
		return shapeFixedList
	case arrow.STRUCT:
		return shapeStruct
	case arrow.DICTIONARY:
		return shapeDict
	case arrow.RUN_END_ENCODED:
		return shapeRuns
	}
	return shapeFixed
}

// offsetWidth is the bytes of one offset of a text or list type.
func offsetWidth(dt arrow.DataType) int {
	switch dt.ID() {
	case arrow.LARGE_STRING, arrow.LARGE_BINARY, arrow.LARGE_LIST, arrow.LARGE_LIST_VIEW:
		return 8
	}
	return 4
}

func isText(dt arrow.DataType) bool {
	switch dt.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return true
	}
	return false
}

// bitWidth is the bits of one value of a fixed type; a dictionary's are its
// index's.
func bitWidth(dt arrow.DataType) int {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.IndexType
	}
	if w, ok := dt.(arrow.FixedWidthDataType); ok {
		return w.BitWidth()
	}
	return 0
}

// span gives first and past-the-last place of value i of a text or list.
func (c *col) span(i int) (from, to int) {
	i += c.off
	w := offsetWidth(c.typ)
	if shapeOf(c.typ) == shapeListView {
		from = int(intAt(c.bufs[0], w, i, true))
		return from, from + int(intAt(c.bufs[1], w, i, true))
	}
	if shapeOf(c.typ) == shapeFixedList {
		n := int(c.typ.(*arrow.FixedSizeListType).Len())
		return i * n, (i + 1) * n
	}
	return int(intAt(c.bufs[0], w, i, true)), int(intAt(c.bufs[0], w, i+1, true))
}

// bytes gives value i of a text, binary or view column.
func (c *col) bytes(i int) []byte {
	if shapeOf(c.typ) == shapeText {
		from, to := c.span(i)
		return c.bufs[1][from:to]
	}
	v := c.bufs[0][(c.off+i)*16:][:16]
	n := int(binary.LittleEndian.Uint32(v))
	if n <= 12 {
		return v[4 : 4+n]
	}
	at := int(binary.LittleEndian.Uint32(v[12:]))
	return c.bufs[1+binary.LittleEndian.Uint32(v[8:])][at : at+n]
}

// indices reads the indices of a dictionary column.
type indices struct {
	b          []byte
	off, width int
	signed     bool
}

func (c *col) indices() indices {
	t := c.typ.(*arrow.DictionaryType).IndexType
	return indices{c.bufs[0], c.off, bitWidth(t) / 8, arrow.IsSignedInteger(t.ID())}
}

func (x indices) index(i int) int64 { return intAt(x.b, x.width, x.off+i, x.signed) }

// index gives entry i of a dictionary column's indices.
func (c *col) index(i int) int64 { return c.indices().index(i) }

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
