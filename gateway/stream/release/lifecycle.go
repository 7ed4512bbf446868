package release

import (
	"context"
	"sync"

	"guichet/schemas"
)

// Lifecycle counts what runs, so that a stop can wait for it. Safe for concurrent use.
type Lifecycle struct {
	mu      sync.Mutex // of closing and the first Add after it
	running sync.WaitGroup
	closing context.Context
	close   context.CancelFunc
}

// NewLifecycle begins one, open to all.
func NewLifecycle() *Lifecycle {
	l := &Lifecycle{}
	l.closing, l.close = context.WithCancel(context.Background())
	return l
}

// Shutdown lets nothing more enter, and waits for what runs, at most until ctx ends.
func (l *Lifecycle) Shutdown(ctx context.Context) {
	l.mu.Lock()
	l.close()
	l.mu.Unlock()
	done := make(chan struct{})
	go func() { l.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Enter counts one more that runs, unless the gateway is closing. A WaitGroup must not be
// added to from zero while it is waited for, hence the lock.
func (l *Lifecycle) Enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Closing() {
		return false
	}
	l.running.Add(1)
	return true
}

// Leave ends what has entered.
func (l *Lifecycle) Leave() { l.running.Done() }

// Go runs f beyond the end of what has entered and still runs.
func (l *Lifecycle) Go(f func()) { l.running.Go(f) }

// Closing says whether nothing more may enter.
func (l *Lifecycle) Closing() bool { return l.closing.Err() != nil }

// Context ends when nothing more may enter.
func (l *Lifecycle) Context() context.Context { return l.closing }

// Stopping is the refusal of what may not enter.
func Stopping() error {
	return &schemas.Error{
		Kind:    schemas.Busy,
		Subject: "stream",
		Message: "the gateway is stopping and takes no new streams",
		Remedy:  "try again in a moment; another replica takes it",
	}
}
