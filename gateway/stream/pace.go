package stream

import (
	"context"
	"io"
	"sync"
	"time"
)

// defaultIdle is how long a client may take for its next bytes: who computes longer
// between two batches opens the stream again with from.
const defaultIdle = time.Minute

// handful is how much a door hands over between two signs that its client reads.
const handful = 256 << 10

// pace ends what waits for a client that takes nothing. Safe for concurrent use.
type pace struct {
	limit   time.Duration
	mu      sync.Mutex
	waiting bool
	timer   *time.Timer
}

// newPace calls end when the client has taken nothing for as long as limit.
func newPace(limit time.Duration, end func()) *pace {
	p := &pace{limit: limit}
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

// during times what hands bytes to the client.
func (p *pace) during(send func() error) error {
	p.set(true)
	defer p.set(false)
	return send()
}

func (p *pace) set(waiting bool) {
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
func (p *pace) took() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting {
		p.timer.Reset(p.limit)
	}
}

type paceKey struct{}

// with gives a sink's Begin the pace.
func (p *pace) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, paceKey{}, p)
}

// Pieces gives a writer for a door's answer, which tells the stream that its client
// takes bytes. ctx is that of Begin.
func Pieces(ctx context.Context, w io.Writer) io.Writer {
	p, _ := ctx.Value(paceKey{}).(*pace)
	if p == nil {
		return w
	}
	return &pieces{p, w}
}

type pieces struct {
	pace *pace
	w    io.Writer
}

func (s *pieces) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = s.w.Write(p[n:min(n+handful, len(p))])
		n += k
		s.pace.took()
	}
	return n, err
}
