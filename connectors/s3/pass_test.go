package s3

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guichet/schemas"
)

// Passes says whether Pass moves bytes without copying them.
func (b *Body) Passes() bool { return b.body != nil && b.body.direct() != nil }

// way reads part of the object k of the bucket lab into p.
type way func(t *testing.T, s *Store, etag string, offset int64, p []byte) error

// eachWay runs a test for each way in which a body can be read.
func eachWay(t *testing.T, name string, test func(t *testing.T, read way)) {
	t.Helper()
	for how, read := range map[string]way{"range": readRange, "body": readBody, "pass": passed, "skip": skipped} {
		t.Run(name+"/"+how, func(t *testing.T) { test(t, read) })
	}
}

func readRange(t *testing.T, s *Store, etag string, offset int64, p []byte) error {
	t.Helper()
	return s.ReadRange(t.Context(), "lab", "k", etag, offset, p)
}

func readBody(t *testing.T, s *Store, etag string, offset int64, p []byte) error {
	t.Helper()
	b, err := s.OpenBody(t.Context(), "lab", "k", etag, offset, int64(len(p)), int64(len(object)))
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = io.ReadFull(b, p)
	return err
}

// passed passes the bytes to another socket, and reads them there.
func passed(t *testing.T, s *Store, etag string, offset int64, p []byte) error {
	t.Helper()
	b, err := s.OpenBody(t.Context(), "lab", "k", etag, offset, int64(len(p)), int64(len(object)))
	if err != nil {
		return err
	}
	defer b.Close()
	to, from := sockets(t)
	came := make(chan []byte)
	go func() {
		got, err := io.ReadAll(from)
		if err != nil {
			t.Error(err)
		}
		came <- got
	}()
	var took atomic.Int64 // turns of the other side
	err = b.Pass(to, int64(len(p)), func(other bool) {
		if other {
			took.Add(1)
		}
	})
	_ = to.Close()
	got := <-came
	copy(p, got)
	if err == nil && (len(got) != len(p) || took.Load() == 0) {
		t.Errorf("%d bytes in %d pieces", len(got), took.Load())
	}
	return err
}

// skipped leaves out all but the last byte; the others count as right.
func skipped(t *testing.T, s *Store, etag string, offset int64, p []byte) error {
	t.Helper()
	b, err := s.OpenBody(t.Context(), "lab", "k", etag, offset, int64(len(p)), int64(len(object)))
	if err != nil {
		return err
	}
	defer b.Close()
	n := len(p) - 1
	err = b.Skip(int64(n))
	if err != nil {
		return err
	}
	copy(p, object[offset:])
	_, err = io.ReadFull(b, p[n:])
	return err
}

// sockets are the two ends of a connection, which end with the test.
func sockets(t testing.TB) (here, there *net.TCPConn) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a := <-accepted
	t.Cleanup(func() { _, _ = c.Close(), a.Close() })
	return c.(*net.TCPConn), a.(*net.TCPConn)
}

