package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/cmd/guichet/demo"
	"guichet/connectors/client"
	"guichet/schemas"
)

// Whoever got an answer finds what was acknowledged after kill -9: registrations and
// requests that were under way are there whole or not at all.
func TestKillDuringWrites(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat", csvRows(100, 0))
	provider, trainer := g.as("agronomy"), g.as("trainer")
	var mu sync.Mutex
	var datasets []schemas.DatasetID
	var requests []schemas.RequestID
	enough := make(chan struct{})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := 0; ; n++ {
				var made schemas.Dataset
				err := provider.Post(t.Context(), "/datasets", wheat(fmt.Sprintf("Wheat %d-%d", i, n)), &made)
				if err != nil {
					return // killed
				}
				var r schemas.Request
				err = trainer.Post(t.Context(), "/requests", demo.Requested("crop-yield", d.ID), &r)
				mu.Lock()
				datasets = append(datasets, made.ID)
				if err == nil {
					requests = append(requests, r.ID)
					if len(requests) == 20 {
						close(enough)
					}
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	<-enough
	g.kill()
	group.Wait()
	g.start()
	for _, id := range datasets {
		g.get("agronomy", "/datasets/"+string(id), nil)
	}
	for _, id := range requests {
		var r schemas.Request
		g.get("trainer", "/requests/"+string(id), &r)
		var a schemas.Agreement
		g.get("trainer", "/agreements/"+string(r.Items[0].Agreement), &a)
		if a.State != schemas.AgreementActive || a.Permit != id {
			t.Errorf("agreement %s of request %s is %s of %s", a.ID, id, a.State, a.Permit)
		}
	}
	// Nothing is half there: each agreement that is listed has its request.
	all, err := client.All[schemas.Agreement](t.Context(), g.as("trainer"), "/agreements")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		g.get("trainer", "/requests/"+string(a.Permit), nil)
	}
	t.Logf("%d datasets and %d requests were acknowledged; %d agreements are there", len(datasets), len(requests), len(all))
	g.verify()
	eventually(t, "every dataset is found again", func() bool {
		f, err := g.as("agronomy").Search(t.Context(), client.Query("q", "wheat", "limit", "1000"))
		return err == nil && int(f.Total) >= len(datasets)
	})
}

// A publication that kill -9 cut goes on after the restart, from the shards that
// were read, and is published whole.
func TestKillDuringPublication(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.offered("Winter wheat", "open-with-attribution")
	const shards = 240 // long enough to be cut on a fast machine too
	parts := make([][]byte, shards)
	for i := range parts {
		parts[i] = csvRows(2000, 2000*i)
	}
	prefix := g.put("many", parts...)
	path := "/datasets/" + string(d.ID) + "/versions"
	g.post("agronomy", path, g.publication("v1", prefix), nil)
	var v schemas.VersionSummary
	eventually(t, "some shards are read", func() bool {
		g.get("agronomy", path+"/v1", &v)
		return v.ShardsDone >= 2
	})
	if v.State != schemas.VersionPublishing {
		t.Fatalf("the version was %s before it could be cut", v.State)
	}
	g.kill()
	g.start()
	var again schemas.VersionSummary
	g.get("agronomy", path+"/v1", &again)
	if again.ShardsDone < v.ShardsDone {
		t.Errorf("after the restart %d shards are read, before it %d", again.ShardsDone, v.ShardsDone)
	}
	var shown schemas.Dataset
	g.get("trainer", "/datasets/"+string(d.ID), &shown)
	if again.State == schemas.VersionPublishing && shown.Latest != nil {
		t.Errorf("a version that is %s is shown as %+v", again.State, shown.Latest)
	}
	v, err := g.as("agronomy").WaitPublished(t.Context(), d.ID, "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if v.Rows != 2000*shards || v.ShardsDone != shards {
		t.Errorf("published %d rows of %d shards, want %d of %d", v.Rows, v.ShardsDone, 2000*shards, shards)
	}
	id := g.granted(d.ID)[0]
	if got := g.streamAll(g.lease(id).Token, id, ""); got != 2000*shards {
		t.Errorf("streamed %d rows, want %d", got, 2000*shards)
	}
}

// slowStream reads until n bytes came and then no further.
type slowStream struct {
	s     *client.Stream
	bytes int64
}

func (g *testGateway) slow(lease string, id schemas.AgreementID, n int64) *slowStream {
	g.t.Helper()
	s, err := g.as("trainer").OpenStream(g.t.Context(), lease, id, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	got, err := io.CopyN(io.Discard, s, n)
	if err != nil {
		g.t.Fatal(err)
	}
	return &slowStream{s, got}
}

// Trial 80: five streams were under way at kill -9. The record closes each as
// unknown, with the most that it may have sent, never less than what arrived.
func TestKillDuringStreams(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000)) // more than the buffers of both ends hold
	id := g.granted(d.ID)[0]
	l := g.lease(id)
	var streams []*slowStream
	for i := range 5 {
		streams = append(streams, g.slow(l.Token, id, int64(1000+500_000*i)))
	}
	g.kill()
	for _, s := range streams { // what still waits in the client's own buffers has arrived too
		n, err := io.Copy(io.Discard, s.s)
		s.bytes += n
		if err == nil {
			t.Errorf("a stream that was cut by kill -9 looks whole after %d bytes", s.bytes)
		}
		s.s.Close()
	}
	g.start()
	all, err := client.All[schemas.Release](t.Context(), g.as("officer"), "/streams?state=all&agreement="+string(id))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(streams) {
		t.Fatalf("the record shows %d releases, want %d", len(all), len(streams))
	}
	for _, s := range streams {
		i := slices.IndexFunc(all, func(r schemas.Release) bool { return string(r.ID) == s.s.Release })
		if i < 0 {
			t.Errorf("release %s is not in the record", s.s.Release)
			continue
		}
		r := all[i]
		if r.State != schemas.ReleaseUnknown || r.Begun.IsZero() || !strings.Contains(r.Cause, "at most") {
			t.Errorf("release %s is %s, begun %s: %q; want unknown, at most …", r.ID, r.State, r.Begun, r.Cause)
		}
		if r.Bytes < s.bytes {
			t.Errorf("release %s: the record says at most %d bytes, and %d arrived", r.ID, r.Bytes, s.bytes)
		}
	}
	g.verify()
	if got := g.streamAll(l.Token, id, ""); got != 90_000 {
		t.Errorf("the same lease streams %d rows after the restart, want 90000", got)
	}
}

