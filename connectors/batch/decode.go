package batch

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// bodyReader takes the columns of one batch out of its body, in the order of the
// schema's fields [Arrow columnar format, RecordBatch message].
type bodyReader struct {
	m      *ipc.Message
	body   []byte
	dicts  map[int64]*column.Column
	unpack Unpacker // nil where the body is not compressed
	nodes  int
	bufs   int
	views  int
}

// Unpacker undoes the compression of a body, buffer by buffer.
type Unpacker interface {
	// Unpack undoes one buffer as it stands in the body; codec is 0 for LZ4 frames, 1 for
	// Zstandard [Message.fbs, CompressionType].
	Unpack(codec int8, b []byte) ([]byte, error)
}

// Decode gives the columns of a batch, sharing the bytes of body where it
// is not compressed.
func Decode(m *ipc.Message, body []byte, top []*ipc.Node, dicts map[int64]*column.Column, unpack Unpacker) ([]*column.Column, error) {
	if m.Compressed && unpack == nil {
		return nil, fmt.Errorf("a compressed body")
	}
	w := &bodyReader{m: m, body: body, dicts: dicts}
	if m.Compressed {
		w.unpack = unpack
	}
	cols := make([]*column.Column, len(top))
	for i, nd := range top {
		c, err := w.col(nd)
		if err == nil && int64(c.Len) != m.Rows {
			err = fmt.Errorf("%d values in a batch of %d rows", c.Len, m.Rows)
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", nd.Field.Name, err)
		}
		cols[i] = c
	}
	if w.nodes != len(m.Nodes) || w.bufs != len(m.Buffers) {
		return nil, fmt.Errorf("the batch has %d columns and %d buffers; the schema names %d and %d", len(m.Nodes), len(m.Buffers),
			w.nodes, w.bufs)
	}
	return cols, nil
}

func (w *bodyReader) buffer() ([]byte, error) {
	if w.bufs >= len(w.m.Buffers) {
		return nil, fmt.Errorf("a buffer is missing")
	}
	r := w.m.Buffers[w.bufs]
	w.bufs++
	if r.Offset+r.Length > int64(len(w.body)) {
		return nil, fmt.Errorf("a buffer lies outside the body")
	}
	b := w.body[r.Offset : r.Offset+r.Length]
	if w.unpack == nil {
		return b, nil
	}
	return w.unpack.Unpack(w.m.Codec, b)
}

func (w *bodyReader) col(nd *ipc.Node) (*column.Column, error) {
	c, err := w.unchecked(nd)
	if err != nil {
		return nil, err
	}
	return c, c.Check()
}

// unchecked gives a column whose children are checked.
func (w *bodyReader) unchecked(nd *ipc.Node) (*column.Column, error) {
	if w.nodes >= len(w.m.Nodes) {
		return nil, fmt.Errorf("the batch has fewer columns than the schema")
	}
	ref := w.m.Nodes[w.nodes]
	w.nodes++
	c := &column.Column{Type: nd.Field.Type, Len: int(ref.Length)}
	s := column.ShapeOf(c.Type)
	if s != column.ShapeNull && s != column.ShapeRuns {
		if err := w.validity(c, ref); err != nil {
			return nil, err
		}
	}
	if err := w.data(c, s); err != nil {
		return nil, err
	}
	if s == column.ShapeDict {
		d, ok := w.dicts[nd.DictionaryID]
		if !ok {
			if c.Nulls(0, c.Len) < c.Len {
				return nil, fmt.Errorf("no dictionary %d comes before the batch", nd.DictionaryID)
			}
			d = column.Empty(c.Type.(*arrow.DictionaryType).ValueType)
		}
		c.Dictionary = d
		return c, nil
	}
	for _, k := range nd.Kids {
		kid, err := w.col(k)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Field.Name, err)
		}
		c.Kids = append(c.Kids, kid)
	}
	return c, nil
}

// validity takes the bitmap. A count of no nulls wins over it, as in every
// reader that we know.
func (w *bodyReader) validity(c *column.Column, ref ipc.NodeRef) error {
	b, err := w.buffer()
	switch {
	case err != nil:
		return err
	case ref.Nulls == 0:
		return nil
	case len(b) == 0 && c.Len > 0:
		return fmt.Errorf("%d nulls without a validity bitmap", ref.Nulls)
	case len(b)*8 < c.Len:
		return fmt.Errorf("the validity bitmap has %d bytes for %d values", len(b), c.Len)
	}
	c.Valid = b
	return nil
}

// data takes the buffers after the validity bitmap.
func (w *bodyReader) data(c *column.Column, s column.Shape) error {
	n := 0
	switch s {
	case column.ShapeFixed, column.ShapeDict, column.ShapeList:
		n = 1
	case column.ShapeText, column.ShapeListView:
		n = 2
	case column.ShapeView:
		if w.views >= len(w.m.Variadic) {
			return fmt.Errorf("the number of a view's buffers is missing")
		}
		v := w.m.Variadic[w.views]
		w.views++
		if v < 0 || v > int64(len(w.m.Buffers)) {
			return fmt.Errorf("a view with %d buffers", v)
		}
		n = 1 + int(v)
	}
	for range n {
		b, err := w.buffer()
		if err != nil {
			return err
		}
		c.Buffers = append(c.Buffers, b)
	}
	return nil
}
