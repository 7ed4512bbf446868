package read

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"runtime/debug"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/gateway/stream/memory"
	"guichet/gateway/stream/plan"
	"guichet/policy/view"
	"guichet/schemas"
)

// Message is one encapsulated IPC message on its way to a door. It is valid until the
// Sink's call returns.
type Message struct {
	Bytes []byte
	Rest  *Rest  // the body, where it is still with the store: Bytes is what comes before it
	Meta  int    // bytes of marker, length and metadata; the rest is the body
	Rows  int64  // of a record batch; 0 for a dictionary
	Sum   uint32 // CRC-32C that was published of it; 0 where it was made here, or none is known
}

// Len is the message's length in bytes.
func (m *Message) Len() int64 {
	n := int64(len(m.Bytes))
	if m.Rest != nil {
		n += m.Rest.n
	}
	return n
}

// MaxRange bounds one ranged read: large enough that a read's fixed cost is small,
// small enough that a stream holds few megabytes.
const MaxRange = 8 << 20

// maxWoven bounds a range of batches that are edited while they are read: it is so small that
// what was read and made lies in the processor's cache yet when it is sent.
const maxWoven = 1 << 20

// maxAhead is how many reads of one stream are under way at once: while one of an answer is
// read, messages are made of those before it; one object read by four ranges of which none
// follows another is 1.5 times as fast as by one [measurements.md §3, b4].
const maxAhead = 3

// Range is one range of a shard with the slices that it holds.
type Range struct {
	shard       int
	offset      int64
	length      int64
	tail        int64 // bytes of the last batch that are not read: columns that are not shown
	outputBound int64 // bytes of what the view makes of it, at most
	slices      []plan.Slice
	gather      *gatherPlan // of a filtering view, instead of slices
	window      *windowPlan // of a permuted source, instead of both
	passes      bool        // its batches are whole, and no value of them is looked at
	rests       bool        // and each may go on as a Rest
	woven       bool        // its batches are whole, and edited while they are read
	largest     int64       // bytes of the largest of them
	shared      bool        // a small part of a batch: others take theirs of the same bytes

	until  int64         // where the answer ends that it asks for; 0: with it
	again  int64         // bytes at its end that the next range of the answer begins with
	before <-chan opened // the answer that it goes on with; nil: it asks for one
	after  chan<- opened // takes it for the next range, without waiting; nil: the answer ends
}

// PlanReads joins neighbouring slices of a shard into ranges of at most so many bytes, and
// so that what the view makes of each is no more either; a single batch stands alone
// whatever it has. Whole batches of which no value is looked at are one range however many
// neighbour: they are read one by one. A small part of a batch stands alone too, since other
// streams read the same batch for theirs.
func PlanReads(s *plan.Source, list []plan.Slice, most int64) []Range {
	if s.Permuted() {
		return planWindows(s, list)
	}
	if s.Regrouped() {
		return joinAnswers(planGathers(s, list, most))
	}
	var out []Range
	passes := s.View.Passes()
	for _, sl := range list {
		b, makes := s.StoredShard(sl.Shard).Batches[sl.Batch], s.OutputBound(sl)
		n := len(out) - 1
		if passes && sl.Whole {
			if n < 0 || !out[n].passes || !out[n].canExtend(sl.Shard, b, math.MaxInt64) {
				out, n = append(out, Range{shard: sl.Shard, offset: b.Offset, passes: true, rests: true}), n+1
			}
			out[n].length += b.Len()
			out[n].rests = out[n].rests && (b.Sum != 0 || !s.View.Raw())
			out[n].outputBound = max(out[n].outputBound, b.Len()+makes)
			out[n].slices = append(out[n].slices, sl)
			continue
		}
		again := n >= 0 && !out[n].passes && !out[n].woven && out[n].endsWith(sl) // its bytes are in the range already
		part, woven, fits := !sl.Whole && 2*sl.Rows <= b.Rows, sl.Whole && s.View.Weaves(b), most
		if woven {
			fits = min(most, maxWoven)
		}
		joins := again || n >= 0 && !part && out[n].held() && out[n].woven == woven && out[n].canExtend(sl.Shard, b, fits)
		if joins && out[n].outputBound+makes <= fits {
			if !again {
				out[n].length += b.Len()
			}
			out[n].outputBound += makes
			out[n].largest = max(out[n].largest, b.Len())
			out[n].slices = append(out[n].slices, sl)
			continue
		}
		out = append(out, Range{shard: sl.Shard, offset: b.Offset, length: b.Len(), outputBound: makes, slices: []plan.Slice{sl},
			shared: part, woven: woven, largest: b.Len()})
	}
	return joinAnswers(out)
}

