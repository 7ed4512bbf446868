package gateway_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"guichet/gateway"
)

// mover gives bytes by itself when it is let into the socket.
type mover struct {
	io.Reader
	moved []byte // what it writes there
	into  int
}

func (m *mover) PassTo(to *net.TCPConn) (int64, error) {
	m.into++
	n, err := to.Write(m.moved)
	return int64(n), err
}

// What can move itself into a connection does, behind what was written before, and the
// connection is good for the next request; all else is copied.
func TestBytesMoveIntoConnections(t *testing.T) {
	t.Parallel()
	head, rest := strings.Repeat("h", 512), strings.Repeat("r", 100_000)
	sources := make(chan io.Reader, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100515")
		_, _ = io.WriteString(w, "all")
		n, err := io.Copy(w, <-sources)
		if err != nil || n != 100_512 {
			t.Errorf("%d bytes were taken: %v", n, err)
		}
	})}
	go func() {
		_ = srv.Serve(gateway.NewCrowd(gateway.Limits{}, nil, slog.New(slog.DiscardHandler)).Bound(l, true))
	}()
	t.Cleanup(func() { _ = srv.Close() })
	again := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if i.Reused {
			again++
		}
	}})
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	moves := &mover{Reader: strings.NewReader(head), moved: []byte(rest)}
	for _, src := range []io.Reader{moves, io.MultiReader(strings.NewReader(head), strings.NewReader(rest)), bytes.NewBufferString(head + rest)} {
		sources <- src
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String(), nil)
		must(t, err)
		resp, err := client.Do(r)
		must(t, err)
		got, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		if string(got) != "all"+head+rest {
			t.Errorf("%d bytes came", len(got))
		}
	}
	if moves.into != 1 || again != 2 {
		t.Errorf("it was let in %d times; %d connections were used again", moves.into, again)
	}
}
