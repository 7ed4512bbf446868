package shard

import (
	"fmt"

	"guichet/connectors/ipc"
)

// difference says in words why a foreign body is not made of exactly the
// canonical buffers: in order, one after another, each padded with zeros to 8
// or to 64 bytes, and nothing else. It is empty where it is.
func difference(m *ipc.Message, body []byte, nodes []ipc.NodeRef, want [][]byte) string {
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
		case ref.Offset&7 != 0 || ref.Offset < last || ref.Offset > ipc.Padded(last):
			return fmt.Sprintf("buffer %d is at byte %d, not right after the one before it", i, ref.Offset)
		case ref.Length < n || ref.Length > ipc.Padded(n):
			return fmt.Sprintf("buffer %d has %d bytes where its values need %d", i, ref.Length, n)
		case !allZero(body[end:ref.Offset]):
			return fmt.Sprintf("the padding before buffer %d is not zero", i)
		case string(body[ref.Offset:ref.Offset+n]) != string(w):
			return fmt.Sprintf("buffer %d has bytes under nulls, offsets that do not begin at 0 or bits beyond its values", i)
		}
		end, last = ref.Offset+n, ref.Offset+ref.Length
	}
	if len(body)&7 != 0 || int64(len(body)) > ipc.Padded(last) || !allZero(body[end:]) {
		return "bytes follow the last buffer"
	}
	return ""
}

// allZero says that nothing hides in padding.
func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
