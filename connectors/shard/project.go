package shard

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// Projection keeps some top-level columns of a table's messages, without
// decoding: nodes and buffers of the others are left out, offsets rewritten,
// bytes copied as they are. Columns that are edited come from outside. It is
// immutable and safe for concurrent use.
type Projection struct {
	schema *Schema
	keep   []int // indices of kept columns, ascending as in the table or as asked
	edited map[int]arrow.Field
	spans  []span
	ids    map[int64]bool
}

// Select makes the projection of a schema message to the columns with the
// given indices, in that order. Kept columns keep their dictionary ids, so that
// dictionary messages pass as they are. Kind: Invalid.
func Select(schema []byte, columns []int) (*Projection, error) { return Edit(schema, columns, nil) }

// Edit is Select with some of the columns replaced by others, of the fields given;
// their values come to Splice as arrays. The new fields are no dictionaries.
func Edit(schema []byte, columns []int, edited map[int]arrow.Field) (*Projection, error) {
	s, err := ParseSchema(schema)
	if err != nil {
		return nil, err
	}
	p := &Projection{keep: columns, edited: edited, ids: map[int64]bool{}}
	if p.spans, err = spansOf(s.top); err != nil {
		return nil, err
	}
	var top []*node
	for _, i := range columns {
		if i < 0 || i >= len(s.top) {
			return nil, invalid("column %d of a table with %d", i, len(s.top))
		}
		n := s.top[i]
		if f, ok := edited[i]; ok {
			next := int64(0)
			if n = newNode(f, &next); next > 0 {
				return nil, invalid("column %q is edited into a dictionary", f.Name)
			}
		}
		top = append(top, n)
		keepIDs(n, p.ids)
	}
	p.schema = schemaWith(top)
	return p, nil
}

func keepIDs(n *node, ids map[int64]bool) {
	if n.id >= 0 {
		ids[n.id] = true
	}
	for _, k := range n.kids {
		keepIDs(k, ids)
	}
}

// Schema is the projection's schema message.
func (p *Projection) Schema() []byte { return p.schema.message() }

// Keeps says whether a dictionary message with this id belongs to a kept column.
func (p *Projection) Keeps(dictionaryID int64) bool { return p.ids[dictionaryID] }

// cut is a projected record batch before its bytes are copied: nodes and buffers of
// the new metadata, and the ranges of the old body, one after another.
type cut struct {
	nodes []NodeRef
	refs  []BufferRef
	body  []stretch
	len   int64 // of the new body
}

// stretch is a range of the old body, or buffers that were made anew.
type stretch struct {
	old  BufferRef
	made [][]byte
}

// plan cuts a record batch; made are the edited columns in canonical form.
func (p *Projection) plan(m *Message, made map[int]*col) (cut, error) {
	if m.Kind != KindRecord || m.Compressed {
		return cut{}, invalid("only uncompressed record batches are projected")
	}
	if err := holds(p.spans, m); err != nil {
		return cut{}, err
	}
	var c cut
	for _, i := range p.keep {
		if _, ok := p.edited[i]; ok {
			if made[i] == nil || int64(made[i].n) != m.Rows {
				return cut{}, invalid("column %d is edited, and its new values are not there", i)
			}
			c.anew(made[i])
			continue
		}
		s := p.spans[i]
		c.nodes = append(c.nodes, m.Nodes[s.node:s.node+s.nodes]...)
		if err := c.column(m.Buffers[s.buf:s.buf+s.bufs], m.BodyLen); err != nil {
			return cut{}, err
		}
	}
	return c, nil
}

// anew appends a column that was made anew.
func (c *cut) anew(k *col) {
	var bufs [][]byte
	c.nodes, bufs = k.layout(c.nodes, nil)
	refs, n := place(bufs)
	for _, r := range refs {
		c.refs = append(c.refs, BufferRef{Offset: c.len + r.Offset, Length: r.Length})
	}
	c.body, c.len = append(c.body, stretch{made: bufs}), c.len+n
}

// column appends one column's buffers, with the padding that follows them.
func (c *cut) column(bufs []BufferRef, body int64) error {
	from, to, err := extent(bufs)
	if err != nil {
		return err
	}
	for _, b := range bufs {
		r := BufferRef{Offset: c.len, Length: b.Length}
		if b.Length > 0 {
			r.Offset += b.Offset - from
		}
		c.refs = append(c.refs, r)
	}
	if from < 0 {
		return nil
	}
	if to > body {
		return invalid("the batch's body is not padded to 8 bytes")
	}
	c.len += to - from
	if k := len(c.body) - 1; k >= 0 && c.body[k].made == nil && c.body[k].old.Offset+c.body[k].old.Length == from {
		c.body[k].old.Length += to - from
		return nil
	}
	c.body = append(c.body, stretch{old: BufferRef{Offset: from, Length: to - from}})
	return nil
}

// Splice projects a record batch message that lies in one piece and appends what it
// becomes to out; edited has the new values of each column that Edit names, as many as
// the batch has rows. The other columns' bytes are copied as they lie. Kind: Invalid.
func (p *Projection) Splice(out, msg []byte, edited map[int]arrow.Array) (longer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalid("the columns cannot be spliced: %v", p)
		}
	}()
	m, at, err := splitMessage(msg)
	if err != nil {
		return nil, err
	}
	made := map[int]*col{}
	for i, a := range edited {
		if made[i], err = canonical(p.edited[i], a); err != nil {
			return nil, err
		}
	}
	c, err := p.plan(&m, made)
	if err != nil {
		return nil, err
	}
	meta := recordMeta(m.Rows, c.nodes, c.refs, c.len)
	out = append(slices.Grow(out, len(meta)+int(c.len)), meta...)
	for _, r := range c.body {
		if r.made != nil {
			out = appendPadded(out, r.made)
			continue
		}
		from := int64(at.Meta) + r.old.Offset
		out = append(out, msg[from:from+r.old.Length]...)
	}
	return out, nil
}
