package shard

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/arrow"
)

// Limits of one table.
const (
	// batchLimit is the most bytes of one record batch message's body: Go's and
	// Rust's Flight clients refuse messages over 4 MiB by default [decisions.md 10].
	batchLimit = 3584 << 10
	// maxColumns of a table: 16,000 would spend half a message on their metadata.
	maxColumns = 10_000
	// maxValue is the most bytes that one column of a row may have: they are held several
	// times over while they are read.
	maxValue = 64 << 20
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

// layout appends the nodes and buffers of canonical columns in wire order.
func (c *col) layout(nodes []NodeRef, bufs [][]byte) ([]NodeRef, [][]byte) {
	nodes = append(nodes, NodeRef{Length: int64(c.n), Nulls: int64(c.nulls(0, c.n))})
	if c.typ.ID() != arrow.NULL {
		bufs = append(bufs, c.valid)
	}
	bufs = append(bufs, c.bufs...)
	for _, k := range c.kids {
		nodes, bufs = k.layout(nodes, bufs)
	}
	return nodes, bufs
}
