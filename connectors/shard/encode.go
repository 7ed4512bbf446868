package shard

// message is an encapsulated message as it will be written: metadata, then the
// buffers, each padded with zeros to the alignment.
type message struct {
	meta    []byte
	refs    []BufferRef // where the buffers stand in the body
	buffers [][]byte
	bodyLen int64
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
