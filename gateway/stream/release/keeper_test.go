package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"guichet/gateway/stream/streamtest"
	"guichet/policy"
	"guichet/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a keeper whose record, feed and life the test holds.
type office struct {
	*Keeper
	record *streamtest.Record
	feed   *streamtest.Feed
	life   *Lifecycle
	log    bytes.Buffer
}

func newOffice() *office {
	o := &office{record: &streamtest.Record{}, feed: &streamtest.Feed{}, life: NewLifecycle()}
	o.Keeper = NewKeeper(o.record, o.feed, o.life, slog.New(slog.NewTextHandler(&o.log, nil)), time.Now)
	return o
}

// hold holds a release of at most 100 rows and 1000 bytes.
func (o *office) hold(t testing.TB, ctx context.Context, send func(ctx context.Context, r *Open) error) (schemas.Release, error) {
	return o.holdUnder(ctx, streamtest.Grant(t), send)
}

// holdUnder holds it under a grant.
func (o *office) holdUnder(ctx context.Context, g policy.Grant, send func(ctx context.Context, r *Open) error) (schemas.Release, error) {
	return o.Hold(ctx, g, schemas.Release{MostRows: 100, MostBytes: 1000}, ReadPlan{}, nil, send)
}

// untilCut sends nothing until it is cut.
func untilCut(ctx context.Context, _ *Open) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// Each thing that can end a release ends it as what it is, in the answer and in the record.
func TestHowReleasesEnd(t *testing.T) {
	gone := errors.New("connection reset")
	for name, c := range map[string]struct {
		send  func(o *office, ctx context.Context, r *Open) error
		after func(o *office, cancel func()) // of a second
		keyed time.Duration                  // until the end of the job key, where there is one
		state schemas.ReleaseState
		cause string
		takes time.Duration
	}{
		"everything was sent": {send: func(_ *office, ctx context.Context, r *Open) error { return r.Charge(ctx, 100, 1000) },
			state: schemas.ReleaseComplete},
		"revoked": {after: func(o *office, _ func()) { o.feed.Cut("agr-a") }, state: schemas.ReleaseCut,
			cause: "the agreement was revoked", takes: time.Second},
		"membership lost": {after: func(o *office, _ func()) { o.feed.Cut("p") }, state: schemas.ReleaseCut,
			cause: "the agreement was revoked", takes: time.Second},
		"the agreement ended": {state: schemas.ReleaseCut, cause: "the agreement ended at 2000-01-01T01:00:00Z", takes: time.Hour},
		"the job key ended": {keyed: 20 * time.Minute, state: schemas.ReleaseCut, cause: "the job key ended at 2000-01-01T00:20:00Z",
			takes: 20 * time.Minute},
		"unconfirmed": {after: func(o *office, _ func()) { o.feed.SetStale(11 * time.Second) }, state: schemas.ReleaseCut,
			cause: "the gateway could not confirm for 10 seconds that the agreement still stands", takes: time.Second},
		"the gateway stops": {after: func(o *office, _ func()) { go o.life.Shutdown(context.Background()) }, state: schemas.ReleaseBroken,
			cause: "the gateway is stopping", takes: 6 * time.Second},
		"the client goes": {after: func(_ *office, cancel func()) { cancel() }, state: schemas.ReleaseAbandoned,
			cause: "the client went away", takes: time.Second},
		"a write fails": {send: func(*office, context.Context, *Open) error { return &ClientError{gone} }, state: schemas.ReleaseAbandoned,
			cause: "the client went away"},
		"a silent client": {send: func(*office, context.Context, *Open) error { return SilentClient(time.Minute, "from=7") },
			state: schemas.ReleaseAbandoned, cause: "the client took no bytes for 1m0s; it goes on with from=7, or earlier where less has come"},
		"the budget": {send: func(_ *office, ctx context.Context, r *Open) error { return r.Charge(ctx, 101, 1) },
			state: schemas.ReleaseCut, cause: "the budget is spent: 0 rows, 0 bytes were sent"},
		"the store": {send: func(*office, context.Context, *Open) error {
			return schemas.Errorf(schemas.Unavailable, "t", "it does not answer")
		}, state: schemas.ReleaseBroken, cause: "it does not answer"},
		"a fault of ours": {send: func(*office, context.Context, *Open) error { return gone }, state: schemas.ReleaseBroken,
			cause: "a fault of the gateway"},
		"cut from outside": {send: func(_ *office, ctx context.Context, r *Open) error {
			r.Cut(&Cut{State: schemas.ReleaseBroken, Reason: "enough"})
			return untilCut(ctx, r)
		}, state: schemas.ReleaseBroken, cause: "enough"},
		"a write fails because of a cut": {send: func(o *office, ctx context.Context, _ *Open) error {
			o.feed.Cut("agr-a")
			<-ctx.Done()
			return &ClientError{gone}
		}, state: schemas.ReleaseCut, cause: "the agreement was revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.after != nil {
					time.AfterFunc(time.Second, func() { c.after(o, cancel) })
				}
				began := time.Now()
				g := streamtest.Grant(t)
				if c.keyed > 0 {
					g = streamtest.GrantOfJobKey(t, began.Add(c.keyed))
				}
				r, err := o.holdUnder(ctx, g, func(ctx context.Context, r *Open) error {
					if c.send != nil {
						return c.send(o, ctx, r)
					}
					return untilCut(ctx, r)
				})
				if r.State != c.state || r.Cause != c.cause || (err == nil) != (c.state == schemas.ReleaseComplete) {
					t.Errorf("it ended as %s: %s (%v); want %s: %s", r.State, r.Cause, err, c.state, c.cause)
				}
				if took := time.Since(began); took < c.takes || took > c.takes+time.Second {
					t.Errorf("it took %s, want %s", took, c.takes)
				}
				_, ended := o.record.All()
				if len(ended) != 1 || ended[0].State != c.state || ended[0].Cause != c.cause {
					t.Errorf("the record has %+v", ended)
				}
			})
		})
	}
}

