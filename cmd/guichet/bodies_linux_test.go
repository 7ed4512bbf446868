package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The largest bodies that are within every bound, 64 at once, from strangers and from
// members: the process holds less than 256 MiB more than before, and answers each.
func TestBodiesAtOnce(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	provider := bearer(t, g, "agronomy")
	big := func(n int, part string) string { return strings.Repeat(part, n/len(part)) }
	bodies := []struct{ name, token, path, kind, body string }{
		{"strangers' YAML", "", "/datasets", "application/yaml", big(1<<20, "- a: [b, c]\n")},
		{"strangers' JSON-LD", "", "/datasets", "application/ld+json", `{"@context":{"a":"urn:a"},"a":[` + big(4<<20, `{"a":1},`) + `1]}`},
		{"strangers' JSON", "", "/decisions", "application/json", `{"columns":[` + big(60<<10, `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",`) + `"a"]}`},
		{"a provider's YAML", provider, "/datasets", "application/yaml", big(1<<20, "- a: [bcdef, ghijklmnopqrstuvwxyz, abcdefghijklmnopq]\n")},
		{"a provider's JSON-LD", provider, "/datasets", "application/ld+json", `{"@context":{"a":"urn:a"},"a":[` + big(250<<10, `{"a":"b"},`) + `1]}`},
		{"a provider's JSON", provider, "/datasets", "application/json", `{"keywords":{"en":[` + big(4<<20-100, `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",`) + `"a"]}}`},
	}
	idle := resident(t, g, "VmRSS")
	for _, b := range bodies {
		err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", g.cmd.Process.Pid), []byte("5"), 0) // the peak from here on
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.base+"/api/v1"+b.path, bytes.NewReader([]byte(b.body)))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Content-Type", b.kind)
				if b.token != "" {
					r.Header.Set("Authorization", "Bearer "+b.token)
				}
				if i%2 == 0 {
					r.Header.Set("Idempotency-Key", fmt.Sprint(b.name, i))
				}
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					return // refused while it was still being sent
				}
				defer resp.Body.Close()
				_, _ = io.Copy(io.Discard, resp.Body) // the connection may be closed
				if s := resp.StatusCode; s < 400 || s >= 500 && s != http.StatusServiceUnavailable {
					t.Errorf("%s: status %d", b.name, s)
				}
			})
		}
		all.Wait()
		if peak := resident(t, g, "VmHWM"); peak > idle+256<<20 {
			t.Errorf("%s: %d MiB resident, %d MiB before", b.name, peak>>20, idle>>20)
		} else {
			t.Logf("%s: %d MiB resident, %d MiB before", b.name, peak>>20, idle>>20)
		}
	}
	eventually(t, "the memory that the bodies took is given back", func() bool { return resident(t, g, "VmRSS") < idle+64<<20 })
}

// resident reads a figure of the process's memory, in bytes.
func resident(t testing.TB, g *testGateway, name string) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		rest, ok := strings.CutPrefix(line, name+":")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n << 10
	}
	t.Fatalf("the process has no %s", name)
	return 0
}
