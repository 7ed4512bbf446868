package mount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"guichet/connectors/client"
)

const (
	firstRun = 4 << 20
	mostRun  = 64 << 20
	block    = 1 << 20   // what is read ahead at a time
	ahead    = 8 << 20   // beyond what was read last
	behind   = 4 << 20   // before it: the kernel's reads overtake each other
	nearby   = 256 << 10 // of a read that follows another: the kernel sends several at once
)

// opener gives n bytes of a file from from on. Errors: schemas.Error as the gateway refuses.
type opener func(ctx context.Context, from, n int64) (io.ReadCloser, error)

// reader reads one open file. Programs read several places of it by turns: the columns of a table, or
// record batches by several threads. Each place that is read in order is a cursor of its own. Safe
// for concurrent use.
type reader struct {
	open opener
	size int64
	end  func(error) error // what becomes of an error before it is given; told of each that the gateway refused

	mu      sync.Mutex
	cursors []*cursor // the one that was read last comes last
}

// mostCursors is how many places of a file are read in order at once.
const mostCursors = 16

// cursor is a place of a file that is read in order, as it seems.
type cursor struct {
	next int64 // where a read would follow the last one
	long int64 // of the next run
	run  *run
}

// stop ends what is read ahead.
func (c *cursor) stop() {
	if c.run != nil {
		c.run.stop()
		c.run = nil
	}
}

func newReader(open opener, size int64, end func(error) error) *reader {
	return &reader{open: open, size: size, end: end}
}

// Close ends what is read ahead.
func (r *reader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.cursors {
		c.stop()
	}
	r.cursors = nil
}

// at gives the cursor that a read at off belongs to: one whose run has the place, or which it
// follows. There is none for a read that follows nothing; it begins one.
func (r *reader) at(off, n int64) (c *cursor, holds, follows bool) {
	i := slices.IndexFunc(r.cursors, func(c *cursor) bool { return c.run != nil && c.run.holds(off) })
	holds = i >= 0
	if !holds {
		i = slices.IndexFunc(r.cursors, func(c *cursor) bool { return off > 0 && off >= c.next-nearby && off <= c.next+nearby })
		follows = i >= 0
	}
	switch {
	case i >= 0:
		c = r.cursors[i]
		r.cursors = slices.Delete(r.cursors, i, i+1)
	case len(r.cursors) >= mostCursors:
		c = r.cursors[0]
		c.stop()
		r.cursors = slices.Delete(r.cursors, 0, 1)
		c.long = firstRun
	default:
		c = &cursor{long: firstRun}
	}
	c.next = off + n
	r.cursors = append(r.cursors, c)
	return c, holds, follows
}

// ReadAt fills p from off on, less only at the end of the file. What breaks off is asked for
// again for a while; what the gateway refuses is not.
func (r *reader) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	p = p[:max(0, min(int64(len(p)), r.size-off))]
	done := 0
	err := client.Again(ctx, func() error {
		for done < len(p) {
			n, err := r.some(ctx, p[done:], off+int64(done))
			done += n
			if err != nil && !errors.Is(err, errDropped) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return done, r.end(err)
	}
	return done, nil
}

// some reads at least one byte of p: from a run, or by a request.
func (r *reader) some(ctx context.Context, p []byte, off int64) (int, error) {
	r.mu.Lock()
	c, holds, follows := r.at(off, int64(len(p)))
	if !holds && !follows {
		r.mu.Unlock()
		return r.once(ctx, p, off)
	}
	if !holds {
		c.stop()
		c.run, c.long = startRun(r.open, off, min(c.long, r.size-off), ahead/int64(len(r.cursors))), min(2*c.long, mostRun)
	}
	now := c.run
	r.mu.Unlock()
	n, err := now.read(ctx, p, off)
	if err != nil {
		r.mu.Lock()
		if c.run == now { // the next read begins another one, where this one broke off
			c.run = nil
			c.next = off + int64(n)
		}
		r.mu.Unlock()
		now.stop()
	}
	return n, err
}

// once reads p by a request of its own.
func (r *reader) once(ctx context.Context, p []byte, off int64) (int, error) {
	body, err := r.open(ctx, off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p)
	if err != nil {
		err = fmt.Errorf("%d of %d bytes came: %w", n, len(p), err)
	}
	return n, err
}

// run is one request whose bytes are read ahead, from start on. Blocks that lie behind what was
// read last are dropped.
type run struct {
	start, n int64
	ahead    int64 // how far beyond what was asked for it reads
	stop     context.CancelFunc

	mu      sync.Mutex
	blocks  map[int64][]byte // by number, from start
	have    int64            // bytes that came
	asked   int64            // beyond the last byte that was asked for
	err     error
	changed chan struct{} // closed when any of these moves
}

func startRun(open opener, start, n, ahead int64) *run {
	ctx, stop := context.WithCancel(context.Background())
	r := &run{start: start, n: n, ahead: max(ahead, block), stop: stop, blocks: map[int64][]byte{}, changed: make(chan struct{})}
	go r.fetch(ctx, open)
	return r
}

// holds says whether a read at off is this run's: it is there, or comes soon.
func (r *run) holds(off int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := off - r.start
	return at >= 0 && at < r.n && at <= r.have+r.ahead && (at >= r.have || r.blocks[at/block] != nil)
}

// move changes what others wait for.
func (r *run) move(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	close(r.changed)
	r.changed = make(chan struct{})
}

// fetch reads the request to its end, or until it is stopped.
func (r *run) fetch(ctx context.Context, open opener) {
	defer r.stop()
	body, err := open(ctx, r.start, r.n)
	if err != nil {
		r.move(func() { r.err = cut(ctx, err) })
		return
	}
	defer body.Close()
	for at := int64(0); at < r.n; {
		if !r.wanted(ctx, at) {
			r.move(func() { r.err = errDropped })
			return
		}
		b := make([]byte, min(block, r.n-at))
		n, err := io.ReadFull(body, b)
		if err != nil {
			b, err = b[:n], cut(ctx, err)
		}
		at += int64(n)
		r.move(func() {
			if n > 0 {
				r.blocks[(at-1)/block] = b
			}
			r.have, r.err = at, err
		})
		if err != nil {
			return
		}
	}
}

// cut is why a run breaks off: its error, or that it was stopped.
func cut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errDropped
	}
	return err
}

// wanted waits until the block at at is near what is read; false where the run is stopped.
func (r *run) wanted(ctx context.Context, at int64) bool {
	for {
		r.mu.Lock()
		near, changed := at < r.asked+r.ahead, r.changed
		r.mu.Unlock()
		if near {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

// read copies what is there at off, once it is.
func (r *run) read(ctx context.Context, p []byte, off int64) (int, error) {
	at := off - r.start
	r.move(func() {
		r.asked = max(r.asked, min(at+int64(len(p)), r.n))
		for i := range r.blocks {
			if (i+1)*block <= r.asked-behind {
				delete(r.blocks, i)
			}
		}
	})
	for {
		r.mu.Lock()
		b, have, err, changed := r.blocks[at/block], r.have, r.err, r.changed
		r.mu.Unlock()
		if within := at % block; within < int64(len(b)) {
			return copy(p, b[within:]), nil
		}
		if err != nil {
			return 0, err
		}
		if at < have {
			return 0, errDropped
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-changed:
		}
	}
}

// errDropped says that a read came so late that its block was let go, or its run was stopped for
// another one; it is asked for anew.
var errDropped = errors.New("the block was dropped")
