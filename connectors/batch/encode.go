package batch

import (
	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// Message is an encapsulated message as it will be written: metadata, then the
// buffers, each padded with zeros to the alignment.
type Message struct {
	Meta    []byte          // with marker and length
	Refs    []ipc.BufferRef // where the buffers stand in the body
	Buffers [][]byte
	BodyLen int64 // bytes, padding included
}

// RecordMessage is the message of some rows of canonical columns.
func RecordMessage(cols []*column.Column, rows int) Message {
	var nodes []ipc.NodeRef
	var bufs [][]byte
	for _, c := range cols {
		nodes, bufs = c.Layout(nodes, bufs)
	}
	refs, body := ipc.PlaceBuffers(bufs)
	return Message{ipc.RecordMeta(int64(rows), nodes, refs, body), refs, bufs, body}
}

// DictionaryMessage is the message of a dictionary: a batch of one column, its values.
func DictionaryMessage(id int64, values *column.Column) Message {
	nodes, bufs := values.Layout(nil, nil)
	refs, body := ipc.PlaceBuffers(bufs)
	return Message{ipc.DictionaryMeta(id, int64(values.Len), nodes, refs, body), refs, bufs, body}
}

// bytes is the message in one piece.
func (m Message) bytes() []byte {
	out := make([]byte, 0, int64(len(m.Meta))+m.BodyLen)
	return ipc.AppendPadded(append(out, m.Meta...), m.Buffers)
}
