package read

import (
	"context"
	"sync"

	"guichet/gateway/stream/memory"
)

// HeldBytes is what one of a stream's reads holds at most: the buffer, which is as large as
// the largest of them needs, and what the view made of it. rest is what the sink holds of a
// Rest; 0 where it takes none, or the view or the store does not let it.
func HeldBytes(reads []Range, rest int64) int64 {
	var length, makes int64
	for _, one := range reads {
		switch {
		case one.passes && one.rests && rest > 0:
			length = max(length, rest)
		case one.passes: // a batch at a time
			length = max(length, one.outputBound)
		case one.gather != nil:
			length, makes = max(length, one.length+one.again+one.gather.lent), max(makes, one.outputBound)
		case one.woven:
			length, makes = max(length, one.largest), max(makes, one.outputBound)
		case one.shared: // what it is made of is Recent's
			makes = max(makes, one.outputBound)
		default:
			length, makes = max(length, one.length+one.again), max(makes, one.outputBound)
		}
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
func acquire(ctx context.Context, m *memory.Budget, n int64, own chan struct{}) (letGo func()) {
	mine := func() { own <- struct{}{} }
	select {
	case <-own:
		return mine
	default:
	}
	if m.TryAhead(n) {
		return func() { m.EndAhead(n) }
	}
	select {
	case <-own:
		return mine
	case <-ctx.Done():
		return nil
	}
}

// Pipeline fetches reads, a few ahead where there is memory for it, and gives their
// results in order; each is to be let go of. rest is as in HeldBytes. It ends when ctx
// does; its goroutines end with it. With memory for two ahead and a client that takes its
// time:
//
//	range 1   being sent        the stream's own memory
//	range 2   fetched, waits    ahead
//	range 3   fetched, waits    ahead
//	range 4   not begun         whichever of the three is released first
func Pipeline(ctx context.Context, budget *memory.Budget, rd *Reader, reads []Range, rest int64) <-chan Fetched {
	futures := make(chan chan Fetched, maxAhead) // its capacity bounds the reads under way
	out := make(chan Fetched)
	own := make(chan struct{}, 1) // holds a token while the stream's own memory is free
	own <- struct{}{}
	held := HeldBytes(reads, rest)
	answers := &unread{less: make(chan struct{}, 1)}
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
			letGo := acquire(ctx, budget, held, own)
			if letGo != nil && one.passes && !answers.room(ctx, one.length) {
				letGo()
				letGo = nil
			}
			if letGo == nil {
				f <- Fetched{Result{Err: context.Cause(ctx)}, func() {}}
				return
			}
			first := one.shard != last
			last = one.shard
			rd.retain(one.shard)
			go func() {
				defer rd.release(one.shard)
				res := rd.Fetch(ctx, one, first)
				switch {
				case res.Batches != nil:
					res.Batches.took = answers.took
					f <- Fetched{res, func() { res.Batches.Close(); letGo() }}
				case one.passes:
					answers.took(one.length)
					fallthrough
				default:
					f <- Fetched{res, letGo}
				}
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

// maxUnread is how little of the answers that a stream asked for may be missing before it
// asks for the next: a store waits for its client, and gives up one that reads nothing.
const maxUnread = MaxRange

// unread counts the bytes of answers that were asked for and not read yet.
type unread struct {
	mu   sync.Mutex
	n    int64
	less chan struct{}
}

// room waits until another answer may be asked for, and counts it; false: ctx ended first.
func (u *unread) room(ctx context.Context, n int64) bool {
	for {
		u.mu.Lock()
		free := u.n < maxUnread
		if free {
			u.n += n
		}
		u.mu.Unlock()
		if free {
			return true
		}
		select {
		case <-u.less:
		case <-ctx.Done():
			return false
		}
	}
}

func (u *unread) took(n int64) {
	u.mu.Lock()
	u.n -= n
	u.mu.Unlock()
	select {
	case u.less <- struct{}{}:
	default: // it looks again anyway
	}
}
