package release

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"guichet/policy"
	"guichet/policy/agreement/release"
	"guichet/schemas"
)

// ReadPlan is which rows a release reads, for its price.
type ReadPlan = release.ReadPlan

// Reservation is what a release may still send without asking its record.
type Reservation = release.Reservation

// Record is where releases begin, reserve more of their budget, and end.
type Record interface {
	Begin(ctx context.Context, g policy.Grant, r schemas.Release, of ReadPlan) (schemas.Release, *Reservation, error)
	More(ctx context.Context, r schemas.Release, t *Reservation, rows, bytes int64) error
	End(ctx context.Context, r schemas.Release, t *Reservation) error
}

// Feed tells of revocations.
type Feed interface {
	// Watch calls cut once a revocation of the agreement, the version or the lease is known.
	Watch(a schemas.AgreementID, version string, l schemas.Lease, cut func(reason string)) (stop func())
	// Stale is for how long nothing has been known of revocations.
	Stale() time.Duration
}

// Keeper begins, cuts and ends releases. Safe for concurrent use.
type Keeper struct {
	record Record
	feed   Feed
	life   *Lifecycle
	log    *slog.Logger
	now    func() time.Time
}

// NewKeeper makes a keeper of the releases that a record has.
func NewKeeper(record Record, feed Feed, life *Lifecycle, log *slog.Logger, now func() time.Time) *Keeper {
	return &Keeper{record, feed, life, log, now}
}

// Open is a release that has begun and not ended: as the record has it, with what was
// charged since.
type Open struct {
	schemas.Release
	keeper *Keeper
	tab    *Reservation
	pay    func(r *schemas.Release, rows, bytes int64) bool // what is reserved
	cut    context.CancelCauseFunc
}

// Cut ends the release from outside.
func (o *Open) Cut(why error) { o.cut(why) }

// Hold begins r durably, lets send send what it covers, and records how it ended. Meanwhile
// ctx, as send gets it, ends when the client goes, the agreement is revoked or over,
// nothing is known of revocations, or the gateway stops; cut, if not nil, is called once
// then, from any goroutine. It gives the release as it ended and send's error. Errors
// before send: those of the record; Busy while the gateway stops.
func (k *Keeper) Hold(
	ctx context.Context, g policy.Grant, r schemas.Release, of ReadPlan, cut func(),
	send func(ctx context.Context, o *Open) error,
) (schemas.Release, error) {
	if !k.life.Enter() {
		return schemas.Release{}, Stopping()
	}
	defer k.life.Leave()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer k.feed.Watch(g.Agreement().ID, string(g.Agreement().Dataset)+"/"+string(g.Asked().Version), g.Lease(), func(reason string) {
		cancel(&Cut{schemas.ReleaseCut, schemas.Denied, reason})
	})()
	if cut != nil {
		defer OnCut(ctx, cut)()
	}
	r, tab, err := k.record.Begin(ctx, g, r, of)
	if err != nil {
		return r, err
	}
	until, what := g.Until()
	ended := time.AfterFunc(until.Sub(k.now()), func() {
		cancel(&Cut{schemas.ReleaseCut, schemas.Denied, "the " + what + " ended at " + until.UTC().Format(time.RFC3339)})
	})
	defer ended.Stop()
	go k.cutAtClose(ctx, cancel)
	go k.cutUnconfirmed(ctx, cancel)
	o := &Open{r, k, tab, tab.Pay, cancel}
	err = send(ctx, o)
	o.State, o.Cause = schemas.ReleaseComplete, ""
	if err != nil {
		o.State, o.Cause = Ending(ctx, err)
	}
	// The record's word may wait for a database that takes no writes; the client's does
	// not: a cut is seen at once.
	last, written := o.Release, make(chan struct{})
	k.life.Go(func() {
		defer close(written)
		k.end(ctx, last, tab)
	})
	patience := time.NewTimer(endWithin)
	defer patience.Stop()
	select {
	case <-written:
	case <-patience.C:
	}
	return last, err
}

// Give begins r durably, lets give hand out what it covers, in ctx as of Hold, and ends it in the
// state by-url when what was given is good for nothing any more, or the gateway stops: at its upper
// bound, for nobody sees what became of it. Until then it costs next to nothing. Errors: as Hold, and
// give's, which ends it at once.
func (k *Keeper) Give(
	ctx context.Context, g policy.Grant, r schemas.Release, give func(ctx context.Context, o *Open) (until time.Time, cause string, err error),
) error {
	if !k.life.Enter() {
		return Stopping()
	}
	defer k.life.Leave()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer k.feed.Watch(g.Agreement().ID, string(g.Agreement().Dataset)+"/"+string(g.Asked().Version), g.Lease(), func(reason string) {
		cancel(&Cut{schemas.ReleaseCut, schemas.Denied, reason})
	})()
	r, tab, err := k.record.Begin(context.WithoutCancel(ctx), g, r, ReadPlan{}) // whole or not at all
	if err != nil {
		return err
	}
	go k.cutAtClose(ctx, cancel)
	go k.cutUnconfirmed(ctx, cancel)
	o := &Open{r, k, tab, tab.Pay, cancel}
	until, cause, err := give(ctx, o)
	if err == nil {
		err = context.Cause(ctx) // cut, or nobody hears any more: nothing leaves
	}
	if err != nil {
		o.State, o.Cause = Ending(ctx, err)
		k.life.Go(func() { k.end(ctx, o.Release, tab) })
		return err
	}
	o.State, o.Cause = schemas.ReleaseByURL, cause
	k.life.Go(func() {
		dead := time.NewTimer(until.Sub(k.now()))
		defer dead.Stop()
		select {
		case <-dead.C:
		case <-k.life.Context().Done():
		}
		k.end(context.WithoutCancel(ctx), o.Release, tab)
	})
	return nil
}

// endWithin is how long a client's connection waits for the record of its stream's end.
const endWithin = 250 * time.Millisecond

// The end of a release is recorded at the first try, as good as always. Where the database
// is away it is tried again at growing distances, so that hundreds of streams that it cut
// do not come back at once; each try may take endTimeout.
const (
	endAgain   = 500 * time.Millisecond
	endSeldom  = 2 * time.Second
	endTimeout = 30 * time.Second
)

// end records how a release ended. It must be written even though ctx is over, and it
// is tried until the database is back or the gateway stops.
func (k *Keeper) end(ctx context.Context, r schemas.Release, tab *Reservation) {
	var failed error
	write := func() (struct{}, error) {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		failed = k.record.End(late, r, tab)
		if failed != nil && schemas.KindOf(failed) != schemas.Unavailable && !errors.Is(failed, context.DeadlineExceeded) {
			return struct{}{}, backoff.Permanent(failed)
		}
		return struct{}{}, failed
	}
	again := backoff.NewExponentialBackOff()
	again.InitialInterval, again.MaxInterval = endAgain, endSeldom
	_, err := backoff.Retry(k.life.Context(), write, backoff.WithBackOff(again), backoff.WithMaxElapsedTime(0))
	if err != nil { // it stays open in the record, at its upper bound, until the next start
		k.log.Error("the end of a release is not recorded", "release", r.ID, "err", failed)
	}
}
