package release

import (
	"sync"

	"guichet/schemas"
)

// Turns gives an organisation at most one of the makers of files, or of indexes, at a
// time, so that others find one. Safe for concurrent use.
type Turns struct {
	mu sync.Mutex
	of map[schemas.ParticipantID]*turn
}

// turn is what the streams of one organisation wait for, one after the other.
type turn struct {
	free    chan struct{}
	waiting int
}

// Queue waits until nobody else of the organisation makes one. ok is false when done
// was closed first.
func (ts *Turns) Queue(done <-chan struct{}, who schemas.ParticipantID) (leave func(), ok bool) {
	ts.mu.Lock()
	if ts.of == nil {
		ts.of = map[schemas.ParticipantID]*turn{}
	}
	t := ts.of[who]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		ts.of[who] = t
	}
	t.waiting++
	ts.mu.Unlock()
	away := func() {
		ts.mu.Lock()
		defer ts.mu.Unlock()
		t.waiting--
		if t.waiting == 0 {
			delete(ts.of, who)
		}
	}
	select {
	case t.free <- struct{}{}:
		return func() { <-t.free; away() }, true
	case <-done:
		away()
		return nil, false
	}
}
