package client

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"guichet/schemas"
)

// Patience is how long something is tried that may pass.
const Patience = 2 * time.Minute

// Again tries what may pass, at growing distances, for two minutes: where the gateway is busy or
// cannot be reached, or an answer breaks off. What it refuses is not tried again, nor what is
// backoff.Permanent.
func Again(ctx context.Context, try func() error) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := try()
		if err != nil && final(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(&backoff.ExponentialBackOff{
		InitialInterval: 100 * time.Millisecond, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: 5 * time.Second,
	}), backoff.WithMaxElapsedTime(Patience))
	return err
}

// final says whether asking again is no use: the gateway said no, or nobody waits any more.
func final(err error) bool {
	e, refused := errors.AsType[*schemas.Error](err)
	if refused {
		return e.Kind != schemas.Busy && e.Kind != schemas.Unavailable && e.Kind != schemas.Internal
	}
	return errors.Is(err, context.Canceled)
}
