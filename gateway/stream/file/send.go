package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"guichet/connectors/s3"
	"guichet/gateway/stream/read"
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

// Passer is a Sink that may take bytes which nobody looks at out of the store itself.
// RestBytes is what it holds of them at once; 0: it takes none. Pass takes n bytes of an
// object, of which nothing was taken where it fails before the first of them.
type Passer interface {
	Sink
	RestBytes() int64
	Pass(from Body, n int64) error
}

// Body is what comes of an object, in order: to be read, or moved to a socket without being
// copied. turn and errors are those of s3.Body.
type Body interface {
	io.Reader
	Pass(to *net.TCPConn, n int64, turn func(other bool)) error
}

// Send sends a range of a file to a sink, as part of the release that all ranges
// of the file under one lease join: its rows are those of the batches that they touch,
// its bytes those that are sent. Errors and cut as of Keeper.Hold.
func (s *Files) Send(ctx context.Context, g policy.Grant, f *File, rg Range, sink Sink, cut func()) error {
	from, err := s.from(ctx, f)
	if err != nil {
		return err
	}
	n := min(fileChunk, rg.N)
	passer, passes := sink.(Passer)
	if passes = passes && from != nil && from.Own() && rg.N >= worthPassing && passer.RestBytes() > 0; passes {
		n = passer.RestBytes()
	} else {
		passer = nil
	}
	err = s.budget.Admit(ctx, g.Lease().Participant, n)
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
		out := &sending{files: s, grant: g, file: f, sink: sink, passer: passer, cut: cancel, in: r}
		err = out.all(ctx, from, rg)
		r = out.in
	}
	r.leave(ctx, err)
	return err
}

// fileChunk is how much of a file leaves between two looks at the agreement.
const fileChunk = 512 << 10

// worthPassing is how much is moved from socket to socket at least: less is copied sooner.
const worthPassing = 64 << 10

// sending is one range of a file on its way to a door.
type sending struct {
	files  *Files
	grant  policy.Grant
	file   *File
	sink   Sink
	passer Passer // nil: every byte is copied
	cut    context.CancelCauseFunc
	in     *rangeRead // the release that it is in now
	pace   *release.Pace
	sent   atomic.Int64
}

// all sends chunk by chunk, and goes on in the next release when the first one covers no
// more.
func (o *sending) all(ctx context.Context, store *s3.Store, rg Range) error {
	from, err := o.file.open(ctx, store, rg, &o.in.session.compared)
	if err != nil {
		return err
	}
	defer from.Close()
	idle := o.files.idle
	o.pace = release.NewPace(idle, func() {
		o.cut(release.SilentClient(idle, fmt.Sprintf("Range: bytes=%d-", rg.From+o.sent.Load())))
	})
	var buf []byte
	if o.passer == nil {
		pooled := o.files.chunks.get()
		defer o.files.chunks.put(pooled)
		buf = *pooled
	}
	for at, end := rg.From, rg.From+rg.N; at < end; {
		part := Range{at, min(fileChunk, end-at)}
		if o.passer != nil {
			err = from.ready()
		} else {
			_, err = io.ReadFull(from, buf[:part.N])
		}
		if err != nil {
			return fmt.Errorf("read shard %d: %w", o.file.Shard, err)
		}
		err = o.charge(ctx, part)
		if err == nil && at == rg.From { // what the store refuses is refused in words
			err = o.pace.During(func() error { return o.sink.Begin(o.pace.With(ctx), o.in.begun(), o.file) })
		}
		switch {
		case err != nil:
		case o.passer != nil:
			err = o.pace.During(func() error { return from.pass(part.N, o.passer) })
		default:
			err = o.pace.During(func() error { return o.sink.Write(buf[:part.N]) })
		}
		if err != nil {
			return err
		}
		at += part.N
		o.sent.Add(part.N)
	}
	if stopped, ok := errors.AsType[*release.Cut](context.Cause(ctx)); ok {
		return stopped
	}
	return nil // a client that has everything may be gone already
}

// charge charges a part before it is sent, in the next release where this one covers no
// more.
func (o *sending) charge(ctx context.Context, part Range) error {
	err := o.files.keeper.WaitConfirmed(ctx)
	for full := true; full && err == nil; {
		full, err = o.in.charge(ctx, o.file, part)
		if full || err != nil { // who asks later is judged by the budget as it is then
			o.files.sessions.close(o.in.session)
		}
		if full {
			o.in.leave(ctx, nil)
			o.in, err = o.files.join(ctx, o.grant, o.file, o.cut)
		}
	}
	return err
}

// from opens the store of a file; nil for one that was made.
func (s *Files) from(ctx context.Context, f *File) (*s3.Store, error) {
	if f.cached != nil {
		return nil, nil
	}
	store, err := s.open(ctx, f.Source.StoredShard(f.Shard).Store)
	if err != nil {
		return nil, read.RedactLocation(f.Source.Name(), err)
	}
	return store, nil
}

// chunks are buffers for what is copied, shared by all ranges. Safe for concurrent use.
type chunks struct{ pool sync.Pool }

func (c *chunks) get() *[]byte {
	b, ok := c.pool.Get().(*[]byte)
	if !ok {
		made := make([]byte, fileChunk)
		b = &made
	}
	return b
}

func (c *chunks) put(b *[]byte) { c.pool.Put(b) }
