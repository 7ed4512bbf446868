package batch

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// Span is where a column's nodes and buffers begin in a batch, and how many.
type Span struct{ node, nodes, buf, bufs int }

// SpansOf gives each column's nodes and buffers.
func SpansOf(top []*ipc.Node) ([]Span, error) {
	out := make([]Span, 0, len(top))
	at := Span{}
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

// count adds the nodes and buffers of n. Views have a number of buffers that
// only the batch knows; canonical shards have none.
func (s *Span) count(n *ipc.Node) error {
	s.nodes++
	switch column.ShapeOf(n.Field.Type) {
	case column.ShapeNull, column.ShapeRuns:
	case column.ShapeFixedList, column.ShapeStruct:
		s.bufs++
	case column.ShapeFixed, column.ShapeList:
		s.bufs += 2
	case column.ShapeDict:
		s.bufs += 2
		return nil
	case column.ShapeText, column.ShapeListView:
		s.bufs += 3
	case column.ShapeView:
		return ipc.Invalid("column %q: views are not projected", n.Field.Name)
	}
	for _, k := range n.Kids {
		if err := s.count(k); err != nil {
			return err
		}
	}
	return nil
}

// holds says whether a batch has the nodes and buffers of the spans.
func holds(spans []Span, m *ipc.Message) error {
	last := Span{}
	if k := len(spans); k > 0 {
		last = spans[k-1]
	}
	if len(m.Nodes) != last.node+last.nodes || len(m.Buffers) != last.buf+last.bufs {
		return ipc.Invalid("the batch does not have the schema's columns")
	}
	return nil
}

// extent is where a column's buffers lie in a body, padding to 8 included; from is
// -1 where all are empty.
func extent(bufs []ipc.BufferRef) (from, to int64, err error) {
	from = -1
	for _, b := range bufs {
		if b.Length == 0 {
			continue
		}
		if from < 0 {
			from = b.Offset
		}
		if b.Offset&7 != 0 || b.Offset < to {
			return 0, 0, ipc.Invalid("the batch's buffers are not in order")
		}
		to = (b.Offset + b.Length + 7) &^ 7
	}
	return from, to, nil
}

// maxSized is the most columns of a table whose sizes stand in the manifest batch by
// batch: a batch of 3.5 MiB then has 2 KB of them in memory.
const maxSized = 256

// ColumnBytes gives the bytes of each column of a batch as Record copies them; nil
// where there are too many columns.
func ColumnBytes(spans []Span, bufs []ipc.BufferRef) ([]int64, error) {
	if len(spans) > maxSized {
		return nil, nil
	}
	out := make([]int64, len(spans))
	for i, s := range spans {
		from, to, err := extent(bufs[s.buf : s.buf+s.bufs])
		if err != nil {
			return nil, err
		}
		if from >= 0 {
			out[i] = to - from
		}
	}
	return out, nil
}

// BatchFrame gives the bytes of a record batch's metadata, and how many buffers it
// has: both follow from the fields alone. Metadata of a batch without a body (columns of nulls
// alone) are shorter: they leave its length out. Kind: Invalid.
func BatchFrame(fields []arrow.Field) (meta int64, buffers int, err error) {
	spans, err := SpansOf(ipc.NewSchema(fields).Top)
	if err != nil {
		return 0, 0, err
	}
	meta, buffers = frameOf(spans)
	return meta, buffers, nil
}

func frameOf(spans []Span) (meta int64, buffers int) {
	if len(spans) == 0 {
		return 0, 0
	}
	last := spans[len(spans)-1]
	nodes, buffers := last.node+last.nodes, last.buf+last.bufs
	return int64(len(ipc.RecordMeta(1, make([]ipc.NodeRef, nodes), make([]ipc.BufferRef, buffers), 1))), buffers
}
