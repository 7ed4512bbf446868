package file

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/connectors/s3"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// passing is a client to whose socket what is stored moves.
type passing struct {
	taker
	to, from *net.TCPConn
	passed   int64
}

// passer makes a client with a connection, which ends with the test.
func passer(t testing.TB) *passing {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	streamtest.Must(t, err)
	defer l.Close()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	streamtest.Must(t, err)
	a, err := l.Accept()
	streamtest.Must(t, err)
	t.Cleanup(func() { _, _ = c.Close(), a.Close() })
	return &passing{to: c.(*net.TCPConn), from: a.(*net.TCPConn)}
}

func (p *passing) RestBytes() int64 { return 1 << 10 }

// Pass takes the bytes through the connection.
func (p *passing) Pass(from Body, n int64) error {
	if p.before != nil {
		err := p.before()
		if err != nil {
			return err
		}
	}
	came := make(chan error, 1)
	go func() {
		_, err := io.CopyN(&p.Buffer, p.from, n)
		came <- err
	}()
	err := from.Pass(p.to, n, func(bool) {})
	if err != nil {
		_ = p.from.SetLinger(0)
		_ = p.from.Close()
	} else {
		p.passed += n
	}
	return errors.Join(err, <-came)
}

// big is a table of one shard of a few MB, whose store is the operator's own.
func big(t testing.TB) *lab {
	t.Helper()
	l := newLab(t, 512, streamtest.Padded(0, 4000))
	l.Own.Store(true)
	return l
}

// What is stored passes, whatever range is asked for, and is what is read; the head and the
// footer are written. It is charged as what is copied.
func TestStoredBytesPass(t *testing.T) {
	l := big(t)
	f := l.open(t)
	whole, err := l.send(t, f, Range{0, f.Size})
	streamtest.Must(t, err)
	inMemory := int64(0)
	for _, s := range f.sections {
		inMemory += int64(len(s.memory))
	}
	rapid.Check(t, func(rt *rapid.T) {
		from := rapid.Int64Range(0, f.Size-worthPassing).Draw(rt, "from")
		rg := Range{from, rapid.Int64Range(worthPassing, f.Size-from).Draw(rt, "length")}
		p := passer(t)
		err := l.Send(t.Context(), l.grant, f, rg, p, nil)
		if err != nil || !bytes.Equal(p.Bytes(), whole[rg.From:rg.From+rg.N]) {
			rt.Fatalf("%+v: %d bytes came: %v", rg, p.Len(), err)
		}
		if copied := rg.N - p.passed; copied > inMemory {
			rt.Fatalf("%+v: %d bytes were copied, %d lie in memory", rg, copied, inMemory)
		}
	})
	if own, ahead := l.budget.Held(); own != 0 || ahead != 0 {
		t.Errorf("%d and %d bytes are held", own, ahead)
	}
	passed, copied := big(t), big(t)
	for l, sink := range map[*lab]Sink{passed: passer(t), copied: &taker{}} {
		f := l.open(t)
		streamtest.Must(t, l.Send(t.Context(), l.grant, f, Range{f.batches[1].from + 9, 1 << 20}, sink, nil))
		l.stop()
	}
	_, a := passed.record.All()
	_, b := copied.record.All()
	if len(a) != 1 || len(b) != 1 || a[0].Rows != b[0].Rows || a[0].Bytes != b[0].Bytes || a[0].Batches != b[0].Batches || a[0].Rows == 0 {
		t.Errorf("passed %+v\ncopied %+v", a, b)
	}
}

// What is compared, changed or short is copied, also to a client to which bytes may move.
func TestWhatDoesNotPass(t *testing.T) {
	for name, c := range map[string]struct {
		own    bool
		duties []schemas.Duty
		n      int64
	}{
		"of another store": {false, nil, 1 << 20},
		"changed":          {true, []schemas.Duty{streamtest.Hide("n")}, 1 << 18},
		"short":            {true, nil, worthPassing - 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := big(t)
			l.Own.Store(c.own)
			f, err := l.Files.Open(t.Context(), l.source(t, c.duties), 0, "who")
			streamtest.Must(t, err)
			defer f.Close()
			p := passer(t)
			streamtest.Must(t, l.Send(t.Context(), l.grant, f, Range{10, c.n}, p, nil))
			if want := l.bytes(t, f.Source, 0)[10 : 10+c.n]; p.passed != 0 || !bytes.Equal(p.Bytes(), want) {
				t.Errorf("%d bytes passed; %d came, want %d", p.passed, p.Len(), len(want))
			}
		})
	}
}

// What ends a range while bytes pass is in the record as what it was: the agreement that is
// revoked, the client that went.
func TestPassesEnd(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(l *lab, p *passing, cut <-chan struct{}) error
		state schemas.ReleaseState
		says  string
	}{
		"revoked": {func(l *lab, _ *passing, cut <-chan struct{}) error {
			l.feed.Cut("agr-a")
			<-cut
			return nil
		}, schemas.ReleaseCut, "the agreement was revoked"},
		"the client went": {func(_ *lab, p *passing, _ <-chan struct{}) error {
			_ = p.to.Close()
			return nil
		}, schemas.ReleaseAbandoned, "the client went away"},
	} {
		t.Run(name, func(t *testing.T) {
			l := big(t)
			f := l.open(t)
			p := passer(t)
			cut := make(chan struct{})
			p.before = func() error {
				if p.passed >= fileChunk {
					return c.end(l, p, cut)
				}
				return nil
			}
			err := l.Send(t.Context(), l.grant, f, Range{0, f.Size}, client{p}, func() { _ = p.to.Close(); close(cut) })
			l.stop()
			_, ended := l.record.All()
			if len(ended) != 1 || ended[0].State != c.state || !strings.Contains(ended[0].Cause, c.says) || err == nil {
				t.Errorf("%v; the record has %+v", err, ended)
			}
			if ended[0].Bytes < int64(p.Len()) || p.Len() < fileChunk/2 {
				t.Errorf("%d bytes were charged, %d came", ended[0].Bytes, p.Len())
			}
		})
	}
}

// client says, as doors do, that it was the client that ended a pass.
type client struct{ *passing }

func (c client) Pass(from Body, n int64) error {
	err := c.passing.Pass(from, n)
	if to, ok := errors.AsType[*s3.DestinationError](err); ok {
		return &release.ClientError{Err: to.Err}
	}
	return err
}

// A store that refuses is heard before the first byte, also where a range begins with bytes
// that lie in memory.
func TestStoresRefuseBeforeTheFirstByte(t *testing.T) {
	l := big(t)
	f := l.open(t)
	l.Gone.Store(true)
	p := passer(t)
	err := l.Send(t.Context(), l.grant, f, Range{0, f.Size}, p, nil)
	e, _ := errors.AsType[*schemas.Error](err)
	if e == nil || e.Kind != schemas.Gone || strings.Contains(e.Message, "0.arrow") || p.release.ID != "" || p.Len() != 0 {
		t.Errorf("%d bytes came: %v", p.Len(), err)
	}
}
