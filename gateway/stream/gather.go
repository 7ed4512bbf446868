package stream

import (
	"context"
	"fmt"

	"guichet/connectors/batch"
	"guichet/policy/view"

	"github.com/apache/arrow/go/v17/arrow"
)

// maxGather bounds one read of a filtering view, which holds what it read, the rows
// that it gathered and their messages at once.
const maxGather = maxRead / 2

// gather is what a read of a filtering view does with the batches that it reads. Where
// a batch of the view begins in one read and ends in a later one, its rows are handed
// on from read to read.
type gather struct {
	portions []origin
	before   <-chan carry // nil: the first portion begins a batch
	after    chan<- carry // nil: the last portion ends one; it takes one carry without waiting
}

// carry are the rows of a batch that is not whole yet.
type carry struct {
	parts []batch.Part
	err   error
}

// planGathers joins the batches that slices take their rows from into ranges. A batch that
// gives rows to two slices in turn is read once, unless they become too much for it.
func planGathers(s *Source, list []slice, most int64) []read {
	var out []read
	for _, sl := range list {
		sh, makes := s.shard(sl.shard), s.made(sl)
		in := -1 // the last read that takes rows of the slice
		for _, p := range s.origins(sl) {
			b := sh.Batches[p.batch]
			if n := len(out) - 1; n >= 0 && out[n].shard == sl.shard {
				g := out[n].gather
				again := g.portions[len(g.portions)-1].batch == p.batch
				fits := in == n || out[n].makes+makes <= most
				if fits && (again || out[n].reaches(sl.shard, b, min(most, maxGather))) {
					if !again {
						out[n].length += b.Len()
					}
					if in != n {
						out[n].makes, in = out[n].makes+makes, n
					}
					g.portions = append(g.portions, p)
					continue
				}
			}
			in = len(out)
			out = append(out, read{shard: sl.shard, offset: b.Offset, length: b.Len(), makes: makes, gather: &gather{portions: []origin{p}}})
		}
	}
	for i := 1; i < len(out); i++ {
		last := out[i-1].gather
		if !last.portions[len(last.portions)-1].ends {
			c := make(chan carry, 1)
			last.after, out[i].gather.before = c, c
		}
	}
	return out
}

// gathered makes the messages of the view's batches that end in a read, with
// dictionaries of their own that hold only values in use.
func (r *reader) gathered(ctx context.Context, rd read) result {
	var out []Message
	err := r.each(ctx, rd, func(parts []batch.Part) error {
		g, err := r.source.view.Gather(parts, true)
		if err != nil {
			return err
		}
		dicts, err := g.Dictionaries()
		if err != nil {
			return err
		}
		for _, d := range dicts {
			out = append(out, message(d, 0))
		}
		out = append(out, message(g.Message(), g.Rows()))
		return nil
	})
	return result{messages: out, err: err}
}

// each reads a range and hands on the rows of each batch of the view that ends in it.
func (r *reader) each(ctx context.Context, rd read, whole func(parts []batch.Part) error) error {
	buf, done, left, err := r.collect(ctx, rd)
	if rd.gather.after != nil {
		rd.gather.after <- carry{left, err}
	}
	if err != nil {
		return err
	}
	defer r.buffers.Put(buf)
	for _, parts := range done {
		err := whole(parts)
		if err != nil {
			return err
		}
	}
	return nil
}

