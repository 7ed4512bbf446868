package stream

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/policy/view"
	"guichet/schemas"
)

// Message is one encapsulated IPC message on its way to a door. Bytes is valid
// until the Sink's call returns.
type Message struct {
	Bytes []byte
	Meta  int    // bytes of marker, length and metadata; the rest is the body
	Rows  int64  // of a record batch; 0 for a dictionary
	Sum   uint32 // CRC-32C that was published of it; 0 where it was made here, or none is known
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
	makes  int64 // bytes of what the view makes of it, at most
	slices []slice
	gather *gather // of a filtering view, instead of slices
}

// planReads joins neighbouring slices of a shard into ranges of at most so many bytes, and
// so that what the view makes of each is no more either; a single batch stands alone
// whatever it has.
func planReads(s *Source, list []slice, most int64) []read {
	if s.regrouped() {
		return planGathers(s, list, most)
	}
	var out []read
	for _, sl := range list {
		b, makes := s.shard(sl.shard).Batches[sl.batch], s.made(sl)
		if n := len(out) - 1; n >= 0 && out[n].reaches(sl.shard, b, most) && out[n].makes+makes <= most {
			out[n].length += b.Len()
			out[n].makes += makes
			out[n].slices = append(out[n].slices, sl)
			continue
		}
		out = append(out, read{shard: sl.shard, offset: b.Offset, length: b.Len(), makes: makes, slices: []slice{sl}})
	}
	return out
}

// reaches says whether a batch follows what is read, and both are at most so long.
func (r *read) reaches(shard int, b schemas.Block, most int64) bool {
	return r.shard == shard && r.offset+r.length == b.Offset && r.length+b.Len() <= most
}

// opener opens the store of an object.
type opener func(ctx context.Context, id schemas.StoreID) (*s3.Store, error)

// newReader reads what a source shows. compact says that each batch carries its own
// dictionaries. buffers are one stream's own: those of all streams would hold more than
// what is counted.
func newReader(src *Source, open opener, compact bool) *reader {
	buffers := &sync.Pool{New: func() any { b := make([]byte, 0); return &b }}
	return &reader{source: src, open: open, buffers: buffers, compact: compact, decoders: map[int]*opened{}}
}

// reader fetches and makes the messages of one stream.
type reader struct {
	source   *Source
	open     opener
	buffers  *sync.Pool
	mu       sync.Mutex
	decoders map[int]*opened // of the shards that are being read
	compact  bool            // each batch carries its own dictionaries
}

// result is what one read became.
type result struct {
	messages []Message
	read     *[]byte // what the messages lie in: they go back when those were sent
	made     *[]byte
	err      error
}

// free gives back what the messages of a result lay in.
func (r *reader) free(res result) {
	for _, b := range []*[]byte{res.read, res.made} {
		if b != nil {
			r.buffers.Put(b)
		}
	}
}

// fetch reads one range and makes its messages. first says that the shard begins
// with this read, so its dictionaries come before.
func (r *reader) fetch(ctx context.Context, rd read, first bool) (out result) {
	defer foreign(&out.err)
	if rd.gather != nil {
		return r.gathered(ctx, rd)
	}
	buf, err := r.bytes(ctx, rd)
	if err != nil {
		return result{err: err}
	}
	out.read = buf
	if !r.source.view.Raw() && !r.compact {
		out.made = r.buffers.Get().(*[]byte)
		*out.made = slices.Grow((*out.made)[:0], int(rd.makes))
	}
	if first && !r.compact {
		out.messages, out.err = r.dictionaries(ctx, rd.shard)
	}
	if out.err == nil {
		var more []Message
		more, out.err = r.messages(ctx, rd, *buf, out.made)
		out.messages = append(out.messages, more...)
	}
	return out
}

// bytes reads one range into a buffer of the pool.
func (r *reader) bytes(ctx context.Context, rd read) (*[]byte, error) {
	sh := r.source.shard(rd.shard)
	store, err := r.open(ctx, sh.Store)
	if err != nil {
		return nil, redactLocation(r.source.Name(), err)
	}
	buf := r.buffers.Get().(*[]byte)
	if int64(cap(*buf)) < rd.length {
		*buf = make([]byte, rd.length)
	}
	*buf = (*buf)[:rd.length]
	err = redactLocation(r.source.Name(), store.ReadRange(ctx, sh.Bucket, sh.Key, sh.ETag, rd.offset, *buf))
	if err == nil {
		err = rd.compared(store, sh, *buf)
	}
	if err != nil {
		r.buffers.Put(buf)
		return nil, err
	}
	return buf, nil
}

