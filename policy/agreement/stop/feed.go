package stop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"guichet/connectors/db"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// Feed follows the one change sequence and tells running streams of
// revocations, on every replica. Streams ask Fresh before each write: while the
// database cannot be read nothing is known of revocations [decisions.md 17].
type Feed struct {
	db        *db.DB
	log       *slog.Logger
	confirmed atomic.Int64 // Unix nanoseconds of the last look that succeeded
	mu        sync.Mutex
	watchers  map[string]map[*watcher]struct{}
}

// watcher is a running stream: what cuts it, and under which lease it runs.
type watcher struct {
	lease *schemas.Lease
	cut   func(reason string)
}

// NewFeed makes a feed; Run must run for it to know anything.
func NewFeed(db *db.DB, log *slog.Logger) *Feed {
	return &Feed{db: db, log: log, watchers: map[string]map[*watcher]struct{}{}}
}

// pollInterval bounds how long a revocation by another replica stays unseen.
const pollInterval = 200 * time.Millisecond

// lookWithin ends a look on a connection that is dead without saying so, which would
// keep a gateway from its streams long after the database is back.
const lookWithin = 5 * time.Second

// Run follows until ctx ends: it asks the database in each pollInterval, which is what
// confirms, and heeds at once what this process itself appends in between.
func (f *Feed) Run(ctx context.Context) error {
	seen, err := f.db.Head(ctx)
	for err != nil && ctx.Err() == nil {
		wait(ctx, pollInterval)
		seen, err = f.db.Head(ctx)
	}
	for ctx.Err() == nil {
		// Confirmed is the instant of the question, not of the answer: what is appended in
		// between is not known yet.
		asked := time.Now()
		look, over := context.WithTimeout(ctx, lookWithin)
		head, err := f.db.Head(look)
		over()
		if err == nil {
			seen, err = f.follow(ctx, seen, head)
		}
		if err != nil { // asked again; until then nothing is confirmed, and streams pause
			if ctx.Err() == nil {
				f.log.Warn("the revocation feed cannot tell what was revoked, and who still holds a lease", "err", err)
			}
			wait(ctx, pollInterval)
			continue
		}
		f.confirmed.Store(asked.UnixNano())
		short, cancel := context.WithDeadline(ctx, asked.Add(pollInterval))
		for err == nil {
			head, err = f.db.Wait(short, seen) // its error is that the next question is due
			if err == nil {
				seen, err = f.follow(ctx, seen, head)
			}
		}
		cancel()
	}
	return nil
}

// follow heeds the changes from position seen up to head, and gives how far it came.
func (f *Feed) follow(ctx context.Context, seen, head int64) (int64, error) {
	for seen < head {
		look, over := context.WithTimeout(ctx, lookWithin)
		changes, err := f.db.News(look, seen, 1000)
		over()
		if err == nil && len(changes) == 0 {
			err = fmt.Errorf("of %d changes those from %d on are not there", head, seen)
		}
		if err != nil {
			return seen, err
		}
		for _, c := range changes {
			err = f.heed(ctx, c)
			if err != nil {
				return seen, err
			}
			seen = c.Position + 1
		}
	}
	return seen, nil
}

// heed cuts the streams that a change ends.
func (f *Feed) heed(ctx context.Context, c db.News) error {
	switch c.Kind {
	case schemas.ChangeRevoke:
		f.cut(c.Subject, "the agreement was revoked")
	case schemas.ChangeStopped:
		f.cut(c.Subject, "the participant was stopped")
	case schemas.ChangeLeaseRevoked:
		f.cut(c.Subject, "the "+schemas.LeaseID(c.Subject).NameOf()+" was revoked")
	case schemas.ChangeParty:
		return f.asks(ctx, c.Subject)
	case schemas.ChangeVersion:
		return f.versions(ctx, c.Subject)
	}
	return nil
}

// versions cuts the streams of versions of a dataset that were withdrawn.
func (f *Feed) versions(ctx context.Context, dataset string) error {
	f.mu.Lock()
	var watched []string
	for id := range f.watchers {
		if strings.HasPrefix(id, "version/"+dataset+"/") {
			watched = append(watched, id)
		}
	}
	f.mu.Unlock()
	for _, id := range watched {
		look, over := context.WithTimeout(ctx, lookWithin)
		var state string
		err := f.db.QueryRow(look, `SELECT state FROM version WHERE id = ?`, strings.TrimPrefix(id, "version/")).Scan(&state)
		over()
		if err != nil {
			return err
		}
		if state == string(schemas.VersionWithdrawn) {
			f.cut(id, "the version was withdrawn")
		}
	}
	return nil
}

// asks looks whether the streams that a participant or project concerns are still in the
// hands that their leases were made for, once for all streams of one lease.
func (f *Feed) asks(ctx context.Context, subject string) error {
	// A project of forty streams under three leases changes: three looks.
	f.mu.Lock()
	byLease := map[schemas.LeaseID][]*watcher{}
	for w := range f.watchers[subject] {
		byLease[w.lease.ID] = append(byLease[w.lease.ID], w)
	}
	f.mu.Unlock()
	for _, list := range byLease {
		look, over := context.WithTimeout(ctx, lookWithin)
		err := agreement.CheckHolder(look, f.db, list[0].lease, agreement.Basis{})
		over()
		e, is := errors.AsType[*schemas.Error](err)
		if err != nil && (!is || e.Kind != schemas.Denied && e.Kind != schemas.NotFound && !errors.Is(err, db.ErrAltered)) {
			return err // the database is away; what was edited behind it ends the stream
		}
		for _, w := range list {
			if err != nil {
				w.cut(e.Message)
			}
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

// cut cuts the streams of this process that watch an id.
func (f *Feed) cut(id, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.watchers[id] {
		w.cut(reason)
	}
}

// Watch calls cut when the agreement of a stream or its lease is revoked, its participant
// stopped, its version withdrawn, or its person or organisation loses what the lease was
// made for, until stop is called. version is dataset/version, empty where none is read.
// Register before the release begins, so that no revocation falls between. cut must not
// block.
func (f *Feed) Watch(a schemas.AgreementID, version string, l schemas.Lease, cut func(reason string)) (stop func()) {
	w := &watcher{&l, cut}
	// The names of all that can end the stream, as changes are about them.
	ids := []string{
		string(a), "version/" + version, string(l.Participant), "participant/" + string(l.Participant),
		"project/" + string(l.Project), string(l.ID),
	}
	for _, id := range l.Line {
		ids = append(ids, string(id))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		if f.watchers[id] == nil {
			f.watchers[id] = map[*watcher]struct{}{}
		}
		f.watchers[id][w] = struct{}{}
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, id := range ids {
			delete(f.watchers[id], w)
			if len(f.watchers[id]) == 0 {
				delete(f.watchers, id)
			}
		}
	}
}

// Stale is for how long the feed could not confirm that nothing was revoked.
func (f *Feed) Stale() time.Duration { return time.Since(time.Unix(0, f.confirmed.Load())) }
