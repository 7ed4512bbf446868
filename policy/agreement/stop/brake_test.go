package stop

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// away is a write that the database does not take so many times.
func away(times int, written *int) func(ctx context.Context, tx *db.Tx) error {
	return func(context.Context, *db.Tx) error {
		if times > 0 {
			times--
			return &schemas.Error{Kind: schemas.Unavailable, Message: "the database takes no writes"}
		}
		*written++
		return nil
	}
}

// What is taken away holds here at once, also when it cannot be written; it is written
// later, and no longer held then, since the record says it.
func TestTheBrakeHolds(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, dbtest.SQLite)
	feed := NewFeed(database, discard())
	b := NewBrake(database, feed)
	l := agreementtest.Lease("agr-a")
	l.Line = []schemas.LeaseID{"lease-parent"}
	for _, c := range []struct{ name, id string }{
		{"the agreement", "agr-a"}, {"the lease", string(l.ID)}, {"its parent", "lease-parent"}, {"the participant", string(agreementtest.Lab)},
	} {
		cut := make(chan string, 8)
		unwatch := feed.Watch("agr-a", "", l, func(why string) { cut <- why })
		agreementtest.Must(t, b.Check("agr-a", &l))
		written := 0
		err := b.TakeAway(t.Context(), c.id, []string{c.id}, "breach", away(2, &written))
		agreementtest.Refused(t, c.name, err, schemas.Unavailable, "it holds on this gateway from now on, and is not recorded yet")
		cutFor(t, c.name, cut, "it was revoked: breach")
		unwatch()
		agreementtest.Refused(t, c.name, b.Check("agr-a", &l), schemas.Denied, "agreement.revoked", "it was revoked just now: breach")
		other := agreementtest.Lease("agr-b")
		other.Participant = "https://other.example"
		agreementtest.Must(t, b.Check("agr-b", &other))
		if !b.finish(t.Context()) || b.Unrecorded() != 1 || written != 0 {
			t.Errorf("%s: %d wait, %d are written", c.name, b.Unrecorded(), written)
		}
		if b.finish(t.Context()) || b.Unrecorded() != 0 || written != 1 {
			t.Errorf("%s: %d wait, %d are written", c.name, b.Unrecorded(), written)
		}
		agreementtest.Must(t, b.Check("agr-a", &l))
	}
}

// What is recorded at once, or refused, is not held; a refusal is the caller's answer.
func TestTheBrakeIsLetGo(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, dbtest.SQLite)
	b := NewBrake(database, nil)
	l := agreementtest.Lease("agr-a")
	written := 0
	agreementtest.Must(t, b.TakeAway(t.Context(), "agr-a", []string{"agr-a"}, "breach", away(0, &written)))
	no := func(context.Context, *db.Tx) error {
		return schemas.Errorf(schemas.Conflict, "agr-a", "it was revoked already")
	}
	err := b.TakeAway(t.Context(), "agr-a", []string{"agr-a"}, "breach", no)
	agreementtest.Refused(t, "twice", err, schemas.Conflict, "it was revoked already")
	agreementtest.Must(t, b.Check("agr-a", &l))
	if b.Unrecorded() != 0 || written != 1 {
		t.Errorf("%d wait, %d are written", b.Unrecorded(), written)
	}
}

// The same again waits once; what somebody else was first with, or what cannot be done, is
// given up, and keeps none of the others waiting.
func TestWhatWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	b := NewBrake(dbtest.Open(t, dbtest.SQLite), nil)
	first, later, never := 0, 0, 0
	for range 2 {
		err := b.TakeAway(t.Context(), "agr-a", []string{"agr-a"}, "breach", away(1, &first))
		agreementtest.Refused(t, "away", err, schemas.Unavailable)
	}
	err := b.TakeAway(t.Context(), "agr-b", []string{"agr-b"}, "breach", away(100, &never))
	agreementtest.Refused(t, "away for long", err, schemas.Unavailable)
	tries := 0
	err = b.TakeAway(t.Context(), "agr-c", []string{"agr-c"}, "breach", func(context.Context, *db.Tx) error {
		tries++
		if tries == 1 {
			return &schemas.Error{Kind: schemas.Unavailable}
		}
		return schemas.Errorf(schemas.Conflict, "agr-c", "it was revoked already")
	})
	agreementtest.Refused(t, "a conflict later", err, schemas.Unavailable)
	err = b.TakeAway(t.Context(), "agr-d", []string{"agr-d"}, "breach", away(1, &later))
	agreementtest.Refused(t, "another", err, schemas.Unavailable)
	if n := b.Unrecorded(); n != 4 {
		t.Errorf("%d wait, want 4", n)
	}
	if !b.finish(t.Context()) || b.Unrecorded() != 1 || first != 1 || later != 1 || never != 0 {
		t.Errorf("%d wait; written are %d, %d and %d", b.Unrecorded(), first, later, never)
	}
	c, d := agreementtest.Lease("agr-c"), agreementtest.Lease("agr-b")
	agreementtest.Must(t, b.Check("agr-c", &c))
	agreementtest.Refused(t, "what still waits", b.Check("agr-b", &d), schemas.Denied, "agreement.revoked")
	ended, end := context.WithCancel(t.Context())
	end()
	if b.finish(ended) {
		t.Error("it goes on after its end")
	}
	agreementtest.Must(t, b.Finish(ended))
}

// A database that answers slowly is not waited for: the streams are cut before it has.
func TestASlowDatabaseIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, dbtest.SQLite)
	feed := NewFeed(database, discard())
	b := NewBrake(database, feed)
	l := agreementtest.Lease("agr-a")
	cut := make(chan string, 8)
	defer feed.Watch("agr-a", "", l, func(why string) { cut <- why })()
	err := b.TakeAway(t.Context(), "agr-a", []string{"agr-a"}, "breach", func(context.Context, *db.Tx) error {
		select { // the write lasts until the stream was cut
		case why := <-cut:
			if why != "it was revoked: breach" {
				t.Errorf("it was cut for %q", why)
			}
		case <-time.After(20 * time.Second):
			t.Error("the stream goes on while the database is waited for")
		}
		agreementtest.Refused(t, "meanwhile", b.Check("agr-a", &l), schemas.Denied, "it was revoked just now: breach")
		return nil
	})
	agreementtest.Must(t, err)
	agreementtest.Must(t, b.Check("agr-a", &l)) // the record says it from now on
}

// Finish writes what waits as soon as the database takes it.
func TestFinish(t *testing.T) {
	t.Parallel()
	b := NewBrake(dbtest.Open(t, dbtest.SQLite), nil)
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Finish(ctx) }()
	wrote, tries := make(chan struct{}), 0
	err := b.TakeAway(ctx, "agr-a", []string{"agr-a"}, "breach", func(context.Context, *db.Tx) error {
		tries++
		if tries == 1 {
			return &schemas.Error{Kind: schemas.Unavailable}
		}
		close(wrote)
		return nil
	})
	agreementtest.Refused(t, "away", err, schemas.Unavailable)
	select {
	case <-wrote:
	case <-time.After(20 * time.Second):
		t.Error("it is never written")
	}
	end()
	agreementtest.Must(t, <-done)
}
