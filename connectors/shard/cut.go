package shard

import (
	"errors"
	"fmt"
	"math/bits"
)

// maxWindow is the most rows of a window [decisions.md 10].
const maxWindow = 65_536

// cutter gathers rows and cuts them into batches at places that depend on the
// rows alone, never on how they came.
type cutter struct {
	plan    *plan
	emit    func(cols []*col, rows int) error
	window  int64 // rows per window, 0 while not chosen
	left    int64 // rows that the open window still wants
	pending []batch
	rows    int64   // in pending
	size    int64   // of pending: an estimate that cannot stay below the truth for long
	base    int64   // rows emitted
	giants  []int64 // rows that alone exceed the limit
}

// push appends a batch without cutting.
func (c *cutter) push(b batch) error {
	if b.rows == 0 {
		return nil
	}
	for i, k := range b.cols {
		n, err := c.plan.size(i, []seg{{c: k, from: b.skip, n: b.rows}})
		if err != nil {
			return invalid("%s, %w", b.where, err)
		}
		c.size += n
	}
	c.pending, c.rows = append(c.pending, b), c.rows+int64(b.rows)
	return nil
}

// segs are the first n pending rows as segments per column.
func (c *cutter) segs(n int64) [][]seg {
	out := make([][]seg, len(c.plan.schema.top))
	for i := range out {
		left := int(n)
		for _, b := range c.pending {
			if left == 0 {
				break
			}
			k := min(left, b.rows)
			out[i] = push(out[i], seg{c: b.cols[i], from: b.skip, n: k})
			left -= k
		}
	}
	return out
}

// exact is the size of the first n pending rows.
func (c *cutter) exact(n int64) (sum int64, err error) {
	for i, s := range c.segs(n) {
		k, err := c.plan.size(i, s)
		if err != nil {
			return 0, invalid("rows from %d on, %w", c.base, err)
		}
		sum += k
	}
	return sum, nil
}

// enough says whether the pending rows decide a cut: need of them, or more
// bytes than a batch may have.
func (c *cutter) enough(need int64) (bool, error) {
	if c.rows >= need {
		return true, nil
	}
	if c.size <= c.plan.limit {
		return false, nil
	}
	var err error
	c.size, err = c.exact(c.rows)
	return c.size > c.plan.limit, err
}

// fit is the most of the first n rows that fit one batch, 0 where not even one.
func (c *cutter) fit(n int64) (int64, error) {
	size, err := c.exact(n)
	if err != nil || size <= c.plan.limit {
		return n, err
	}
	lo, hi := int64(0), n // lo fits, hi does not
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		if size, err = c.exact(mid); err != nil {
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

// chooseWindow settles the rows per window from the pending rows.
func (c *cutter) chooseWindow() (int64, error) {
	n := min(c.rows, maxWindow)
	if n == 0 {
		return maxWindow, nil
	}
	fits, err := c.fit(n)
	if err != nil {
		return 0, err
	}
	if fits == n && n < maxWindow { // all there is fits: reckon with its mean
		size, err := c.exact(n)
		if err != nil {
			return 0, err
		}
		fits = min(maxWindow, c.plan.limit*n/max(size, 1))
	}
	return int64(1) << (bits.Len64(uint64(max(fits, 1))) - 1), nil
}

// add takes a batch and emits what can be cut. It takes the batch in pieces that
// end where windows end, so that what is pending stays small.
func (c *cutter) add(b batch) error {
	for b.rows > 0 {
		want := int64(maxWindow)
		if c.window > 0 {
			want = c.left
		}
		piece := b
		piece.rows = int(min(int64(b.rows), max(want-c.rows, 1)))
		b.skip, b.rows = b.skip+piece.rows, b.rows-piece.rows
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

func (c *cutter) drain(last bool) error {
	for c.rows > 0 {
		need := c.left
		if c.window == 0 {
			need = maxWindow
		}
		if done, err := c.enough(need); err != nil || !done && !last {
			return err
		}
		if c.window == 0 {
			w, err := c.chooseWindow()
			if err != nil {
				return err
			}
			c.window, c.left = w, w
			continue
		}
		n, err := c.fit(min(c.left, c.rows))
		if err != nil {
			return err
		}
		if n == 0 {
			n = 1
			c.giants = append(c.giants, c.base)
		}
		if err := c.cut(n); err != nil {
			return err
		}
	}
	return nil
}

// cut emits the first n pending rows as one batch.
func (c *cutter) cut(n int64) error {
	cols, err := c.plan.build(c.segs(n), c.base)
	if v, ok := errors.AsType[*valueFault](err); ok && !v.nested {
		return invalid("%w", err)
	}
	if err != nil {
		return invalid("rows %d to %d, %w", c.base, c.base+n-1, err)
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
		k := min(n, int64(b.rows))
		b.skip += int(k)
		b.rows -= int(k)
		if n -= k; b.rows == 0 {
			c.pending = c.pending[1:]
		}
	}
	c.size = 0
	for _, b := range c.pending {
		for i, k := range b.cols {
			m, _ := c.plan.size(i, []seg{{c: k, from: b.skip, n: b.rows}})
			c.size += m
		}
	}
}

// obeys follows the batches of a foreign shard and says whether they are cut as
// ours might be: no batch across a window's border or over the limit, and not
// many more batches than the bytes ask for.
type obeys struct {
	window, limit int64
	pos           int64 // rows of the open window
	bytes         int64 // of the open window
	batches       int64
}

func (o *obeys) batch(rows, size int64) bool {
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

func giantNote(rows []int64) string {
	return fmt.Sprintf("%d rows are larger than a message of 3.5 MiB and stand alone (the first: row %d); Flight clients with default limits refuse them", len(rows), rows[0])
}
