package stream

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/s3"
	"guichet/connectors/shard"
	"guichet/schemas"
)

// Message is one encapsulated IPC message on its way to a door. Bytes is valid
// until the Sink's call returns.
type Message struct {
	Bytes []byte
	Meta  int   // bytes of marker, length and metadata; the rest is the body
	Rows  int64 // of a record batch; 0 for a dictionary
}

// maxRead bounds one ranged read: large enough that a read's fixed cost is small,
// small enough that a stream holds few megabytes.
const maxRead = 8 << 20

// ahead is how many reads of one stream are under way at once: one object read by
// four ranges is 1.5 times as fast as by one [measurements.md §3, b4].
const ahead = 3

// read is one range of a shard with the slices that it holds.
type read struct {
	shard  int
	offset int64
	length int64
	slices []slice
}

// reads joins neighbouring slices of a shard into ranges.
func (s *Source) reads(list []slice) []read {
	var out []read
	for _, sl := range list {
		b := s.Split.Shards[sl.shard].Batches[sl.batch]
		if n := len(out) - 1; n >= 0 {
			last := &out[n]
			if last.shard == sl.shard && last.offset+last.length == b.Offset && last.length+b.Len() <= maxRead {
				last.length += b.Len()
				last.slices = append(last.slices, sl)
				continue
			}
		}
		out = append(out, read{sl.shard, b.Offset, b.Len(), []slice{sl}})
	}
	return out
}

// reader fetches and makes the messages of one stream.
type reader struct {
	source   *Source
	open     func(ctx context.Context, id schemas.StoreID) (*s3.Store, error)
	buffers  *sync.Pool
	mu       sync.Mutex
	decoders map[int]*opened // of the shards that are being read
}

// opened is a shard whose dictionaries were read.
type opened struct {
	once    sync.Once
	dicts   [][]byte
	decoder *shard.Decoder
	err     error
}

// result is what one read became.
type result struct {
	messages []Message
	buffer   *[]byte // goes back when the messages were sent
	err      error
}

// fetch reads one range and makes its messages. first says that the shard begins
// with this read, so its dictionaries come before.
func (r *reader) fetch(ctx context.Context, rd read, first bool) result {
	sh := &r.source.Split.Shards[rd.shard]
	buf, err := r.bytes(ctx, rd)
	if err != nil {
		return result{err: err}
	}
	bytes := *buf
	out := result{buffer: buf}
	if first && len(sh.Dictionaries) > 0 && !r.source.view.decoded() {
		out.messages, out.err = r.dictionaries(ctx, rd.shard)
	}
	if out.err == nil {
		var more []Message
		more, out.err = r.messages(ctx, rd, bytes, first)
		out.messages = append(out.messages, more...)
	}
	return out
}

// bytes reads one range into a buffer of the pool.
func (r *reader) bytes(ctx context.Context, rd read) (*[]byte, error) {
	sh := &r.source.Split.Shards[rd.shard]
	store, err := r.open(ctx, sh.Store)
	if err != nil {
		return nil, err
	}
	buf := r.buffers.Get().(*[]byte)
	if int64(cap(*buf)) < rd.length {
		*buf = make([]byte, rd.length)
	}
	*buf = (*buf)[:rd.length]
	err = store.ReadRange(ctx, sh.Bucket, sh.Key, sh.ETag, rd.offset, *buf)
	if err != nil {
		r.buffers.Put(buf)
		return nil, err
	}
	return buf, nil
}

// shard reads a shard's dictionaries once.
func (r *reader) shard(ctx context.Context, i int) *opened {
	r.mu.Lock()
	o := r.decoders[i]
	if o == nil {
		o = &opened{}
		r.decoders[i] = o
	}
	r.mu.Unlock()
	o.once.Do(func() {
		sh := &r.source.Split.Shards[i]
		store, err := r.open(ctx, sh.Store)
		if err != nil {
			o.err = err
			return
		}
		for _, b := range sh.Dictionaries {
			p := make([]byte, b.Len())
			err := store.ReadRange(ctx, sh.Bucket, sh.Key, sh.ETag, b.Offset, p)
			if err != nil {
				o.err = err
				return
			}
			o.dicts = append(o.dicts, p)
		}
		o.decoder, o.err = shard.NewDecoder(r.source.view.source, o.dicts)
	})
	return o
}

// forget drops shards that the stream has left behind.
func (r *reader) forget(before map[int]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.decoders {
		if !before[i] {
			delete(r.decoders, i)
		}
	}
}

// dictionaries gives a shard's dictionary messages as the view keeps them.
func (r *reader) dictionaries(ctx context.Context, i int) ([]Message, error) {
	o := r.shard(ctx, i)
	if o.err != nil {
		return nil, o.err
	}
	var out []Message
	for j, d := range o.dicts {
		if p := r.source.view.project; p != nil {
			m, err := shard.ParseMeta(d)
			if err != nil {
				return nil, fmt.Errorf("read a dictionary: %w", err)
			}
			if !p.Keeps(m.DictionaryID) {
				continue
			}
		}
		out = append(out, Message{Bytes: d, Meta: int(r.source.Split.Shards[i].Dictionaries[j].Meta)})
	}
	return out, nil
}

