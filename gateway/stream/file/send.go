package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"guichet/gateway/stream/release"
	"guichet/policy"
	"guichet/schemas"
)

// Sink is a door's end of a file's release: Begin comes once, when the release
// is durable, then Write for each run of bytes.
type Sink interface {
	Begin(ctx context.Context, r schemas.Release, f *File) error
	Write(p []byte) error
}

// Send sends a range of a file to a sink, as part of the release that all ranges
// of the file under one lease join: its rows are those of the batches that they touch,
// its bytes those that are sent. Errors and cut as of Keeper.Hold.
func (s *Files) Send(ctx context.Context, g policy.Grant, f *File, rg Range, sink Sink, cut func()) error {
	n := min(fileChunk, rg.N)
	err := s.budget.Admit(ctx, g.Lease().Participant, n)
	if err != nil {
		return err
	}
	defer s.budget.Leave(g.Lease().Participant, n)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if cut != nil {
		defer release.OnCut(ctx, cut)()
	}
	r, err := s.join(ctx, g, f, cancel)
	if err == nil {
		r, err = s.copyFile(ctx, g, f, rg, r, sink, cancel)
	}
	r.leave(ctx, err)
	return err
}

// fileChunk is how much of a file leaves between two looks at the agreement.
const fileChunk = 512 << 10

// copyFile sends chunk by chunk, and goes on in the next release when the first one
// covers no more. It gives the one that the range is in.
func (s *Files) copyFile(
	ctx context.Context, g policy.Grant, f *File, rg Range, r *rangeRead, sink Sink, cut context.CancelCauseFunc,
) (*rangeRead, error) {
	from, err := f.open(ctx, s.open, rg, &r.session.compared)
	if err != nil {
		return r, err
	}
	defer from.Close()
	buf := make([]byte, min(fileChunk, rg.N))
	var sent atomic.Int64
	pace := release.NewPace(s.idle, func() { cut(release.SilentClient(s.idle, fmt.Sprintf("Range: bytes=%d-", rg.From+sent.Load()))) })
	for at, end := rg.From, rg.From+rg.N; at < end; {
		part := Range{at, min(int64(len(buf)), end-at)}
		_, err := io.ReadFull(from, buf[:part.N])
		if err != nil {
			return r, fmt.Errorf("read shard %d: %w", f.Shard, err)
		}
		err = s.keeper.WaitConfirmed(ctx)
		for full := true; full && err == nil; {
			full, err = r.charge(ctx, f, part)
			if full || err != nil { // who asks later is judged by the budget as it is then
				s.sessions.close(r.session)
			}
			if full {
				r.leave(ctx, nil)
				r, err = s.join(ctx, g, f, cut)
			}
		}
		if err == nil && at == rg.From { // what the store refuses is refused in words
			err = pace.During(func() error { return sink.Begin(pace.With(ctx), r.begun(), f) })
		}
		if err == nil {
			err = pace.During(func() error { return sink.Write(buf[:part.N]) })
		}
		if err != nil {
			return r, err
		}
		at += part.N
		sent.Add(part.N)
	}
	if stopped, ok := errors.AsType[*release.Cut](context.Cause(ctx)); ok {
		return r, stopped
	}
	return r, nil // a client that has everything may be gone already
}