// A job whose budget is one epoch is cut by kill -9 and begins again: what the record
// says was sent at most is paid, the rest is still there, and the epoch is whole.
func TestKillUnderABudget(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	const rows = 90_000
	d := g.published("Winter wheat", csvRows(rows/3, 0), csvRows(rows/3, rows/3), csvRows(rows/3, 2*rows/3))
	offer := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Duties: []schemas.Duty{{Kind: schemas.DutyBudget, Rows: rows}}}}}
	err := g.as("agronomy").Do(t.Context(), http.MethodPut, "/datasets/"+string(d.ID)+"/offer", offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := g.granted(d.ID)[0]
	l := g.lease(id)
	var run schemas.Run
	g.post("trainer", "/runs", map[string]string{"project": "crop-yield"}, &run)
	epoch := "run=" + string(run.ID) + "&seed=1&epoch="
	s, err := g.as("trainer").OpenStream(t.Context(), l.Token, id, parseQuery(t, epoch+"0"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.CopyN(io.Discard, s, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	g.kill()
	s.Close()
	g.start()
	if got := g.streamAll(l.Token, id, epoch+"0"); got != rows {
		t.Errorf("after the kill the epoch has %d rows, want %d", got, rows)
	}
	_, err = g.as("trainer").OpenStream(t.Context(), l.Token, id, parseQuery(t, epoch+"1"))
	if schemas.KindOf(err) != schemas.Denied {
		t.Errorf("a second epoch: %v, want Denied", err)
	}
	var a schemas.Agreement
	g.get("trainer", "/agreements/"+string(id), &a)
	if a.RowsUsed != rows {
		t.Errorf("%d rows are used, want %d", a.RowsUsed, rows)
	}
	g.verify()
}

// A stream that a kill cut goes on with from= and gives every row once.
func TestResumeAfterKill(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000)) // more than the buffers of both ends hold
	id := g.granted(d.ID)[0]
	l := g.lease(id)
	s := g.slow(l.Token, id, 3_000_000)
	g.kill()
	_, err := io.Copy(io.Discard, s.s)
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Kind != schemas.Gone || !strings.Contains(e.Remedy, fmt.Sprintf("from=%d", s.s.Received())) {
		t.Fatalf("the cut stream says %v", err)
	}
	g.start()
	rest := g.streamAll(l.Token, id, fmt.Sprintf("from=%d", s.s.Received()))
	if s.s.Received()+rest != 90_000 {
		t.Errorf("%d rows before the kill and %d after it, want 90000 together", s.s.Received(), rest)
	}
}

// A write whose answer was lost in a crash may be repeated with its key: it happens
// once, or the answer says that nobody knows yet.
func TestIdempotencyKeyAcrossKill(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	var first, second schemas.Dataset
	err := g.as("agronomy").Post(t.Context(), "/datasets", wheat("Once"), &first, client.Idempotent("k1"))
	if err != nil {
		t.Fatal(err)
	}
	g.kill()
	g.start()
	err = g.as("agronomy").Post(t.Context(), "/datasets", wheat("Once"), &second, client.Idempotent("k1"))
	if err != nil {
		t.Fatal(err)
	}
	if first.ID != second.ID {
		t.Errorf("the repeated write made another dataset: %s and %s", first.ID, second.ID)
	}
}

// The gateway ends in order at SIGTERM while a slow stream runs: the record says how
// that ended, and nothing is left open.
func TestStopWhileStreaming(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat", csvRows(60_000, 0), csvRows(30_000, 60_000))
	id := g.granted(d.ID)[0]
	s := g.slow(g.lease(id).Token, id, 1000)
	defer s.s.Close()
	began := time.Now()
	g.stop()
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("the stop took %s", took)
	}
	g.start()
	var p schemas.Page[schemas.Release]
	g.get("officer", "/streams?state=all", &p)
	if len(p.Items) != 1 || p.Items[0].State == schemas.ReleaseOpen || p.Items[0].State == schemas.ReleaseUnknown {
		t.Errorf("after an orderly stop the releases are %+v", p.Items)
	}
}

// raw asks without the client, to see statuses and bodies as they are.
func (g *testGateway) raw(method, path, token string, body []byte) (int, http.Header, string) {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.base+path, bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}
