package stream

import "context"

// held is what one of a stream's reads holds at most: the buffer, which is as large as
// the largest of them needs, and what the view made of it.
func held(reads []read) int64 {
	var length, makes int64
	for _, one := range reads {
		length, makes = max(length, one.length), max(makes, one.makes)
	}
	return length + makes
}

// fetched is a result that holds memory until it is let go of.
type fetched struct {
	result
	letGo func()
}

// hold gets memory for one read: the stream's own, else what is borrowed, else the own
// when it is free again. It is nil when ctx ends first.
func (m *room) hold(ctx context.Context, n int64, own chan struct{}) (letGo func()) {
	mine := func() { own <- struct{}{} }
	select {
	case <-own:
		return mine
	default:
	}
	if m.borrow(n) {
		return func() { m.giveBack(n) }
	}
	select {
	case <-own:
		return mine
	case <-ctx.Done():
		return nil
	}
}

// pipeline fetches reads, a few ahead where there is memory for it, and gives their
// results in order; each is to be let go of. It ends when ctx does; its goroutines end
// with it.
func pipeline(ctx context.Context, budget *room, rd *reader, reads []read) <-chan fetched {
	futures := make(chan chan fetched, ahead) // its capacity bounds the reads under way
	out := make(chan fetched)
	own := make(chan struct{}, 1) // holds a token while the stream's own memory is free
	own <- struct{}{}
	n := held(reads)
	go func() {
		defer close(futures)
		last := -1
		for _, one := range reads {
			f := make(chan fetched, 1)
			select {
			case futures <- f:
			case <-ctx.Done():
				return
			}
			letGo := budget.hold(ctx, n, own)
			if letGo == nil {
				f <- fetched{result{err: context.Cause(ctx)}, func() {}}
				return
			}
			first := one.shard != last
			if first && last >= 0 {
				rd.forget(map[int]bool{last: true, one.shard: true})
			}
			last = one.shard
			go func() { f <- fetched{rd.fetch(ctx, one, first), letGo} }()
		}
	}()
	go func() {
		defer close(out)
		for f := range futures {
			res := <-f
			select {
			case out <- res:
			case <-ctx.Done():
				res.letGo()
			}
		}
	}()
	return out
}
