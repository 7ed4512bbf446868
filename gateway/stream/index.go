package stream

import (
	"context"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/shard"
	"guichet/policy/view"
	"guichet/schemas"
)

// index is the manifest of a filtering view: shards without a row that stays are not in
// it, the others have batches of the view's own, cut where the table's windows end as
// those of every shard, and counted in rows and bytes of what is shown. So nothing that
// the view hides shows in it but where the rows come from [decisions.md 11].
type index struct {
	Format int          `json:"format"`
	Shards []indexShard `json:"shards"`
}

// indexFormat is that of the indexes that are written now; others are made anew.
const indexFormat = 2

type indexShard struct {
	Shard   int     `json:"shard"` // its place among the split's
	Batches []batch `json:"batches"`
}

// batch is one batch of a filtering view.
type batch struct {
	Rows         int64   `json:"r"`
	Columns      []int64 `json:"c"`           // bytes of each shown column in the body; of all together where they are many
	Dictionaries []int64 `json:"d,omitempty"` // bytes of each dictionary's message
	Takes        []take  `json:"t"`
}

// maxIndexed is the most columns that an index sizes apart, so that a batch takes less
// than 1 KB of it.
const maxIndexed = 100

// take is where a batch's rows come from: Rows of those that stay in a batch of the
// shard, after Skip that went to the batch before.
type take struct {
	Batch int   `json:"b"`
	Skip  int64 `json:"s,omitempty"`
	Rows  int64 `json:"r"`
}

// over says whether every place that the index names is one of the split's, and the
// sizes are those of the view's columns.
func (ix *index) over(s *schemas.Split, v *view.View) bool {
	sizes, last := len(v.Columns), -1
	if sizes > maxIndexed {
		sizes = 1
	}
	for _, sh := range ix.Shards {
		if sh.Shard <= last || sh.Shard >= len(s.Shards) || len(sh.Batches) == 0 {
			return false
		}
		last = sh.Shard
		for _, b := range sh.Batches {
			if len(b.Columns) != sizes || len(b.Dictionaries) != len(v.Dictionaries) || !b.within(&s.Shards[sh.Shard]) {
				return false
			}
		}
	}
	return true
}

// within says whether a batch takes its rows from a shard.
func (b *batch) within(sh *schemas.Shard) bool {
	var rows int64
	for _, t := range b.Takes {
		if t.Batch < 0 || t.Batch >= len(sh.Batches) || t.Skip < 0 || t.Rows < 1 || t.Rows > sh.Batches[t.Batch].Rows-t.Skip {
			return false
		}
		rows += t.Rows
	}

	return b.Rows == rows && rows > 0 && !slices.ContainsFunc(slices.Concat(b.Columns, b.Dictionaries), func(n int64) bool { return n < 0 || n > maxFileSize })
}

// weight is about the bytes that an index takes in memory.
func (ix *index) weight() int64 {
	n := int64(1024)
	for _, sh := range ix.Shards {
		for _, b := range sh.Batches {
			n += 96 + 8*int64(len(b.Columns)+len(b.Dictionaries)) + 24*int64(len(b.Takes))
		}
	}
	return n
}

// indexed is the index of the widest view of an agreement as a view with fewer columns
// reads it: both have the same batches.
type indexed struct {
	*index
	columns []int // where the view's columns stand in the batches' sizes
	dicts   []int
}

// of gives the index of a view for another that shows some of its columns.
func (ix *index) of(widest, v *view.View) *indexed {
	out := &indexed{index: ix}
	out.columns, out.dicts = within(widest.Columns, v.Columns), within(widest.Dictionaries, v.Dictionaries)
	if len(widest.Columns) > maxIndexed {
		out.columns = []int{0}
	}
	return out
}

// within finds some numbers among all, both ascending.
func within(all, some []int) []int {
	var out []int
	for _, n := range some {
		at, ok := slices.BinarySearch(all, n)
		if ok {
			out = append(out, at)
		}
	}
	return out
}

// indexer lays out the batches of one shard.
type indexer struct {
	view    *view.View
	window  int64 // rows of a window
	left    int64 // of the open window
	sizes   *shard.Sizes
	open    batch
	batches []batch
}

