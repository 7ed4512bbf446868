package read

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/gateway/stream/memory"
	"guichet/gateway/stream/plan"
	"guichet/policy/view"
)

// maxGather bounds one read of a filtering view, which holds what it read, the rows
// that it gathered and their messages at once.
const maxGather = MaxRange / 2

// gatherPlan is what a read of a filtering view does with the batches that it reads. Where
// a batch of the view begins in one read and ends in a later one, its rows are handed
// on from read to read.
//
//	stored batches   b0 (9 stay)   b1 (4 stay)   b2 (12 stay)   b3 (7 stay)
//	view's batches   V0: 9 of b0, 4 of b1, 3 of b2      V1: 9 of b2 after 3, 7 of b3
//	ranges           1: b0 b1          2: b2            3: b3
//	origins          9 4               3 (ends), 9      7 (ends)
//	                     carry 13 ──▶ V0    carry 9 ──▶ V1
//
// The reads run at once. Each selects its own rows first and waits for the carry only
// then: what is made of one is made beside the others. A carry names rows where they lie, in
// the buffers of the reads before, which go back when all are done.
type gatherPlan struct {
	origins []plan.Origin
	before  <-chan carry // nil: the first origin begins a batch
	lent    int64        // bytes of the reads before, which it may hold as well
	copies  bool         // what it hands on lies in memory of its own: its reads would be too much to hold
	after   chan<- carry // nil: the last origin ends one; it takes one carry without waiting
}

// carry are the rows of a batch that is not whole yet.
type carry struct {
	parts []batch.Part
	in    []*lent // none where they lie in memory of their own
	err   error
}

// planGathers joins the batches that slices take their rows from into ranges. A batch that
// gives rows to two slices in turn is read once, unless they become too much for it.
func planGathers(s *plan.Source, list []plan.Slice, most int64) []Range {
	var out []Range
	for _, sl := range list {
		sh, makes := s.StoredShard(sl.Shard), s.OutputBound(sl)
		// What is made of a slice may lie in memory with each of its ranges: rows that are
		// handed on are held there too. So it counts for each, but once.
		in := -1 // the last range that takes rows of the slice
		for _, p := range s.Origins(sl) {
			b := sh.Batches[p.Batch]
			if n := len(out) - 1; n >= 0 && out[n].shard == sl.Shard {
				g := out[n].gather
				again := g.origins[len(g.origins)-1].Batch == p.Batch // its bytes are in the range already
				fits := in == n || out[n].outputBound+makes <= most
				if fits && (again || out[n].canExtend(sl.Shard, b, min(most, maxGather))) {
					if !again {
						out[n].length += b.Len()
					}
					if in != n {
						out[n].outputBound, in = out[n].outputBound+makes, n
					}
					g.origins = append(g.origins, p)
					continue
				}
			}
			in = len(out)
			out = append(out, Range{shard: sl.Shard, offset: b.Offset, length: b.Len(), outputBound: makes,
				gather: &gatherPlan{origins: []plan.Origin{p}}})
		}
	}
	for i := 1; i < len(out); i++ {
		last := out[i-1].gather
		if last.origins[len(last.origins)-1].Ends {
			continue
		}
		c, lent := make(chan carry, 1), out[i-1].length
		if !last.ends() {
			lent += last.lent
			last.copies = lent > most
		}
		if last.copies {
			lent = 0
		}
		last.after, out[i].gather.before, out[i].gather.lent = c, c, lent
	}
	return out
}

// ends says whether a batch of the view ends in the read.
func (g *gatherPlan) ends() bool {
	return slices.ContainsFunc(g.origins, func(o plan.Origin) bool { return o.Ends })
}

// gatherMessages makes the messages of the view's batches that end in a read, with
// dictionaries of their own that hold only values in use.
func (r *Reader) gatherMessages(ctx context.Context, rd Range) Result {
	var out []Message
	made := r.space.Get(rd.outputBound)
	*made = (*made)[:0]
	err := r.EachBatch(ctx, rd, func(parts []batch.Part) error {
		g, err := r.source.View.Gather(parts, true, made)
		if err != nil {
			return err
		}
		dicts, err := g.Dictionaries()
		if err != nil {
			return err
		}
		for _, d := range dicts {
			out = append(out, NewMessage(d, 0))
		}
		out = append(out, NewMessage(g.Message(), g.Rows()))
		return nil
	})
	return Result{Messages: out, made: made, Err: err}
}