// messages makes the record batch messages of one range.
func (r *reader) messages(ctx context.Context, rd read, bytes []byte, first bool) ([]Message, error) {
	v := r.source.view
	sh := &r.source.Split.Shards[rd.shard]
	if v.filter != nil {
		return r.filtered(ctx, rd, bytes)
	}
	var out []Message
	for _, sl := range rd.slices {
		b := sh.Batches[sl.batch]
		msg := bytes[b.Offset-rd.offset:][:b.Len()]
		m, err := check(msg, b)
		if err != nil {
			return nil, fmt.Errorf("batch %d of %s: %w", sl.batch, sh.Key, err)
		}
		switch {
		case v.raw() && sl.whole:
			out = append(out, m)
		case v.project != nil && sl.whole:
			p, err := v.project.Record(msg)
			if err != nil {
				return nil, fmt.Errorf("project batch %d of %s: %w", sl.batch, sh.Key, err)
			}
			out = append(out, message(p, sl.rows))
		default:
			more, err := r.decoded(ctx, rd.shard, sl, msg, first && len(out) == 0)
			if err != nil {
				return nil, fmt.Errorf("batch %d of %s: %w", sl.batch, sh.Key, err)
			}
			out = append(out, more...)
		}
	}
	return out, nil
}

// check holds a message against the manifest: the bytes are pinned by the ETag, so
// a difference means that the store does not keep its word.
func check(msg []byte, b schemas.Block) (Message, error) {
	m, err := shard.ParseMeta(msg[:b.Meta])
	if err != nil {
		return Message{}, changed(err)
	}
	if m.Kind != shard.KindRecord || m.Rows != b.Rows || m.BodyLen != b.Body {
		return Message{}, changed(nil)
	}
	return Message{Bytes: msg, Meta: int(b.Meta), Rows: b.Rows}, nil
}

func changed(err error) error {
	return &schemas.Error{Kind: schemas.Gone, Message: "the shard's bytes are not those that were published", Remedy: "let the provider publish a new version", Err: err}
}

func message(p []byte, rows int64) Message {
	return Message{Bytes: p, Meta: 8 + int(uint32(p[4])|uint32(p[5])<<8|uint32(p[6])<<16|uint32(p[7])<<24), Rows: rows}
}

// decoded cuts or edits one batch.
func (r *reader) decoded(ctx context.Context, i int, sl slice, msg []byte, first bool) ([]Message, error) {
	o := r.shard(ctx, i)
	if o.err != nil {
		return nil, o.err
	}
	rec, err := o.decoder.Record(msg)
	if err != nil {
		return nil, err
	}
	var out []Message
	v := r.source.view
	if v.decoded() || v.keep != nil {
		rec, err = v.show(rec)
		if err != nil {
			return nil, err
		}
	}
	if first && v.decoded() && v.dicts {
		out, err = dictionaryMessages(rec)
		if err != nil {
			return nil, err
		}
	}
	return encode(out, rec, sl.from, sl.rows)
}

// maxMessage is what published batches keep to [decisions.md 10]; a view that makes
// values longer cuts its batches again, so that every door can pass them.
const maxMessage = 3584 << 10

// encode appends rows of a record as messages of at most maxMessage bytes; a single
// row beyond it stays whole.
func encode(out []Message, rec arrow.Record, from, rows int64) ([]Message, error) {
	p, err := shard.EncodeRecord(rec, from, rows)
	if err != nil {
		return nil, err
	}
	if len(p) <= maxMessage || rows <= 1 {
		return append(out, message(p, rows)), nil
	}
	for pieces, at := int64(len(p)/maxMessage+1), int64(0); at < rows; {
		n := min((rows+pieces-1)/pieces, rows-at)
		out, err = encode(out, rec, from+at, n)
		if err != nil {
			return nil, err
		}
		at += n
	}
	return out, nil
}

func dictionaryMessages(rec arrow.Record) ([]Message, error) {
	dicts, err := shard.EncodeDictionaries(rec)
	if err != nil {
		return nil, err
	}
	var out []Message
	for _, d := range dicts {
		out = append(out, message(d, 0))
	}
	return out, nil
}

// filtered decodes the batches of a range, picks the rows that the view shows and
// gathers each run of them into one message, with dictionaries of its own that hold
// only values in use.
func (r *reader) filtered(ctx context.Context, rd read, bytes []byte) ([]Message, error) {
	var out []Message
	for _, sl := range rd.slices {
		rec, err := r.picked(ctx, rd, sl, bytes, true)
		if err != nil {
			return nil, err
		}
		if r.source.view.dicts {
			d, err := dictionaryMessages(rec)
			if err != nil {
				return nil, err
			}
			out = append(out, d...)
		}
		out, err = encode(out, rec, 0, sl.rows)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// picked gathers the rows of one batch that a filtering view shows.
func (r *reader) picked(ctx context.Context, rd read, sl slice, bytes []byte, compact bool) (arrow.Record, error) {
	v := r.source.view
	sh := &r.source.Split.Shards[rd.shard]
	o := r.shard(ctx, rd.shard)
	if o.err != nil {
		return nil, o.err
	}
	b := sh.Batches[sl.batch]
	rec, err := o.decoder.Record(bytes[b.Offset-rd.offset:][:b.Len()])
	if err != nil {
		return nil, fmt.Errorf("batch %d of %s: %w", sl.batch, sh.Key, err)
	}
	rows := v.filter.Rows(columnsOf(rec), int(rec.NumRows()))
	if int64(len(rows)) < sl.from+sl.rows {
		return nil, changed(nil)
	}
	rec, err = v.show(rec)
	if err != nil {
		return nil, err
	}
	return shard.Gather(parts(rec, rows[sl.from:sl.from+sl.rows]), compact)
}

// parts joins rows that follow each other into runs.
func parts(rec arrow.Record, rows []int32) []shard.Part {
	var out []shard.Part
	for _, row := range rows {
		if n := len(out) - 1; n >= 0 && out[n].From+out[n].N == int64(row) {
			out[n].N++
			continue
		}
		out = append(out, shard.Part{Record: rec, From: int64(row), N: 1})
	}
	return out
}

func columnsOf(rec arrow.Record) []arrow.Array { return rec.Columns() }
