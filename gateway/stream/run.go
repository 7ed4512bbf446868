package stream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"guichet/connectors/shard"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// Sink is a door's end of a stream. Begin comes once, when the release is durable
// and before anything is sent; then Message for each message; End after the last,
// only when all went well, with the CRC-32C of the whole as an IPC stream, from the
// schema message to the end marker. What it returns ends the stream.
type Sink interface {
	Begin(ctx context.Context, r schemas.Release, p *Plan) error
	Message(m Message) error
	End(sum uint32) error
}

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
	most := int64(maxRead)
	if e.room.crowded() {
		most = 0
	}
	reads := p.Source.reads(p.Source.slices(p.Segments), most)
	n, who := held(reads), g.Lease().Participant
	err := e.room.admit(who, n)
	if err != nil {
		return r, err
	}
	defer e.room.leave(who, n)
	of := agreement.Reading{Epoch: p.Ask.Epoch, View: p.Source.shown(), Segments: p.Segments}
	return e.release(ctx, g, p.Source, r, of, cut, func(ctx context.Context, r *schemas.Release, tab *agreement.Tab, end context.CancelCauseFunc) error {
		s := &sending{engine: e, plan: p, release: r, tab: tab, sink: sink, beside: int64(len(p.Source.Schema())) + 8, sum: shard.Sum(p.Source.Schema())}
		s.pace = newPace(e.Idle, func() { end(silent(e.Idle, fmt.Sprintf("from=%d", p.Ask.From+s.sent.Load()))) })
		return s.all(ctx, reads)
	})
}

// silent is the end of a stream whose client takes nothing.
func silent(d time.Duration, resume string) *Cut {
	return &Cut{schemas.ReleaseAbandoned, schemas.Unavailable, fmt.Sprintf("the client took no bytes for %s; it goes on with %s, or earlier where less has come", d, resume)}
}

