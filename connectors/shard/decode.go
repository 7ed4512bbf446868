package shard

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// walker takes the columns of one batch out of its body, in the order of the
// schema's fields [Arrow columnar format, RecordBatch message].
type walker struct {
	m      *Message
	body   []byte
	dicts  map[int64]*col
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

// decodeBatch gives the columns of a batch, sharing the bytes of body where it
// is not compressed.
func decodeBatch(m *Message, body []byte, top []*node, dicts map[int64]*col, unpack Unpacker) ([]*col, error) {
	if m.Compressed && unpack == nil {
		return nil, fmt.Errorf("a compressed body")
	}
	w := &walker{m: m, body: body, dicts: dicts}
	if m.Compressed {
		w.unpack = unpack
	}
	cols := make([]*col, len(top))
	for i, nd := range top {
		c, err := w.col(nd)
		if err == nil && int64(c.n) != m.Rows {
			err = fmt.Errorf("%d values in a batch of %d rows", c.n, m.Rows)
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", nd.field.Name, err)
		}
		cols[i] = c
	}
	if w.nodes != len(m.Nodes) || w.bufs != len(m.Buffers) {
		return nil, fmt.Errorf("the batch has %d columns and %d buffers; the schema names %d and %d", len(m.Nodes), len(m.Buffers), w.nodes, w.bufs)
	}
	return cols, nil
}

func (w *walker) buffer() ([]byte, error) {
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
	return w.unpack.Unpack(w.m.codec, b)
}

func (w *walker) col(nd *node) (*col, error) {
	if w.nodes >= len(w.m.Nodes) {
		return nil, fmt.Errorf("the batch has fewer columns than the schema")
	}
	ref := w.m.Nodes[w.nodes]
	w.nodes++
	c := &col{typ: nd.field.Type, n: int(ref.Length)}
	s := shapeOf(c.typ)
	if s != shapeNull && s != shapeRuns {
		if err := w.validity(c, ref); err != nil {
			return nil, err
		}
	}
	if err := w.data(c, s); err != nil {
		return nil, err
	}
	if s == shapeDict {
		d, ok := w.dicts[nd.id]
		if !ok {
			if c.nulls(0, c.n) < c.n {
				return nil, fmt.Errorf("no dictionary %d stands before the batch", nd.id)
			}
			d = emptyColumn(c.typ.(*arrow.DictionaryType).ValueType)
		}
		c.dict = d
		return c, c.check()
	}
	for _, k := range nd.kids {
		kid, err := w.col(k)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.field.Name, err)
		}
		c.kids = append(c.kids, kid)
	}
	return c, c.check()
}

// validity takes the bitmap. A count of no nulls wins over it, as in every
// reader that we know.
func (w *walker) validity(c *col, ref NodeRef) error {
	b, err := w.buffer()
	switch {
	case err != nil:
		return err
	case ref.Nulls == 0:
		return nil
	case len(b) == 0 && c.n > 0:
		return fmt.Errorf("%d nulls without a validity bitmap", ref.Nulls)
	case len(b)*8 < c.n:
		return fmt.Errorf("the validity bitmap has %d bytes for %d values", len(b), c.n)
	}
	c.valid = b
	return nil
}

// data takes the buffers after the validity bitmap.
func (w *walker) data(c *col, s shape) error {
	n := 0
	switch s {
	case shapeFixed, shapeDict, shapeList:
		n = 1
	case shapeText, shapeListView:
		n = 2
	case shapeView:
		if w.views >= len(w.m.variadic) {
			return fmt.Errorf("the number of a view's buffers is missing")
		}
		v := w.m.variadic[w.views]
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
		c.bufs = append(c.bufs, b)
	}
	return nil
}
