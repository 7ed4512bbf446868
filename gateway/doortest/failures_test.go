package doortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

// bulk is the shards of a table large enough to be under way for a while: 96 MiB.
func bulk(t *testing.T) [][]byte {
	sizes := make([]int, 4096)
	for i := range sizes {
		sizes[i] = 8 << 10
	}
	file := FileOf(t, binaries(sizes...))
	return [][]byte{file, file, file}
}

// slowly opens a stream, takes its first batch and leaves the rest for later.
func slowly(t *testing.T, d Door, lease string, id schemas.AgreementID) (rest func() (int64, error)) {
	t.Helper()
	if f, ok := d.(*fileDoor); ok { // raw: a file's footer comes last
		resp, err := f.get(t.Context(), http.MethodGet, lease, id, 0, url.Values{}, nil)
		must(t, err)
		buf := make([]byte, 1<<10)
		_, err = io.ReadFull(resp.Body, buf)
		must(t, err)
		return func() (int64, error) {
			defer resp.Body.Close()
			return io.CopyBuffer(io.Discard, struct{ io.Reader }{resp.Body}, buf)
		}
	}
	return slowlyAsked(t, d, lease, id, nil)
}

func slowlyAsked(t *testing.T, d Door, lease string, id schemas.AgreementID, ask url.Values) (rest func() (int64, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	rd, err := d.Open(ctx, lease, id, ask)
	must(t, err)
	first, err := rd.Next()
	must(t, err)
	rows := first.NumRows()
	return func() (int64, error) {
		defer cancel()
		defer rd.Close()
		for {
			rec, err := rd.Next()
			if err == io.EOF { //nolint:errorlint // Reading's contract
				return rows, nil
			}
			if err != nil {
				return rows, err
			}
			rows += rec.NumRows()
		}
	}
}

// last waits until an agreement's newest release has ended.
func last(t *testing.T, r *Rig, id schemas.AgreementID) (rel schemas.Release) {
	t.Helper()
	Eventually(t, func() error {
		all := r.Releases(t, id)
		if len(all) == 0 {
			return errors.New("no release is recorded")
		}
		rel = all[0]
		for _, x := range all {
			if x.Begun.After(rel.Begun) {
				rel = x
			}
		}
		if rel.State == schemas.ReleaseOpen {
			return fmt.Errorf("the release is still open")
		}
		return nil
	})
	return rel
}

// revoked cuts a running stream within a second, by the record, and the client sees
// an error.
func revoked(t *testing.T, r *Rig, doors []Door) {
	d := r.Publish(t, "revoked", Open(), bulk(t)...)
	for _, door := range doors {
		id := r.Agree(t, time.Time{}, d)[0].ID
		lease := r.Lease(t, id)
		rest := slowly(t, door, lease, id)
		must(t, r.As(t, "agronomy").Post(t.Context(), "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "by mistake"}, nil))
		rel := last(t, r, id)
		var a schemas.Agreement
		must(t, r.As(t, "trainer").Get(t.Context(), "/agreements/"+string(id), &a))
		if took := rel.Ended.Sub(a.Revoked); rel.State != schemas.ReleaseCut || took > time.Second {
			t.Errorf("%s: the release is %s (%s) %s after the revocation", door.Name(), rel.State, rel.Cause, took)
		}
		_, err := rest()
		if err == nil {
			t.Errorf("%s: a cut stream looks whole", door.Name())
		}
		refused(t, door, lease, id, nil, schemas.Denied, "revoked")
		t.Logf("%s: cut %s after the revocation; the client: %.200s", door.Name(), rel.Ended.Sub(a.Revoked), err)
	}
}

// leaseRevoked: a lease that is taken back cuts what streams under it, also under one that
// was narrowed from it, within a second; the agreement stands, and another lease opens it.
func leaseRevoked(t *testing.T, r *Rig, doors []Door) {
	id, other := r.Ready(t, "lease-revoked", Open(), bulk(t)...)
	for _, door := range doors {
		lease := r.Lease(t, id)
		var child schemas.LeaseAnswer
		must(t, r.As(t, "trainer").As(client.Static(lease)).Post(t.Context(), "/leases", map[string]any{}, &child))
		rest := slowly(t, door, child.Token, id)
		var l schemas.Lease
		parent, _, _ := strings.Cut(lease, ".")
		must(t, r.As(t, "agronomy").Post(t.Context(), "/leases/"+parent+"/revoke", map[string]string{"reason": "the token leaked"}, &l))
		rel := last(t, r, id)
		if took := rel.Ended.Sub(l.Revoked); rel.State != schemas.ReleaseCut || took > time.Second {
			t.Errorf("%s: the release is %s (%s) %s after the revocation", door.Name(), rel.State, rel.Cause, took)
		}
		_, err := rest()
		if err == nil {
			t.Errorf("%s: a cut stream looks whole", door.Name())
		}
		for _, token := range []string{lease, child.Token} {
			refused(t, door, token, id, nil, schemas.Denied, "the token leaked")
		}
		_, _, err = read(door, other, id, url.Values{})
		must(t, err)
	}
}

// agreementEnds is trial 29: the end passes while a stream runs.
func agreementEnds(t *testing.T, r *Rig, doors []Door) {
	d := r.Publish(t, "ends", Open(), bulk(t)...)
	type under struct {
		door  Door
		id    schemas.AgreementID
		lease string
		until time.Time
		rest  func() (int64, error)
	}
	var all []under
	for _, door := range doors {
		until := time.Now().Add(6 * time.Second)
		id := r.Agree(t, until, d)[0].ID
		lease := r.Lease(t, id)
		all = append(all, under{door, id, lease, until, slowly(t, door, lease, id)})
	}
	for _, u := range all {
		rel := last(t, r, u.id)
		if late := rel.Ended.Sub(u.until); rel.State != schemas.ReleaseCut || late > time.Second || late < -time.Second {
			t.Errorf("%s: the release is %s (%s) %s after the end", u.door.Name(), rel.State, rel.Cause, late)
		}
		_, err := u.rest()
		if err == nil {
			t.Errorf("%s: a cut stream looks whole", u.door.Name())
		}
		refused(t, u.door, u.lease, u.id, nil, schemas.Unauthenticated, "expired") // no lease is longer than its agreement
		_, err = r.As(t, "trainer").Lease(t.Context(), "", u.id)
		if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "ended") {
			t.Errorf("a new lease after the end: %v", err)
		}
	}
}

// saysHowToGoOn: a door whose protocol carries an error to the end of a stream says there
// how the stream goes on.
func saysHowToGoOn(t *testing.T, d Door, err error) {
	t.Helper()
	if d.Name() == "flight" && !strings.Contains(fmt.Sprint(err), "from= the rows that came") {
		t.Errorf("%s does not say how to go on: %v", d.Name(), err)
	}
}

// storeGone: the store dies under a running stream.
func storeGone(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "gone", Open(), bulk(t)...)
	for _, door := range doors {
		rest := slowly(t, door, lease, id)
		r.Store.Cut()
		n, err := rest()
		if err == nil {
			t.Errorf("%s: a stream without its store looks whole after %d", door.Name(), n)
		}
		saysHowToGoOn(t, door, err)
		rel := last(t, r, id)
		if rel.State != schemas.ReleaseBroken {
			t.Errorf("%s: the release is %s: %s", door.Name(), rel.State, rel.Cause)
		}
		refused(t, door, lease, id, nil, schemas.Unavailable, "store")
		r.Store.Restore()
		_, err = slowly(t, door, lease, id)()
		must(t, err)
	}
}

// changedObjects is trial 62: an object overwritten under a published version.
func changedObjects(t *testing.T, r *Rig, doors []Door) {
	file := FileOf(t, numbers(0, 5000))
	flipped := bytes.Clone(file)
	flipped[len(file)/2] ^= 1
	for name, other := range map[string][]byte{"longer": append(bytes.Clone(file), 0, 0, 0, 0), "shorter": file[:len(file)-8], "same length": flipped} {
		id, lease := r.Ready(t, "changed-"+name[:4], Open(), file)
		overwrite(t, r, stored(t, r, id)[0], other)
		for _, d := range doors {
			recs, _, err := read(d, lease, id, nil)
			if schemas.KindOf(err) != schemas.Gone || len(recs) > 0 {
				t.Errorf("%s, %s: want Gone, got %d batches and %v", name, d.Name(), len(recs), err)
			}
			if strings.Contains(fmt.Sprint(err), "agronomy/") {
				t.Errorf("%s names where the provider's object lies: %v", d.Name(), err)
			}
		}
	}
	// One reader half way through.
	id, lease := r.Ready(t, "changed-half", Open(), bulk(t)...)
	for _, d := range doors {
		rest := slowly(t, d, lease, id)
		var was [][]byte
		for _, sh := range stored(t, r, id) {
			body, err := r.S3.Open(t.Context(), sh.Bucket, sh.Key, "", 0, -1)
			must(t, err)
			b, err := io.ReadAll(body)
			must(t, err)
			body.Close()
			was = append(was, b)
			overwrite(t, r, sh, append(bytes.Clone(b), 0))
		}
		_, err := rest()
		if err == nil && !ofFiles(d) { // its one ranged read began before, and may end as it was
			t.Errorf("%s: a stream over changed objects looks whole", d.Name())
		}
		for i, sh := range stored(t, r, id) {
			overwrite(t, r, sh, was[i])
		}
	}
}

// stored gives the objects that an agreement's rows lie in.
func stored(t *testing.T, r *Rig, id schemas.AgreementID) []schemas.Shard {
	t.Helper()
	var v schemas.Version
	var a schemas.Agreement
	must(t, r.As(t, "trainer").Get(t.Context(), "/agreements/"+string(id), &a))
	must(t, r.As(t, "agronomy").Get(t.Context(), "/datasets/"+string(a.Dataset)+"/versions/v1/manifest", &v))
	return v.Data[0].Splits[0].Shards
}

func overwrite(t *testing.T, r *Rig, sh schemas.Shard, b []byte) {
	t.Helper()
	_, err := r.S3.Put(t.Context(), sh.Bucket, sh.Key, bytes.NewReader(b), int64(len(b)))
	must(t, err)
}

// terminated is trial 81: the gateway is told to stop in the middle of a stream.
func terminated(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "terminated", Open(), bulk(t)...)
	var rests []func() (int64, error)
	for _, d := range doors {
		rests = append(rests, slowly(t, d, lease, id))
	}
	curl, curlErr := exec.LookPath("curl")
	var cmd *exec.Cmd
	if curlErr == nil {
		cmd = exec.Command(curl, "-sS", "--limit-rate", "2M", "-o", filepath.Join(t.TempDir(), "half.arrows"), "-H", "Authorization: Bearer "+lease, r.HTTP+"/api/v1/agreements/"+string(id)+"/stream")
		must(t, cmd.Start())
		Eventually(t, func() error {
			if n := len(r.Releases(t, id)); n < len(doors)+1 {
				return fmt.Errorf("%d releases have begun", n)
			}
			return nil
		})
	}
	open, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.HTTP+"/api/v1/agreements/"+string(id)+"/stream", nil)
	must(t, err)
	open.Header.Set("Authorization", "Bearer "+lease)
	began := time.Now()
	ended := r.Terminate()
	Eventually(t, func() error {
		resp, err := http.Get(r.HTTP + "/readyz")
		if err != nil {
			return nil // no longer answering is an answer
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("readyz says %d", resp.StatusCode)
		}
		return nil
	})
	resp, err := http.DefaultClient.Do(open)
	if err == nil { // while it ends it says so; later nobody answers
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("a new stream of a stopping gateway: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
		}
	}
	select {
	case <-ended:
	case <-time.After(25 * time.Second):
		t.Fatal("the gateway does not stop")
	}
	t.Logf("stopped after %s", time.Since(began))
	for i, rest := range rests {
		n, err := rest()
		if err == nil {
			t.Errorf("%s: a stream of a stopped gateway looks whole after %d", doors[i].Name(), n)
		}
	}
	if cmd != nil && cmd.Wait() == nil {
		t.Error("curl ended with status 0 and half a file")
	}
	r.Serve(t)
	for _, rel := range r.Releases(t, id) {
		if rel.State != schemas.ReleaseBroken {
			t.Errorf("release %s of %s is %s: %s", rel.ID, rel.Door, rel.State, rel.Cause)
		}
	}
}