// shown names what a view shows of a split's rows: read again with other columns they
// are other data.
func (s *Source) shown() string {
	h := sha256.New()
	fmt.Fprintf(h, "guichet reading 1\x00%s\x00", s.view.Digest)
	h.Write(s.view.Schema)
	return hex.EncodeToString(h.Sum(nil)[:16])
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

// sends sends what a release covers; end ends ctx from outside.
type sends func(ctx context.Context, r *schemas.Release, tab *agreement.Tab, end context.CancelCauseFunc) error

// release is what every release shares: it begins r durably, lets send send, cuts
// it when the agreement is revoked or ends, and records how it ended.
func (e *Engine) release(ctx context.Context, g policy.Grant, src *Source, r schemas.Release, of agreement.Reading, cut func(), send sends) (schemas.Release, error) {
	if !e.enter() {
		return schemas.Release{}, stopping()
	}
	defer e.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer e.Feed.Watch(g.Agreement().ID, string(g.Agreement().Dataset)+"/"+string(g.Want().Version), g.Lease(), func(reason string) {
		cancel(&Cut{schemas.ReleaseCut, schemas.Denied, reason})
	})()
	if cut != nil {
		defer onCut(ctx, cut)()
	}
	g = g.At(src.Table.Name, src.Split.Name) // table and split may have been left out
	r.Columns = schemas.NameColumns(src.Columns())
	r, tab, err := e.Releases.Begin(ctx, g, r, of)
	if err != nil {
		return r, err
	}
	ended := time.AfterFunc(g.Until().Sub(e.Now()), func() {
		cancel(&Cut{schemas.ReleaseCut, schemas.Denied, "the agreement ended at " + g.Until().UTC().Format(time.RFC3339)})
	})
	defer ended.Stop()
	go e.cutAtClose(ctx, cancel)
	go e.cutUnconfirmed(ctx, cancel)
	err = send(ctx, &r, tab, cancel)
	r.State, r.Cause = schemas.ReleaseComplete, ""
	if err != nil {
		r.State, r.Cause = ending(ctx, err)
	}
	// The record's word may wait for a database that takes no writes; the client's does
	// not: a cut is seen at once.
	last, written := r, make(chan struct{})
	e.running.Go(func() {
		defer close(written)
		e.end(ctx, last, tab)
	})
	patience := time.NewTimer(endWithin)
	defer patience.Stop()
	select {
	case <-written:
	case <-patience.C:
	}
	return r, err
}

// endWithin is how long a client's connection waits for the record of its stream's end.
const endWithin = 250 * time.Millisecond

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

// sending is one stream on its way to a door.
type sending struct {
	engine  *Engine
	plan    *Plan
	release *schemas.Release
	tab     *agreement.Tab
	sink    Sink
	beside  int64 // schema and end marker, which doors send by themselves; they count with the first message
	begun   bool
	sum     uint32       // of what was sent, schema included
	sent    atomic.Int64 // rows of the messages that the door has taken
	pace    *pace
}

// begin comes late, so that what the store refuses at once is refused in words.
func (s *sending) begin(ctx context.Context) error {
	if s.begun {
		return nil
	}
	s.begun = true
	return s.pace.during(func() error { return s.sink.Begin(s.pace.with(ctx), *s.release, s.plan) })
}

func (s *sending) all(ctx context.Context, reads []read) error {
	// Buffers of its own: those of all streams would hold more than what is counted.
	rd := &reader{source: s.plan.Source, open: s.engine.Store, buffers: newBuffers(), decoders: map[int]*opened{}, compact: s.plan.Source.view.Compact}
	work, stop := context.WithCancel(ctx)
	defer stop()
	for res := range s.engine.pipeline(work, rd, reads) {
		err := res.err
		if err == nil {
			err = s.messages(ctx, res.messages)
		} else if cause := context.Cause(ctx); cause != nil {
			err = cause // the read was cut, not at fault
		}
		if err == nil { // after an error a connection may still hold them
			rd.free(res.result)
		}
		res.letGo()
		if err != nil {
			return err
		}
	}
	err := context.Cause(ctx)
	if err != nil {
		return err
	}
	if sent := s.release.Rows; sent < s.plan.Rows {
		return &Cut{schemas.ReleaseBroken, schemas.Gone, fmt.Sprintf("%d of %d rows were read", sent, s.plan.Rows)}
	}
	s.release.Bytes += s.beside
	err = s.begin(ctx)
	if err != nil {
		return err
	}
	return s.pace.during(func() error { return s.sink.End(shard.AddSum(s.sum, shard.EndOfStream())) })
}

// messages sends messages with what goes before them: dictionaries leave when the batch
// after them may, and are charged with it.
func (s *sending) messages(ctx context.Context, all []Message) error {
	for len(all) > 0 {
		n, size := 0, s.beside
		for n < len(all) && (n == 0 || all[n-1].Rows == 0) {
			size += int64(len(all[n].Bytes))
			n++
		}
		err := s.engine.allow(ctx)
		if err == nil {
			err = s.engine.take(ctx, s.release, s.tab, all[n-1].Rows, size)
			if r, ok := errors.AsType[*Cut](err); ok && s.release.Rows == 0 {
				r.Reason = s.plan.beyond(s.release, all[n-1].Rows, size, r.Reason)
			}
		}
		if err == nil {
			err = s.begin(ctx)
		}
		for i := 0; i < n && err == nil; i++ {
			s.sum = all[i].join(s.sum)
			err = s.pace.during(func() error { return s.sink.Message(all[i]) })
		}
		if err != nil {
			return err
		}
		s.sent.Add(all[n-1].Rows)
		s.beside, all = 0, all[n:]
		s.release.Batches++
	}
	return nil
}

// take counts and charges rows and bytes before they are sent: a client may have read
// most of a message whose sending fails.
func (e *Engine) take(ctx context.Context, r *schemas.Release, tab *agreement.Tab, rows, bytes int64) error {
	if r.Rows+rows > r.MostRows || r.Bytes+bytes > r.MostBytes {
		return &Cut{schemas.ReleaseCut, schemas.Denied, fmt.Sprintf("the budget is spent: %d rows, %d bytes were sent", r.Rows, r.Bytes)}
	}
	for !tab.Pay(r, rows, bytes) {
		err := e.Releases.More(ctx, *r, tab, rows, bytes)
		if refused, ok := errors.AsType[*schemas.Error](err); ok && refused.Kind == schemas.Denied {
			return &Cut{schemas.ReleaseCut, schemas.Denied, refused.Message}
		}
		if schemas.KindOf(err) == schemas.Unavailable && pause(ctx, pauseAfter/5) {
			continue // the database is away: the stream waits for it as all do, and is cut when that takes too long
		}
		if cause := context.Cause(ctx); err != nil && cause != nil {
			return cause
		}
		if err != nil {
			return err
		}
	}
	r.Rows += rows
	r.Bytes += bytes
	return nil
}

// pause waits; false: ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// allow says whether more may leave now.
func (e *Engine) allow(ctx context.Context) error {
	err := context.Cause(ctx)
	if err != nil {
		return err
	}
	for e.Feed.Stale() > pauseAfter {
		if !pause(ctx, 20*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// end records how a release ended. It must be written even though ctx is over, and it
// is tried until the database is back or the gateway stops.
func (e *Engine) end(ctx context.Context, r schemas.Release, tab *agreement.Tab) {
	for {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		err := e.Releases.End(late, r, tab)
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
