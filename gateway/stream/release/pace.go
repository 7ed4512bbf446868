package release

import (
	"context"
	"io"
	"sync"
	"time"
)

// DefaultIdle is how long a client may take for its next bytes: who computes longer
// between two batches opens the stream again with from.
const DefaultIdle = time.Minute

// Handful is how much a door hands over between two signs that its client reads.
const Handful = 256 << 10

// Pace ends what waits for a client that takes nothing. Safe for concurrent use.
type Pace struct {
	limit   time.Duration
	mu      sync.Mutex
	waiting bool
	timer   *time.Timer
}

// NewPace calls end when the client has taken nothing for as long as limit.
func NewPace(limit time.Duration, end func()) *Pace {
	p := &Pace{limit: limit}
	p.timer = time.AfterFunc(limit, func() {
		p.mu.Lock()
		is := p.waiting
		p.mu.Unlock()
		if is {
			end()
		}
	})
	p.timer.Stop()
	return p
}

// During times what hands bytes to the client.
func (p *Pace) During(send func() error) error {
	p.set(true)
	defer p.set(false)
	return send()
}

func (p *Pace) set(waiting bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = waiting
	if waiting {
		p.timer.Reset(p.limit)
	} else {
		p.timer.Stop()
	}
}

// took says that the client has taken some.
func (p *Pace) took() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting {
		p.timer.Reset(p.limit)
	}
}

// paceKey is the context's key of a pace.
type paceKey struct{}

// With gives a sink's Begin the pace.
func (p *Pace) With(ctx context.Context) context.Context {
	return context.WithValue(ctx, paceKey{}, p)
}

// Pieces gives a writer for a door's answer, which tells the stream that its client
// takes bytes. ctx is that of Begin.
func Pieces(ctx context.Context, w io.Writer) io.Writer {
	p, _ := ctx.Value(paceKey{}).(*Pace)
	if p == nil {
		return w
	}
	return &pieces{p, w}
}

// Turn gives what a door calls when it begins to wait for its client, true, or for the
// store, whose time is not the client's; and again when the client has taken some. ctx is
// that of Begin.
func Turn(ctx context.Context) func(client bool) {
	p, _ := ctx.Value(paceKey{}).(*Pace)
	if p == nil {
		return func(bool) {}
	}
	return p.set
}

type pieces struct {
	pace *Pace
	w    io.Writer
}

func (s *pieces) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = s.w.Write(p[n:min(n+Handful, len(p))])
		n += k
		s.pace.took()
	}
	return n, err
}
