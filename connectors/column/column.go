package column

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// Limits of one table.
const (
	// MaxBody is the most bytes of one record batch message's body: Go's and
	// Rust's Flight clients refuse messages over 4 MiB by default [decisions.md 10].
	MaxBody = 3584 << 10
	// MaxColumns of a table: 16,000 would spend half a message on their metadata.
	MaxColumns = 10_000
	// MaxValue is the most bytes that one column of a row may have: they are held several
	// times over while they are read.
	MaxValue = 64 << 20
)

// Column is one column, nested column or dictionary: its buffers as slices of checked
// length. Value i stands at place Offset+i of the buffers; the values of a struct's or
// fixed-size list's children are counted from the same place. A column is not changed once
// it is made: others may share its bytes.
type Column struct {
	Type       arrow.DataType
	Len        int      // values
	Offset     int      // values in the buffers before the first
	Valid      []byte   // bitmap; nil where nothing is null
	Buffers    [][]byte // as the type's shape has them
	Kids       []*Column
	Dictionary *Column // values of a dictionary column
}

// IsNull says whether value i is null.
func (c *Column) IsNull(i int) bool {
	if c.Valid != nil {
		return !BitAt(c.Valid, c.Offset+i)
	}
	return c.Type.ID() == arrow.NULL
}

// hasNulls says whether a value may be null.
func (c *Column) hasNulls() bool { return c.Valid != nil || c.Type.ID() == arrow.NULL }

// Nulls counts the nulls among n values from i on.
func (c *Column) Nulls(i, n int) int {
	if c.Type.ID() == arrow.NULL {
		return n
	}
	if c.Valid == nil {
		return 0
	}
	return n - popcount(c.Valid, c.Offset+i, n)
}

// span gives first and past-the-last place of value i of a text or list, in its data or
// its child.
func (c *Column) span(i int) (from, to int) {
	i += c.Offset
	w := OffsetWidth(c.Type)
	if ShapeOf(c.Type) == ShapeListView {
		from = int(intAt(c.Buffers[0], w, i, true))
		return from, from + int(intAt(c.Buffers[1], w, i, true))
	}
	if ShapeOf(c.Type) == ShapeFixedList {
		n := int(c.Type.(*arrow.FixedSizeListType).Len())
		return i * n, (i + 1) * n
	}
	return int(intAt(c.Buffers[0], w, i, true)), int(intAt(c.Buffers[0], w, i+1, true))
}

// Bytes gives value i of a text, binary or view column; it shares the column's bytes.
func (c *Column) Bytes(i int) []byte {
	if ShapeOf(c.Type) == ShapeText {
		from, to := c.span(i)
		return c.Buffers[1][from:to]
	}
	// A view is its length in 4 bytes, then up to 12 bytes of text; or 4 bytes of prefix,
	// the number of a data buffer and the place in it [Arrow columnar format].
	v := c.Buffers[0][(c.Offset+i)*16:][:16]
	n := int(binary.LittleEndian.Uint32(v))
	if n <= 12 {
		return v[4 : 4+n]
	}
	at := int(binary.LittleEndian.Uint32(v[12:]))
	return c.Buffers[1+binary.LittleEndian.Uint32(v[8:])][at : at+n]
}

// Indices reads the indices of a dictionary column.
type Indices struct {
	b          []byte
	off, width int
	signed     bool
}

// Indices gives the indices of a dictionary column for reading one after another.
func (c *Column) Indices() Indices {
	t := c.Type.(*arrow.DictionaryType).IndexType
	return Indices{c.Buffers[0], c.Offset, BitWidth(t) / 8, arrow.IsSignedInteger(t.ID())}
}

// Index is entry i; of an unsigned type beyond int64 it is negative, so that it is refused.
func (x Indices) Index(i int) int64 { return intAt(x.b, x.width, x.off+i, x.signed) }

// Index gives entry i of a dictionary column's indices.
func (c *Column) Index(i int) int64 { return c.Indices().Index(i) }

// Layout appends the nodes and buffers of a canonical column in the order that messages
// have them: the column, then its children depth first. A bitmap that is not needed stays
// as an empty buffer.
func (c *Column) Layout(nodes []ipc.NodeRef, bufs [][]byte) ([]ipc.NodeRef, [][]byte) {
	nodes = append(nodes, ipc.NodeRef{Length: int64(c.Len), Nulls: int64(c.Nulls(0, c.Len))})
	if c.Type.ID() != arrow.NULL {
		bufs = append(bufs, c.Valid)
	}
	bufs = append(bufs, c.Buffers...)
	for _, k := range c.Kids {
		nodes, bufs = k.Layout(nodes, bufs)
	}
	return nodes, bufs
}

// Shape is how values of a type lie in buffers.
type Shape uint8

// The shapes, with the buffers that follow the validity bitmap.
const (
	ShapeNull      Shape = iota // none, not even a bitmap
	ShapeFixed                  // data: so many bits for each value
	ShapeText                   // offsets and data
	ShapeView                   // 16-byte views and data
	ShapeList                   // offsets and one child
	ShapeListView               // offsets, sizes and one child
	ShapeFixedList              // one child, so many values for each list
	ShapeStruct                 // a child for each member
	ShapeDict                   // indices; the values are a column of their own
	ShapeRuns                   // run-end encoded: two children, run ends and values
)

// ShapeOf is the shape of a type; that of an extension type is its storage's.
func ShapeOf(dt arrow.DataType) Shape {
	switch dt.ID() {
	case arrow.NULL:
		return ShapeNull
	case arrow.STRING, arrow.BINARY, arrow.LARGE_STRING, arrow.LARGE_BINARY:
		return ShapeText
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return ShapeView
	case arrow.LIST, arrow.LARGE_LIST, arrow.MAP:
		return ShapeList
	case arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW:
		return ShapeListView
	case arrow.FIXED_SIZE_LIST:
		return ShapeFixedList
	case arrow.STRUCT:
		return ShapeStruct
	case arrow.DICTIONARY:
		return ShapeDict
	case arrow.RUN_END_ENCODED:
		return ShapeRuns
	}
	return ShapeFixed
}

// OffsetWidth is the bytes of one offset of a text or list type.
func OffsetWidth(dt arrow.DataType) int {
	switch dt.ID() {
	case arrow.LARGE_STRING, arrow.LARGE_BINARY, arrow.LARGE_LIST, arrow.LARGE_LIST_VIEW:
		return 8
	}
	return 4
}

// IsText says whether values are UTF-8.
func IsText(dt arrow.DataType) bool {
	switch dt.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return true
	}
	return false
}

// BitWidth is the bits of one value of a fixed type; a dictionary's are its
// index's.
func BitWidth(dt arrow.DataType) int {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.IndexType
	}
	if w, ok := dt.(arrow.FixedWidthDataType); ok {
		return w.BitWidth()
	}
	return 0
}
