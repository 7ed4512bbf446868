package batch

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// Decoder decodes the record batches of one shard of a table. It shares the
// bytes of the messages and allocates no more than a small multiple of their
// metadata. It is immutable and safe for concurrent use.
type Decoder struct {
	schema *ipc.Schema
	spans  []Span
	dicts  map[int64]*column.Column
	arrow  map[*column.Column]arrow.ArrayData
}

// NewDecoder takes a table's schema message and the shard's dictionary messages
// (metadata and body each, in stored order); those of columns that are never
// decoded may be left out. Kind: Invalid.
func NewDecoder(schema []byte, dictionaries [][]byte) (*Decoder, error) {
	s, err := ipc.ParseSchema(schema)
	if err != nil {
		return nil, err
	}
	all, err := NewDictionaries(s)
	if err != nil {
		return nil, err
	}
	offset := int64(0)
	for _, msg := range dictionaries {
		m, at, err := ipc.SplitMessage(msg)
		if err != nil {
			return nil, err
		}
		if m.Kind == ipc.KindDictionary {
			if _, err := all.Add(&m, msg[at.Meta:at.Len()], offset, nil, false); err != nil {
				return nil, err
			}
		}
		offset += int64(len(msg))
	}
	d := &Decoder{schema: s, dicts: all.now, arrow: map[*column.Column]arrow.ArrayData{}}
	if d.spans, err = SpansOf(s.Top); err != nil {
		return nil, err
	}
	for _, n := range s.Top {
		if n.DictionaryID < 0 {
			continue
		}
		c := d.dicts[n.DictionaryID]
		if c == nil {
			c = column.Empty(n.Field.Type.(*arrow.DictionaryType).ValueType)
			d.dicts[n.DictionaryID] = c
		}
		d.arrow[c] = c.ToArrow(d.arrow)
	}
	return d, nil
}

// Columns decodes some columns of a record batch message, in the order asked for,
// and looks at no byte of the others. It shares msg's bytes; every index of a
// dictionary column lies in its dictionary. Kind: Invalid.
func (d *Decoder) Columns(msg []byte, columns []int) (out []arrow.Array, err error) {
	return d.Rows(msg, columns, 0, -1)
}

// Rows is Columns for n rows from row from on, and looks at no others; n < 0: all from there.
func (d *Decoder) Rows(msg []byte, columns []int, from, n int64) (out []arrow.Array, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ipc.Invalid("the record batch cannot be read: %v", p)
		}
	}()
	m, at, err := ipc.SplitMessage(msg)
	if err != nil {
		return nil, err
	}
	if m.Kind != ipc.KindRecord || m.Compressed {
		return nil, ipc.Invalid("the message is not an uncompressed record batch")
	}
	if err := holds(d.spans, &m); err != nil {
		return nil, err
	}
	if n < 0 {
		n = m.Rows - from
	}
	if from < 0 || n < 0 || from+n > m.Rows {
		return nil, ipc.Invalid("rows %d to %d of a batch of %d rows", from, from+n, m.Rows)
	}
	for _, i := range columns {
		w := &bodyReader{m: &m, body: msg[at.Meta:at.Len()], dicts: d.dicts, nodes: d.spans[i].node, bufs: d.spans[i].buf}
		c, err := w.unchecked(d.schema.Top[i])
		if err == nil && int64(c.Len) != m.Rows {
			err = ipc.Invalid("%d values in a batch of %d rows", c.Len, m.Rows)
		}
		if err == nil {
			c.Offset, c.Len = int(from), int(n)
			err = c.Check()
		}
		if err == nil && c.Dictionary != nil {
			err = c.CheckIndices()
		}
		if err != nil {
			return nil, ipc.Invalid("column %q: %w", d.schema.Top[i].Field.Name, err)
		}
		out = append(out, array.MakeFromData(c.ToArrow(d.arrow)))
	}
	return out, nil
}