// Whatever is charged, in whatever order, nothing is beyond what the release covers, and the
// record ends with the sum of what was allowed.
func TestChargesAreBounded(t *testing.T) {
	o := newOffice()
	rapid.Check(t, func(rt *rapid.T) {
		var rows, size int64
		spent := false
		r, err := o.hold(t, t.Context(), func(ctx context.Context, r *Open) error {
			for range rapid.IntRange(0, 8).Draw(rt, "messages") {
				n, b := rapid.Int64Range(0, 60).Draw(rt, "rows"), rapid.Int64Range(0, 600).Draw(rt, "bytes")
				err := r.Charge(ctx, n, b)
				spent = rows+n > 100 || size+b > 1000
				if spent != (err != nil) {
					rt.Fatalf("after %d rows, %d bytes: %d, %d more: %v", rows, size, n, b, err)
				}
				if err != nil {
					return err
				}
				rows, size = rows+n, size+b
			}
			return nil
		})
		cut, is := errors.AsType[*Cut](err)
		if spent != is || is && (cut.Kind != schemas.Denied || r.State != schemas.ReleaseCut || schemas.KindOf(err) != schemas.Denied) {
			rt.Errorf("it ended as %s with %v", r.State, err)
		}
		_, ended := o.record.All()
		if last := ended[len(ended)-1]; last.Rows != rows || last.Bytes != size || r.Rows != rows {
			rt.Errorf("the record has %d rows, %d bytes; %d and %d were allowed", last.Rows, last.Bytes, rows, size)
		}
	})
}

