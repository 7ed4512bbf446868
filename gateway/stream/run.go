package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guichet/policy"
	"guichet/schemas"
)

// Sink is a door's end of a stream. Begin comes once, when the release is durable
// and before anything is sent; then Message for each message; End after the last,
// only when all went well. What it returns ends the stream.
type Sink interface {
	Begin(ctx context.Context, r schemas.Release, p *Plan) error
	Message(m Message) error
	End() error
}

// Cut is why a running stream was ended from outside. State is how the release
// ends, Kind how a door that can say so tells the client.
type Cut struct {
	State  schemas.ReleaseState
	Kind   schemas.Kind
	Reason string
}

func (c *Cut) Error() string { return c.Reason }

// unconfirmed: how long a stream goes on without knowing of revocations, and when
// it ends for it [decisions.md 17].
const (
	pauseAfter = time.Second
	endAfter   = 10 * time.Second
)

// Run sends one stream to a sink. An error before Begin is the refusal to show;
// one after Begin means that the stream is cut and the door must make it look
// broken. cut, if not nil, is called once, from any goroutine, when the stream must
// stop at once, so that the door can unblock a write.
func (e *Engine) Run(ctx context.Context, g policy.Grant, p *Plan, sink Sink, cut func()) (schemas.Release, error) {
	r := schemas.Release{Ask: p.Ask.String()}
	r.MostRows, r.MostBytes = p.Most()
	return e.release(ctx, g, p.Source, r, cut, func(ctx context.Context, r *schemas.Release) error {
		return e.send(ctx, p, r, sink)
	})
}

// onCut calls cut when ctx ends. The function it gives stops that, and waits for a cut
// that has begun: it touches the door's connection, which is gone soon after.
func onCut(ctx context.Context, cut func()) (stop func()) {
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

func stopping() error {
	return &schemas.Error{Kind: schemas.Busy, Subject: "stream", Message: "the gateway is stopping and takes no new streams", Remedy: "try again in a moment; another replica takes it"}
}

// release is what every release shares: it begins r durably, lets send send, cuts
// it when the agreement is revoked or ends, and records how it ended.
func (e *Engine) release(ctx context.Context, g policy.Grant, src *Source, r schemas.Release, cut func(), send func(ctx context.Context, r *schemas.Release) error) (schemas.Release, error) {
	if !e.enter() {
		return schemas.Release{}, stopping()
	}
	defer e.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, id := range []string{string(g.Agreement().ID), string(g.Lease().Participant)} {
		defer e.Feed.Watch(id, func(reason string) {
			cancel(&Cut{schemas.ReleaseCut, schemas.Denied, reason})
		})()
	}
	if cut != nil {
		defer onCut(ctx, cut)()
	}
	g = g.At(src.Table.Name, src.Split.Name) // table and split may have been left out
	r, err := e.Releases.Begin(ctx, g, r)
	if err != nil {
		return r, err
	}
	ended := time.AfterFunc(g.Until().Sub(e.Now()), func() {
		cancel(&Cut{schemas.ReleaseCut, schemas.Denied, "the agreement ended at " + g.Until().UTC().Format(time.RFC3339)})
	})
	defer ended.Stop()
	go e.cutAtClose(ctx, cancel)
	go e.cutUnconfirmed(ctx, cancel)
	err = send(ctx, &r)
	r.State, r.Cause = schemas.ReleaseComplete, ""
	if err != nil {
		r.State, r.Cause = ending(ctx, err)
	}
	if e.Feed.Stale() < endAfter {
		e.end(ctx, r)
		return r, err
	}
	// The database is what is away: its word waits for it, the client's does not.
	last := r
	e.running.Go(func() { e.end(ctx, last) })
	return r, err
}

// cutUnconfirmed cuts a stream when the feed has known nothing for too long, also one
// that waits for its client or for the next shard meanwhile.
func (e *Engine) cutUnconfirmed(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if e.Feed.Stale() > endAfter {
				cancel(&Cut{schemas.ReleaseCut, schemas.Unavailable, "the gateway could not confirm for 10 seconds that the agreement still stands"})
				return
			}
		}
	}
}

// grace is how long running streams may go on after a stop was asked for.
const grace = 5 * time.Second