// EachBatch reads a range and hands on the rows of each batch of the view that ends in it.
func (r *Reader) EachBatch(ctx context.Context, rd Range, whole func(parts []batch.Part) error) error {
	s, err := r.splitRows(ctx, rd)
	if rd.gather.after != nil {
		rd.gather.after <- carry{s.left, lend(s.leftIn), err}
	}
	defer s.release(&r.buffers)
	if err != nil {
		return err
	}
	for _, parts := range s.done {
		err := whole(parts)
		if err != nil {
			return err
		}
	}
	return nil
}

// split are a read's rows: those of each batch of the view that ends in it, and those that
// are left for the next read.
type split struct {
	done   [][]batch.Part
	left   []batch.Part
	in     []*lent // what the rows of done lie in
	leftIn []*lent // what those of left do; none where they were copied
}

func (s *split) release(pool *memory.Buffers) {
	for _, l := range s.in {
		l.release(pool)
	}
}

// lent is a buffer in which rows of several reads' batches lie: it goes back when the last
// of these reads is done with it.
type lent struct {
	buf   *[]byte
	users atomic.Int32
}

// lend counts one user more of each.
func lend(list []*lent) []*lent {
	for _, l := range list {
		l.users.Add(1)
	}
	return list
}

func (l *lent) release(pool *memory.Buffers) {
	if l.users.Add(-1) == 0 {
		pool.Put(l.buf)
	}
}

