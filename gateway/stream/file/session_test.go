package file

import (
	"context"
	"errors"
	"sync"
	"testing"

	"guichet/gateway/stream/release"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// Ranges at the same time are one release, which ends when the gateway stops.
func TestRangesJoin(t *testing.T) {
	r := newLab(t, 0, streamtest.Padded(0, 2000))
	f := r.open(t)
	const pieces = 16
	got := make([]taker, pieces)
	var wg sync.WaitGroup
	for i := range pieces {
		from, to := f.Size*int64(i)/pieces, f.Size*int64(i+1)/pieces
		wg.Go(func() {
			err := r.Send(context.Background(), r.grant, f, Range{from, to - from}, &got[i], nil)
			if err != nil || int64(got[i].Len()) != to-from {
				t.Errorf("range %d: %d of %d bytes, %v", i, got[i].Len(), to-from, err)
			}
		})
	}
	wg.Wait()
	r.stop()
	begun, ended := r.record.All()
	if len(begun) != 1 || len(ended) != 1 {
		t.Fatalf("%d releases have begun, %d ended, for %d ranges", len(begun), len(ended), pieces)
	}
	e := ended[0]
	if e.State != schemas.ReleaseComplete || e.Rows != 2000 || e.Bytes != f.Size || e.MostRows != e.Rows || e.MostBytes != f.Size {
		t.Errorf("the release is %+v", e)
	}
	err := r.Send(t.Context(), r.grant, f, Range{0, 10}, &taker{}, nil)
	if schemas.KindOf(err) != schemas.Busy {
		t.Errorf("a range of a gateway that stops: %v, want Busy", err)
	}
}

// Whoever reads on and on begins releases, each of which covers the file once, and no
// byte is outside of one.
func TestRangesReadAgain(t *testing.T) {
	r := newLab(t, 0, streamtest.Padded(0, 2000))
	f := r.open(t)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			err := r.Send(context.Background(), r.grant, f, Range{0, f.Size}, &taker{}, nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r.stop()
	_, ended := r.record.All()
	var sum int64
	for _, e := range ended {
		if e.State != schemas.ReleaseComplete || e.Bytes > e.MostBytes || e.Rows > e.MostRows {
			t.Errorf("the release is %+v", e)
		}
		sum += e.Bytes
	}
	if sum != 5*f.Size || len(ended) < 5 {
		t.Errorf("%d bytes in %d releases, want five times %d", sum, len(ended), f.Size)
	}
}

// A revocation cuts all ranges that run; a release without any ends as cut, too.
func TestRangesAreCut(t *testing.T) {
	for _, idle := range []bool{false, true} {
		r := newLab(t, 0, streamtest.Padded(0, 2000))
		f := r.open(t)
		const pieces = 4
		cuts := make(chan struct{}, pieces)
		var stuck, done sync.WaitGroup
		goOn := make(chan struct{})
		stuck.Add(pieces)
		for i := range pieces {
			done.Go(func() {
				s := &taker{}
				if !idle {
					s.before = sync.OnceValue(func() error { stuck.Done(); <-goOn; return nil })
				}
				err := r.Send(context.Background(), r.grant, f, Range{int64(i), f.Size / pieces}, s, func() { cuts <- struct{}{} })
				if idle {
					stuck.Done()
				}
				if _, cut := errors.AsType[*release.Cut](err); cut == idle {
					t.Errorf("idle %t: a range ended with %v", idle, err)
				}
			})
		}
		stuck.Wait()
		r.feed.Cut("agr-a")
		for range pieces {
			if !idle {
				<-cuts // the door hears of it while a write hangs
			}
		}
		close(goOn)
		done.Wait()
		streamtest.Eventually(t, func() bool { _, ended := r.record.All(); return len(ended) == 1 })
		if _, ended := r.record.All(); ended[0].State != schemas.ReleaseCut || ended[0].Cause != "the agreement was revoked" {
			t.Errorf("idle %t: the release is %+v", idle, ended[0])
		}
		r.stop()
	}
}

// What one range meets leaves the others alone and stands in the record; a refusal is
// everybody's.
func TestRangesFail(t *testing.T) {
	r := newLab(t, 0, streamtest.Padded(0, 2000))
	f := r.open(t)
	good, gone := &taker{}, errors.New("gone")
	goOn, joined := make(chan struct{}), make(chan struct{})
	good.before = sync.OnceValue(func() error { close(joined); <-goOn; return nil })
	var wg sync.WaitGroup
	wg.Go(func() {
		err := r.Send(context.Background(), r.grant, f, Range{0, f.Size / 2}, good, nil)
		if err != nil || int64(good.Len()) != f.Size/2 {
			t.Errorf("the good range: %d bytes, %v", good.Len(), err)
		}
	})
	<-joined
	err := r.Send(t.Context(), r.grant, f, Range{0, 10}, &taker{before: func() error { return &release.ClientError{Err: gone} }}, nil)
	if !errors.Is(err, gone) {
		t.Errorf("the bad range: %v", err)
	}
	close(goOn)
	wg.Wait()
	r.stop()
	_, ended := r.record.All()
	if len(ended) != 1 || ended[0].State != schemas.ReleaseAbandoned || ended[0].Bytes != f.Size/2+10 {
		t.Errorf("the releases are %+v", ended)
	}

	r = newLab(t, 0, streamtest.Padded(0, 2000))
	r.record.Refuse = schemas.Errorf(schemas.Denied, "agr-a", "no")
	f = r.open(t)
	for range 3 {
		wg.Go(func() {
			err := r.Send(context.Background(), r.grant, f, Range{0, 10}, &taker{}, nil)
			if schemas.KindOf(err) != schemas.Denied {
				t.Errorf("got %v, want Denied", err)
			}
		})
	}
	wg.Wait()
	r.stop()
}