func (e *Engine) cutAtClose(ctx context.Context, cancel context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
		return
	case <-e.closing:
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
		cancel(&Cut{schemas.ReleaseBroken, schemas.Unavailable, "the gateway is stopping"})
	}
}

func (e *Engine) send(ctx context.Context, p *Plan, r *schemas.Release, sink Sink) error {
	src := p.Source
	r.Bytes = int64(len(src.Schema())) + 8 // schema and end marker, which doors send by themselves
	begun := false
	begin := func() error { // late, so that what the store refuses at once is refused in words
		if begun {
			return nil
		}
		begun = true
		return sink.Begin(ctx, *r, p)
	}
	rd := &reader{source: src, open: e.Store, buffers: e.buffers, decoders: map[int]*opened{}}
	work, stop := context.WithCancel(ctx)
	defer stop()
	for res := range e.pipeline(work, rd, src.reads(src.slices(p.Segments))) {
		if res.err != nil {
			return res.err
		}
		for _, m := range res.messages {
			err := e.allow(ctx, r, m.Rows, int64(len(m.Bytes)))
			if err == nil {
				err = begin()
			}
			if err != nil {
				return err
			}
			// Counted before it is sent: a client may have read most of a message
			// whose sending fails.
			r.Rows += m.Rows
			r.Bytes += int64(len(m.Bytes))
			if m.Rows > 0 {
				r.Batches++
			}
			err = sink.Message(m)
			if err != nil {
				return err
			}
		}
		if res.buffer != nil {
			e.buffers.Put(res.buffer)
		}
	}
	err := context.Cause(ctx)
	if err != nil {
		return err
	}
	if r.Rows < p.Rows {
		return &Cut{schemas.ReleaseBroken, schemas.Gone, fmt.Sprintf("%d of %d rows were read", r.Rows, p.Rows)}
	}
	err = begin()
	if err != nil {
		return err
	}
	return sink.End()
}

// allow says whether rows and bytes more may leave now.
func (e *Engine) allow(ctx context.Context, r *schemas.Release, rows, bytes int64) error {
	err := context.Cause(ctx)
	if err != nil {
		return err
	}
	if r.Rows+rows > r.MostRows || r.Bytes+bytes > r.MostBytes {
		return &Cut{schemas.ReleaseCut, schemas.Denied, fmt.Sprintf("the budget is spent: %d rows, %d bytes were sent", r.Rows, r.Bytes)}
	}
	for e.Feed.Stale() > pauseAfter {
		t := time.NewTimer(20 * time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-t.C:
		}
	}
	return nil
}

// pipeline fetches reads a few ahead and gives their results in order. It ends when
// ctx does; its goroutines end with it.
func (e *Engine) pipeline(ctx context.Context, rd *reader, reads []read) <-chan result {
	futures := make(chan chan result, ahead) // its capacity bounds the reads under way
	out := make(chan result)
	go func() {
		defer close(futures)
		last := -1
		for _, one := range reads {
			f := make(chan result, 1)
			select {
			case futures <- f:
			case <-ctx.Done():
				return
			}
			first := one.shard != last
			if first && last >= 0 {
				rd.forget(map[int]bool{last: true, one.shard: true})
			}
			last = one.shard
			go func() { f <- rd.fetch(ctx, one, first) }()
		}
	}()
	go func() {
		defer close(out)
		for f := range futures {
			res := <-f
			select {
			case out <- res:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// end records how a release ended. It must be written even though ctx is over, and it
// is tried until the database is back or the gateway stops.
func (e *Engine) end(ctx context.Context, r schemas.Release) {
	for {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		err := e.Releases.End(late, r)
		cancel()
		if err == nil {
			return
		}
		if schemas.KindOf(err) != schemas.Unavailable && !errors.Is(err, context.DeadlineExceeded) {
			e.Log.Error("the end of a release is not recorded", "release", r.ID, "err", err)
			return
		}
		t := time.NewTimer(time.Second)
		select {
		case <-e.closing: // it stays open in the record, at its upper bound, until the next start
			t.Stop()
			e.Log.Error("the end of a release is not recorded", "release", r.ID, "err", err)
			return
		case <-t.C:
		}
	}
}

// ending names the state and cause of a release that err ended.
func ending(ctx context.Context, err error) (schemas.ReleaseState, string) {
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