// splitRows reads a range and parts its rows. What is left is handed on where it lies, with
// what came from the reads before where no batch ends here; but a batch may take its rows
// from thousands of reads, so where they become too much to hold they are copied.
func (r *Reader) splitRows(ctx context.Context, rd Range) (s split, err error) {
	buf, err := r.bytes(ctx, rd)
	if err != nil {
		return s, err
	}
	own := &lent{buf: buf}
	s.in = lend([]*lent{own})
	s.done, s.left, err = r.selectRows(ctx, rd, *buf)
	passes, copies := len(s.done) == 0, rd.gather.copies // none ends here
	switch {
	case err != nil || len(s.left) == 0:
	case copies:
		s.left, err = copyParts(s.left)
	default:
		s.leftIn = []*lent{own}
	}
	if err != nil || rd.gather.before == nil { // after an error nobody waits: the carry has room for one
		return s, err
	}
	select {
	case c := <-rd.gather.before:
		s.in = append(s.in, c.in...)
		err = c.err
		if err == nil && copies && len(c.in) > 0 {
			c.parts, err = copyParts(c.parts)
		}
		if passes {
			s.left = append(c.parts, s.left...)
			if !copies {
				s.leftIn = append(s.leftIn, c.in...)
			}
		} else {
			s.done[0] = append(c.parts, s.done[0]...)
		}
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err == nil && copies && len(s.left) > maxParts {
		s.left, err = copyParts(s.left)
	}
	return s, err
}

// maxParts bounds the records that are handed on for one batch: where few rows stay, a
// batch may be gathered from thousands of reads.
const maxParts = 64

func copyParts(parts []batch.Part) ([]batch.Part, error) {
	rec, err := batch.Gather(parts, false)
	if err != nil {
		return nil, err
	}
	return []batch.Part{{Record: rec, N: rec.NumRows()}}, nil
}

// selectRows finds the rows of a read's origins. A batch that gives rows to two batches of
// the view is decoded once.
func (r *Reader) selectRows(ctx context.Context, rd Range, bytes []byte) (done [][]batch.Part, left []batch.Part, err error) {
	o := r.decoder(ctx, rd.shard)
	if o.err != nil {
		return nil, nil, o.err
	}
	sh := r.source.StoredShard(rd.shard)
	last := -1
	var rec arrow.Record
	var rows []int32
	for _, p := range rd.gather.origins {
		if p.Batch != last {
			b := sh.Batches[p.Batch]
			msg := bytes[b.Offset-rd.offset:][:b.Len()]
			_, err = checkMessage(msg, b)
			if err == nil {
				rec, rows, err = r.matchingRows(o, msg)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("batch %d of %s: %w", p.Batch, sh.Key, err)
			}
			last = p.Batch
		}
		if int64(len(rows)) < p.Skip+p.Rows {
			return nil, nil, NotAsPublished(nil)
		}
		parts := runsOf(rec, rows[p.Skip:p.Skip+p.Rows])
		if left != nil {
			parts = append(left, parts...)
		}
		left = parts
		if p.Ends {
			done, left = append(done, left), nil
		}
	}
	return done, left, nil
}

// matchingRows decodes a batch and says which of its rows stay. The record has the columns
// that the view shows, as the table has them; it is nil where no row stays.
func (r *Reader) matchingRows(o *shardDecoder, msg []byte) (arrow.Record, []int32, error) {
	v := r.source.View
	asked := v.Filter.Columns()
	cols, err := o.columns(msg, asked)
	if err != nil || len(cols) == 0 {
		return nil, nil, err
	}
	all := make([]arrow.Array, v.Table.NumFields())
	for j, i := range asked {
		all[i] = cols[j]
	}
	rows := v.Filter.Rows(all, cols[0].Len())
	if len(rows) == 0 {
		return nil, nil, nil
	}
	rec, err := r.record(o, msg)
	return rec, rows, err
}

// record decodes what the view shows of a batch, as the table has it.
func (r *Reader) record(o *shardDecoder, msg []byte) (arrow.Record, error) {
	return r.part(o, msg, 0, -1)
}

// part is record of n rows from row from on; n < 0: all from there.
func (r *Reader) part(o *shardDecoder, msg []byte, from, n int64) (arrow.Record, error) {
	v := r.source.View
	cols, err := o.rows(msg, v.Columns, from, n)
	if err != nil {
		return nil, err
	}
	return v.Stored(cols), nil
}

// runsOf joins rows that follow each other into runs.
func runsOf(rec arrow.Record, rows []int32) []batch.Part {
	runs := 0
	for i := range rows {
		if i == 0 || rows[i] != rows[i-1]+1 {
			runs++
		}
	}
	out := make([]batch.Part, 0, runs)
	for _, row := range rows {
		if n := len(out) - 1; n >= 0 && out[n].From+out[n].N == int64(row) {
			out[n].N++
			continue
		}
		out = append(out, batch.Part{Record: rec, From: int64(row), N: 1})
	}
	return out
}

// EachMatching reads one range and hands on the rows that stay in each of its batches.
func (r *Reader) EachMatching(ctx context.Context, rd Range, do func(batch int, rec arrow.Record, rows []int32) error) error {
	buf, err := r.bytes(ctx, rd)
	if err != nil {
		return err
	}
	defer r.buffers.Put(buf)
	o := r.decoder(ctx, rd.shard)
	if o.err != nil {
		return o.err
	}
	sh := r.source.StoredShard(rd.shard)
	for _, sl := range rd.slices {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b := sh.Batches[sl.Batch]
		rec, rows, err := r.matchingRows(o, (*buf)[b.Offset-rd.offset:][:b.Len()])
		if err == nil && len(rows) > 0 {
			err = do(sl.Batch, rec, rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compactMessages appends rows of a batch with the dictionary values that they use, cut where
// they become too large for a message.
func (r *Reader) compactMessages(ctx context.Context, out []Message, sl plan.Slice, msg []byte) ([]Message, error) {
	o := r.decoder(ctx, sl.Shard)
	if o.err != nil {
		return nil, o.err
	}
	rec, err := r.part(o, msg, sl.From, sl.Rows)
	if err != nil {
		return nil, err
	}
	return compactPieces(r.source.View, out, batch.Part{Record: rec, N: sl.Rows})
}

// compactPieces halves rows until each half is a message, with its own dictionaries.
func compactPieces(v *view.View, out []Message, p batch.Part) ([]Message, error) {
	g, err := v.Gather([]batch.Part{p}, true, nil)
	if err != nil {
		return nil, err
	}
	msg := g.Message()
	if len(msg) > view.MaxMessage && p.N > 1 {
		half := p.N / 2
		out, err = compactPieces(v, out, batch.Part{Record: p.Record, From: p.From, N: half})
		if err != nil {
			return nil, err
		}
		return compactPieces(v, out, batch.Part{Record: p.Record, From: p.From + half, N: p.N - half})
	}
	dicts, err := g.DictionariesAs(v.Dictionaries)
	if err != nil {
		return nil, err
	}
	for _, d := range dicts {
		out = append(out, NewMessage(d, 0))
	}
	return append(out, NewMessage(msg, p.N)), nil
}
