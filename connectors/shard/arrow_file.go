package shard

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// source gives the rows of one object in stored order, each time it is asked.
type source interface {
	Each(ctx context.Context, f func(batch.Rows) error) error
}

// errStop ends each early without being an error.
var errStop = errors.New("stop")

// entry is a dictionary or record batch message of an input.
type entry struct {
	kind   ipc.Kind
	at     schemas.Block
	legacy bool
	dict   *column.Column // what the dictionary is after this message
	id     int64
}

// arrowInput is an Arrow IPC file or stream whose envelope was checked.
type arrowInput struct {
	data         []byte
	schema       *ipc.Schema
	entries      []entry // dictionaries and record batches in the order they count
	nonCanonical string  // why the envelope breaks a rule of a conforming shard; empty where not

	schemaAt schemas.Block
	footer   int // bytes
}

// openStream checks the envelope of a stream up to and with its end marker. What is between
// the messages is nothing: each begins where the one before it ended.
func openStream(data []byte) (*arrowInput, error) {
	in := &arrowInput{data: data, nonCanonical: "it is a stream, not a file"}
	size, pos := int64(len(data)), int64(0)
	r := bytes.NewReader(data)
	for {
		if pos == size {
			return nil, ipc.TruncatedAt(size)
		}
		m, at, err := ipc.ReadMessage(r, pos, size, true)
		if err != nil {
			return nil, err
		}
		pos += at.Len()
		if in.schema == nil && m.Kind != ipc.KindSchema {
			return nil, ipc.Invalid("the first message of the stream is not a schema")
		}
		switch m.Kind {
		case ipc.KindEnd:
			if pos != size {
				return nil, ipc.Invalid("%d bytes follow the end marker at byte %d", size-pos, pos)
			}
			return in, in.loadDictionaries(false)
		case ipc.KindSchema:
			if in.schema != nil {
				return nil, ipc.Invalid("there is a second schema at byte %d", at.Offset)
			}
			if in.schema, err = ipc.SchemaOf(m); err != nil {
				return nil, err
			}
		default:
			in.entries = append(in.entries, entry{kind: m.Kind, at: at, legacy: m.Legacy, id: m.DictionaryID})
		}
	}
}

// openFile checks footer against messages: each message that the footer names
// is there, and no other.
func openFile(data []byte) (*arrowInput, error) {
	size := int64(len(data))
	if size < 8+10 || string(data[:6]) != ipc.Magic {
		return nil, ipc.Invalid("the file is not an Arrow IPC file: it does not begin with %s", ipc.Magic)
	}
	if string(data[size-6:]) != ipc.Magic {
		return nil, ipc.Invalid("the file is cut at byte %d: an Arrow file ends with %s", size, ipc.Magic)
	}
	n := int64(int32(binary.LittleEndian.Uint32(data[size-10:])))
	if n <= 0 || n > size-10-8 || n > 4*ipc.MaxMeta {
		return nil, ipc.Invalid("the footer says it has %d bytes; the file has %d", n, size)
	}
	foot := size - 10 - n
	f, err := ipc.ParseFooter(data[foot : size-10])
	if err != nil {
		return nil, ipc.Invalid("footer: %w", err)
	}
	in := &arrowInput{data: data, schema: f.Schema}
	if err := in.place(f, foot); err != nil {
		return nil, err
	}
	return in, in.loadDictionaries(true)
}

// place reads every message that the footer names and looks for others.
func (in *arrowInput) place(f ipc.Footer, foot int64) error {
	r := bytes.NewReader(in.data)
	if err := in.placeSchema(r, f, foot); err != nil {
		return err
	}
	blocks := slices.Concat(f.Dictionaries, f.Batches)
	for i, b := range blocks {
		e, err := in.block(r, b, foot, i < len(f.Dictionaries))
		if err != nil {
			return err
		}
		in.entries = append(in.entries, e)
	}
	return in.checkGaps(in.schemaAt.Offset+in.schemaAt.Len(), foot)
}

// placeSchema reads the schema message that stands first. The footer's schema counts;
// polars writes its message without marker and length, and readers that go by the
// footer never look at it.
func (in *arrowInput) placeSchema(r *bytes.Reader, f ipc.Footer, foot int64) error {
	m, at, err := ipc.ReadMessage(r, 8, foot, true)
	if err != nil || m.Kind != ipc.KindSchema {
		in.nonCanonical = "its schema message has no frame"
		end := foot
		for _, b := range slices.Concat(f.Dictionaries, f.Batches) {
			end = min(end, max(b.Offset, 8))
		}
		at = schemas.Block{Offset: 8, Meta: int32(end - 8)}
		if end-8 > ipc.MaxMeta {
			return ipc.Invalid("there are %d bytes before the first message that the footer names", end-8)
		}
		if m, err = ipc.ParseUnframed(in.data[8:end]); err != nil || m.Kind != ipc.KindSchema {
			in.schemaAt, in.footer = at, f.Size
			return nil
		}
	}
	s, err := ipc.SchemaOf(m)
	if err != nil {
		return err
	}
	if !ipc.EqualNodes(s.Top, f.Schema.Top) {
		return ipc.Invalid("the footer's schema and the schema message differ")
	}
	in.schemaAt, in.footer = at, f.Size
	switch {
	case in.nonCanonical != "":
	case f.Extras || f.Schema.Extras || s.Extras:
		in.nonCanonical = "it carries metadata, which no view passes on"
	case in.data[6] != 0 || in.data[7] != 0:
		in.nonCanonical = "there are bytes between its messages"
	case m.Legacy:
		in.nonCanonical = "its framing is that of Arrow before 0.15"
	case at.Body > 0:
		in.nonCanonical = "its schema message has a body"
	}
	return nil
}

