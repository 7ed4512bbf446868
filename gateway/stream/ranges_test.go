package stream

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"guichet/schemas"
)

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	last := time.NewTimer(20 * time.Second)
	defer last.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-last.C:
			t.Fatal("it does not come to that")
		case <-tick.C:
		}
	}
}

// taker is a client of a range.
type taker struct {
	bytes.Buffer
	release schemas.ReleaseID
	before  func() error // each write, if not nil
}

func (s *taker) Begin(_ context.Context, r schemas.Release, _ *File) error {
	s.release = r.ID
	return nil
}

func (s *taker) Write(p []byte) error {
	if s.before != nil {
		err := s.before()
		if err != nil {
			return err
		}
	}
	_, err := s.Buffer.Write(p)
	return err
}

func openFile(t *testing.T, r *rig) *File {
	t.Helper()
	f, err := r.Files.Open(t.Context(), r.source, 0, "who")
	must(t, err)
	t.Cleanup(f.Close)
	return f
}

// Ranges at the same time are one release, which ends when the gateway stops.
func TestRangesJoin(t *testing.T) {
	r := newRig(t, Config{}, 1, 2000)
	f := openFile(t, r)
	const pieces = 16
	got := make([]taker, pieces)
	var wg sync.WaitGroup
	for i := range pieces {
		from, to := f.Size*int64(i)/pieces, f.Size*int64(i+1)/pieces
		wg.Go(func() {
			err := r.Files.Send(context.Background(), r.grant, f, Range{from, to - from}, &got[i], nil)
			if err != nil || int64(got[i].Len()) != to-from {
				t.Errorf("range %d: %d of %d bytes, %v", i, got[i].Len(), to-from, err)
			}
		})
	}
	wg.Wait()
	r.Shutdown(t.Context())
	begun, ended := r.record.all()
	if len(begun) != 1 || len(ended) != 1 {
		t.Fatalf("%d releases have begun, %d ended, for %d ranges", len(begun), len(ended), pieces)
	}
	e := ended[0]
	if e.State != schemas.ReleaseComplete || e.Rows != 2000 || e.Bytes != f.Size || e.MostRows != e.Rows || e.MostBytes != f.Size {
		t.Errorf("the release is %+v", e)
	}
	err := r.Files.Send(t.Context(), r.grant, f, Range{0, 10}, &taker{}, nil)
	if schemas.KindOf(err) != schemas.Busy {
		t.Errorf("a range of a gateway that stops: %v, want Busy", err)
	}
}

// Whoever reads on and on begins releases, each of which covers the file once, and no
// byte is outside of one.
func TestRangesReadAgain(t *testing.T) {
	r := newRig(t, Config{}, 1, 2000)
	f := openFile(t, r)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			err := r.Files.Send(context.Background(), r.grant, f, Range{0, f.Size}, &taker{}, nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r.Shutdown(t.Context())
	_, ended := r.record.all()
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
		r := newRig(t, Config{}, 1, 2000)
		f := openFile(t, r)
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
				err := r.Files.Send(context.Background(), r.grant, f, Range{int64(i), f.Size / pieces}, s, func() { cuts <- struct{}{} })
				if idle {
					stuck.Done()
				}
				if _, cut := errors.AsType[*Cut](err); cut == idle {
					t.Errorf("idle %t: a range ended with %v", idle, err)
				}
			})
		}
		stuck.Wait()
		r.feed.cut("agr-a")
		for range pieces {
			if !idle {
				<-cuts // the door hears of it while a write hangs
			}
		}
		close(goOn)
		done.Wait()
		eventually(t, func() bool { _, ended := r.record.all(); return len(ended) == 1 })
		if _, ended := r.record.all(); ended[0].State != schemas.ReleaseCut || ended[0].Cause != "the agreement was revoked" {
			t.Errorf("idle %t: the release is %+v", idle, ended[0])
		}
		r.Shutdown(t.Context())
	}
}

// What one range meets leaves the others alone and stands in the record; a refusal is
// everybody's.
func TestRangesFail(t *testing.T) {
	r := newRig(t, Config{}, 1, 2000)
	f := openFile(t, r)
	good, gone := &taker{}, errors.New("gone")
	goOn, joined := make(chan struct{}), make(chan struct{})
	good.before = sync.OnceValue(func() error { close(joined); <-goOn; return nil })
	var wg sync.WaitGroup
	wg.Go(func() {
		err := r.Files.Send(context.Background(), r.grant, f, Range{0, f.Size / 2}, good, nil)
		if err != nil || int64(good.Len()) != f.Size/2 {
			t.Errorf("the good range: %d bytes, %v", good.Len(), err)
		}
	})
	<-joined
	err := r.Files.Send(t.Context(), r.grant, f, Range{0, 10}, &taker{before: func() error { return &ClientError{gone} }}, nil)
	if !errors.Is(err, gone) {
		t.Errorf("the bad range: %v", err)
	}
	close(goOn)
	wg.Wait()
	r.Shutdown(t.Context())
	_, ended := r.record.all()
	if len(ended) != 1 || ended[0].State != schemas.ReleaseAbandoned || ended[0].Bytes != f.Size/2+10 {
		t.Errorf("the releases are %+v", ended)
	}

	r = newRig(t, Config{}, 1, 2000)
	r.record.refuse = schemas.Errorf(schemas.Denied, "agr-a", "no")
	f = openFile(t, r)
	for range 3 {
		wg.Go(func() {
			err := r.Files.Send(context.Background(), r.grant, f, Range{0, 10}, &taker{}, nil)
			if schemas.KindOf(err) != schemas.Denied {
				t.Errorf("got %v, want Denied", err)
			}
		})
	}
	wg.Wait()
	r.Shutdown(t.Context())
}
