package shard

import (
	"errors"
	"fmt"
	"math/bits"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// maxWindow is the most rows of a window [decisions.md 10].
const maxWindow = 65_536

// cutter gathers rows and cuts them into batches at places that depend on the
// rows alone, never on how they came: whoever publishes the same rows again gets the same
// bytes. The package's own page draws where that is.
type cutter struct {
	plan         *plan
	emit         func(cols []*column.Column, rows int) error
	window       int64 // rows per window, 0 while not chosen
	left         int64 // rows that the open window still wants
	pending      []batch.Rows
	rows         int64   // in pending
	size         int64   // of pending: an estimate that cannot stay below the truth for long
	base         int64   // rows emitted
	oversizeRows []int64 // rows that alone exceed the limit
}

// push appends rows without cutting. The sizes of pieces add up to about the size of all:
// each piece has its own first offset and last bits, and a bitmap only where it has nulls.
func (c *cutter) push(b batch.Rows) error {
	if b.Len == 0 {
		return nil
	}
	for i, k := range b.Columns {
		n, err := c.plan.size(i, []column.Run{{Column: k, From: b.Skip, Len: b.Len}})
		if err != nil {
			return ipc.Invalid("%s, %w", b.Where, err)
		}
		c.size += n
	}
	c.pending, c.rows = append(c.pending, b), c.rows+int64(b.Len)
	return nil
}

// runs are n pending rows from one on as runs per column.
func (c *cutter) runs(from, n int64) [][]column.Run {
	out := make([][]column.Run, len(c.plan.schema.Top))
	for i := range out {
		skip, left := int(from), int(n)
		for _, b := range c.pending {
			if left == 0 {
				break
			}
			over := min(skip, b.Len)
			skip -= over
			k := min(left, b.Len-over)
			if k > 0 {
				out[i] = column.AppendRun(out[i], column.Run{Column: b.Columns[i], From: b.Skip + over, Len: k})
			}
			left -= k
		}
	}
	return out
}

// exact is the size of n pending rows from one on.
func (c *cutter) exact(from, n int64) (sum int64, err error) {
	for i, s := range c.runs(from, n) {
		k, err := c.plan.size(i, s)
		if err != nil {
			return 0, ipc.Invalid("rows from %d on, %w", c.base, err)
		}
		sum += k
	}
	return sum, nil
}

// enough says whether the pending rows decide a cut: need of them, or more
// bytes than a batch may have. The estimate is reckoned again only where it says yes, so
// that rows are not measured each time that some come.
func (c *cutter) enough(need int64) (bool, error) {
	if c.rows >= need {
		return true, nil
	}
	if c.size <= c.plan.limit {
		return false, nil
	}
	var err error
	c.size, err = c.exact(0, c.rows)
	return c.size > c.plan.limit, err
}

// fitting is the most of n rows from one on that fit one batch, 0 where not even one.
func (c *cutter) fitting(from, n int64) (int64, error) {
	size, err := c.exact(from, n)
	if err != nil || size <= c.plan.limit {
		return n, err
	}
	lo, hi := int64(0), n // lo fits, hi does not
	// A row more never makes a batch smaller, so halving finds the border: of 2048 rows of
	// 4 KB, of which 912 fit, in eleven steps.
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		if size, err = c.exact(from, mid); err != nil {
			return 0, err
		}
		if size <= c.plan.limit {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, nil
}

// What the choice of a window looks at.
const (
	tellingRun    = 64 // so many rows that fit one batch tell how large rows are
	oversizeShare = 8  // a row of more than limit/8 that ends a shorter run is one by itself, and tells nothing
	surveyed      = 16 // batches' worth of bytes, after which the best guess stands
)

// chooseWindow settles the rows per window: the largest power of two whose rows fill at
// most one batch, by the first rows, oversize ones left out. It depends on rows alone; 0
// where more rows have to be seen; with last there are none.
//
// For rows of 4 KB 912 fit a batch: windows of 512. Where the third of them has 5 MB, a run
// of 2 rows ends at it, which tells nothing, as it is oversize; the run behind it counts.
func (c *cutter) chooseWindow(last bool) (int64, error) {
	n, from, best := min(c.rows, maxWindow), int64(0), int64(0)
	all := last || n == maxWindow
	if n == 0 {
		return maxWindow, nil
	}
	for from < n {
		k, err := c.fitting(from, n-from)
		if err != nil {
			return 0, err
		}
		if from+k == n { // all there is, fits
			if !all {
				return 0, nil
			}
			if n < maxWindow { // reckon with its mean
				size, err := c.exact(from, k)
				if err != nil {
					return 0, err
				}
				k = min(maxWindow, c.plan.limit*k/max(size, 1))
			}
			return powerOfTwo(max(best, k)), nil
		}
		best = max(best, k)
		next, err := c.exact(from+k, 1)
		if err != nil {
			return 0, err
		}
		if k >= tellingRun || next <= c.plan.limit/oversizeShare {
			return powerOfTwo(best), nil
		}
		from += k + 1
		size, err := c.exact(0, from)
		if err != nil || size > surveyed*c.plan.limit {
			return powerOfTwo(best), err
		}
	}
	if !all {
		return 0, nil
	}
	return powerOfTwo(best), nil
}

// powerOfTwo is the largest power of two up to n.
func powerOfTwo(n int64) int64 { return int64(1) << (bits.Len64(uint64(max(n, 1))) - 1) }

// add takes a batch and emits what can be cut. It takes the batch in pieces that
// end where windows end, so that what is pending stays small.
func (c *cutter) add(b batch.Rows) error {
	for b.Len > 0 {
		want := int64(maxWindow)
		if c.window > 0 {
			want = c.left
		}
		piece := b
		piece.Len = int(min(int64(b.Len), max(want-c.rows, 1)))
		b.Skip, b.Len = b.Skip+piece.Len, b.Len-piece.Len
		if err := c.push(piece); err != nil {
			return err
		}
		if err := c.drain(false); err != nil {
			return err
		}
	}
	return nil
}

// finish emits the rest as the shard's tail.
func (c *cutter) finish() error { return c.drain(true) }

// drain emits the batches that the pending rows decide; with last, all of them.
func (c *cutter) drain(last bool) error {
	for c.rows > 0 {
		// Rows wait until a cut can no longer depend on rows that are not here: either the
		// window's rest is here, so that the cut lies at its end at the latest, or there are
		// more bytes than one batch takes, so that it lies before the last of them.
		need := c.left
		if c.window == 0 {
			need = maxWindow
		}
		if done, err := c.enough(need); err != nil || !done && !last {
			return err
		}
		if c.window == 0 {
			w, err := c.chooseWindow(last)
			if err != nil || w == 0 {
				return err
			}
			c.window, c.left = w, w
			continue
		}
		n, err := c.fitting(0, min(c.left, c.rows))
		if err != nil {
			return err
		}
		if n == 0 { // not even one row fits: it stands alone, and breaks the limit
			n = 1
			c.oversizeRows = append(c.oversizeRows, c.base)
			if err := c.bearable(); err != nil {
				return err
			}
		}
		if err := c.cut(n); err != nil {
			return err
		}
	}
	return nil
}

// bearable refuses an oversize row before it is copied, where readers would not survive it.
func (c *cutter) bearable() error {
	for i, s := range c.runs(0, 1) {
		size, err := c.plan.size(i, s)
		if err == nil && size > column.MaxValue {
			err = fmt.Errorf("column %q: a value of %d bytes; one has at most %d (64 MiB): keep it in a file of its own and its address "+
				"in the column", c.plan.schema.Top[i].Field.Name, size, int64(column.MaxValue))
		}
		if err != nil {
			return ipc.Invalid("row %d, %w", c.base, err)
		}
	}
	return nil
}

// cut emits the first n pending rows as one batch.
func (c *cutter) cut(n int64) error {
	cols, err := c.plan.build(c.runs(0, n), c.base)
	if v, ok := errors.AsType[*column.ValueError](err); ok && !v.Nested {
		return ipc.Invalid("%w", err)
	}
	if err != nil {
		return ipc.Invalid("rows %d to %d, %w", c.base, c.base+n-1, err)
	}
	if err := c.emit(cols, int(n)); err != nil {
		return err
	}
	c.drop(n)
	c.base += n
	if c.left -= n; c.left == 0 {
		c.left = c.window
	}
	return nil
}

// drop forgets the first n pending rows.
func (c *cutter) drop(n int64) {
	c.rows -= n
	for n > 0 {
		b := &c.pending[0]
		k := min(n, int64(b.Len))
		b.Skip += int(k)
		b.Len -= int(k)
		if n -= k; b.Len == 0 {
			c.pending = c.pending[1:]
		}
	}
	c.size = 0
	for _, b := range c.pending {
		for i, k := range b.Columns {
			m, _ := c.plan.size(i, []column.Run{{Column: k, From: b.Skip, Len: b.Len}})
			c.size += m
		}
	}
}

// cutChecker follows the batches of a foreign shard and says whether they are cut as
// ours might be: no batch across a window's border or over the limit, and not
// many more batches than the bytes ask for.
type cutChecker struct {
	window, limit int64
	pos           int64 // rows of the open window
	bytes         int64 // of the open window
	batches       int64
}

func (o *cutChecker) batch(rows, size int64) bool {
	if rows < 1 || o.pos+rows > o.window || size > o.limit && rows > 1 {
		return false
	}
	o.pos += rows
	o.bytes += size
	o.batches++
	ok := o.batches <= 1+2*o.bytes/o.limit
	if o.pos == o.window {
		o.pos, o.bytes, o.batches = 0, 0, 0
	}
	return ok
}

func oversizeNote(rows []int64) string {
	return fmt.Sprintf("%d rows are larger than a message of 3.5 MiB and stand alone (the first: row %d); Flight clients with "+
		"default limits refuse them", len(rows), rows[0])
}
