package mount

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"guichet/connectors/client"
	"guichet/schemas"
)

// store is what a reader reads from: bytes, and what goes wrong on their way.
type store struct {
	data     []byte
	mu       sync.Mutex
	requests [][2]int64
	breaks   func(i int) (after int64, err error) // of the request i; nil: none does
}

func (s *store) open(ctx context.Context, from, n int64) (io.ReadCloser, error) {
	s.mu.Lock()
	i := len(s.requests)
	s.requests = append(s.requests, [2]int64{from, n})
	s.mu.Unlock()
	if from < 0 || n <= 0 || from+n > int64(len(s.data)) {
		return nil, schemas.Errorf(schemas.Invalid, "range", "%d bytes from %d of %d", n, from, len(s.data))
	}
	var r io.Reader = bytes.NewReader(s.data[from : from+n])
	if s.breaks != nil {
		after, err := s.breaks(i)
		if err != nil && after == 0 {
			return nil, err
		}
		if err != nil {
			r = io.MultiReader(io.LimitReader(r, after), &failing{err})
		}
	}
	return &body{r, ctx}, nil
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// body ends with its request, as one of the network does.
type body struct {
	io.Reader
	ctx context.Context
}

func (b *body) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, b.ctx.Err()
	}
	return b.Reader.Read(p)
}

func (b *body) Close() error { return nil }

func made(n int) []byte {
	b := make([]byte, 0, n+8)
	for i := uint64(0); len(b) < n; i++ {
		b = binary.LittleEndian.AppendUint64(b, i*0x9e3779b97f4a7c15)
	}
	return b[:n]
}

func same(err error) error { return err }

// Whatever is read, in whatever order and by how many, over a network that breaks off wherever
// it likes, are the bytes of the file, and all of them.
func TestReadsAreExact(t *testing.T) {
	defer goleak.VerifyNone(t)
	data := made(12 << 20)
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, len(data)).Draw(rt, "size")
		every := rapid.IntRange(0, 4).Draw(rt, "breaks every")
		s := &store{data: data[:size]}
		if every > 1 {
			s.breaks = func(i int) (int64, error) {
				if i%every != 0 {
					return 0, nil
				}
				return int64(i*7919%3) << 17, io.ErrUnexpectedEOF
			}
		}
		r := newReader(s.open, int64(size), same)
		defer r.Close()
		type read struct{ off, n int }
		var reads []read
		for off := 0; off < size && len(reads) < 40; { // a program that goes on, skips and goes back
			n := rapid.SampledFrom([]int{1, 4096, 128 << 10, 1 << 20}).Draw(rt, "bytes")
			reads = append(reads, read{off, n})
			switch rapid.IntRange(0, 9).Draw(rt, "then") {
			case 0:
				off = rapid.IntRange(0, size-1).Draw(rt, "anywhere")
			case 1:
				off += n + 200<<10
			default:
				off += n
			}
		}
		readers := rapid.IntRange(1, 3).Draw(rt, "at once")
		var all sync.WaitGroup
		var bad atomic.Pointer[string]
		for k := range readers {
			all.Go(func() {
				for i := k; i < len(reads); i += readers {
					p := make([]byte, reads[i].n)
					n, err := r.ReadAt(context.Background(), p, int64(reads[i].off))
					want := data[reads[i].off:min(reads[i].off+reads[i].n, size)]
					if err != nil || !bytes.Equal(p[:n], want) {
						text := fmt.Sprintf("%d bytes from %d: %d, %v", reads[i].n, reads[i].off, n, err)
						bad.Store(&text)
						return
					}
				}
			})
		}
		all.Wait()
		if text := bad.Load(); text != nil {
			rt.Fatal(*text)
		}
	})
}