// Where the reservation is spent the record is asked for more: what it refuses ends the
// stream as cut; while it is away the stream waits; any other fault is told.
func TestMoreIsAskedFor(t *testing.T) {
	away := schemas.Errorf(schemas.Unavailable, "database", "it is away")
	for name, c := range map[string]struct {
		says  []error // one after another
		want  string
		state schemas.ReleaseState
		takes time.Duration
	}{
		"refused": {[]error{schemas.Errorf(schemas.Denied, "agr-a", "the project's budget is spent")}, "the project's budget is spent",
			schemas.ReleaseCut, 0},
		"away, refused": {[]error{away, away, schemas.Errorf(schemas.Denied, "agr-a", "revoked")}, "revoked", schemas.ReleaseCut,
			2 * pauseAfter / 5},
		"a fault":       {[]error{errors.New("no such table")}, "a fault of the gateway", schemas.ReleaseBroken, 0},
		"away for long": {slices.Repeat([]error{away}, 1000), "the agreement was revoked", schemas.ReleaseCut, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice()
				o.record.OnMore = func(rows, bytes int64) error {
					if rows != 5 || bytes != 50 {
						t.Errorf("more is asked for %d rows, %d bytes", rows, bytes)
					}
					err := c.says[0]
					c.says = c.says[1:]
					return err
				}
				time.AfterFunc(20*time.Second, func() { o.feed.Cut("agr-a") })
				began := time.Now()
				r, err := o.hold(t, t.Context(), func(ctx context.Context, r *Open) error {
					r.pay = func(*schemas.Release, int64, int64) bool { return false } // nothing is reserved
					return r.Charge(ctx, 5, 50)
				})
				if err == nil || r.State != c.state || r.Cause != c.want || r.Rows != 0 {
					t.Errorf("it ended as %s: %s (%v)", r.State, r.Cause, err)
				}
				if took := time.Since(began); took < c.takes || took > c.takes+time.Second {
					t.Errorf("it took %s, want %s", took, c.takes)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// A release that may not begin sends nothing and ends nothing.
func TestRefusedReleases(t *testing.T) {
	o := newOffice()
	o.record.Refuse = schemas.Errorf(schemas.Denied, "agr-a", "no")
	sent := func(context.Context, *Open) error { t.Error("it sends"); return nil }
	if _, err := o.hold(t, t.Context(), sent); schemas.KindOf(err) != schemas.Denied {
		t.Errorf("refused by the record: %v", err)
	}
	o.record.Refuse = nil
	o.life.Shutdown(t.Context())
	_, err := o.hold(t, t.Context(), sent)
	if schemas.KindOf(err) != schemas.Busy || !strings.Contains(err.Error(), "the gateway is stopping and takes no new streams") {
		t.Errorf("refused by a stop: %v", err)
	}
	if begun, ended := o.record.All(); len(begun) != 0 || len(ended) != 0 {
		t.Errorf("%d releases have begun, %d ended", len(begun), len(ended))
	}
}

// The end of a release is tried until the database is back; the client does not wait for
// it, a stop of the gateway does. What can never be written is said in the log.
func TestEndsAreTriedAgain(t *testing.T) {
	away := schemas.Errorf(schemas.Unavailable, "database", "it is away")
	for name, c := range map[string]struct {
		fails []error
		stop  time.Duration // when the gateway stops; 0: it does not
		ended int
		tries int // at least
		log   string
	}{
		"at once":             {ended: 1},
		"away for a while":    {fails: slices.Repeat([]error{away}, 9), ended: 1, tries: 10},
		"too slow":            {fails: []error{fmt.Errorf("write: %w", context.DeadlineExceeded)}, ended: 1, tries: 2},
		"refused":             {fails: []error{errors.New("no such release")}, tries: 1, log: "no such release"},
		"away until it stops": {fails: slices.Repeat([]error{away}, 1000), stop: 30 * time.Second, tries: 10, log: "it is away"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice()
				tries := 0
				o.record.OnEnd = func(schemas.Release) error {
					tries++
					if len(c.fails) == 0 {
						return nil
					}
					err := c.fails[0]
					c.fails = c.fails[1:]
					return err
				}
				began := time.Now()
				r, err := o.hold(t, t.Context(), func(ctx context.Context, r *Open) error { return r.Charge(ctx, 1, 1) })
				if took := time.Since(began); err != nil || r.State != schemas.ReleaseComplete || took > endWithin {
					t.Errorf("the client waited for %s: %v", took, err)
				}
				time.Sleep(max(c.stop, time.Minute))
				o.life.Shutdown(t.Context())
				_, ended := o.record.All()
				if len(ended) != c.ended || tries < c.tries {
					t.Errorf("%d ends after %d tries", len(ended), tries)
				}
				if (c.log != "") != strings.Contains(o.log.String(), "the end of a release is not recorded") ||
					!strings.Contains(o.log.String(), c.log) {
					t.Errorf("the log says %s", &o.log)
				}
			})
		})
	}
}

// While nothing is known of revocations nothing leaves; then it goes on.
func TestWaitConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice()
		o.feed.SetStale(2 * time.Second)
		time.AfterFunc(3*time.Second, func() { o.feed.SetStale(0) })
		began := time.Now()
		if err := o.WaitConfirmed(t.Context()); err != nil || time.Since(began) < 3*time.Second {
			t.Errorf("it waited %s: %v", time.Since(began), err)
		}
		o.feed.SetStale(2 * time.Second)
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		time.AfterFunc(time.Second, func() { cancel(enough) })
		if err := o.WaitConfirmed(ctx); !errors.Is(err, enough) {
			t.Errorf("got %v", err)
		}
		if err := o.WaitConfirmed(ctx); !errors.Is(err, enough) {
			t.Errorf("of a stream that is over: %v", err)
		}
	})
}

