package batch

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// Compaction gives the dictionary columns of many records, as the batches of one file are,
// one dictionary each of only the values that the records use, in the order of their first
// use. The records are shown to it twice: each first to Use, then, after Dictionaries, to
// Encode. Not safe for concurrent use.
//
//	c := batch.NewCompaction(fields)
//	for … { err = c.Use(rec) }
//	messages, err := c.Dictionaries()
//	for … { message, err := c.Encode(rec) }
type Compaction struct {
	fields  []arrow.Field
	columns []*column.Compactor // nil for columns that are no dictionaries
	maps    []*column.DictionaryMap
	known   map[arrow.ArrayData]*column.Column
	used    bool
}

// NewCompaction is for records of these fields.
func NewCompaction(fields []arrow.Field) *Compaction {
	c := &Compaction{
		fields: fields, columns: make([]*column.Compactor, len(fields)), maps: make([]*column.DictionaryMap, len(fields)),
		known: map[arrow.ArrayData]*column.Column{},
	}
	for i, f := range fields {
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			c.columns[i] = column.NewCompactor(f.Name, d)
		}
	}
	return c
}

// Use counts the dictionary values of a record as used. Kind: Invalid.
func (c *Compaction) Use(rec arrow.Record) error {
	c.used = true
	for i, d := range c.columns {
		if d == nil {
			continue
		}
		k, err := column.FromArrow(rec.Column(i).Data(), c.known)
		if err == nil {
			_, err = d.Use([]column.Run{{Column: k, Len: k.Len}})
		}
		if err != nil {
			return ipc.Invalid("column %q: %w", c.fields[i].Name, err)
		}
	}
	return nil
}

// Dictionaries gives the messages of the compacted dictionaries under the ids that
// EncodeSchema of the fields numbers; none where no record was used. Kind: Invalid.
func (c *Compaction) Dictionaries() ([][]byte, error) {
	if !c.used {
		return nil, nil
	}
	var out [][]byte
	for i, n := range ipc.NewSchema(c.fields).Top {
		if c.columns[i] == nil {
			continue
		}
		m, err := c.columns[i].Map()
		if err != nil {
			return nil, ipc.Invalid("column %q: %w", c.fields[i].Name, err)
		}
		c.maps[i] = m
		out = append(out, DictionaryMessage(n.DictionaryID, m.Dictionary).bytes())
	}
	return out, nil
}

// Encode gives a record that was used as one canonical message, with indices into the
// compacted dictionaries. Kind: Invalid.
func (c *Compaction) Encode(rec arrow.Record) (msg []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ipc.Invalid("the record cannot be encoded: %v", p)
		}
	}()
	cols := make([]*column.Column, rec.NumCols())
	for i, f := range rec.Schema().Fields() {
		k, err := column.FromArrow(rec.Column(i).Data(), c.known)
		if err == nil {
			m := c.maps[i]
			if m == nil {
				m = &column.DictionaryMap{Dictionary: k.Dictionary}
			}
			cols[i], err = column.Canonical(f, []column.Run{{Column: k, Len: k.Len}}, m)
		}
		if err != nil {
			return nil, ipc.Invalid("column %q: %w", f.Name, err)
		}
	}
	return RecordMessage(cols, int(rec.NumRows())).bytes(), nil
}