// TestBodiesAreSlices: read, passed on or left out in any order and by any pieces, the
// bytes of a body are those of the object, also where the store breaks off now and then or
// does not say how long its answer is. Connections are used again.
func TestBodiesAreSlices(t *testing.T) {
	var asked, dialled atomic.Int64
	var how atomic.Value
	how.Store("honest")
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		if r.Header.Get("If-Match") == "" {
			t.Error("a read is not pinned")
		}
		switch how.Load() {
		case "breaks off":
			if n%3 != 0 {
				serve(&limited{w, int(n) * 7919 % len(object)}, r)
				panic(http.ErrAbortHandler)
			}
		case "chunked":
			w = &chunked{w}
		}
		serve(w, r)
	})
	s.direct.dial.Control = func(string, string, syscall.RawConn) error { dialled.Add(1); return nil }
	to, from := sockets(t)
	in := bufio.NewReader(from)
	for _, kind := range []string{"honest", "breaks off", "chunked"} {
		how.Store(kind)
		t.Run(kind, rapid.MakeCheck(func(r *rapid.T) {
			offset := rapid.IntRange(0, len(object)-2).Draw(r, "offset")
			length := rapid.IntRange(1, len(object)-offset).Draw(r, "length")
			b, err := s.OpenBody(t.Context(), "lab", "k", "tag", int64(offset), int64(length), int64(len(object)))
			if err != nil {
				r.Fatal(err)
			}
			defer b.Close()
			for at, end := offset, offset+length; at < end; {
				n := rapid.IntRange(1, end-at).Draw(r, "piece")
				got := make([]byte, n)
				switch rapid.IntRange(0, 2).Draw(r, "what") {
				case 0:
					_, err = io.ReadFull(b, got)
				case 1:
					went := make(chan error, 1)
					go func() { went <- b.Pass(to, int64(n), func(bool) {}) }()
					_, err = io.ReadFull(in, got)
					err = errors.Join(err, <-went)
				case 2:
					err = b.Skip(int64(n))
					copy(got, object[at:])
				}
				if err != nil || !bytes.Equal(got, object[at:at+n]) {
					r.Fatalf("%d bytes from %d: %v", n, at, err)
				}
				at += n
			}
			_, err = b.Read(make([]byte, 1))
			if err != io.EOF { //nolint:errorlint // io.Reader's contract
				r.Fatalf("after the end: %v", err)
			}
		}))
		if kind == "honest" && dialled.Load() > asked.Load()/10 {
			t.Errorf("%d connections for %d requests", dialled.Load(), asked.Load())
		}
	}
}

// limited drops what comes after some bytes.
type limited struct {
	http.ResponseWriter
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	_, err := l.ResponseWriter.Write(p[:n])
	return len(p), err
}

// chunked does not say how long an answer is.
type chunked struct{ http.ResponseWriter }

func (c *chunked) WriteHeader(status int) {
	c.Header().Del("Content-Length")
	c.ResponseWriter.WriteHeader(status)
}

// TestDestinations: when the other side goes, or is made to end, the pass ends and says
// that it was not the store; its connection is not used again.
func TestDestinations(t *testing.T) {
	for name, end := range map[string]func(to, from *net.TCPConn){
		"goes":     func(_, from *net.TCPConn) { _ = from.Close() },
		"is reset": func(_, from *net.TCPConn) { _, _ = from.SetLinger(0), from.Close() },
		"is ended": func(to, _ *net.TCPConn) { _ = to.SetWriteDeadline(time.Unix(1, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, serve)
			to, from := sockets(t)
			_ = to.SetWriteBuffer(4 << 10)
			var ended sync.Once
			for err := error(nil); err == nil; { // the kernel takes some of what nobody reads
				b, opened := s.OpenBody(t.Context(), "lab", "k", "tag", 0, int64(len(object)), int64(len(object)))
				if opened != nil {
					t.Fatal(opened)
				}
				err = b.Pass(to, int64(len(object)), func(other bool) {
					if other {
						ended.Do(func() { end(to, from) })
					}
				})
				_ = b.Close()
				if _, other := errors.AsType[*DestinationError](err); err != nil && !other {
					t.Errorf("got %v", err)
				}
			}
			if len(s.direct.idle) != 0 {
				t.Error("the connection is kept")
			}
		})
	}
}