// A file that is read from its beginning to its end takes few requests, of which each byte is
// asked for once; one that is looked at here and there takes no more bytes than were read.
func TestReadsAreFewRequests(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := &store{data: made(150 << 20)}
	r := newReader(s.open, int64(len(s.data)), same)
	p := make([]byte, 128<<10)
	for off := 0; off < len(s.data); off += len(p) {
		n, err := r.ReadAt(t.Context(), p, int64(off))
		if err != nil || n != len(p) {
			t.Fatal(n, err)
		}
	}
	r.Close()
	sum := int64(0)
	for _, q := range s.requests {
		sum += q[1]
	}
	if sum != int64(len(s.data)) || len(s.requests) > 9 { // 128 KiB, 4, 8, 16, 32, 64, 64 MiB, …
		t.Errorf("%d bytes by %d requests: %v", sum, len(s.requests), s.requests)
	}
	s.requests = nil
	r = newReader(s.open, int64(len(s.data)), same)
	defer r.Close()
	for _, off := range []int64{int64(len(s.data)) - 10, 0, 50 << 20, 9 << 20} {
		_, err := r.ReadAt(t.Context(), p[:4096], off)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range s.requests {
		if q[1] > 4096 {
			t.Errorf("4096 bytes were read by %v", q)
		}
	}
}

// Places that are read in order by turns, as columns or by several threads, are each as one that is
// read alone: few requests, and no byte asked for more than twice.
func TestPlacesReadByTurns(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, places := range []int{2, 5, 16} {
		s := &store{data: made(96 << 20)}
		var sent atomic.Int64
		r := newReader(func(ctx context.Context, from, n int64) (io.ReadCloser, error) {
			b, err := s.open(ctx, from, n)
			return struct {
				io.Reader
				io.Closer
			}{io.TeeReader(b, counter{&sent}), b}, err
		}, int64(len(s.data)), same)
		part := len(s.data) / places
		p := make([]byte, 128<<10)
		for at := 0; at < part; at += len(p) {
			for place := range places {
				off := place*part + at
				n, err := r.ReadAt(t.Context(), p, int64(off))
				if err != nil || !bytes.Equal(p[:n], s.data[off:off+n]) {
					t.Fatalf("%d places: %d bytes at %d: %v", places, n, off, err)
				}
			}
		}
		r.Close()
		if len(s.requests) > 7*places || sent.Load() > 2*int64(len(s.data)) {
			t.Errorf("%d places took %d requests and %d bytes of %d", places, len(s.requests), sent.Load(), len(s.data))
		}
	}
}

// What the gateway refuses is given at once; what passes is waited for, for a while and no
// longer; who goes away is not kept.
func TestWhatIsAskedAgain(t *testing.T) {
	refusal := schemas.Refuse("agr-a", "agreement.revoked", "the provider", "it was revoked", "")
	for name, c := range map[string]struct {
		err   error
		after time.Duration // it passes
		least time.Duration // that it takes
		most  time.Duration
		want  error
	}{
		"refused":             {refusal, time.Hour, 0, 0, refusal},
		"busy":                {schemas.Errorf(schemas.Busy, "s", "busy"), 3 * time.Second, 3 * time.Second, 12 * time.Second, nil},
		"away":                {errors.New("connection refused"), 20 * time.Second, 20 * time.Second, 40 * time.Second, nil},
		"away for ever":       {errors.New("connection refused"), time.Hour, client.Patience - 10*time.Second, client.Patience + 10*time.Second, errors.New("connection refused")},
		"who asked goes away": {errors.New("connection refused"), time.Hour, 0, 31 * time.Second, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s := &store{data: made(100), breaks: func(int) (int64, error) {
					if time.Since(began) > c.after {
						return 0, nil
					}
					return 0, c.err
				}}
				told := 0
				r := newReader(s.open, 100, func(err error) error { told++; return err })
				defer r.Close()
				ctx, done := t.Context(), func() {}
				if c.want == context.DeadlineExceeded {
					ctx, done = context.WithTimeout(ctx, 30*time.Second)
				}
				defer done()
				n, err := r.ReadAt(ctx, make([]byte, 100), 0)
				took := time.Since(began)
				if took < c.least || took > c.most {
					t.Errorf("it took %s", took)
				}
				if c.want == nil && (err != nil || n != 100) || c.want != nil && (err == nil || told != 1) {
					t.Errorf("%d bytes, %v, told %d times; want %v", n, err, told, c.want)
				}
			})
		})
	}
}

// Who reads little of a run does not have the rest of it sent.
func TestRunsWaitForTheirReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{data: made(64 << 20)}
		var sent atomic.Int64
		r := newReader(func(ctx context.Context, from, n int64) (io.ReadCloser, error) {
			b, err := s.open(ctx, from, n)
			return struct {
				io.Reader
				io.Closer
			}{io.TeeReader(b, counter{&sent}), b}, err
		}, int64(len(s.data)), same)
		r.cursors = []*cursor{{long: 64 << 20}} // one that has been read for long
		p := make([]byte, 128<<10)
		for off := int64(0); off < 2<<20; off += int64(len(p)) {
			_, err := r.ReadAt(t.Context(), p, off)
			if err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := sent.Load(); n < 2<<20 || n > 2<<20+ahead+2*block {
			t.Errorf("%d bytes came for 2 MiB", n)
		}
		r.Close()
		synctest.Wait()
	})
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}
