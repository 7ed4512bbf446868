package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/connectors/client"
	"guichet/connectors/s3"
	"guichet/schemas"
)

// TestAThousandCutOff: clients that leave at any byte, at every door, leave nothing behind. The
// releases end with at least what arrived, and sockets, goroutines and memory are given back
// within seconds, while the gateway goes on.
func TestAThousandCutOff(t *testing.T) {
	t.Parallel()
	const clients, atOnce = 1000, 25
	g := newGatewayWith(t, "--s3-listen", ":0")
	g.populate()
	id := g.granted(g.published("Much", csvRows(400_000, 0), csvRows(400_000, 400_000)).ID)[0]
	lease := g.lease(id).Token
	keys, err := g.as("trainer").Lease(t.Context(), "", id)
	if err != nil {
		t.Fatal(err)
	}
	face, err := s3.New("face", keys.S3.Endpoint, keys.S3.Region, s3.Credentials{AccessKey: keys.S3.AccessKeyID, SecretKey: keys.S3.SecretAccessKey})
	if err != nil {
		t.Fatal(err)
	}
	listed, err := face.List(t.Context(), string(id), "", 10)
	if err != nil || len(listed) < 2 {
		t.Fatal(listed, err)
	}
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string, n int64) (int64, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.base+"/api/v1/agreements/"+string(id)+path, nil)
		if err != nil {
			return 0, err
		}
		r.Header.Set("Authorization", "Bearer "+lease)
		resp, err := plain.Do(r)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("%s: %s", path, resp.Status)
		}
		return io.CopyN(io.Discard, resp.Body, n)
	}
	// Each reads n bytes at one door, and no more.
	doors := []func(i int, n int64) (int64, error){
		func(i int, n int64) (int64, error) { return get(fmt.Sprintf("/stream?seed=%d", i), n) },
		func(i int, n int64) (int64, error) { return get(fmt.Sprintf("/tables/data/all/%d.arrow", i%2), n) },
		func(i int, n int64) (int64, error) {
			o := listed[i%2]
			body, err := face.Open(t.Context(), string(id), o.Key, o.ETag, 0, o.Size)
			if err != nil {
				return 0, err
			}
			defer body.Close()
			return io.CopyN(io.Discard, body, n)
		},
		func(_ int, n int64) (int64, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond+time.Duration(n/64)*time.Microsecond)
			defer cancel()
			got, _ := client.Flight(ctx, "grpc://"+g.flight, lease, id, nil) // it ends by its time
			return got.Bytes, nil
		},
	}
	one := func(i int) (int64, error) { return doors[i%len(doors)](i, int64(i)*7919%(2<<20)+1) }
	for i := range doors { // what is made once is there
		if _, err := one(i); err != nil {
			t.Fatal(err)
		}
	}
	open := func() (sockets int) {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", g.cmd.Process.Pid, fd.Name()))
			if err == nil && strings.HasPrefix(to, "socket:") {
				sockets++
			}
		}
		return sockets
	}
	operator := bearer(t, g, "operator")
	goroutines := func() int {
		_, _, body := g.raw("GET", "/metrics", operator, nil)
		_, rest, _ := strings.Cut(body, "\ngo_goroutines ")
		line, _, _ := strings.Cut(rest, "\n")
		n, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	sockets, running, idle := open(), goroutines(), resident(t, g, "VmRSS")
	var arrived atomic.Int64
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i := range clients {
		all.Go(func() error {
			n, err := one(i)
			arrived.Add(n)
			return err
		})
	}
	err = all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	plain.CloseIdleConnections()
	var left int
	eventually(t, "sockets, goroutines and memory are given back", func() bool {
		left = goroutines()
		return open() <= sockets+4 && left <= running+atOnce && resident(t, g, "VmRSS") < idle+64<<20
	})
	t.Logf("given back after %s: %d goroutines, before %d", time.Since(began).Round(time.Second), left, running)
	var recorded int64
	releases, err := client.All[schemas.Release](t.Context(), g.as("officer"), "/streams?state=all&agreement="+string(id))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range releases {
		recorded += r.Bytes
		if r.State == schemas.ReleaseOpen && (r.Door == "http" || r.Door == "flight") { // ranges join one release for a while
			t.Errorf("release %s is still %s", r.ID, r.State)
		}
	}
	if recorded < arrived.Load() || arrived.Load() == 0 {
		t.Errorf("%d bytes arrived, and the record has %d", arrived.Load(), recorded)
	}
	if n := g.streamAll(lease, id, ""); n != 800_000 {
		t.Errorf("a stream after them has %d rows", n)
	}
	g.verify()
}