// endsWith says whether the last slice of a range is of the batch of sl.
func (r *Range) endsWith(sl plan.Slice) bool {
	last := r.slices[len(r.slices)-1]
	return last.Shard == sl.Shard && last.Batch == sl.Batch
}

// canExtend says whether a batch follows what is read, and both are at most so long.
func (r *Range) canExtend(shard int, b schemas.Block, most int64) bool {
	return r.shard == shard && r.offset+r.length == b.Offset && r.length+b.Len() <= most
}

// Opener opens the store of an object.
type Opener func(ctx context.Context, id schemas.StoreID) (*s3.Store, error)

// NewReader reads what a source shows. compact says that each batch carries its own
// dictionaries. Its buffers are one stream's own: those of all streams would hold more than
// what is counted.
func NewReader(src *plan.Source, open Opener, compact bool) *Reader {
	return &Reader{
		source:   src,
		open:     open,
		compact:  compact,
		decoders: map[int]*shardDecoder{},
		users:    map[int]int{},
		latest:   [2]int{-1, -1},
	}
}

// Reader fetches and makes the messages of one stream.
type Reader struct {
	Recent *Recent // what streams share; nil: nothing

	source   *plan.Source
	open     Opener
	buffers  memory.Buffers // of what is read
	space    memory.Buffers // of what is made
	mu       sync.Mutex
	decoders map[int]*shardDecoder // of the shards that are being read
	users    map[int]int           // reads under way, by shard
	latest   [2]int                // the shards that were read last
	compact  bool                  // each batch carries its own dictionaries
}

// Result is what one read became.
type Result struct {
	Messages []Message
	Batches  *Batches // instead of messages, where a range is read batch by batch
	read     *[]byte  // what the messages lie in: they go back when those were sent
	made     *[]byte
	Err      error
}

// Each gives the messages in order, each valid until the next; with a Rest where the caller
// takes one and there is one. After an error there are no more.
func (res *Result) Each(rest bool) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if res.Err != nil {
			yield(Message{}, res.Err)
			return
		}
		list := res.Messages
		if res.Batches != nil {
			list = res.Batches.Dictionaries
		}
		for _, m := range list {
			if !yield(m, nil) {
				return
			}
		}
		for res.Batches != nil {
			m, err := res.Batches.Next(rest)
			if err == io.EOF || !yield(m, err) || err != nil { //nolint:errorlint // of Batches
				return
			}
		}
	}
}

// Recycle gives back what the messages of a result lay in.
func (r *Reader) Recycle(res Result) {
	if res.Batches != nil {
		res.Batches.Close()
	}
	if res.read != nil {
		r.buffers.Put(res.read)
	}
	if res.made != nil {
		r.space.Put(res.made)
	}
}

// Fetch reads one range and makes its messages. first says that the shard begins
// with this read, so its dictionaries come before.
func (r *Reader) Fetch(ctx context.Context, rd Range, first bool) (out Result) {
	defer RecoverCorrupt(&out.Err)
	switch {
	case rd.window != nil:
		return r.windowMessages(ctx, rd)
	case rd.gather != nil:
		return r.gatherMessages(ctx, rd)
	case rd.passes:
		out.Batches, out.Err = r.batches(ctx, rd, first)
		return out
	}
	if rd.woven {
		out.Messages, out.made, out.Err = r.weave(ctx, rd)
		if first && out.Err == nil {
			dictionaries, err := r.dictionaryMessages(ctx, rd.shard)
			out.Messages, out.Err = append(dictionaries, out.Messages...), err
		}
		return out
	}
	var bytes []byte
	if rd.shared { // what is made of a part lies in memory of its own
		shared, done, err := r.sharedBytes(ctx, rd)
		if err != nil {
			return Result{Err: err}
		}
		defer done()
		bytes = shared
	} else {
		buf, err := r.bytes(ctx, rd)
		if err != nil {
			return Result{Err: err}
		}
		out.read, bytes = buf, *buf
	}
	if !r.source.View.Raw() && !r.compact {
		out.made = r.space.Get(rd.outputBound)
		*out.made = (*out.made)[:0]
	}
	if first && !r.compact {
		out.Messages, out.Err = r.dictionaryMessages(ctx, rd.shard)
	}
	if out.Err == nil {
		var more []Message
		more, out.Err = r.messages(ctx, rd, bytes, out.made)
		out.Messages = append(out.Messages, more...)
	}
	return out
}

