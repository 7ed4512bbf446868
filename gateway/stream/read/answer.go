package read

import (
	"context"
	"io"

	"guichet/connectors/s3"
	"guichet/schemas"
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
		if !a.whole() || !b.whole() || a.shard != b.shard || b.offset < a.offset || b.end() < a.end() || gap >= worthAsking {
			first = i
			continue
		}
		c := make(chan opened, 1)
		a.after, b.before, reads[first].until, a.again = c, c, b.end(), max(-gap, 0)
	}
	return reads
}

// whole says that a range is read whole before anything is made of it, and by one stream.
func (rd *Range) whole() bool { return !rd.passes && !rd.shared && rd.window == nil }

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

// bytes reads one range into a buffer of the pool.
func (r *Reader) bytes(ctx context.Context, rd Range) (*[]byte, error) {
	sh := r.source.StoredShard(rd.shard)
	from := r.answer(ctx, &rd, sh)
	var buf *[]byte
	if from.err == nil {
		buf = r.buffers.get(rd.length)
		from.err = from.fill(&rd, *buf)
	}
	if from.body != nil && (from.err != nil || rd.after == nil) {
		_ = from.body.Close()
	}
	if rd.after != nil {
		rd.after <- from
	}
	err := RedactLocation(r.source.Name(), from.err)
	if err == nil {
		err = rd.checkSums(from.store, sh, *buf)
	}
	if err != nil && buf != nil {
		r.buffers.put(buf)
	}
	if err != nil {
		return nil, err
	}
	return buf, nil
}

// answer gives the answer in which a range comes next.
func (r *Reader) answer(ctx context.Context, rd *Range, sh *schemas.Shard) (from opened) {
	if rd.before != nil {
		select {
		case from = <-rd.before:
			return from
		case <-ctx.Done():
			return opened{err: context.Cause(ctx)}
		}
	}
	from.at = rd.offset
	from.store, from.err = r.open(ctx, sh.Store)
	if from.err == nil {
		from.body, from.err = from.store.OpenBody(ctx, sh.Bucket, sh.Key, sh.ETag, rd.offset, max(rd.until, rd.end())-rd.offset, sh.Size)
	}
	return from
}
