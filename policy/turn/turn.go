// Package turn lets few callers do what is dear at a time, and each of them once.
//
// In: who wants a turn. Out: the turn, or that the caller went away or waited too long. Always: one caller holds one
// turn at most, however often it asks, so that nobody keeps the others out; who waits for her own turn to
// end waits in nobody's way. It must not know what the turns are for.
package turn

import (
	"context"
	"sync"

	"guichet/schemas"
)

// Turns are so many at a time, one for each caller. Safe for concurrent use.
type Turns struct {
	all chan struct{} // one in it for each turn that is held

	mu  sync.Mutex
	own map[string]*caller // those that hold a turn or wait for one
}

// caller is one that holds a turn or waits.
type caller struct {
	turn chan struct{} // holds one thing while it has its turn, or waits for one with the others
	asks int           // that use it
}

// New makes so many turns.
func New(atOnce int) *Turns {
	return &Turns{all: make(chan struct{}, atOnce), own: map[string]*caller{}}
}

// Take waits until the caller has a turn, which done gives back, once. Errors: that of ctx, when it ends first.
func (t *Turns) Take(ctx context.Context, by schemas.Principal) (done func(), err error) {
	who := by.Issuer + "#" + by.Subject
	t.mu.Lock()
	c := t.own[who]
	if c == nil {
		c = &caller{turn: make(chan struct{}, 1)}
		t.own[who] = c
	}
	c.asks++
	t.mu.Unlock()
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		t.leave(who, c)
		return nil, context.Cause(ctx)
	}
	select {
	case t.all <- struct{}{}:
	case <-ctx.Done():
		<-c.turn
		t.leave(who, c)
		return nil, context.Cause(ctx)
	}
	return func() {
		<-t.all
		<-c.turn
		t.leave(who, c)
	}, nil
}

// leave forgets a caller who asks for nothing any more.
func (t *Turns) leave(who string, c *caller) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.asks--
	if c.asks == 0 {
		delete(t.own, who)
	}
}
