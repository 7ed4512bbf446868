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
	return p, nil
}

// Schema is the projection's schema message.
func (p *Projection) Schema() []byte { return p.schema.Encode() }

// splice is a projected record batch before its bytes are copied: nodes and buffers of
// the new metadata, and the ranges of the old body, one after another.
type splice struct {
	nodes []ipc.NodeRef
	refs  []ipc.BufferRef
	body  []bodyRange
	len   int64 // of the new body
}

// bodyRange is a range of the old body, or buffers of an edited column.
type bodyRange struct {
	old  ipc.BufferRef // where made is nil
	made [][]byte
}

// plan says what a record batch becomes; made are the edited columns in canonical form.
func (p *Projection) plan(m *ipc.Message, made map[int]*column.Column) (splice, error) {
	if m.Kind != ipc.KindRecord || m.Compressed {
		return splice{}, ipc.Invalid("only uncompressed record batches are projected")
	}
	if err := holds(p.spans, m); err != nil {
		return splice{}, err
	}
	var c splice
	for _, i := range p.keep {
		if _, ok := p.edited[i]; ok {
			if made[i] == nil || int64(made[i].Len) != m.Rows {
				return splice{}, ipc.Invalid("column %d is edited, and its new values are not there", i)
			}
			c.appendEdited(made[i])
			continue
		}
		s := p.spans[i]
		c.nodes = append(c.nodes, m.Nodes[s.node:s.node+s.nodes]...)
		if err := c.appendKept(m.Buffers[s.buf:s.buf+s.bufs], m.BodyLen); err != nil {
			return splice{}, err
		}
	}
	return c, nil
}

// appendEdited appends the nodes and buffers of an edited column, which the old body has not.
func (c *splice) appendEdited(k *column.Column) {
	var bufs [][]byte
	c.nodes, bufs = k.Layout(c.nodes, nil)
	refs, n := ipc.PlaceBuffers(bufs)
	for _, r := range refs {
		c.refs = append(c.refs, ipc.BufferRef{Offset: c.len + r.Offset, Length: r.Length})
	}
	c.body, c.len = append(c.body, bodyRange{made: bufs}), c.len+n
}

// appendKept appends one column's buffers as they lie, with the padding that follows them.
// They keep their distances, so they stay aligned; columns that follow each other in the old
// body are one range.
func (c *splice) appendKept(bufs []ipc.BufferRef, body int64) error {
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
	if to > body {
		return ipc.Invalid("the batch's body is not padded to 8 bytes")
	}
	c.len += to - from
	if k := len(c.body) - 1; k >= 0 && c.body[k].made == nil && c.body[k].old.Offset+c.body[k].old.Length == from {
		c.body[k].old.Length += to - from
		return nil
	}
	c.body = append(c.body, bodyRange{old: ipc.BufferRef{Offset: from, Length: to - from}})
	return nil
}

// Cut says by the metadata of a record batch what it becomes where no column is edited: the
// new metadata, and the ranges of the old body that follow it, ascending. Kind: Invalid.
func (p *Projection) Cut(meta []byte) (head []byte, kept []ipc.BufferRef, err error) {
	m, err := ipc.ParseMeta(meta)
	if err != nil {
		return nil, nil, err
	}
	c, err := p.plan(&m, nil)
	if err != nil {
		return nil, nil, err
	}
	at := int64(0)
	for _, r := range c.body {
		if r.made != nil || r.old.Offset < at {
			return nil, nil, ipc.Invalid("the columns are not kept in their order")
		}
		kept, at = append(kept, r.old), r.old.Offset+r.old.Length
	}
	return ipc.RecordMeta(m.Rows, c.nodes, c.refs, c.len), kept, nil
}

// Splice projects a record batch message that lies in one piece and appends what it
// becomes to out; edited has the new values of each column that Edit names, as many as
// the batch has rows. The other columns' bytes are copied as they lie. Kind: Invalid.
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
	made := map[int]*column.Column{}
	for i, a := range edited {
		if made[i], err = column.FromArray(p.edited[i], a); err != nil {
			return nil, err
		}
	}
	c, err := p.plan(&m, made)
	if err != nil {
		return nil, err
	}
	meta := ipc.RecordMeta(m.Rows, c.nodes, c.refs, c.len)
	out = append(slices.Grow(out, len(meta)+int(c.len)), meta...)
	for _, r := range c.body {
		if r.made != nil {
			out = ipc.AppendPadded(out, r.made)
			continue
		}
		from := int64(at.Meta) + r.old.Offset
		out = append(out, msg[from:from+r.old.Length]...)
	}
	return out, nil
}
