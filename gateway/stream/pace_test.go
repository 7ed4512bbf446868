package stream

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// silentClient takes some messages and then nothing, until it is cut.
type silentClient struct {
	takes int
	cut   chan struct{}
	once  sync.Once
	out   io.Writer
}

func (s *silentClient) Begin(ctx context.Context, _ schemas.Release, _ *plan.Plan) error {
	s.out = release.Pieces(ctx, s)
	return nil
}
func (*silentClient) End(uint32) error { return nil }

func (s *silentClient) Message(m read.Message) error {
	_, err := s.out.Write(m.Bytes)
	return err
}

// Write is the wire's.
func (s *silentClient) Write(p []byte) (int, error) {
	if s.takes--; s.takes >= 0 {
		return len(p), nil
	}
	<-s.cut
	return 0, &release.ClientError{Err: io.ErrClosedPipe}
}

func (s *silentClient) stop() { s.once.Do(func() { close(s.cut) }) }

// TestSilentClients: a stream and a range whose client takes nothing more end with the
// place to go on from, and hold nothing.
func TestSilentClients(t *testing.T) {
	r := newRig(t, Config{Idle: 50 * time.Millisecond}, 3, 100)
	p, err := plan.NewPlan(r.source, plan.Ask{World: 1, From: 10})
	streamtest.Must(t, err)
	s := &silentClient{takes: 2, cut: make(chan struct{})}
	rel, err := r.Run(t.Context(), r.grant, p, s, s.stop)
	if err == nil || rel.State != schemas.ReleaseAbandoned || !strings.Contains(rel.Cause, "from=200,") {
		t.Errorf("the stream ends as %s: %s (%v)", rel.State, rel.Cause, err)
	}
	f, err := r.Files.Open(t.Context(), r.source, 0, "who")
	streamtest.Must(t, err)
	t.Cleanup(f.Close)
	stop := make(chan struct{})
	cut := sync.OnceFunc(func() { close(stop) })
	taken := 0
	err = r.Files.Send(t.Context(), r.grant, f, file.Range{From: 100, N: f.Size - 100}, &taker{before: func() error {
		if taken++; taken < 1 {
			return nil
		}
		<-stop
		return &release.ClientError{Err: io.ErrClosedPipe}
	}}, cut)
	if err == nil {
		t.Error("a range that nobody takes ends well")
	}
	r.Shutdown(t.Context())
	_, ended := r.record.All()
	if last := ended[len(ended)-1]; last.State != schemas.ReleaseAbandoned || !strings.Contains(last.Cause, "Range: bytes=100-,") {
		t.Errorf("the range ends as %s: %s", last.State, last.Cause)
	}
	streamtest.Eventually(t, func() bool {
		own, ahead := r.budget.Held()
		return own == 0 && ahead == 0
	})
}
