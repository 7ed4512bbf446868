package shard

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Decoder decodes the record batches of one shard of a table. It shares the
// bytes of the messages and allocates no more than a small multiple of their
// metadata. It is immutable and safe for concurrent use.
type Decoder struct {
	schema *Schema
	spans  []span
	dicts  map[int64]*col
	arrow  map[*col]arrow.ArrayData
}

// NewDecoder takes a table's schema message and the shard's dictionary messages
// (metadata and body each, in stored order); those of columns that are never
// decoded may be left out. Kind: Invalid.
func NewDecoder(schema []byte, dictionaries [][]byte) (*Decoder, error) {
	s, err := ParseSchema(schema)
	if err != nil {
		return nil, err
	}
	all, err := newDictionaries(s)
	if err != nil {
		return nil, err
	}
	offset := int64(0)
	for _, msg := range dictionaries {
		m, at, err := splitMessage(msg)
		if err != nil {
			return nil, err
		}
		if m.Kind == KindDictionary {
			if _, err := all.add(&m, msg[at.Meta:at.Len()], offset, nil, false); err != nil {
				return nil, err
			}
		}
		offset += int64(len(msg))
	}
	d := &Decoder{schema: s, dicts: all.now, arrow: map[*col]arrow.ArrayData{}}
	if d.spans, err = spansOf(s.top); err != nil {
		return nil, err
	}
	for _, n := range s.top {
		if n.id < 0 {
			continue
		}
		c := d.dicts[n.id]
		if c == nil {
			c = emptyColumn(n.field.Type.(*arrow.DictionaryType).ValueType)
			d.dicts[n.id] = c
		}
		d.arrow[c] = c.toArrow(d.arrow)
	}
	return d, nil
}

// Schema is the table's schema.
func (d *Decoder) Schema() *arrow.Schema { return d.schema.Arrow }

// Record decodes one record batch message (metadata and body). The record
// shares msg's bytes; records of one Decoder share their dictionaries. Kind:
// Invalid. Release has no effect: the memory is Go's.
func (d *Decoder) Record(msg []byte) (rec arrow.Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalid("the record batch cannot be read: %v", p)
		}
	}()
	m, at, err := splitMessage(msg)
	if err != nil {
		return nil, err
	}
	if m.Kind != KindRecord {
		return nil, invalid("the message is not a record batch")
	}
	cols, err := decodeBatch(&m, msg[at.Meta:at.Len()], d.schema.top, d.dicts, nil)
	if err != nil {
		return nil, invalid("record batch: %w", err)
	}
	arrs := make([]arrow.Array, len(cols))
	for i, c := range cols {
		arrs[i] = array.MakeFromData(c.toArrow(d.arrow))
	}
	return array.NewRecord(d.schema.Arrow, arrs, m.Rows), nil
}

// Columns decodes some columns of a record batch message, in the order asked for,
// and looks at no byte of the others. It shares msg's bytes; every index of a
// dictionary column lies in its dictionary. Kind: Invalid.
func (d *Decoder) Columns(msg []byte, columns []int) (out []arrow.Array, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalid("the record batch cannot be read: %v", p)
		}
	}()
	m, at, err := splitMessage(msg)
	if err != nil {
		return nil, err
	}
	if m.Kind != KindRecord || m.Compressed {
		return nil, invalid("the message is not an uncompressed record batch")
	}
	if err := holds(d.spans, &m); err != nil {
		return nil, err
	}
	for _, i := range columns {
		w := &walker{m: &m, body: msg[at.Meta:at.Len()], dicts: d.dicts, nodes: d.spans[i].node, bufs: d.spans[i].buf}
		c, err := w.col(d.schema.top[i])
		if err == nil && int64(c.n) != m.Rows {
			err = invalid("%d values in a batch of %d rows", c.n, m.Rows)
		}
		if err == nil && c.dict != nil {
			err = c.checkIndices()
		}
		if err != nil {
			return nil, invalid("column %q: %w", d.schema.top[i].field.Name, err)
		}
		out = append(out, array.MakeFromData(c.toArrow(d.arrow)))
	}
	return out, nil
}

// EncodeRecord gives rows [from, from+n) of rec as one canonical encapsulated
// message, metadata and body. Dictionary columns are sent as indices; their
// dictionaries are EncodeDictionaries' part. Kind: Invalid.
func EncodeRecord(rec arrow.Record, from, n int64) (msg []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalid("the record cannot be encoded: %v", p)
		}
	}()
	if from < 0 || n < 0 || n > rec.NumRows()-from {
		return nil, invalid("rows %d to %d of a record of %d rows", from, from+n, rec.NumRows())
	}
	cols := make([]*col, rec.NumCols())
	for i, f := range rec.Schema().Fields() {
		c, err := fromArrow(rec.Column(i).Data(), map[arrow.ArrayData]*col{})
		if err == nil {
			cols[i], err = canon(f, []seg{{c: c, from: int(from), n: int(n)}}, &canonizer{dict: c.dict})
		}
		if err != nil {
			return nil, invalid("column %q: %w", f.Name, err)
		}
	}
	return recordMessage(cols, int(n)).bytes(), nil
}

// EncodeDictionaries gives the dictionary messages of rec's dictionary columns,
// in the order of their ids: those that EncodeSchema of rec's fields numbers.
// Sent before a batch they replace what stood under the same ids.
func EncodeDictionaries(rec arrow.Record) ([][]byte, error) {
	return encodeDictionaries(rec, func(id int64) int64 { return id })
}

// encodeDictionaries gives them under other ids.
func encodeDictionaries(rec arrow.Record, under func(id int64) int64) (msgs [][]byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalid("the dictionaries cannot be encoded: %v", p)
		}
	}()
	s := newSchema(rec.Schema().Fields())
	for i, n := range s.top {
		if n.id < 0 {
			continue
		}
		c, err := fromArrow(rec.Column(i).Data(), map[arrow.ArrayData]*col{})
		if err != nil {
			return nil, invalid("column %q: %w", n.field.Name, err)
		}
		vf := arrow.Field{Name: n.field.Name, Type: n.field.Type.(*arrow.DictionaryType).ValueType, Nullable: true}
		d, err := canon(vf, []seg{{c: c.dict, n: c.dict.n}}, &canonizer{})
		if err != nil {
			return nil, invalid("column %q: %w", n.field.Name, err)
		}
		msgs = append(msgs, dictionaryMessage(under(n.id), d).bytes())
	}
	return msgs, nil
}
