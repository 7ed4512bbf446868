package read

import "context"

// HeldBytes is what one of a stream's reads holds at most: the buffer, which is as large as
// the largest of them needs, and what the view made of it.
func HeldBytes(reads []Range) int64 {
	var length, makes int64
	for _, one := range reads {
		length, makes = max(length, one.length), max(makes, one.outputBound)
	}
	return length + makes
}

// Fetched is a result that holds memory until it is let go of.
type Fetched struct {
	Result
	Release func()
}

// acquire gets memory for one read: the stream's own, else what is borrowed, else the own
// when it is free again. It is nil when ctx ends first.
func (m *Budget) acquire(ctx context.Context, n int64, own chan struct{}) (letGo func()) {
	mine := func() { own <- struct{}{} }
	select {
	case <-own:
		return mine
	default:
	}
	if m.tryReadAhead(n) {
		return func() { m.endReadAhead(n) }
	}
	select {
	case <-own:
		return mine
	case <-ctx.Done():
		return nil
	}
}

// Pipeline fetches reads, a few ahead where there is memory for it, and gives their
// results in order; each is to be let go of. It ends when ctx does; its goroutines end
// with it. With memory for two ahead and a client that takes its time:
//
//	range 1   being sent        the stream's own memory
//	range 2   fetched, waits    ahead
//	range 3   fetched, waits    ahead
//	range 4   not begun         whichever of the three is released first
func Pipeline(ctx context.Context, budget *Budget, rd *Reader, reads []Range) <-chan Fetched {
	futures := make(chan chan Fetched, maxAhead) // its capacity bounds the reads under way
	out := make(chan Fetched)
	own := make(chan struct{}, 1) // holds a token while the stream's own memory is free
	own <- struct{}{}
	n := HeldBytes(reads)
	go func() {
		defer close(futures)
		last := -1
		for _, one := range reads {
			f := make(chan Fetched, 1)
			select {
			case futures <- f:
			case <-ctx.Done():
				return
			}
			letGo := budget.acquire(ctx, n, own)
			if letGo == nil {
				f <- Fetched{Result{Err: context.Cause(ctx)}, func() {}}
				return
			}
			first := one.shard != last
			last = one.shard
			rd.retain(one.shard)
			go func() {
				defer rd.release(one.shard)
				f <- Fetched{rd.Fetch(ctx, one, first), letGo}
			}()
		}
	}()
	go func() {
		defer close(out)
		for f := range futures {
			res := <-f
			select {
			case out <- res:
			case <-ctx.Done():
				res.Release()
			}
		}
	}()
	return out
}
