package file

import (
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// fileLayout collects the places of a file's messages.
type fileLayout struct {
	at              int64
	dicts           []schemas.Block
	batches         []schemas.Block
	batchSpans      []batchSpan
	dictionarySpans []batchSpan
}

func newFileLayout(schema []byte) *fileLayout {
	return &fileLayout{at: int64(len(ipc.FileStart()) + len(schema))}
}

// add places one message at the end.
func (l *fileLayout) add(meta int32, body, rows int64) {
	b := schemas.Block{Offset: l.at, Meta: meta, Body: body, Rows: rows}
	if rows > 0 {
		l.batches = append(l.batches, b)
		l.batchSpans = append(l.batchSpans, batchSpan{l.at, l.at + b.Len(), rows})
	} else {
		l.dicts = append(l.dicts, b)
		l.dictionarySpans = append(l.dictionarySpans, batchSpan{from: l.at + int64(meta), to: l.at + b.Len()})
	}
	l.at += b.Len()
}