// TestBodiesEnd: a context that ends, ends what waits for the store or for the other side.
func TestBodiesEnd(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		serve(&limited{w, 100}, r)
		_ = http.NewResponseController(w).Flush()
		<-stop
	})
	s.idle = time.Hour
	enough := errors.New("enough")
	for name, wait := range map[string]func(b *Body, to *net.TCPConn) error{
		"read": func(b *Body, _ *net.TCPConn) error { _, err := io.ReadFull(b, make([]byte, 200)); return err },
		"pass": func(b *Body, to *net.TCPConn) error { return b.Pass(to, 200, func(bool) {}) },
		"skip": func(b *Body, _ *net.TCPConn) error { return b.Skip(200) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			b, err := s.OpenBody(ctx, "lab", "k", "tag", 0, 200, int64(len(object)))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			to, _ := sockets(t)
			ended := make(chan error, 1)
			go func() { ended <- wait(b, to) }()
			cancel(enough)
			if err := <-ended; !errors.Is(err, enough) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestDirectAnswers: an answer whose head never ends, or that says "go on" for ever, is
// none; what comes before the answer is left out.
func TestDirectAnswers(t *testing.T) {
	answer := "HTTP/1.1 206 Partial Content\r\nETag: \"tag\"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\n" +
		"Content-Range: bytes 0-3/4\r\nContent-Length: 4\r\n\r\nfour"
	goOn := "HTTP/1.1 103 Early Hints\r\n\r\n"
	for name, c := range map[string]struct {
		says string
		good bool
	}{
		"one":             {answer, true},
		"hints first":     {goOn + goOn + answer, true},
		"hints for ever":  {strings.Repeat(goOn, 1000), false},
		"a head for ever": {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: b\r\n", maxHeader), false},
		"another tongue":  {"220 mail.example ESMTP\r\n", false},
		"more than asked": {answer + "and more", true},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 4096))
					_, _ = io.WriteString(conn, c.says)
					_ = conn.Close()
				}
			}()
			s, err := New("s", "http://"+l.Addr().String(), "eu", Credentials{AccessKey: "a", SecretKey: "b"}, Idle(100*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 4)
			err = readBody(t, s, "tag", 0, got)
			if c.good && (err != nil || string(got) != "four") || !c.good && schemas.KindOf(err) != schemas.Unavailable {
				t.Errorf("%q, %v", got, err)
			}
			if name == "more than asked" && len(s.direct.idle) > 0 && s.direct.idle[0].from.Buffered() > 0 {
				t.Error("a connection is kept with what nobody asked for")
			}
		})
	}
}

