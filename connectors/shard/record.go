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
	dicts  map[int64]*col
	arrow  map[*col]arrow.ArrayData
}

// NewDecoder takes a table's schema message and the shard's dictionary messages
// (metadata and body each, in stored order). Kind: Invalid.
func NewDecoder(schema []byte, dictionaries [][]byte) (*Decoder, error) {
	s, err := ParseSchema(schema)
	if err != nil {
		return nil, err
	}
	in := &arrowInput{schema: s}
	for _, msg := range dictionaries {
		m, at, err := splitMessage(msg)
		if err != nil {
			return nil, err
		}
		at.Offset = int64(len(in.data))
		in.data = append(in.data, msg...)
		in.entries = append(in.entries, entry{kind: m.Kind, at: at, id: m.DictionaryID})
	}
	if err := in.loadDictionaries(false); err != nil {
		return nil, err
	}
	d := &Decoder{schema: s, dicts: map[int64]*col{}, arrow: map[*col]arrow.ArrayData{}}
	for _, e := range in.entries {
		if e.kind == KindDictionary {
			d.dicts[e.id] = e.dict
		}
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
	cols, _, err := decodeBatch(&m, msg[at.Meta:at.Len()], d.schema.top, d.dicts, nil)
	if err != nil {
		return nil, invalid("record batch: %w", err)
	}
	arrs := make([]arrow.Array, len(cols))
	for i, c := range cols {
		arrs[i] = array.MakeFromData(c.toArrow(d.arrow))
	}
	return array.NewRecord(d.schema.Arrow, arrs, m.Rows), nil
}

// Part is N rows of Record from row From on.
type Part struct {
	Record  arrow.Record
	From, N int64
}

// Gather makes one canonical record of the parts' rows, in order; the parts
// have equal schemas. It copies. Dictionary columns whose parts share one
// dictionary keep it; others get a joined one. With compact every dictionary
// holds only values that the rows use, in the order of their first use. Kind:
// Invalid.
func Gather(parts []Part, compact bool) (rec arrow.Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalid("the rows cannot be gathered: %v", p)
		}
	}()
	if len(parts) == 0 {
		return nil, invalid("no rows to gather")
	}
	schema, rows := parts[0].Record.Schema(), int64(0)
	known := map[arrow.ArrayData]*col{}
	cols := make([]*col, schema.NumFields())
	for i, f := range schema.Fields() {
		var segs []seg
		rows = 0
		for _, p := range parts {
			if p.From < 0 || p.N < 0 || p.N > p.Record.NumRows()-p.From {
				return nil, invalid("rows %d to %d of a record of %d rows", p.From, p.From+p.N, p.Record.NumRows())
			}
			c, err := fromArrow(p.Record.Column(i).Data(), known)
			if err != nil {
				return nil, invalid("column %q: %w", f.Name, err)
			}
			segs = push(segs, seg{c: c, from: int(p.From), n: int(p.N)})
			rows += p.N
		}
		if cols[i], err = gatherColumn(f, segs, compact); err != nil {
			return nil, invalid("column %q: %w", f.Name, err)
		}
	}
	return record(schema, cols, int(rows)), nil
}

func gatherColumn(f arrow.Field, segs []seg, compact bool) (*col, error) {
	d, ok := f.Type.(*arrow.DictionaryType)
	if !ok {
		return canon(f, segs, &canonizer{})
	}
	vf := arrow.Field{Name: f.Name, Type: d.ValueType, Nullable: true}
	z := &canonizer{remap: map[*col][]int32{}}
	var all []*col
	for _, s := range segs {
		if _, ok := z.remap[s.c.dict]; !ok {
			z.remap[s.c.dict] = nil
			all = append(all, s.c.dict)
		}
	}
	if compact {
		return compactColumn(f, vf, segs, z)
	}
	if len(all) == 1 {
		z.dict = all[0]
		return canon(f, segs, z)
	}
	var err error
	if z.dict, z.remap, err = joinValues(vf, all); err != nil {
		return nil, err
	}
	if z.dict == nil || int64(z.dict.n)-1 > maxIndex(d.IndexType) {
		return nil, invalid("the joined dictionary is too large for a message or its index")
	}
	return canon(f, segs, z)
}

// compactColumn gives the column a dictionary of the values in use.
func compactColumn(f, vf arrow.Field, segs []seg, z *canonizer) (*col, error) {
	var used []seg
	var next int32
	for _, s := range segs {
		to := z.remap[s.c.dict]
		if to == nil {
			to = make([]int32, s.c.dict.n)
			for i := range to {
				to[i] = -1
			}
			z.remap[s.c.dict] = to
		}
		for i := s.from; i < s.from+s.n; i++ {
			if s.c.isNull(i) {
				continue
			}
			k := s.c.index(i)
			if k < 0 || k >= int64(len(to)) {
				return nil, invalid("row %d: index %d in a dictionary of %d values", i, k, len(to))
			}
			if to[k] < 0 {
				to[k], next = next, next+1
				used = push(used, seg{c: s.c.dict, from: int(k), n: 1})
			}
		}
	}
	if int64(next)-1 > maxIndex(f.Type.(*arrow.DictionaryType).IndexType) {
		return nil, invalid("%d values are too many for the index type", next)
	}
	var err error
	if z.dict, err = canon(vf, used, &canonizer{}); err != nil {
		return nil, err
	}
	return canon(f, segs, z)
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
func EncodeDictionaries(rec arrow.Record) (msgs [][]byte, err error) {
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
		msgs = append(msgs, dictionaryMessage(n.id, d).bytes())
	}
	return msgs, nil
}
