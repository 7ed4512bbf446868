package shard

import (
	"encoding/binary"
	"math"

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
// bytes copied as they are. It is immutable and safe for concurrent use.
type Projection struct {
	source *Schema
	schema *Schema
	keep   []int // indices of kept columns, ascending as in the table or as asked
	spans  []span
	ids    map[int64]bool
}

// span is where a column's nodes and buffers begin in a batch, and how many.
type span struct{ node, nodes, buf, bufs int }

// Select makes the projection of a schema message to the columns with the
// given indices, in that order. Kept columns keep their dictionary ids, so that
// dictionary messages pass as they are. Kind: Invalid.
func Select(schema []byte, columns []int) (*Projection, error) {
	s, err := ParseSchema(schema)
	if err != nil {
		return nil, err
	}
	p := &Projection{source: s, keep: columns, ids: map[int64]bool{}}
	at := span{}
	for _, n := range s.top {
		at.nodes, at.bufs = 0, 0
		if err := at.count(n); err != nil {
			return nil, err
		}
		p.spans = append(p.spans, at)
		at.node, at.buf = at.node+at.nodes, at.buf+at.bufs
	}
	p.schema = &Schema{}
	for _, i := range columns {
		if i < 0 || i >= len(s.top) {
			return nil, invalid("column %d of a table with %d", i, len(s.top))
		}
		p.schema.top = append(p.schema.top, s.top[i])
		keepIDs(s.top[i], p.ids)
	}
	p.schema.Arrow = arrow.NewSchema(fieldsOf(p.schema.top), nil)
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

// Cut is a projected record batch before its bytes are copied: new metadata
// (marker, length, flatbuffer), then Body: ranges of the old body one after
// another, without anything between.
type Cut struct {
	Meta    []byte
	Body    []BufferRef
	BodyLen int64
	Rows    int64
}

// Plan cuts a record batch by its metadata alone (Block.Meta bytes), so that
// only the ranges need to be read from the store. Kind: Invalid.
func (p *Projection) Plan(meta []byte) (Cut, error) {
	m, err := ParseMeta(meta)
	if err != nil {
		return Cut{}, err
	}
	if m.Kind != KindRecord || m.Compressed {
		return Cut{}, invalid("only uncompressed record batches are projected")
	}
	last := span{}
	if k := len(p.spans); k > 0 {
		last = p.spans[k-1]
	}
	if len(m.Nodes) != last.node+last.nodes || len(m.Buffers) != last.buf+last.bufs {
		return Cut{}, invalid("the batch does not have the schema's columns")
	}
	c := Cut{Rows: m.Rows}
	var nodes []NodeRef
	var refs []BufferRef
	for _, i := range p.keep {
		s := p.spans[i]
		nodes = append(nodes, m.Nodes[s.node:s.node+s.nodes]...)
		if refs, err = c.column(refs, m.Buffers[s.buf:s.buf+s.bufs], m.BodyLen); err != nil {
			return Cut{}, err
		}
	}
	c.Meta = recordMeta(m.Rows, nodes, refs, c.BodyLen)
	return c, nil
}

// column appends one column's buffers, with the padding that follows them.
func (c *Cut) column(refs, bufs []BufferRef, body int64) ([]BufferRef, error) {
	from, to := int64(-1), int64(0)
	for _, b := range bufs {
		if b.Length == 0 {
			continue
		}
		if from < 0 {
			from = b.Offset
		}
		if b.Offset&7 != 0 || b.Offset < to {
			return nil, invalid("the batch's buffers are not in order")
		}
		to = (b.Offset + b.Length + 7) &^ 7
	}
	base := c.BodyLen
	for _, b := range bufs {
		r := BufferRef{Offset: base, Length: b.Length}
		if b.Length > 0 {
			r.Offset += b.Offset - from
		}
		refs = append(refs, r)
	}
	if from < 0 {
		return refs, nil
	}
	if to > body {
		return nil, invalid("the batch's body is not padded to 8 bytes")
	}
	c.BodyLen += to - from
	if k := len(c.Body) - 1; k >= 0 && c.Body[k].Offset+c.Body[k].Length == from {
		c.Body[k].Length += to - from
		return refs, nil
	}
	c.Body = append(c.Body, BufferRef{from, to - from})
	return refs, nil
}

// Record projects a record batch message that lies in one piece.
func (p *Projection) Record(msg []byte) ([]byte, error) {
	_, at, err := splitMessage(msg)
	if err != nil {
		return nil, err
	}
	c, err := p.Plan(msg[:at.Meta])
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, int64(len(c.Meta))+c.BodyLen), c.Meta...)
	for _, r := range c.Body {
		from := int64(at.Meta) + r.Offset
		out = append(out, msg[from:from+r.Length]...)
	}
	return out, nil
}
