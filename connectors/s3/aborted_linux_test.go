package s3

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// descriptors are how many files and sockets this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestAbortedPassesLeaveNothing: of a thousand bodies whose other side goes away, at any byte,
// no descriptor, goroutine or pipe is left but those of the connections that are kept.
func TestAbortedPassesLeaveNothing(t *testing.T) {
	big := bytes.Repeat(object, 48) // more than the kernel takes for a side that reads nothing
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"tag"`)
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(big))
	})
	before, running := descriptors(t), runtime.NumGoroutine()
	aborted := 0
	for i := range 1000 {
		b, err := s.OpenBody(t.Context(), "lab", "k", "tag", 0, int64(len(big)), int64(len(big)))
		if err != nil {
			t.Fatal(err)
		}
		to, from := sockets(t)
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_, _ = io.CopyN(io.Discard, from, int64(i*997%len(object)))
			_, _ = from.SetLinger(0), from.Close()
		}()
		err = b.Pass(to, int64(len(big)), func(bool) {})
		if _, other := errors.AsType[*DestinationError](err); err != nil && !other {
			t.Fatal(err)
		}
		if err != nil {
			aborted++
		}
		<-gone
		_, _ = to.Close(), b.Close()
	}
	if aborted < 990 {
		t.Errorf("%d passes were aborted", aborted)
	}
	s.direct.mu.Lock()
	kept := len(s.direct.idle)
	s.direct.mu.Unlock()
	if kept > maxIdleDirect {
		t.Errorf("%d connections are kept", kept)
	}
	for len(s.direct.idle) > 0 {
		s.direct.drop(s.direct.idle[0])
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		fds, g := descriptors(t), runtime.NumGoroutine()
		if fds <= before+2 && g <= running+2 { // the server's last connection ends by itself
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d descriptors and %d goroutines, before %d and %d", fds, g, before, running)
		}
	}
}

// TestPassWithoutDescriptors: where no pipe can be made, because the process has as many
// descriptors as it may, bytes are copied and exact; the next request over the connection has
// its pipe.
func TestPassWithoutDescriptors(t *testing.T) {
	s := open(t, serve)
	to, from := sockets(t)
	pass := func(n int64, limited bool) bool {
		t.Helper()
		b, err := s.OpenBody(t.Context(), "lab", "k", "tag", 0, n, int64(len(object)))
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		came := make(chan []byte)
		go func() {
			got := make([]byte, n)
			_, err := io.ReadFull(from, got)
			if err != nil {
				t.Error(err)
			}
			came <- got
		}()
		var was syscall.Rlimit
		err = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was)
		if err == nil && limited {
			err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: was.Max}) // what is open stays so
		}
		if err != nil {
			t.Fatal(err)
		}
		err = b.Pass(to, n, func(bool) {})
		passes := b.Passes()
		err = errors.Join(err, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was))
		if got := <-came; err != nil || !bytes.Equal(got, object[:n]) {
			t.Errorf("limited %t: %d bytes: %v", limited, len(got), err)
		}
		return passes
	}
	half := int64(len(object) / 2)
	if pass(half, true) {
		t.Error("it passes without a pipe")
	}
	if !pass(half, false) || s.direct.idle[0].pipe.unsupported {
		t.Error("a connection that had no pipe once never gets one")
	}
	if len(s.direct.idle) != 1 || !s.direct.idle[0].used {
		t.Error("the connection was not used again")
	}
	c := s.direct.idle[0]
	s.direct.drop(c)
	if c.pipe.open {
		t.Error("the pipe of a connection that went stays open")
	}
}
