package stream

import (
	"context"
	"sync"
	"time"

	"guichet/schemas"
)

// defaultMemory is what all streams hold together: 64 streams of the largest reads,
// and as many of their reads ahead.
const defaultMemory = 1 << 30

// room bounds the bytes that all streams hold of the stores'. Half of it is for one
// read of each stream, so that it goes on whatever the others do; with that the number
// of streams is bounded too. The other half is for reading ahead, which is not done
// while others hold all of it: nobody waits for it. A client that does not read keeps
// its stream's own read; so that one organisation's cannot close the gateway to all,
// its streams get no more than three quarters. Safe for concurrent use.
type room struct {
	half  int64
	mu    sync.Mutex
	own   int64
	of    map[schemas.ParticipantID]int64 // of own
	ahead int64
	peak  int64 // of own, since memory was last given back
	soon  bool  // it will be looked at again
	give  func()
}

// The memory of a burst of streams goes back to the system when it is over: by itself
// the runtime keeps it for minutes.
const (
	burst     = 64 << 20
	afterward = 2 * time.Second
)

// calm gives memory back when less than half of what was held still is, and stays so for a
// moment. It is called with mu held.
func (m *room) calm() {
	m.peak = max(m.peak, m.own)
	if m.soon || m.give == nil || m.peak < burst || m.own > m.peak/2 {
		return
	}
	m.soon = true
	time.AfterFunc(afterward, func() {
		m.mu.Lock()
		over := m.own <= m.peak/2
		m.soon = false
		if over {
			m.peak = m.own
		}
		m.mu.Unlock()
		if over {
			m.give()
		}
	})
}

// crowded says that streams should ask for no more than a batch at a time, so that
// there is room for many.
func (m *room) crowded() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.own > m.half/2
}

// admit takes the bytes of a stream's own read. A stream that is alone is always
// admitted.
func (m *room) admit(who schemas.ParticipantID, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	busy := &schemas.Error{Kind: schemas.Busy, Subject: "stream", Message: "the gateway has as many streams as its memory allows", Remedy: "try again in a moment; the operator can give it more with the setting memory"}
	switch {
	case m.of[who] > 0 && m.of[who]+n > m.half-m.half/4:
		busy.Message = "your organisation's streams hold as much of the gateway's memory as one may"
		return busy
	case m.own > 0 && m.own+n > m.half:
		return busy
	}
	if m.of == nil {
		m.of = map[schemas.ParticipantID]int64{}
	}
	m.own += n
	m.of[who] += n
	m.calm()
	return nil
}

func (m *room) leave(who schemas.ParticipantID, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.own -= n
	m.of[who] -= n
	if m.of[who] == 0 {
		delete(m.of, who)
	}
	m.calm()
}

// borrow takes the bytes of one read ahead, if there are any.
func (m *room) borrow(n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ahead+n > m.half {
		return false
	}
	m.ahead += n
	return true
}

func (m *room) giveBack(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead -= n
}

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
func (e *Engine) hold(ctx context.Context, n int64, own chan struct{}) (letGo func()) {
	mine := func() { own <- struct{}{} }
	select {
	case <-own:
		return mine
	default:
	}
	if e.room.borrow(n) {
		return func() { e.room.giveBack(n) }
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
func (e *Engine) pipeline(ctx context.Context, rd *reader, reads []read) <-chan fetched {
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
			letGo := e.hold(ctx, n, own)
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
