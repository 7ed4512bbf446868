package agreement

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// brake holds what was taken away and is not recorded yet, because the database takes no
// writes: this gateway acts on it all the same, and writes it when it can.
type brake struct {
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

func newBrake() *brake { return &brake{held: map[string]string{}, more: make(chan struct{}, 1)} }

// takeAway writes a revocation or stop, about subject, of what ids name. When the
// database does not take it at once, the streams of this gateway are cut and nothing opens
// for it here; when it does not take it at all, it stays so, and FinishTakeaways writes it
// later. Errors: write's own; Unavailable: it holds here, and is not recorded yet.
func (d *Desk) takeAway(ctx context.Context, subject string, ids []string, reason string, write func(ctx context.Context, tx *db.Tx) error) error {
	late := newPull(d, ids, reason)
	err := d.db.Write(ctx, write)
	late.stop()
	away := schemas.KindOf(err) == schemas.Unavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if err == nil || !away {
		d.loosen(ids)
		return err
	}
	d.pull(ids, reason)
	d.brake.wait(takeaway{ids, reason, write})
	return &schemas.Error{Kind: schemas.Unavailable, Subject: subject, Err: err,
		Message: "it holds on this gateway from now on, and is not recorded yet: the database takes no writes",
		Remedy:  "it is written as soon as the database takes it; until then other gateways do not know of it, and a restart of this one forgets it: look again"}
}

// latePull pulls the brake after brakeAfter unless it was stopped before.
type latePull struct {
	timer *time.Timer
	ended chan struct{}
}

func newPull(d *Desk, ids []string, reason string) *latePull {
	p := &latePull{ended: make(chan struct{})}
	p.timer = time.AfterFunc(brakeAfter, func() {
		defer close(p.ended)
		d.pull(ids, reason)
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
func (d *Desk) pull(ids []string, reason string) {
	d.brake.mu.Lock()
	for _, id := range ids {
		d.brake.held[id] = reason
	}
	d.brake.mu.Unlock()
	if d.feed == nil {
		return
	}
	for _, id := range ids {
		d.feed.cut(id, "it was revoked: "+reason)
	}
}

// loosen forgets what is recorded by now, or was refused.
func (d *Desk) loosen(ids []string) {
	d.brake.mu.Lock()
	defer d.brake.mu.Unlock()
	for _, id := range ids {
		delete(d.brake.held, id)
	}
}

// wait keeps a takeaway for later; one about the same, that waits already, stands for it.
func (b *brake) wait(t takeaway) {
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

// braked refuses what was taken away here and is not recorded yet. Errors: Denied.
func (d *Desk) braked(a schemas.AgreementID, l *schemas.Lease) error {
	ids := []string{string(a), string(l.Participant), string(l.ID)}
	for _, id := range l.Line {
		ids = append(ids, string(id))
	}
	d.brake.mu.Lock()
	defer d.brake.mu.Unlock()
	for _, id := range ids {
		if why, ok := d.brake.held[id]; ok {
			return denied(string(a), "agreement.revoked", "a revocation that is being recorded", "it was revoked just now: "+why, "send a new request")
		}
	}
	return nil
}

// FinishTakeaways writes revocations and stops that the database did not take at first,
// until ctx ends.
func (d *Desk) FinishTakeaways(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-d.brake.more:
		}
		for d.finish(ctx) {
			wait(ctx, tryAgain)
		}
	}
	return nil
}

// finish tries all that waits, and says whether some still does. What one of them waits
// for keeps none of the others.
func (d *Desk) finish(ctx context.Context) bool {
	d.brake.mu.Lock()
	list := slices.Clone(d.brake.waiting)
	d.brake.mu.Unlock()
	for _, t := range list {
		err := d.db.Write(ctx, t.write)
		if ctx.Err() != nil {
			return false
		}
		if schemas.KindOf(err) == schemas.Unavailable {
			continue
		}
		if err != nil && schemas.KindOf(err) != schemas.Conflict { // somebody else was first, or it cannot be done
			d.db.Log().Error("what was taken away here cannot be recorded", "ids", t.ids, "err", err)
		}
		d.loosen(t.ids)
		d.brake.mu.Lock()
		d.brake.waiting = slices.DeleteFunc(d.brake.waiting, func(have takeaway) bool { return slices.Equal(have.ids, t.ids) })
		d.brake.mu.Unlock()
	}
	return d.Unrecorded() > 0
}

// Unrecorded counts the revocations and stops that hold here and wait for the database.
func (d *Desk) Unrecorded() int {
	d.brake.mu.Lock()
	defer d.brake.mu.Unlock()
	return len(d.brake.waiting)
}
