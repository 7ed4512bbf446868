package agreement

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"guichet/connectors/sql"
	"guichet/schemas"
)

// Feed follows the one change sequence and tells running streams of
// revocations, on every replica. Streams ask Fresh before each write: while the
// database cannot be read nothing is known of revocations [decisions.md 17].
type Feed struct {
	db        *sql.DB
	log       *slog.Logger
	confirmed atomic.Int64 // Unix nanoseconds of the last look that succeeded
	mu        sync.Mutex
	watchers  map[string]map[*watcher]struct{}
}

type watcher struct{ cut func(reason string) }

// NewFeed makes a feed; Run must run for it to know anything.
func NewFeed(db *sql.DB, log *slog.Logger) *Feed {
	return &Feed{db: db, log: log, watchers: map[string]map[*watcher]struct{}{}}
}

// pollInterval bounds how long a revocation by another replica stays unseen.
const pollInterval = 200 * time.Millisecond

// lookWithin ends a look on a connection that is dead without saying so, which would
// keep a gateway from its streams long after the database is back.
const lookWithin = 5 * time.Second

// Run follows until ctx ends.
func (f *Feed) Run(ctx context.Context) error {
	seen, err := f.db.Head(ctx)
	for err != nil && ctx.Err() == nil {
		wait(ctx, pollInterval)
		seen, err = f.db.Head(ctx)
	}
	for ctx.Err() == nil {
		asked := time.Now()
		look, over := context.WithTimeout(ctx, lookWithin)
		changes, err := f.db.Changes(look, seen, 1000)
		over()
		if err != nil {
			if ctx.Err() == nil {
				f.log.Warn("the revocation feed cannot read the database", "err", err)
			}
			wait(ctx, pollInterval)
			continue
		}
		for _, c := range changes {
			seen = c.Position + 1
			switch c.Kind {
			case schemas.ChangeRevoke:
				f.cut(c.Subject, "the agreement was revoked")
			case schemas.ChangeStopped:
				f.cut(c.Subject, "the participant was stopped")
			}
		}
		f.confirmed.Store(asked.UnixNano())
		if len(changes) < 1000 {
			short, cancel := context.WithTimeout(ctx, pollInterval)
			_, _ = f.db.Wait(short, seen) // a timeout only means that nothing came
			cancel()
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (f *Feed) cut(id, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.watchers[id] {
		w.cut(reason)
	}
}

// Watch calls cut when an agreement is revoked or a participant stopped, whichever id
// names, until stop is called. Register
// before the release begins, so that no revocation falls between. cut must not
// block.
func (f *Feed) Watch(id string, cut func(reason string)) (stop func()) {
	w := &watcher{cut}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watchers[id] == nil {
		f.watchers[id] = map[*watcher]struct{}{}
	}
	f.watchers[id][w] = struct{}{}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watchers[id], w)
		if len(f.watchers[id]) == 0 {
			delete(f.watchers, id)
		}
	}
}

// Stale is for how long the feed could not confirm that nothing was revoked.
func (f *Feed) Stale() time.Duration { return time.Since(time.Unix(0, f.confirmed.Load())) }
