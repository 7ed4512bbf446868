package release

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guichet/schemas"
)

// Charge counts and charges rows and bytes before they are sent: a client may have read
// most of a message whose sending fails. Errors: a Cut when the budget is spent, the
// record's.
func (o *Open) Charge(ctx context.Context, rows, bytes int64) error {
	if o.Rows+rows > o.MostRows || o.Bytes+bytes > o.MostBytes {
		return &Cut{schemas.ReleaseCut, schemas.Denied, fmt.Sprintf("the budget is spent: %d rows, %d bytes were sent", o.Rows, o.Bytes)}
	}
	for !o.pay(&o.Release, rows, bytes) {
		err := o.keeper.record.More(ctx, o.Release, o.tab, rows, bytes)
		if refused, ok := errors.AsType[*schemas.Error](err); ok && refused.Kind == schemas.Denied {
			return &Cut{schemas.ReleaseCut, schemas.Denied, refused.Message}
		}
		if schemas.KindOf(err) == schemas.Unavailable && sleep(ctx, pauseAfter/5) {
			continue // the database is away: the stream waits for it as all do, and is cut when that takes too long
		}
		if cause := context.Cause(ctx); err != nil && cause != nil {
			return cause
		}
		if err != nil {
			return err
		}
	}
	o.Rows += rows
	o.Bytes += bytes
	return nil
}

// unconfirmed: how long a stream goes on without knowing of revocations, and when
// it ends for it [decisions.md 17].
const (
	pauseAfter = time.Second
	endAfter   = 10 * time.Second
)

// WaitConfirmed waits while nothing is known of revocations; what it gives ends the
// stream.
func (k *Keeper) WaitConfirmed(ctx context.Context) error {
	err := context.Cause(ctx)
	if err != nil {
		return err
	}
	for k.feed.Stale() > pauseAfter {
		if !sleep(ctx, 20*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// sleep waits; false: ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
