package shard

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/schemas"
)

// splitMessage parses a message that lies in one piece and finds its body.
func splitMessage(msg []byte) (Message, schemas.Block, error) {
	m, err := ParseMeta(msg)
	if err != nil {
		return m, schemas.Block{}, err
	}
	meta := int64(prefix) + int64(binary.LittleEndian.Uint32(msg[4:]))
	if m.BodyLen > int64(len(msg))-meta || meta > math.MaxInt32 {
		return m, schemas.Block{}, invalid("the message says its body has %d bytes; %d are there", m.BodyLen, int64(len(msg))-meta)
	}
	return m, schemas.Block{Meta: int32(meta), Body: m.BodyLen, Rows: m.Rows}, nil
}

// Projection keeps some top-level columns of a table's messages, without
// decoding: nodes and buffers of the others are left out, offsets rewritten,
// bytes copied as they are. Columns that are edited come from outside. It is
// immutable and safe for concurrent use.
type Projection struct {
	source *Schema
	schema *Schema
	keep   []int // indices of kept columns, ascending as in the table or as asked
	edited map[int]arrow.Field
	spans  []span
	ids    map[int64]bool
}

// span is where a column's nodes and buffers begin in a batch, and how many.
type span struct{ node, nodes, buf, bufs int }

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
	p := &Projection{source: s, schema: &Schema{}, keep: columns, edited: edited, ids: map[int64]bool{}}
	if p.spans, err = spansOf(s.top); err != nil {
		return nil, err
	}
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
		p.schema.top = append(p.schema.top, n)
		keepIDs(n, p.ids)
	}
	p.schema.Arrow = arrow.NewSchema(fieldsOf(p.schema.top), nil)
	return p, nil
}

// spansOf gives each column's nodes and buffers.
func spansOf(top []*node) ([]span, error) {
	out := make([]span, 0, len(top))
	at := span{}
	for _, n := range top {
		at.nodes, at.bufs = 0, 0
		if err := at.count(n); err != nil {
			return nil, err
		}
		out = append(out, at)
		at.node, at.buf = at.node+at.nodes, at.buf+at.bufs
	}
	return out, nil
}

func keepIDs(n *node, ids map[int64]bool) {
	if n.id >= 0 {
		ids[n.id] = true
	}
	for _, k := range n.kids {
		keepIDs(k, ids)
	}
}

// count adds the nodes and buffers of n. Views have a number of buffers that
// only the batch knows; canonical shards have none.
func (s *span) count(n *node) error {
	s.nodes++
	switch shapeOf(n.field.Type) {
	case shapeNull, shapeRuns:
	case shapeFixedList, shapeStruct:
		s.bufs++
	case shapeFixed, shapeList:
		s.bufs += 2
	case shapeDict:
		s.bufs += 2
		return nil
	case shapeText, shapeListView:
		s.bufs += 3
	case shapeView:
		return invalid("column %q: views are not projected", n.field.Name)
	}
	for _, k := range n.kids {
		if err := s.count(k); err != nil {
			return err
		}
	}
	return nil
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

// holds says whether a batch has the nodes and buffers of the spans.
func holds(spans []span, m *Message) error {
	last := span{}
	if k := len(spans); k > 0 {
		last = spans[k-1]
	}
	if len(m.Nodes) != last.node+last.nodes || len(m.Buffers) != last.buf+last.bufs {
		return invalid("the batch does not have the schema's columns")
	}
	return nil
}

// anew appends a column that was made anew.
func (c *cut) anew(k *col) {
	var bufs [][]byte
	c.nodes, bufs = k.layout(c.nodes, nil)
	refs, n := place(bufs)
	for _, r := range refs {
		c.refs = append(c.refs, BufferRef{c.len + r.Offset, r.Length})
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
	c.body = append(c.body, stretch{old: BufferRef{from, to - from}})
	return nil
}

// extent is where a column's buffers lie in a body, padding to 8 included; from is
// -1 where all are empty.
func extent(bufs []BufferRef) (from, to int64, err error) {
	from = -1
	for _, b := range bufs {
		if b.Length == 0 {
			continue
		}
		if from < 0 {
			from = b.Offset
		}
		if b.Offset&7 != 0 || b.Offset < to {
			return 0, 0, invalid("the batch's buffers are not in order")
		}
		to = (b.Offset + b.Length + 7) &^ 7
	}
	return from, to, nil
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

// canonical makes the canonical column of an array.
func canonical(f arrow.Field, a arrow.Array) (*col, error) {
	c, err := fromArrow(a.Data(), map[arrow.ArrayData]*col{})
	if err == nil && spreads(f, c) {
		c, err = spread(f, c)
	} else if err == nil {
		c, err = canon(f, []seg{{c: c, n: c.n}}, &canonizer{dict: c.dict})
	}
	if err != nil {
		return nil, invalid("column %q: %w", f.Name, err)
	}
	return c, nil
}

// spreads says whether a dictionary column without nulls is written out as values of
// whole bytes.
func spreads(f arrow.Field, c *col) bool {
	return c.dict != nil && shapeOf(f.Type) == shapeFixed && bitWidth(f.Type)%8 == 0 && arrow.TypeEqual(f.Type, c.dict.typ) &&
		c.valid == nil && c.dict.valid == nil
}

// spread is canon for it.
func spread(f arrow.Field, c *col) (*col, error) {
	w, at := bitWidth(f.Type)/8, c.indices()
	values := c.dict.bufs[0][c.dict.off*w:]
	data := make([]byte, 0, c.n*w)
	for i := range c.n {
		k := at.index(i)
		if k < 0 || k >= int64(c.dict.n) {
			return nil, invalid("row %d: index %d in a dictionary of %d values", i, k, c.dict.n)
		}
		data = append(data, values[int(k)*w:int(k+1)*w]...)
	}
	return &col{typ: f.Type, n: c.n, bufs: [][]byte{data}}, nil
}
