package stop

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Brake holds what was taken away and is not recorded yet, because the database takes no
// writes: this gateway acts on it all the same, and writes it when it can.
type Brake struct {
	db      *db.DB
	feed    *Feed // nil: streams are cut by the feed's own look alone
	mu      sync.Mutex
	held    map[string]string // by agreement, lease or participant: why
	waiting []takeaway
	more    chan struct{} // holds one token when something waits
}

// takeaway is one revocation or stop that waits for the database.
type takeaway struct {
	ids    []string
	reason string
	write  func(ctx context.Context, tx *db.Tx) error
}

// brakeAfter is how long a revocation waits for its record before it cuts here without
// one; most are recorded long before. tryAgain is how often those are tried.
const (
	brakeAfter = 250 * time.Millisecond
	tryAgain   = time.Second
)

// NewBrake makes a brake that cuts the streams of a feed, where there is one.
func NewBrake(database *db.DB, feed *Feed) *Brake {
	return &Brake{db: database, feed: feed, held: map[string]string{}, more: make(chan struct{}, 1)}
}

// TakeAway writes a revocation or stop, about subject, of what ids name. When the
// database does not take it at once, the streams of this gateway are cut and nothing opens
// for it here; when it does not take it at all, it stays so, and Finish writes it
// later. Errors: write's own; Unavailable: it holds here, and is not recorded yet.
func (b *Brake) TakeAway(
	ctx context.Context, subject string, ids []string, reason string, write func(ctx context.Context, tx *db.Tx) error,
) error {
	// Pulled late and not at once: a pull that the write overtakes would cut streams for a
	// revocation that was refused, a Conflict for instance.
	late := newPull(b, ids, reason)
	err := b.db.Write(ctx, write)
	late.stop()
	away := schemas.KindOf(err) == schemas.Unavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if err == nil || !away {
		b.loosen(ids)
		return err
	}
	// What the database did not take holds all the same, until it takes it.
	b.pull(ids, reason)
	b.wait(takeaway{ids, reason, write})
	return &schemas.Error{Kind: schemas.Unavailable, Subject: subject, Err: err,
		Message: "it holds on this gateway from now on, and is not recorded yet: the database takes no writes",
		Remedy: "it is written as soon as the database takes it; until then other gateways do not know of it, " +
			"and a restart of this one forgets it: look again"}
}

// latePull pulls the brake after brakeAfter unless it was stopped before.
type latePull struct {
	timer *time.Timer
	ended chan struct{}
}

// newPull pulls the brake a moment later, unless the database takes the revocation
// before: streams are cut at the latest then, whatever the database does.
func newPull(b *Brake, ids []string, reason string) *latePull {
	p := &latePull{ended: make(chan struct{})}
	p.timer = time.AfterFunc(brakeAfter, func() {
		defer close(p.ended)
		b.pull(ids, reason)
	})
	return p
}

// stop returns when no pull will come and none runs.
func (p *latePull) stop() {
	if !p.timer.Stop() {
		<-p.ended
	}
}

// pull cuts the streams of what ids name, and opens nothing more for it.
func (b *Brake) pull(ids []string, reason string) {
	b.mu.Lock()
	for _, id := range ids {
		b.held[id] = reason
	}
	b.mu.Unlock()
	if b.feed == nil {
		return
	}
	for _, id := range ids {
		b.feed.cut(id, "it was revoked: "+reason)
	}
}

// loosen forgets what is recorded by now, or was refused.
func (b *Brake) loosen(ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		delete(b.held, id)
	}
}

// wait keeps a takeaway for later; one about the same, that waits already, stands for it.
func (b *Brake) wait(t takeaway) {
	b.mu.Lock()
	if !slices.ContainsFunc(b.waiting, func(have takeaway) bool { return slices.Equal(have.ids, t.ids) }) {
		b.waiting = append(b.waiting, t)
	}
	b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// Check refuses what was taken away here and is not recorded yet. Errors: Denied.
func (b *Brake) Check(a schemas.AgreementID, l *schemas.Lease) error {
	ids := []string{string(a), string(l.Participant), string(l.ID)}
	for _, id := range l.Line {
		ids = append(ids, string(id))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if why, ok := b.held[id]; ok {
			return schemas.Refuse(
				string(a), "agreement.revoked", "a revocation that is being recorded", "it was revoked just now: "+why, "send a new request",
			)
		}
	}
	return nil
}

// Finish writes revocations and stops that the database did not take at first,
// until ctx ends.
func (b *Brake) Finish(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-b.more:
		}
		for b.finish(ctx) {
			wait(ctx, tryAgain)
		}
	}
	return nil
}

// finish tries all that waits, and says whether some still does. What one of them waits
// for keeps none of the others.
func (b *Brake) finish(ctx context.Context) bool {
	b.mu.Lock()
	list := slices.Clone(b.waiting)
	b.mu.Unlock()
	for _, t := range list {
		err := b.db.Write(ctx, t.write)
		if ctx.Err() != nil {
			return false
		}
		if schemas.KindOf(err) == schemas.Unavailable {
			continue
		}
		if err != nil && schemas.KindOf(err) != schemas.Conflict { // somebody else was first, or it cannot be done
			b.db.Log().Error("what was taken away here cannot be recorded", "ids", t.ids, "err", err)
		}
		b.loosen(t.ids)
		b.mu.Lock()
		b.waiting = slices.DeleteFunc(b.waiting, func(have takeaway) bool { return slices.Equal(have.ids, t.ids) })
		b.mu.Unlock()
	}
	return b.Unrecorded() > 0
}

// Unrecorded counts the revocations and stops that hold here and wait for the database.
func (b *Brake) Unrecorded() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}