// A cut that has begun is waited for: it touches a connection that is gone soon after.
func TestOnCut(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cuts := 0
	stop := OnCut(ctx, func() { cuts++ })
	stop()
	cancel()
	if cuts != 0 {
		t.Error("it cut after it was stopped")
	}
	begun, goOn := make(chan struct{}), make(chan struct{})
	stop = OnCut(ctx, func() { close(begun); <-goOn; cuts++ })
	<-begun
	time.AfterFunc(time.Millisecond, func() { close(goOn) })
	stop()
	if cuts != 1 {
		t.Error("a cut that had begun was not waited for")
	}
}

// A stop lets in nothing more, and waits for what runs, or no longer than it may.
func TestLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLifecycle()
		if l.Closing() || !l.Enter() {
			t.Fatal("a new one is closing")
		}
		after := 0
		l.Go(func() { time.Sleep(2 * time.Second); after++ })
		time.AfterFunc(time.Second, l.Leave)
		began := time.Now()
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		l.Shutdown(short)
		if time.Since(began) != time.Millisecond || !l.Closing() || l.Enter() || l.Context().Err() == nil {
			t.Errorf("after %s it is closing: %t", time.Since(began), l.Closing())
		}
		l.Shutdown(t.Context())
		if time.Since(began) != 2*time.Second || after != 1 {
			t.Errorf("it waited %s", time.Since(began))
		}
	})
}

// A door's bytes go to the client by handfuls, each a sign that it reads; without a pace
// the writer is the door's own.
func TestPieces(t *testing.T) {
	var sizes []int
	w := writerFunc(func(p []byte) (int, error) { sizes = append(sizes, len(p)); return len(p), nil })
	p := NewPace(time.Minute, func() { t.Error("it ended") })
	out := Pieces(p.With(t.Context()), w)
	n, err := out.Write(make([]byte, 2*Handful+7))
	if err != nil || n != 2*Handful+7 || !slices.Equal(sizes, []int{Handful, Handful, 7}) {
		t.Errorf("%d bytes in %v: %v", n, sizes, err)
	}
	broken := writerFunc(func(p []byte) (int, error) { return len(p) / 2, io.ErrClosedPipe })
	n, err = Pieces(p.With(t.Context()), broken).Write(make([]byte, Handful+1))
	if !errors.Is(err, io.ErrClosedPipe) || n != Handful/2 {
		t.Errorf("%d bytes: %v", n, err)
	}
	if got := Pieces(t.Context(), io.Discard); got != io.Discard {
		t.Error("a writer without a pace is another")
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The example of the package: 100 rows under a budget that leaves 50, in batches of 20.
func ExampleKeeper_Hold() {
	t := &testing.T{}
	record := &streamtest.Record{MostRows: 50}
	k := NewKeeper(record, &streamtest.Feed{}, NewLifecycle(), slog.New(slog.DiscardHandler), time.Now)
	r := schemas.Release{Ask: "world=1 rank=0 epoch=0", MostRows: 100, MostBytes: 10_000}
	_, err := k.Hold(context.Background(), streamtest.Grant(t), r, ReadPlan{}, nil, func(ctx context.Context, o *Open) error {
		fmt.Println("begun, at most", o.MostRows, "rows")
		for range 5 {
			err := o.Charge(ctx, 20, 1000)
			if err != nil {
				return err
			}
			o.Batches++
			fmt.Println("a batch leaves")
		}
		return nil
	})
	_, ended := record.All()
	fmt.Printf("%s, %d rows, %d batches: %v\n", ended[0].State, ended[0].Rows, ended[0].Batches, err)
	// Output:
	// begun, at most 50 rows
	// a batch leaves
	// a batch leaves
	// cut, 40 rows, 2 batches: the budget is spent: 40 rows, 2000 bytes were sent
}
