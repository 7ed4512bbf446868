package rowindex

import (
	"context"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/policy/view"
	"guichet/schemas"
)

// builder lays out the batches of one shard.
type builder struct {
	view       *view.View
	window     int64 // rows of a window
	windowLeft int64 // of the open window
	sizes      *batch.Sizes
	open       plan.RowBatch
	batches    []plan.RowBatch
}

func newBuilder(v *view.View, window int64) *builder {
	return &builder{view: v, window: window, windowLeft: window, sizes: batch.NewSizes(v.Fields)}
}

// add takes the rows that stay in batch n of the shard.
func (x *builder) add(n int, rec arrow.Record, rows []int32) error {
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
	c, err := x.sizes.Select(cols, rows)
	if err != nil {
		return err
	}
	for at := 0; at < len(rows); {
		want := int(min(int64(len(rows)-at), x.windowLeft))
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
		x.open.Takes = append(x.open.Takes, plan.Take{Batch: n, Skip: int64(at), Rows: int64(fits)})
		x.open.Rows += int64(fits)
		x.windowLeft -= int64(fits)
		at += fits
		if x.windowLeft == 0 || fits < want {
			x.close()
		}
	}
	return nil
}

// close ends the open batch.
func (x *builder) close() {
	if x.open.Rows > 0 {
		x.open.Columns, x.open.Dictionaries = x.sizes.Columns(), x.sizes.Dictionaries()
		if len(x.open.Columns) > plan.MaxSizedColumns {
			x.open.Columns = []int64{x.sizes.Body()}
		}
		x.batches = append(x.batches, x.open)
	}
	x.open = plan.RowBatch{}
	x.sizes.Reset()
	if x.windowLeft == 0 {
		x.windowLeft = x.window
	}
}

// takeSlot waits for one of the places of those that read.
func (c *Cache) takeSlot(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-c.life.Context().Done():
		return release.Stopping()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// scan makes a view's index: it reads every batch once. Between shards, where it holds
// nothing, its place goes to whoever has waited longest.
func (c *Cache) scan(ctx context.Context, p *progress, t *schemas.Table, s *schemas.Split, vw *view.View) (ix *plan.RowIndex, err error) {
	err = c.takeSlot(ctx)
	if err != nil {
		return nil, err
	}
	has := true
	defer func() {
		if has {
			<-c.slots
		}
	}()
	defer read.RecoverCorrupt(&err)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // an answer that is not read to its end
	src := plan.NewSource(schemas.Version{}, t, s, vw)
	rd := read.NewReader(src, c.open, false)
	out := &plan.RowIndex{Format: plan.RowIndexFormat, Shards: []plan.RowIndexShard{}}
	for i := range s.Shards {
		if i > 0 {
			<-c.slots
			err := c.takeSlot(ctx)
			if has = err == nil; !has {
				return nil, err
			}
		}
		x := newBuilder(vw, t.WindowRows)
		for _, one := range read.PlanReads(src, src.ShardSlices(i), read.MaxRange) {
			if c.life.Closing() {
				return nil, release.Stopping()
			}
			err := rd.EachMatching(ctx, one, x.add)
			if err != nil {
				return nil, err
			}
		}
		x.close()
		if len(x.batches) > 0 {
			out.Shards = append(out.Shards, plan.RowIndexShard{Shard: i, Batches: x.batches})
		}
		rd.Forget()
		c.mu.Lock()
		p.done++
		c.mu.Unlock()
	}
	return out, nil
}
