package stream

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guichet/schemas"
)

// silentClient takes some messages and then nothing, until it is cut.
type silentClient struct {
	takes int
	cut   chan struct{}
	once  sync.Once
	out   io.Writer
}

func (s *silentClient) Begin(ctx context.Context, _ schemas.Release, _ *Plan) error {
	s.out = Pieces(ctx, s)
	return nil
}
func (*silentClient) End(uint32) error { return nil }

func (s *silentClient) Message(m Message) error {
	_, err := s.out.Write(m.Bytes)
	return err
}

// Write is the wire's.
func (s *silentClient) Write(p []byte) (int, error) {
	if s.takes--; s.takes >= 0 {
		return len(p), nil
	}
	<-s.cut
	return 0, &ClientError{io.ErrClosedPipe}
}

func (s *silentClient) stop() { s.once.Do(func() { close(s.cut) }) }

// TestSilentClients: a stream and a range whose client takes nothing more end with the
// place to go on from, and hold nothing.
func TestSilentClients(t *testing.T) {
	r := newRig(t, Config{Idle: 50 * time.Millisecond}, 3, 100)
	p, err := NewPlan(r.source, Ask{World: 1, From: 10})
	must(t, err)
	s := &silentClient{takes: 2, cut: make(chan struct{})}
	rel, err := r.Run(t.Context(), r.grant, p, s, s.stop)
	if err == nil || rel.State != schemas.ReleaseAbandoned || !strings.Contains(rel.Cause, "from=200,") {
		t.Errorf("the stream ends as %s: %s (%v)", rel.State, rel.Cause, err)
	}
	f := openFile(t, r)
	stop := make(chan struct{})
	cut := sync.OnceFunc(func() { close(stop) })
	taken := 0
	err = r.Files.Send(t.Context(), r.grant, f, Range{100, f.Size - 100}, &taker{before: func() error {
		if taken++; taken < 1 {
			return nil
		}
		<-stop
		return &ClientError{io.ErrClosedPipe}
	}}, cut)
	if err == nil {
		t.Error("a range that nobody takes ends well")
	}
	r.Shutdown(t.Context())
	_, ended := r.record.all()
	if last := ended[len(ended)-1]; last.State != schemas.ReleaseAbandoned || !strings.Contains(last.Cause, "Range: bytes=100-,") {
		t.Errorf("the range ends as %s: %s", last.State, last.Cause)
	}
	eventually(t, func() bool {
		r.budget.mu.Lock()
		defer r.budget.mu.Unlock()
		return r.budget.own == 0 && r.budget.ahead == 0
	})
}

// TestSlowIsNotSilent: a client that takes little by little is waited for, and the time
// in which there is nothing to take is not its.
func TestSlowIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		p := newPace(time.Minute, func() { ended = true })
		must(t, p.during(func() error {
			for range 20 {
				time.Sleep(59 * time.Second)
				p.took()
			}
			return nil
		}))
		time.Sleep(time.Hour)
		synctest.Wait()
		if ended {
			t.Error("it was ended")
		}
		must(t, p.during(func() error {
			time.Sleep(61 * time.Second)
			return nil
		}))
		synctest.Wait()
		if !ended {
			t.Error("it was not ended")
		}
	})
}