func newIndexer(v *view.View, window int64) *indexer {
	return &indexer{view: v, window: window, left: window, sizes: shard.NewSizes(v.Fields)}
}

// add takes the rows that stay in batch n of the shard.
func (x *indexer) add(n int, rec arrow.Record, rows []int32) error {
	cols := slices.Clone(rec.Columns())
	for at, i := range x.view.Columns {
		if !slices.Contains(x.view.Edited, i) {
			continue
		}
		if _, fixed := x.view.Fields[at].Type.(arrow.FixedWidthDataType); fixed {
			continue // its bytes follow from rows and nulls, which the edit keeps
		}
		a, err := x.view.Apply(i, cols[at])
		if err != nil {
			return err
		}
		cols[at] = a
	}
	c, err := x.sizes.Choose(cols, rows)
	if err != nil {
		return err
	}
	for at := 0; at < len(rows); {
		want := int(min(int64(len(rows)-at), x.left))
		fits, err := x.sizes.Add(c, at, want, view.MaxMessage-x.view.Frame)
		if err == nil && fits == 0 && x.open.Rows > 0 {
			x.close()
			continue
		}
		if err == nil && fits == 0 { // a single row beyond the limit stands alone
			fits, err = x.sizes.Add(c, at, 1, math.MaxInt64)
		}
		if err != nil {
			return err
		}
		x.open.Takes = append(x.open.Takes, take{n, int64(at), int64(fits)})
		x.open.Rows += int64(fits)
		x.left -= int64(fits)
		at += fits
		if x.left == 0 || fits < want {
			x.close()
		}
	}
	return nil
}

// close ends the open batch.
func (x *indexer) close() {
	if x.open.Rows > 0 {
		x.open.Columns, x.open.Dictionaries = x.sizes.Columns(), x.sizes.Dictionaries()
		if len(x.open.Columns) > maxIndexed {
			x.open.Columns = []int64{x.sizes.Body()}
		}
		x.batches = append(x.batches, x.open)
	}
	x.open = batch{}
	x.sizes.Reset()
	if x.left == 0 {
		x.left = x.window
	}
}

// place waits for one of the places of those that read.
func (vs *views) place(ctx context.Context) error {
	select {
	case vs.scans <- struct{}{}:
		return nil
	case <-vs.engine.closing:
		return stopping()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// scan makes a view's index: it reads every batch once. Between shards, where it holds
// nothing, its place goes to whoever has waited longest.
func (vs *views) scan(ctx context.Context, p *progress, t *schemas.Table, s *schemas.Split, vw *view.View) (ix *index, err error) {
	err = vs.place(ctx)
	if err != nil {
		return nil, err
	}
	has := true
	defer func() {
		if has {
			<-vs.scans
		}
	}()
	defer foreign(&err)
	src := newSource(schemas.Version{}, t, s, vw, nil)
	rd := &reader{source: src, open: vs.engine.Store, buffers: vs.engine.buffers, decoders: map[int]*opened{}}
	out := &index{Format: indexFormat, Shards: []indexShard{}}
	for i := range s.Shards {
		if i > 0 {
			<-vs.scans
			err := vs.place(ctx)
			if has = err == nil; !has {
				return nil, err
			}
		}
		x := newIndexer(vw, t.WindowRows)
		for _, one := range src.reads(src.slices([]schemas.Segment{segment(i, 0, src.shardRows(i))}), maxRead) {
			if vs.engine.Closing() {
				return nil, stopping()
			}
			err := rd.index(ctx, one, x)
			if err != nil {
				return nil, err
			}
		}
		x.close()
		if len(x.batches) > 0 {
			out.Shards = append(out.Shards, indexShard{i, x.batches})
		}
		rd.forget(nil)
		vs.mu.Lock()
		p.done++
		vs.mu.Unlock()
	}
	return out, nil
}

// index reads one range into an index.
func (r *reader) index(ctx context.Context, rd read, x *indexer) error {
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
			err = x.add(sl.batch, rec, rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
