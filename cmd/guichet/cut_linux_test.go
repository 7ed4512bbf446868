package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// After 40 downloads that their clients cut off, connections and memory are given back
// within seconds, while the gateway goes on.
func TestCutDownloadsGiveBack(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	id := g.granted(g.published("Much", csvRows(400_000, 0), csvRows(400_000, 400_000), csvRows(400_000, 800_000), csvRows(400_000, 1_200_000)).ID)[0]
	lease := g.lease(id).Token
	g.streamAll(lease, id, "")
	sockets := func() (n int) {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", g.cmd.Process.Pid, fd.Name()))
			if err == nil && strings.HasPrefix(to, "socket:") {
				n++
			}
		}
		return n
	}
	idle, open := resident(t, g, "VmRSS"), sockets()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s/api/v1/agreements/%s/stream?seed=%d", g.base, id, i), nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+lease)
			resp, err := client.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.CopyN(io.Discard, resp.Body, 1<<20) // and no more
			resp.Body.Close()
		})
	}
	all.Wait()
	began := time.Now()
	t.Logf("%d sockets and %d MiB after, %d and %d before", sockets(), resident(t, g, "VmRSS")>>20, open, idle>>20)
	eventually(t, "connections and memory are given back", func() bool {
		return sockets() <= open+4 && resident(t, g, "VmRSS") < idle+64<<20
	})
	t.Logf("given back after %s", time.Since(began).Round(time.Second))
}
