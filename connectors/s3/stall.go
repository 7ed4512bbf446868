package s3

import (
	"context"
	"io"
	"time"
)

// paced reads a body whose store has idle for each further paceBytes; the time between
// two reads is the reader's. When it is over, cancel ends the request with Stalls.
type paced struct {
	body   io.ReadCloser
	ctx    context.Context //nolint:containedctx // the request's
	cancel context.CancelCauseFunc
	idle   time.Duration
	timer  *time.Timer
	left   time.Duration // of idle, for what is missing of paceBytes
	got    int
}

func newPaced(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser, idle time.Duration) *paced {
	return &paced{body: body, ctx: ctx, cancel: cancel, idle: idle, left: idle}
}

// spent counts the time in which n bytes came.
func (p *paced) spent(began time.Time, n int) {
	p.left -= time.Since(began)
	p.got += n
	if p.got >= paceBytes {
		p.left, p.got = p.idle, 0
	}
}

func (p *paced) Read(b []byte) (int, error) {
	if p.timer == nil {
		p.timer = time.AfterFunc(p.left, func() { p.cancel(Stalls) })
	} else {
		p.timer.Reset(p.left)
	}
	began := time.Now()
	n, err := p.body.Read(b)
	p.timer.Stop()
	p.spent(began, n)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader's contract
		if f := faultOf(context.Cause(p.ctx)); f != "" {
			err = f
		}
	}
	return n, err
}

func (p *paced) Close() error {
	if p.timer != nil {
		p.timer.Stop()
	}
	err := p.body.Close()
	p.cancel(nil)
	return err
}

// bounded ends a body that has no end.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, Endless
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