// messages makes the record batch messages of one range, and those that are spliced in
// made.
func (r *reader) messages(ctx context.Context, rd read, bytes []byte, made *[]byte) ([]Message, error) {
	v := r.source.view
	sh := r.source.shard(rd.shard)
	var out []Message
	for _, sl := range rd.slices {
		b := sh.Batches[sl.batch]
		msg := bytes[b.Offset-rd.offset:][:b.Len()]
		m, err := check(msg, b)
		switch {
		case err != nil:
		case r.compact:
			out, err = r.compacted(ctx, out, sl, msg)
		case sl.whole && v.Raw():
			m.Sum = b.Sum
			out = append(out, m)
		case sl.whole && len(v.Edited) == 0:
			msg, err = v.Splice(made, msg, nil)
			if err == nil {
				out = append(out, message(msg, sl.rows))
			}
		default:
			out, err = r.changed(ctx, out, sl, msg, made)
		}
		if err != nil {
			return nil, fmt.Errorf("batch %d of %s: %w", sl.batch, sh.Key, err)
		}
	}
	return out, nil
}

// check holds a message against the manifest: the bytes are pinned by the ETag, so
// a difference means that the store does not keep its word.
func check(msg []byte, b schemas.Block) (Message, error) {
	m, err := ipc.ParseMeta(msg[:b.Meta])
	if err != nil {
		return Message{}, changed(err)
	}
	if m.Kind != ipc.KindRecord || m.Rows != b.Rows || m.BodyLen != b.Body {
		return Message{}, changed(nil)
	}
	return Message{Bytes: msg, Meta: int(b.Meta), Rows: b.Rows}, nil
}

func changed(err error) error {
	return &schemas.Error{Kind: schemas.Gone, Message: "the shard's bytes are not those that were published", Remedy: "let the provider publish a new version", Err: err}
}

// foreign makes a panic over bytes that a store gave the refusal that they are: no
// object may end the gateway. The cause keeps where it was, for the log.
func foreign(err *error) {
	p := recover()
	if p != nil {
		*err = changed(fmt.Errorf("%v\n%s", p, debug.Stack()))
	}
}

func message(p []byte, rows int64) Message {
	return Message{Bytes: p, Meta: 8 + int(uint32(p[4])|uint32(p[5])<<8|uint32(p[6])<<16|uint32(p[7])<<24), Rows: rows}
}

// changed appends a batch whose columns are edited, or a part of a batch.
func (r *reader) changed(ctx context.Context, out []Message, sl slice, msg []byte, made *[]byte) ([]Message, error) {
	v := r.source.view
	o := r.opened(ctx, sl.shard)
	if o.err != nil {
		return nil, o.err
	}
	if sl.whole {
		cols, err := o.columns(msg, v.Edited)
		if err != nil {
			return nil, err
		}
		edited := map[int]arrow.Array{}
		for j, i := range v.Edited {
			edited[i], err = o.edit(v, i, cols[j])
			if err != nil {
				return nil, err
			}
		}
		p, err := v.Splice(made, msg, edited)
		if err != nil {
			return nil, err
		}
		if len(p) <= view.MaxMessage || sl.rows <= 1 {
			return append(out, message(p, sl.rows)), nil
		}
		*made = (*made)[:len(*made)-len(p)]
	}
	rec, err := r.record(o, msg)
	if err != nil {
		return nil, err
	}
	return encode(out, sl.from, sl.rows, func(from, rows int64) ([]byte, error) {
		g, err := batch.Collect([]batch.Part{{Record: rec, From: from, N: rows}}, false)
		if err == nil {
			err = v.EditGathered(g, func(i int, a arrow.Array) (arrow.Array, error) { return o.edit(v, i, a) })
		}
		if err != nil {
			return nil, err
		}
		return g.Message(), nil
	})
}

// encode appends rows as messages of at most maxMessage bytes; a single row beyond it
// stays whole.
func encode(out []Message, from, rows int64, encoded func(from, rows int64) ([]byte, error)) ([]Message, error) {
	p, err := encoded(from, rows)
	if err != nil {
		return nil, err
	}
	if len(p) <= view.MaxMessage || rows <= 1 {
		return append(out, message(p, rows)), nil
	}
	for pieces, at := int64(len(p)/view.MaxMessage+1), int64(0); at < rows; {
		n := min((rows+pieces-1)/pieces, rows-at)
		out, err = encode(out, from+at, n, encoded)
		if err != nil {
			return nil, err
		}
		at += n
	}
	return out, nil
}
