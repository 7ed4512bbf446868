package gateway

import (
	"context"
	"sync"
	"time"

	"guichet/schemas"
)

// sharedQuota is so many bytes of memory for all requests of one kind together, of which one
// owner, an organisation, has at most half while others have any: what it holds or
// waits for keeps nobody else out. Safe for concurrent use.
type sharedQuota struct {
	most int64
	each int64         // of one owner
	wait time.Duration // for room; strangers wait for none, since what they send waits with them

	mu    sync.Mutex
	used  int64
	by    map[string]int64
	freed chan struct{} // closed and made anew when room is given back
}

func newSharedQuota(most int64, wait time.Duration) *sharedQuota {
	return &sharedQuota{most: most, each: most / 2, wait: wait, by: map[string]int64{}, freed: make(chan struct{})}
}

// try takes n bytes for the owner; freed says when to try again where it did not.
// What is more than an owner's part is taken by an owner that holds nothing yet: it
// would never be read otherwise.
func (r *sharedQuota) try(owner string, n int64) (freed <-chan struct{}, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	mine := r.by[owner]
	if r.used+n > r.most || mine > 0 && mine+n > r.each {
		return r.freed, false
	}
	r.used += n
	r.by[owner] = mine + n
	return nil, true
}

// uploads is the room for uploads, counted by the piece.
func (l Limits) uploads() *sharedQuota {
	r := newSharedQuota(int64(l.Incoming), bodyWait)
	r.each = max(min(r.each, int64(l.Each)), 1)
	return r
}

func (r *sharedQuota) give(owner string, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= n
	r.by[owner] -= n
	if r.by[owner] == 0 {
		delete(r.by, owner)
	}
	close(r.freed)
	r.freed = make(chan struct{})
}

// stay is what one request has of a room; it grows as bytes come.
type stay struct {
	room  *sharedQuota
	owner string
	n     int64
}

// grow takes room until the stay has n bytes of it, for which it waits so long as
// the room says. Errors: Busy.
func (s *stay) grow(ctx context.Context, n int64) error {
	more := min(n, s.room.most) - s.n
	if more <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.room.wait)
	defer cancel()
	for {
		freed, ok := s.room.try(s.owner, more)
		if ok {
			s.n += more
			return nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return &schemas.Error{
				Kind:    schemas.Busy,
				Subject: "request",
				Message: "too many bodies are being read at once",
				Remedy:  "try again in a moment",
				Err:     ctx.Err(),
			}
		}
	}
}

// leave gives back all of it; again, nothing.
func (s *stay) leave() {
	if s.n > 0 {
		s.room.give(s.owner, s.n)
		s.n = 0
	}
}
