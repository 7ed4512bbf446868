package door

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
)

// Messages written into the socket and by net/http come out as the same body, with the same
// trailer, and the connection is good for the next request.
func TestMessagesAreChunks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 9))
	var want []byte
	var messages [][]byte
	for _, n := range []int{1, 7, 8, 4096, release.Handful - 1, release.Handful, release.Handful + 1, 3*release.Handful + 5, pieceBytes + 1, 100} {
		m := make([]byte, n)
		for i := range m {
			m[i] = byte(rnd.Uint32())
		}
		messages, want = append(messages, m), append(want, m...)
	}
	want = append(want, ipc.EndOfStream()...)
	for name, c := range map[string]struct {
		proto  string
		tls    bool
		direct bool
	}{
		"HTTP/1.1":       {"HTTP/1.1", false, true},
		"HTTP/1.1 + TLS": {"HTTP/1.1", true, false},
		"HTTP/2 + TLS":   {"HTTP/2.0", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := &ipcStream{w: w, out: w, turn: func(bool) {}, socket: socketOf(r), pieces: &pieces{}, sums: takesTrailers(r)}
				if r.Proto != c.proto || (s.socket != nil) != c.direct {
					t.Errorf("over %s, past net/http: %t", r.Proto, s.socket != nil)
				}
				w.Header().Set("Trailer", sumTrailer)
				w.WriteHeader(http.StatusOK)
				err := s.flush()
				for i := 0; i < len(messages) && err == nil; i++ {
					err = s.Message(read.Message{Bytes: messages[i]})
				}
				if err == nil {
					err = s.End(ipc.Sum(want))
				}
				if err != nil || s.direct != 0 && s.direct != int64(len(want)-len(ipc.EndOfStream())) {
					t.Errorf("%d bytes past net/http: %v", s.direct, err)
				}
			}))
			srv.Config.ConnContext = ConnContext
			srv.EnableHTTP2 = c.proto == "HTTP/2.0"
			if c.tls {
				srv.StartTLS()
			} else {
				srv.Start()
			}
			defer srv.Close()
			for i := range 3 {
				used := false
				trace := &httptrace.ClientTrace{GotConn: func(g httptrace.GotConnInfo) { used = g.Reused }}
				r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, srv.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("TE", "trailers")
				resp, err := srv.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !bytes.Equal(got, want) || resp.Trailer.Get(sumTrailer) != fmt.Sprintf("%08x", ipc.Sum(want)) {
					t.Errorf("%d of %d bytes, trailer %q: %v", len(got), len(want), resp.Trailer.Get(sumTrailer), err)
				}
				if used != (i > 0) {
					t.Errorf("request %d comes over a used connection: %t", i, used)
				}
			}
		})
	}
}

// An answer that is cut inside a message is no whole one, also where its chunk seemed to end.
func TestCutInsideAChunk(t *testing.T) {
	for name, sent := range map[string]int{"nothing of it": 0, "some": 100, "all of it": 1000} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := &ipcStream{w: w, out: w, turn: func(bool) {}, socket: socketOf(r), pieces: &pieces{}}
				w.WriteHeader(http.StatusOK)
				if err := s.flush(); err != nil {
					t.Error(err)
				}
				if err := s.writev([]byte("3e8\r\n"), make([]byte, sent)); err != nil {
					t.Error(err)
				}
				panic(http.ErrAbortHandler)
			}))
			srv.Config.ConnContext = ConnContext
			srv.Start()
			defer srv.Close()
			resp, err := srv.Client().Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if got, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("%d bytes are taken for whole", len(got))
			}
		})
	}
}

// Of HTTP/1.0, which has no chunks, the socket is not taken.
func TestNoChunksBefore11(t *testing.T) {
	asked := make(chan bool, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- socketOf(r) != nil }))
	srv.Config.ConnContext = ConnContext
	srv.Start()
	defer srv.Close()
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	if <-asked {
		t.Error("it is")
	}
}
