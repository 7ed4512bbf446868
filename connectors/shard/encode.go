package shard

import "github.com/apache/arrow/go/v17/arrow"

// layout appends the nodes and buffers of canonical columns in wire order.
func (c *col) layout(nodes []NodeRef, bufs [][]byte) ([]NodeRef, [][]byte) {
	nodes = append(nodes, NodeRef{int64(c.n), int64(c.nulls(0, c.n))})
	if c.typ.ID() != arrow.NULL {
		bufs = append(bufs, c.valid)
	}
	bufs = append(bufs, c.bufs...)
	for _, k := range c.kids {
		nodes, bufs = k.layout(nodes, bufs)
	}
	return nodes, bufs
}

// message is an encapsulated message as it will be written: metadata, then the
// buffers, each padded with zeros to the alignment.
type message struct {
	meta    []byte
	buffers [][]byte
	bodyLen int64
}

func padded(n int64) int64 { return (n + alignment - 1) &^ (alignment - 1) }

// place gives each buffer its place in the body.
func place(bufs [][]byte) (refs []BufferRef, body int64) {
	refs = make([]BufferRef, len(bufs))
	for i, b := range bufs {
		refs[i] = BufferRef{body, int64(len(b))}
		body += padded(int64(len(b)))
	}
	return refs, body
}

func recordMessage(cols []*col, rows int) message {
	var nodes []NodeRef
	var bufs [][]byte
	for _, c := range cols {
		nodes, bufs = c.layout(nodes, bufs)
	}
	refs, body := place(bufs)
	return message{recordMeta(int64(rows), nodes, refs, body), bufs, body}
}

func dictionaryMessage(id int64, values *col) message {
	nodes, bufs := values.layout(nil, nil)
	refs, body := place(bufs)
	return message{dictionaryMeta(id, int64(values.n), nodes, refs, body), bufs, body}
}

// bytes is the message in one piece.
func (m message) bytes() []byte {
	out := make([]byte, 0, int64(len(m.meta))+m.bodyLen)
	out = append(out, m.meta...)
	for _, b := range m.buffers {
		out = append(out, b...)
		out = out[:len(out)+int(padded(int64(len(b))))-len(b)]
	}
	return out
}

// canonicalBody says whether a foreign body holds exactly the canonical
// buffers: in order, one after another, each padded with zeros to 8 or to 64
// bytes, and nothing else.
func canonicalBody(m *Message, body []byte, nodes []NodeRef, want [][]byte) bool {
	if len(nodes) != len(m.Nodes) || len(want) != len(m.Buffers) {
		return false
	}
	for i, n := range nodes {
		if n != m.Nodes[i] {
			return false
		}
	}
	end := int64(0)
	for i, ref := range m.Buffers {
		w := want[i]
		if len(w) == 0 && ref.Length == 0 {
			continue // an empty buffer's offset says nothing
		}
		if ref.Length == 0 && (len(w) == 4 || len(w) == 8) && allZero(w) {
			continue // offsets of no values may be left out
		}
		if ref.Offset&7 != 0 || ref.Offset < end || ref.Offset > padded(end) || ref.Length < int64(len(w)) || ref.Length > padded(int64(len(w))) {
			return false
		}
		if !allZero(body[end:ref.Offset]) || string(body[ref.Offset:ref.Offset+int64(len(w))]) != string(w) {
			return false
		}
		end = ref.Offset + int64(len(w))
	}
	return len(body)&7 == 0 && int64(len(body)) <= padded(end) && allZero(body[end:])
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