// messages makes the record batch messages of one range, and those that are spliced in
// made.
func (r *Reader) messages(ctx context.Context, rd Range, bytes []byte, made *[]byte) ([]Message, error) {
	v := r.source.View
	sh := r.source.StoredShard(rd.shard)
	var out []Message
	for _, sl := range rd.slices {
		b := sh.Batches[sl.Batch]
		msg := bytes[b.Offset-rd.offset:][:b.Len()]
		m, err := checkMessage(msg, b)
		switch {
		case err != nil:
		case r.compact:
			out, err = r.compactMessages(ctx, out, sl, msg)
		case sl.Whole && v.Raw():
			m.Sum = b.Sum
			out = append(out, m)
		case sl.Whole && len(v.Edited) == 0:
			msg, err = v.Splice(made, msg, nil)
			if err == nil {
				out = append(out, NewMessage(msg, sl.Rows))
			}
		default:
			out, err = r.reencode(ctx, out, sl, msg, made)
		}
		if err != nil {
			return nil, fmt.Errorf("batch %d of %s: %w", sl.Batch, sh.Key, err)
		}
	}
	return out, nil
}

// checkMessage holds a message, or what comes before its body, against the manifest: the bytes are pinned by the ETag, so
// a difference means that the store does not keep its word.
func checkMessage(msg []byte, b schemas.Block) (Message, error) {
	m, err := ipc.ParseMeta(msg[:b.Meta])
	if err != nil {
		return Message{}, NotAsPublished(err)
	}
	if m.Kind != ipc.KindRecord || m.Rows != b.Rows || m.BodyLen != b.Body {
		return Message{}, NotAsPublished(nil)
	}
	return Message{Bytes: msg, Meta: int(b.Meta), Rows: b.Rows}, nil
}

// NotAsPublished is the refusal of bytes that the manifest does not name; err, which may be
// nil, says how they differ.
func NotAsPublished(err error) error {
	return &schemas.Error{
		Kind:    schemas.Gone,
		Message: "the shard's bytes are not those that were published",
		Remedy:  "let the provider publish a new version",
		Err:     err,
	}
}

// RecoverCorrupt makes a panic over bytes that a store gave the refusal that they are: no
// object may end the gateway. The cause keeps where it was, for the log.
func RecoverCorrupt(err *error) {
	p := recover()
	if p != nil {
		*err = NotAsPublished(fmt.Errorf("%v\n%s", p, debug.Stack()))
	}
}

// NewMessage is a message that was made here; the length of its metadata stands in it.
//
//	FFFFFFFF │ length │ metadata, padded │ body
//	 4 bytes   4 bytes   length bytes
//	└────────── Meta ────────────────┘
func NewMessage(p []byte, rows int64) Message {
	return Message{Bytes: p, Meta: 8 + int(uint32(p[4])|uint32(p[5])<<8|uint32(p[6])<<16|uint32(p[7])<<24), Rows: rows}
}

// reencode appends a batch whose columns are edited, or a part of a batch.
func (r *Reader) reencode(ctx context.Context, out []Message, sl plan.Slice, msg []byte, made *[]byte) ([]Message, error) {
	v := r.source.View
	o := r.decoder(ctx, sl.Shard)
	if o.err != nil {
		return nil, o.err
	}
	if sl.Whole {
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
		if len(p) <= view.MaxMessage || sl.Rows <= 1 {
			return append(out, NewMessage(p, sl.Rows)), nil
		}
		*made = (*made)[:len(*made)-len(p)]
	}
	rec, err := r.part(o, msg, sl.From, sl.Rows)
	if err != nil {
		return nil, err
	}
	return encodeCut(out, 0, sl.Rows, func(from, rows int64) ([]byte, error) {
		g, err := v.GatherBy([]batch.Part{{Record: rec, From: from, N: rows}}, nil,
			func(i int, a arrow.Array) (arrow.Array, error) { return o.edit(v, i, a) })
		if err != nil {
			return nil, err
		}
		return g.Message(), nil
	})
}

// encodeCut appends rows as messages of at most maxMessage bytes; a single row beyond it
// stays whole.
func encodeCut(out []Message, from, rows int64, encoded func(from, rows int64) ([]byte, error)) ([]Message, error) {
	p, err := encoded(from, rows)
	if err != nil {
		return nil, err
	}
	if len(p) <= view.MaxMessage || rows <= 1 {
		return append(out, NewMessage(p, rows)), nil
	}
	for pieces, at := int64(len(p)/view.MaxMessage+1), int64(0); at < rows; {
		n := min((rows+pieces-1)/pieces, rows-at)
		out, err = encodeCut(out, from+at, n, encoded)
		if err != nil {
			return nil, err
		}
		at += n
	}
	return out, nil
}
