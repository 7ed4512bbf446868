package release

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guichet/schemas"
)

// Cut is why a running stream was ended from outside. State is how the release
// ends, Kind how a door that can say so tells the client.
type Cut struct {
	State  schemas.ReleaseState
	Kind   schemas.Kind
	Reason string
}

func (c *Cut) Error() string { return c.Reason }

// Unwrap gives the refusal that it is where nothing was sent yet.
func (c *Cut) Unwrap() error {
	return &schemas.Error{Kind: c.Kind, Subject: "stream", Message: c.Reason}
}

// Ending names the state and cause of a release that err ended.
func Ending(ctx context.Context, err error) (schemas.ReleaseState, string) {
	cut, ok := errors.AsType[*Cut](err)
	if !ok {
		cut, ok = errors.AsType[*Cut](context.Cause(ctx)) // a write failed because the stream was cut
	}
	if ok {
		return cut.State, cut.Reason
	}
	if ours, ok := errors.AsType[*schemas.Error](err); ok && ours.Kind != schemas.Internal {
		return schemas.ReleaseBroken, ours.Message
	}
	if ctx.Err() != nil {
		return schemas.ReleaseAbandoned, "the client went away"
	}
	if _, client := errors.AsType[*ClientError](err); client {
		return schemas.ReleaseAbandoned, "the client went away"
	}
	return schemas.ReleaseBroken, "a fault of the gateway"
}

// ClientError is a door's word that the client, not we, ended the stream.
type ClientError struct{ Err error }

func (e *ClientError) Error() string { return "write to the client: " + e.Err.Error() }

// Unwrap gives the write's error.
func (e *ClientError) Unwrap() error { return e.Err }

// SilentClient is the end of a stream whose client takes nothing.
func SilentClient(d time.Duration, resume string) *Cut {
	return &Cut{
		schemas.ReleaseAbandoned,
		schemas.Unavailable,
		fmt.Sprintf("the client took no bytes for %s; it goes on with %s, or earlier where less has come", d, resume),
	}
}

// OnCut calls cut when ctx ends. The function it gives stops that, and waits for a cut
// that has begun: it touches the door's connection, which is gone soon after.
func OnCut(ctx context.Context, cut func()) (stop func()) {
	done := make(chan struct{})
	unset := context.AfterFunc(ctx, func() {
		defer close(done)
		cut()
	})
	return func() {
		if !unset() {
			<-done
		}
	}
}

// cutUnconfirmed cuts a stream when the feed has known nothing for too long, also one
// that waits for its client or for the next shard meanwhile.
func (k *Keeper) cutUnconfirmed(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if k.feed.Stale() > endAfter {
				cancel(&Cut{schemas.ReleaseCut, schemas.Unavailable, "the gateway could not confirm for 10 seconds that the agreement still stands"})
				return
			}
		}
	}
}

// grace is how long running streams may go on after a stop was asked for.
const grace = 5 * time.Second

func (k *Keeper) cutAtClose(ctx context.Context, cancel context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
		return
	case <-k.life.Context().Done():
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
		cancel(&Cut{schemas.ReleaseBroken, schemas.Unavailable, "the gateway is stopping"})
	}
}
