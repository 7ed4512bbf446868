package batch

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// Projection keeps some top-level columns of a table's messages, without
// decoding: nodes and buffers of the others are left out, offsets rewritten,
// bytes copied as they are. Columns that are edited come from outside. It is
// immutable and safe for concurrent use.
type Projection struct {
	schema *ipc.Schema
	keep   []int // indices of kept columns, ascending as in the table or as asked
	edited map[int]arrow.Field
	spans  []Span
	frame  int // bytes of the metadata of what a batch becomes
}

// Edit makes the projection of a schema message to the columns with the given indices, in
// that order, with some of them replaced by others, of the fields given; their values come
// to Splice as arrays. Kept columns keep their dictionary ids, so that dictionary messages
// pass as they are; the new fields are no dictionaries. Kind: Invalid.
func Edit(schema []byte, columns []int, edited map[int]arrow.Field) (*Projection, error) {
	s, err := ipc.ParseSchema(schema)
	if err != nil {
		return nil, err
	}
	p := &Projection{keep: columns, edited: edited}
	if p.spans, err = SpansOf(s.Top); err != nil {
		return nil, err
	}
	var top []*ipc.Node
	for _, i := range columns {
		if i < 0 || i >= len(s.Top) {
			return nil, ipc.Invalid("column %d of a table with %d", i, len(s.Top))
		}
		n := s.Top[i]
		if f, ok := edited[i]; ok {
			next := int64(0)
			if n = ipc.NewNode(f, &next); next > 0 {
				return nil, ipc.Invalid("column %q is edited into a dictionary", f.Name)
			}
		}
		top = append(top, n)
	}
	p.schema = ipc.SchemaWith(top)
	spans, err := SpansOf(top)
	if err != nil {
		return nil, err
	}
	frame, _ := frameOf(spans)
	p.frame = int(frame)
	return p, nil
}

// Schema is the projection's schema message.
func (p *Projection) Schema() []byte { return p.schema.Encode() }

// splice is a projected record batch while it is made: nodes and buffers of the new metadata,
// and the ranges of the old body that are not copied yet.
type splice struct {
	nodes []ipc.NodeRef
	refs  []ipc.BufferRef
	body  []ipc.BufferRef
	len   int64 // of the new body
}

// check holds a message against the table.
func (p *Projection) check(m *ipc.Message) error {
	if m.Kind != ipc.KindRecord || m.Compressed {
		return ipc.Invalid("only uncompressed record batches are projected")
	}
	return holds(p.spans, m)
}

// appendEdited appends the nodes and buffers of an edited column, which the old body has not.
func (c *splice) appendEdited(k *column.Column) (bufs [][]byte, size int64) {
	c.nodes, bufs = k.Layout(c.nodes, nil)
	refs, size := ipc.PlaceBuffers(bufs)
	for _, r := range refs {
		c.refs = append(c.refs, ipc.BufferRef{Offset: c.len + r.Offset, Length: r.Length})
	}
	c.len += size
	return bufs, size
}

// appendKept appends one column as it lies, with the padding that follows its buffers.
// They keep their distances, so they stay aligned; columns that follow each other in the old
// body are one range.
func (c *splice) appendKept(m *ipc.Message, s Span) error {
	c.nodes = append(c.nodes, m.Nodes[s.node:s.node+s.nodes]...)
	bufs := m.Buffers[s.buf : s.buf+s.bufs]
	from, to, err := extent(bufs)
	if err != nil {
		return err
	}
	for _, b := range bufs {
		r := ipc.BufferRef{Offset: c.len, Length: b.Length}
		if b.Length > 0 {
			r.Offset += b.Offset - from
		}
		c.refs = append(c.refs, r)
	}
	if from < 0 {
		return nil
	}
	if to > m.BodyLen {
		return ipc.Invalid("the batch's body is not padded to 8 bytes")
	}
	c.len += to - from
	if k := len(c.body) - 1; k >= 0 && c.body[k].Offset+c.body[k].Length == from {
		c.body[k].Length += to - from
		return nil
	}
	c.body = append(c.body, ipc.BufferRef{Offset: from, Length: to - from})
	return nil
}