// collect reads a range and portions its rows: those of each batch of the view that ends
// in it, and those that are left for the next read, which are copied. The others lie
// in the buffer.
func (r *reader) collect(ctx context.Context, rd read) (buf *[]byte, done [][]batch.Part, left []batch.Part, err error) {
	buf, err = r.bytes(ctx, rd)
	if err != nil {
		return nil, nil, nil, err
	}
	done, left, err = r.picked(ctx, rd, *buf)
	if err == nil && len(left) > 0 {
		left, err = copied(left)
	}
	if err == nil && rd.gather.before != nil {
		select {
		case c := <-rd.gather.before:
			err = c.err
			if len(done) > 0 {
				done[0] = append(c.parts, done[0]...)
			} else {
				left = append(c.parts, left...)
			}
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err == nil && len(left) > maxParts {
		left, err = copied(left)
	}
	if err != nil {
		r.buffers.Put(buf)
		return nil, nil, nil, err
	}
	return buf, done, left, nil
}

// maxParts bounds the records that are handed on for one batch: where few rows stay, a
// batch may be gathered from thousands of reads.
const maxParts = 64

func copied(parts []batch.Part) ([]batch.Part, error) {
	rec, err := batch.Gather(parts, false)
	if err != nil {
		return nil, err
	}
	return []batch.Part{{Record: rec, N: rec.NumRows()}}, nil
}

// picked finds the rows of a read's portions.
func (r *reader) picked(ctx context.Context, rd read, bytes []byte) (done [][]batch.Part, left []batch.Part, err error) {
	o := r.opened(ctx, rd.shard)
	if o.err != nil {
		return nil, nil, o.err
	}
	sh := r.source.shard(rd.shard)
	last := -1
	var rec arrow.Record
	var rows []int32
	for _, p := range rd.gather.portions {
		if p.batch != last {
			b := sh.Batches[p.batch]
			msg := bytes[b.Offset-rd.offset:][:b.Len()]
			_, err = check(msg, b)
			if err == nil {
				rec, rows, err = r.visible(o, msg)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("batch %d of %s: %w", p.batch, sh.Key, err)
			}
			last = p.batch
		}
		if int64(len(rows)) < p.skip+p.rows {
			return nil, nil, changed(nil)
		}
		left = append(left, parts(rec, rows[p.skip:p.skip+p.rows])...)
		if p.ends {
			done, left = append(done, left), nil
		}
	}
	return done, left, nil
}

// visible decodes a batch and says which of its rows stay. The record has the columns
// that the view shows, as the table has them; it is nil where no row stays.
func (r *reader) visible(o *opened, msg []byte) (arrow.Record, []int32, error) {
	v := r.source.view
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
func (r *reader) record(o *opened, msg []byte) (arrow.Record, error) {
	v := r.source.view
	cols, err := o.columns(msg, v.Columns)
	if err != nil {
		return nil, err
	}
	return v.Stored(cols), nil
}

// parts joins rows that follow each other into runs.
func parts(rec arrow.Record, rows []int32) []batch.Part {
	var out []batch.Part
	for _, row := range rows {
		if n := len(out) - 1; n >= 0 && out[n].From+out[n].N == int64(row) {
			out[n].N++
			continue
		}
		out = append(out, batch.Part{Record: rec, From: int64(row), N: 1})
	}
	return out
}

// eachVisible reads one range and hands on the rows that stay in each of its batches.
func (r *reader) eachVisible(ctx context.Context, rd read, do func(batch int, rec arrow.Record, rows []int32) error) error {
	buf, err := r.bytes(ctx, rd)
	if err != nil {
		return err
	}
	defer r.buffers.Put(buf)
	o := r.opened(ctx, rd.shard)
	if o.err != nil {
		return o.err
	}
	sh := r.source.shard(rd.shard)
	for _, sl := range rd.slices {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b := sh.Batches[sl.batch]
		rec, rows, err := r.visible(o, (*buf)[b.Offset-rd.offset:][:b.Len()])
		if err == nil && len(rows) > 0 {
			err = do(sl.batch, rec, rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compacted appends rows of a batch with the dictionary values that they use, cut where
// they become too large for a message.
func (r *reader) compacted(ctx context.Context, out []Message, sl slice, msg []byte) ([]Message, error) {
	o := r.opened(ctx, sl.shard)
	if o.err != nil {
		return nil, o.err
	}
	rec, err := r.record(o, msg)
	if err != nil {
		return nil, err
	}
	return compactPieces(r.source.view, out, batch.Part{Record: rec, From: sl.from, N: sl.rows})
}

// compactPieces halves rows until each half is a message, with its own dictionaries.
func compactPieces(v *view.View, out []Message, p batch.Part) ([]Message, error) {
	g, err := v.Gather([]batch.Part{p}, true)
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
		out = append(out, message(d, 0))
	}
	return append(out, message(msg, p.N)), nil
}