func (in *arrowInput) block(r *bytes.Reader, b schemas.Block, foot int64, dict bool) (entry, error) {
	if b.Offset < 8 || b.Offset >= foot || b.Meta < 4 || b.Body < 0 {
		return entry{}, ipc.Invalid("the footer names a message at byte %d, outside the file's %d", b.Offset, foot)
	}
	m, at, err := ipc.ReadMessage(r, b.Offset, foot, true)
	if err != nil {
		return entry{}, err
	}
	want := ipc.KindRecord
	if dict {
		want = ipc.KindDictionary
	}
	if m.Kind != want || at.Meta != b.Meta || at.Body != b.Body {
		return entry{}, ipc.Invalid("the footer and the message at byte %d differ", b.Offset)
	}
	return entry{kind: m.Kind, at: at, legacy: m.Legacy, id: m.DictionaryID}, nil
}

// checkGaps walks from the schema to the footer. A message that the footer
// does not name is refused: some readers go by the footer and others by the messages, and
// they would see two tables. Bytes between only keep the file from staying as it is.
func (in *arrowInput) checkGaps(pos, foot int64) error {
	order := make([]schemas.Block, len(in.entries))
	for i, e := range in.entries {
		order[i] = e.at
		if i > 0 && e.at.Offset < order[i-1].Offset || e.legacy {
			in.nonCanonical = "its messages are not in order"
		}
	}
	sort.Slice(order, func(i, j int) bool { return order[i].Offset < order[j].Offset })
	r := bytes.NewReader(in.data)
	for _, b := range order {
		if b.Offset < pos {
			return ipc.Invalid("the messages at byte %d overlap", b.Offset)
		}
		if b.Offset > pos {
			if m, _, err := ipc.ReadMessage(r, pos, b.Offset, true); err == nil && m.Kind != ipc.KindEnd {
				return ipc.Invalid("the message at byte %d is not in the footer", pos)
			}
			in.nonCanonical = "there are bytes between its messages"
		}
		pos = b.Offset + b.Len()
	}
	rest := in.data[pos:foot]
	if m, _, err := ipc.ReadMessage(r, pos, foot, true); err == nil && m.Kind != ipc.KindEnd {
		return ipc.Invalid("the message at byte %d is not in the footer", pos)
	}
	if len(rest) > 0 && !bytes.Equal(rest, ipc.EndOfStream()) {
		in.nonCanonical = "there are bytes before its footer"
	}
	return nil
}

// message reads entry e again, with its body. Metadata are not kept between the first look
// and this: a file may have a hundred thousand messages.
func (in *arrowInput) message(e entry) (ipc.Message, []byte, error) {
	m, at, err := ipc.ReadMessage(bytes.NewReader(in.data), e.at.Offset, int64(len(in.data)), true)
	if err != nil {
		return m, nil, err
	}
	from := at.Offset + int64(at.Meta)
	return m, in.data[from : from+at.Body], nil
}

func (in *arrowInput) unpacker() *unpacker { return &unpacker{left: maxUnpacked} }

// loadDictionaries decodes the dictionaries in order. A file names all of them
// at once, so it cannot replace one [Arrow columnar format, IPC File Format].
func (in *arrowInput) loadDictionaries(file bool) error {
	all, err := batch.NewDictionaries(in.schema)
	if err != nil {
		return err
	}
	for i := range in.entries {
		e := &in.entries[i]
		if e.kind != ipc.KindDictionary {
			continue
		}
		m, body, err := in.message(*e)
		if err != nil {
			return ipc.Invalid("dictionary %d at byte %d: %w", e.id, e.at.Offset, err)
		}
		if e.dict, err = all.Add(&m, body, e.at.Offset, in.unpacker(), file); err != nil {
			return err
		}
	}
	return nil
}

// maxBlockValues is the most values of a batch that has no bytes of its own.
const maxBlockValues = 1 << 22

// Each decodes the record batches in order.
func (in *arrowInput) Each(ctx context.Context, f func(batch.Rows) error) error {
	dicts, n := map[int64]*column.Column{}, 0
	for _, e := range in.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.kind == ipc.KindDictionary {
			dicts[e.id] = e.dict
			continue
		}
		b := batch.Rows{Where: fmt.Sprintf("batch %d", n)}
		m, body, err := in.message(e)
		if err == nil {
			b.Columns, err = batch.Decode(&m, body, in.schema.Top, dicts, in.unpacker())
		}
		if err != nil {
			return ipc.Invalid("%s at byte %d: %w", b.Where, e.at.Offset, err)
		}
		if b.Len = int(m.Rows); len(b.Columns) == 0 && b.Len > 0 || len(body) == 0 && b.Len > maxBlockValues {
			return ipc.Invalid("%s says it has %d rows, but no bytes of them", b.Where, b.Len)
		}
		n++
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}