// Cut says by the metadata of a record batch what it becomes where no column is edited: the
// new metadata, and the ranges of the old body that follow it, ascending. Kind: Invalid.
func (p *Projection) Cut(meta []byte) (head []byte, kept []ipc.BufferRef, err error) {
	m, err := ipc.ParseMeta(meta)
	if err == nil {
		err = p.check(&m)
	}
	if err != nil {
		return nil, nil, err
	}
	var c splice
	for n, i := range p.keep {
		if _, ok := p.edited[i]; ok || n > 0 && i < p.keep[n-1] {
			return nil, nil, ipc.Invalid("the columns are not kept in their order, or are edited")
		}
		err = c.appendKept(&m, p.spans[i])
		if err != nil {
			return nil, nil, err
		}
	}
	at := int64(0)
	for _, r := range c.body {
		if r.Offset < at {
			return nil, nil, ipc.Invalid("the columns do not lie in their order")
		}
		at = r.Offset + r.Length
	}
	return ipc.RecordMeta(m.Rows, c.nodes, c.refs, c.len), c.body, nil
}

// Weave makes of a record batch what it becomes, and appends it to out. The columns' bytes
// come from where the body is: fill reads those that stay, at a place in the body, to where
// they are to lie, and edit gives the new values of a column, as many as there are rows,
// whose bytes lie between two places in the body (from < 0: it has none). Both are called
// for one column after the other in the order of the projection. Errors: Invalid; those
// of fill and edit, as they are.
//
//	body    │ a a │ b b b │ c c │ d │        fill(a), edit(b), fill(d)
//	out     │ metadata │ a a │ B B │ d │
func (p *Projection) Weave(
	out []byte, m *ipc.Message, fill func(to []byte, at int64) error, edit func(i int, from, to int64) (arrow.Array, error),
) (longer []byte, err error) {
	err = p.check(m)
	if err != nil {
		return nil, err
	}
	before := len(out)
	out = slices.Grow(out, p.frame)[:before+p.frame]
	var c splice
	for _, i := range p.keep {
		f, edited := p.edited[i]
		if !edited {
			err = c.appendKept(m, p.spans[i])
		} else if out, err = c.copyKept(out, fill); err == nil {
			out, err = c.edit(out, m, p.spans[i], f, func(from, to int64) (arrow.Array, error) { return edit(i, from, to) })
		}
		if err != nil {
			return nil, err
		}
	}
	out, err = c.copyKept(out, fill)
	if err != nil {
		return nil, err
	}
	meta := ipc.RecordMeta(m.Rows, c.nodes, c.refs, c.len)
	if len(meta) != p.frame { // a batch without a body
		return append(append(out[:before], meta...), out[before+p.frame:]...), nil
	}
	copy(out[before:], meta)
	return out, nil
}

// copyKept appends the ranges that are due.
func (c *splice) copyKept(out []byte, fill func(to []byte, at int64) error) ([]byte, error) {
	for _, r := range c.body {
		at := len(out)
		out = slices.Grow(out, int(r.Length))[:at+int(r.Length)]
		err := fill(out[at:], r.Offset)
		if err != nil {
			return nil, err
		}
	}
	c.body = c.body[:0]
	return out, nil
}

// edit appends a column that is edited: it is made where it is to lie, if there is room.
func (c *splice) edit(
	out []byte, m *ipc.Message, s Span, f arrow.Field, edit func(from, to int64) (arrow.Array, error),
) ([]byte, error) {
	from, to, err := extent(m.Buffers[s.buf : s.buf+s.bufs])
	if err != nil {
		return nil, err
	}
	a, err := edit(from, to)
	if err != nil {
		return nil, err
	}
	if a == nil || int64(a.Len()) != m.Rows {
		return nil, ipc.Invalid("column %q is edited, and its new values are not there", f.Name)
	}
	space := column.NewSpace(out[len(out):cap(out)])
	k, err := space.FromArray(f, a)
	if err != nil {
		return nil, err
	}
	bufs, size := c.appendEdited(k)
	if space.Spilled() {
		return ipc.AppendPadded(out, bufs), nil
	}
	return out[:len(out)+int(size)], nil
}

// Splice is Weave of a message that lies in one piece; edited has the new values of each
// column that Edit names. Kind: Invalid.
func (p *Projection) Splice(out, msg []byte, edited map[int]arrow.Array) (longer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ipc.Invalid("the columns cannot be spliced: %v", p)
		}
	}()
	m, at, err := ipc.SplitMessage(msg)
	if err != nil {
		return nil, err
	}
	body := msg[at.Meta:at.Len()]
	return p.Weave(out, &m,
		func(to []byte, at int64) error { copy(to, body[at:at+int64(len(to))]); return nil },
		func(i int, _, _ int64) (arrow.Array, error) { return edited[i], nil })
}