// TestIdleConnectionsGo: a connection that no request came for is closed, and not given out.
func TestIdleConnectionsGo(t *testing.T) {
	s := open(t, serve)
	for range 2 {
		if err := readBody(t, s, "tag", 0, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.direct.idle) != 1 || !s.direct.idle[0].used {
		t.Fatalf("%d connections wait", len(s.direct.idle))
	}
	c := s.direct.idle[0]
	s.direct.drop(c)
	s.direct.drop(c)
	if _, err := c.Write([]byte{0}); !errors.Is(err, net.ErrClosed) || len(s.direct.idle) != 0 {
		t.Errorf("%d connections wait; a write: %v", len(s.direct.idle), err)
	}
	if err := readBody(t, s, "tag", 0, make([]byte, 100)); err != nil {
		t.Error(err)
	}
}

// BenchmarkPass moves an object from the store's socket to another one: by Pass, by
// copying, and with nothing between, from the store's socket to nowhere.
func BenchmarkPass(b *testing.B) {
	big := bytes.Repeat(object, 64)
	srv := newServer(b, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"tag"`)
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(big))
	})
	s, err := New("s", srv, "eu", Credentials{AccessKey: "a", SecretKey: "b"})
	if err != nil {
		b.Fatal(err)
	}
	for name, move := range map[string]func(body *Body, to *net.TCPConn) error{
		"pass": func(body *Body, to *net.TCPConn) error { return body.Pass(to, int64(len(big)), func(bool) {}) },
		"copy": func(body *Body, to *net.TCPConn) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{body}, make([]byte, 1<<20))
			return err
		},
		"skip": func(body *Body, _ *net.TCPConn) error { return body.Skip(int64(len(big))) },
		"read": func(body *Body, _ *net.TCPConn) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{body}, make([]byte, 1<<20))
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			to, from := sockets(b)
			go func() {
				_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{from}, make([]byte, 1<<20))
			}()
			b.SetBytes(int64(len(big)))
			for b.Loop() {
				body, err := s.OpenBody(b.Context(), "lab", "k", "tag", 0, int64(len(big)), int64(len(big)))
				if err == nil {
					err = move(body, to)
				}
				if err != nil {
					b.Fatal(err)
				}
				_ = body.Close()
			}
		})
	}
}

// TestDirectOnlyWhereNothingLiesBetween: behind TLS or a proxy bodies come by net/http.
func TestDirectOnlyWhereNothingLiesBetween(t *testing.T) {
	for endpoint, want := range map[string]bool{"http://127.0.0.1:9000": true, "http://s3.example": true, "https://s3.example": false} {
		u, err := url.Parse(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if got := newDirect(u) != nil; got != want {
			t.Errorf("%s: %t", endpoint, got)
		}
	}
	s := open(t, serve)
	s.direct = nil
	b, err := s.OpenBody(t.Context(), "lab", "k", "tag", 5, 100, int64(len(object)))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Passes() {
		t.Error("it passes by net/http")
	}
}

// TestCopiedWhereTheKernelDoesNot: what the kernel does not move or drop is copied, from the
// byte at which it refuses.
func TestCopiedWhereTheKernelDoesNot(t *testing.T) {
	s := open(t, serve)
	b, err := s.OpenBody(t.Context(), "lab", "k", "tag", 0, int64(len(object)), int64(len(object)))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	to, from := sockets(t)
	half := int64(len(object) / 2)
	came := make(chan []byte)
	go func() {
		got, err := io.ReadAll(from)
		if err != nil {
			t.Error(err)
		}
		came <- got
	}()
	err = b.Pass(to, half, func(bool) {})
	if err == nil && runtime.GOOS == "linux" && !b.Passes() {
		t.Error("nothing passes")
	}
	b.body.body.(*answer).ReadCloser.(*directBody).conn.pipe.unsupported = true
	if b.Passes() {
		t.Error("it passes")
	}
	err = errors.Join(err, b.Pass(to, half/2, func(bool) {}), b.Skip(10), b.Pass(to, half/2-10, func(bool) {}), to.Close())
	got := <-came
	want := append(bytes.Clone(object[:half+half/2]), object[half+half/2+10:]...)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes: %v", len(got), len(want), err)
	}
	if err := b.Pass(to, 1, func(bool) {}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("beyond the end: %v", err)
	}
}

// TestDeadlinesDoNotStay: what goes on by copying has the store's time as always, and not what
// was left of a wait.
func TestDeadlinesDoNotStay(t *testing.T) {
	goOn, asked := make(chan struct{}), atomic.Int64{}
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		rec := httptest.NewRecorder()
		serve(rec, r)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		half := rec.Body.Len() / 2
		_, _ = w.Write(rec.Body.Bytes()[:half])
		_ = http.NewResponseController(w).Flush()
		<-goOn
		_, _ = w.Write(rec.Body.Bytes()[half:])
	})
	b, err := s.OpenBody(t.Context(), "lab", "k", "tag", 0, int64(len(object)), int64(len(object)))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.body.body.(*answer).ReadCloser.(*directBody).conn.pipe.unsupported = false
	k, err := b.body.wait(b.body.direct(), func() (int, error) { return 0, errors.ErrUnsupported })
	if k != 0 || !errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("%d bytes: %v", k, err)
	}
	first := make([]byte, len(object)/2)
	_, err = io.ReadFull(b, first)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * s.idle) // the reader's
	close(goOn)
	rest, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(append(first, rest...), object) || asked.Load() != 1 {
		t.Errorf("%d bytes in %d answers: %v", len(first)+len(rest), asked.Load(), err)
	}
}

// TestOnlyQuietConnectionsAreUsedAgain: one over which something came that nobody asked for,
// or its end, is closed; one to another host is left to that.
func TestOnlyQuietConnectionsAreUsedAgain(t *testing.T) {
	d := &direct{}
	kept := func(host string) (here, there *net.TCPConn) {
		here, there = sockets(t)
		c := &directConn{TCPConn: here, host: host}
		c.head.R = here
		c.from = bufio.NewReaderSize(&c.head, headBuffer)
		d.keep(c)
		return here, there
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		l, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	to := &url.URL{Scheme: "http", Host: l.Addr().String()}
	good, _ := kept(l.Addr().String())
	_, loud := kept(l.Addr().String())
	_, gone := kept(l.Addr().String())
	other, _ := kept("s3.example:80")
	if _, err := loud.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Clone(d.idle)[1:3] { // until it has come
		for quiet(c.TCPConn) {
			time.Sleep(time.Millisecond)
		}
	}
	c, err := d.conn(t.Context(), to)
	if err != nil || c.TCPConn != good || !c.used {
		t.Fatalf("another connection: %v", err)
	}
	c.close()
	if c, err = d.conn(t.Context(), to); err != nil || c.used || len(d.idle) != 1 || d.idle[0].TCPConn != other {
		t.Fatalf("%d connections wait: %v", len(d.idle), err)
	}
	c.close()
	d.idle[0].close()
}
