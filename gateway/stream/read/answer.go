package read

import (
	"cmp"
	"context"
	"io"

	"guichet/connectors/s3"
)

// Ranges of a shard that follow each other come of one answer of the store: it is asked for
// by the first of them, and goes from each to the next as soon as that one's bytes are read.
// So they are read one after the other, and what is made of one is made beside the reading of
// the next.
//
//	object   │ b0 │ b1 │ b2 │░░│ b4 │ b5 │       ░ short and not wanted: dropped
//	ranges   └── 1 ────┘    │  └── 3 ────┘
//	              └─ 2 ─────┘                    b1 is wanted twice: 1 hands it on
//	answer   └───────────────────────────┘       asked for by 1, ended by 3
//
// Ranges of an answer are fetched in their order, at once or one by one. Who gives that up ends
// the context with which they were fetched, and the answer with it.

// opened is an answer on its way from range to range.
type opened struct {
	store *s3.Store
	body  *s3.Body
	at    int64  // place in the object of its next byte
	again []byte // what was read before it and is wanted again
	err   error  // why there is none
}

// joinAnswers finds the ranges that come of one answer.
func joinAnswers(reads []Range) []Range {
	first := 0
	for i := 1; i < len(reads); i++ {
		a, b := &reads[i-1], &reads[i]
		gap := b.offset - a.end()
		follows := a.held() && b.held() && a.shard == b.shard && gap < worthAsking
		if !follows || gap < 0 && (a.woven || b.woven || b.offset < a.offset || b.end() < a.end()) {
			first = i
			continue
		}
		c := make(chan opened, 1)
		a.after, b.before, reads[first].until, a.again = c, c, b.end(), max(-gap, 0)
	}
	return reads
}

// held says that a range is read before anything is made of it, and by one stream.
func (rd *Range) held() bool { return !rd.passes && !rd.shared && rd.window == nil }

// end is where a range ends in its object.
func (rd *Range) end() int64 { return rd.offset + rd.length }

// fill reads a range.
func (o *opened) fill(rd *Range, buf []byte) error {
	n := copy(buf, o.again)
	err := o.body.Skip(max(rd.offset-o.at, 0))
	if err == nil {
		_, err = io.ReadFull(o.body, buf[n:])
	}
	o.at, o.again = rd.end(), append([]byte(nil), buf[rd.length-rd.again:]...)
	return err
}

// inTurn has do read a range out of the answer in which it comes next, and hands that on,
// whatever becomes of it.
func (r *Reader) inTurn(ctx context.Context, rd *Range, do func(from *opened) error) error {
	from := r.answer(ctx, rd)
	err := from.err
	from.err = cmp.Or(err, context.Canceled) // of a panic, which goes on
	defer func() {
		if from.body != nil && (from.err != nil || rd.after == nil) {
			_ = from.body.Close()
		}
		if rd.after != nil {
			rd.after <- from
		}
	}()
	if err == nil {
		err = do(&from)
		from.err = err
	}
	return RedactLocation(r.source.Name(), err)
}

// bytes reads one range into a buffer of the pool.
func (r *Reader) bytes(ctx context.Context, rd Range) (buf *[]byte, err error) {
	var own bool
	err = r.inTurn(ctx, &rd, func(from *opened) error {
		buf, own = r.buffers.Get(rd.length), from.store.Own()
		return from.fill(&rd, *buf)
	})
	if err == nil && !own {
		err = rd.checkSums(r.source.StoredShard(rd.shard), *buf)
	}
	if err != nil && buf != nil {
		r.buffers.Put(buf)
	}
	if err != nil {
		return nil, err
	}
	return buf, nil
}

// weave makes the messages of a range whose batches are edited while they are read.
func (r *Reader) weave(ctx context.Context, rd Range) (out []Message, made *[]byte, err error) {
	err = r.inTurn(ctx, &rd, func(from *opened) error {
		b := &Batches{reader: r, of: rd, shard: r.source.StoredShard(rd.shard), body: from.body, compare: !from.store.Own(), took: func(int64) {}}
		b.edited = r.decoder(ctx, rd.shard)
		if b.edited.err != nil {
			return b.edited.err
		}
		err := from.body.Skip(rd.offset - from.at)
		if err != nil {
			return err
		}
		scratch := r.buffers.Get(rd.largest)
		defer r.buffers.Put(scratch)
		made = r.space.Get(rd.outputBound)
		b.whole, b.made = *scratch, (*made)[:0]
		for range rd.slices {
			m, err := b.after(false)
			if err != nil {
				return err
			}
			out = append(out, m)
		}
		from.at, *made = rd.end(), b.made
		return nil
	})
	return out, made, err
}

// answer gives the answer in which a range comes next.
func (r *Reader) answer(ctx context.Context, rd *Range) (from opened) {
	if rd.before != nil {
		select {
		case from = <-rd.before:
			return from
		case <-ctx.Done():
			return opened{err: context.Cause(ctx)}
		}
	}
	sh := r.source.StoredShard(rd.shard)
	from.at = rd.offset
	from.store, from.err = r.open(ctx, sh.Store)
	if from.err == nil {
		from.body, from.err = from.store.OpenBody(ctx, sh.Bucket, sh.Key, sh.ETag, rd.offset, max(rd.until, rd.end())-rd.offset, sh.Size)
	}
	return from
}
