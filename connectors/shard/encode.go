package shard

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

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
	refs    []BufferRef // where the buffers stand in the body
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
	return message{recordMeta(int64(rows), nodes, refs, body), refs, bufs, body}
}

func dictionaryMessage(id int64, values *col) message {
	nodes, bufs := values.layout(nil, nil)
	refs, body := place(bufs)
	return message{dictionaryMeta(id, int64(values.n), nodes, refs, body), refs, bufs, body}
}

// bytes is the message in one piece.
func (m message) bytes() []byte {
	out := make([]byte, 0, int64(len(m.meta))+m.bodyLen)
	return appendPadded(append(out, m.meta...), m.buffers)
}

// appendPadded appends buffers, each padded with zeros to the alignment.
func appendPadded(out []byte, bufs [][]byte) []byte {
	var zero [alignment]byte
	for _, b := range bufs {
		out = append(out, b...)
		out = append(out, zero[:int(padded(int64(len(b))))-len(b)]...)
	}
	return out
}

// difference says in words why a foreign body is not made of exactly the
// canonical buffers: in order, one after another, each padded with zeros to 8
// or to 64 bytes, and nothing else. It is empty where it is.
func difference(m *Message, body []byte, nodes []NodeRef, want [][]byte) string {
	if len(nodes) != len(m.Nodes) || len(want) != len(m.Buffers) {
		return "other columns or buffers"
	}
	for i, n := range nodes {
		if n != m.Nodes[i] {
			return fmt.Sprintf("node %d counts %d nulls, %d are there", i, m.Nodes[i].Nulls, n.Nulls)
		}
	}
	end, last := int64(0), int64(0) // of the values, and of the buffer as it is counted
	for i, ref := range m.Buffers {
		w := want[i]
		if len(w) == 0 && ref.Length == 0 {
			continue // an empty buffer's offset says nothing
		}
		if ref.Length == 0 && (len(w) == 4 || len(w) == 8) && allZero(w) {
			continue // offsets of no values may be left out
		}
		n := int64(len(w))
		switch {
		case ref.Offset&7 != 0 || ref.Offset < last || ref.Offset > padded(last):
			return fmt.Sprintf("buffer %d stands at byte %d, not after the one before it", i, ref.Offset)
		case ref.Length < n || ref.Length > padded(n):
			return fmt.Sprintf("buffer %d has %d bytes where its values need %d", i, ref.Length, n)
		case !allZero(body[end:ref.Offset]):
			return fmt.Sprintf("the padding before buffer %d is not zero", i)
		case string(body[ref.Offset:ref.Offset+n]) != string(w):
			return fmt.Sprintf("buffer %d has bytes under nulls, offsets that do not begin at 0 or bits beyond its values", i)
		}
		end, last = ref.Offset+n, ref.Offset+ref.Length
	}
	if len(body)&7 != 0 || int64(len(body)) > padded(last) || !allZero(body[end:]) {
		return "bytes follow the last buffer"
	}
	return ""
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
