package doortest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"guichet/schemas"
)

// settled waits until all releases of an agreement have ended and gives them.
func settled(t *testing.T, r *Rig, id schemas.AgreementID) (all []schemas.Release) {
	t.Helper()
	Eventually(t, func() error {
		all = r.Releases(t, id)
		for _, rel := range all {
			if rel.State == schemas.ReleaseOpen {
				return fmt.Errorf("release %s is still open", rel.ID)
			}
		}
		if len(all) == 0 {
			return errors.New("no release is recorded")
		}
		return nil
	})
	return all
}

// part asks for a range of shard 0.
func part(t *testing.T, d *fileDoor, lease string, id schemas.AgreementID, from, n int) (*http.Response, error) {
	return d.get(t.Context(), http.MethodGet, lease, id, 0, url.Values{}, http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", from, from+n-1)}})
}

// rangesAtOnce reads a shard as a mount does: in many ranges at the same time.
func rangesAtOnce(t *testing.T, r *Rig, doors []Door) {
	for _, d := range fileDoors(doors) {
		t.Run(d.name, func(t *testing.T) { rangesAtOnceBy(t, r, d) })
	}
}

func rangesAtOnceBy(t *testing.T, r *Rig, d *fileDoor) {
	const pieces = 50
	published := r.Publish(t, "at-once"+d.name, Open(), bulk(t)[0])
	id := r.Agree(t, time.Time{}, published)[0].ID
	lease := r.Lease(t, id)
	whole := len(download(t, d, r.Lease(t, id), id))
	got := make([][]byte, pieces)
	headers := make([]string, pieces)
	var wg sync.WaitGroup
	for i := range pieces {
		from, to := whole*i/pieces, whole*(i+1)/pieces
		wg.Go(func() {
			resp, err := part(t, d, lease, id, from, to-from)
			if err == nil {
				defer resp.Body.Close()
				headers[i] = resp.Header.Get("Guichet-Release")
				got[i], err = io.ReadAll(resp.Body)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	equal(t, "bytes", whole, len(bytes.Join(got, nil)))
	for _, h := range headers {
		equal(t, "every range names the release", headers[0], h)
	}
	few := r.Agree(t, time.Time{}, published)[0].ID
	lease = r.Lease(t, few)
	for range 2 { // a batch that is touched twice counts once; bytes count as they are sent
		resp, err := part(t, d, lease, few, whole/2, 100)
		must(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, err)
		resp.Body.Close()
	}
	often := r.Agree(t, time.Time{}, published)[0].ID
	lease = r.Lease(t, often)
	for range 3 {
		equal(t, "bytes", whole, len(download(t, d, lease, often)))
	}
	for _, c := range []struct {
		what     string
		id       schemas.AgreementID
		releases int
	}{{"one of the whole, one of all ranges", id, 2}, {"one for each time that the file is read", often, 3}} {
		all := settled(t, r, c.id)
		equal(t, c.what, c.releases, len(all))
		for _, rel := range all {
			if rel.State != schemas.ReleaseComplete || rel.Rows != 4096 || rel.Bytes != int64(whole) || rel.MostRows != rel.Rows || rel.MostBytes != rel.Bytes {
				t.Errorf("release %+v", rel)
			}
		}
	}
	all := settled(t, r, few)
	if len(all) != 1 || all[0].Bytes != 200 || all[0].Batches != 1 || all[0].Rows == 0 || all[0].Rows > 4096/2 {
		t.Errorf("two ranges of one batch are %+v", all)
	}
	verified(t, r)
}

func download(t *testing.T, d *fileDoor, lease string, id schemas.AgreementID) []byte {
	t.Helper()
	resp, err := d.get(t.Context(), http.MethodGet, lease, id, 0, url.Values{}, nil)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return b
}

// rangesRevoked revokes while ranges run, and while none does.
func rangesRevoked(t *testing.T, r *Rig, doors []Door) {
	for _, d := range fileDoors(doors) {
		t.Run(d.name, func(t *testing.T) { rangesRevokedBy(t, r, d) })
	}
}

func rangesRevokedBy(t *testing.T, r *Rig, d *fileDoor) {
	published := r.Publish(t, "ranges-revoked"+d.name, Open(), bulk(t)[0])
	for _, idle := range []bool{false, true} {
		id := r.Agree(t, time.Time{}, published)[0].ID
		lease := r.Lease(t, id)
		var bodies []io.ReadCloser
		for i := range 10 {
			n := 30 << 20 // more than the buffers on the way
			if idle {
				n = 1000
			}
			resp, err := part(t, d, lease, id, i*1000, n)
			must(t, err)
			_, err = io.CopyN(io.Discard, resp.Body, 1000)
			must(t, err)
			bodies = append(bodies, resp.Body)
		}
		revoke(t, r, id)
		all := settled(t, r, id)
		var a schemas.Agreement
		must(t, r.As(t, "trainer").Get(t.Context(), "/agreements/"+string(id), &a))
		cut := all[len(all)-1]
		if took := cut.Ended.Sub(a.Revoked); cut.State != schemas.ReleaseCut || took > time.Second {
			t.Errorf("idle %t: %s (%s) %s after the revocation", idle, cut.State, cut.Cause, took)
		}
		if idle && len(all) != 1 {
			t.Errorf("%d releases for ten ranges", len(all))
		}
		for _, b := range bodies {
			_, err := io.Copy(io.Discard, b)
			if !idle && err == nil {
				t.Error("a range that was cut looks whole")
			}
			b.Close()
		}
		_, err := part(t, d, lease, id, 0, 10)
		if schemas.KindOf(err) != schemas.Denied {
			t.Errorf("a range after the revocation: %v", err)
		}
	}
	verified(t, r)
}

// rangesFail: what one range meets does not end the others, and stands in the record.
func rangesFail(t *testing.T, r *Rig, doors []Door) {
	for _, d := range fileDoors(doors) {
		t.Run(d.name, func(t *testing.T) { rangesFailBy(t, r, d) })
	}
}

func rangesFailBy(t *testing.T, r *Rig, d *fileDoor) {
	id, lease := r.Ready(t, "ranges-fail"+d.name, Open(), bulk(t)[0])
	gone, err := part(t, d, lease, id, 0, 16<<20)
	must(t, err)
	stays, err := part(t, d, lease, id, 20<<20, 4<<20)
	must(t, err)
	gone.Body.Close() // the client goes away
	n, err := io.Copy(io.Discard, stays.Body)
	must(t, err)
	equal(t, "the other range", int64(4<<20), n)
	stays.Body.Close()
	all := settled(t, r, id)
	if len(all) != 1 || all[0].State != schemas.ReleaseAbandoned || all[0].Bytes < 4<<20 || all[0].Bytes >= 20<<20 {
		t.Errorf("after one of two clients went away: %+v", all)
	}
}

func revoke(t *testing.T, r *Rig, id schemas.AgreementID) {
	t.Helper()
	must(t, r.As(t, "agronomy").Post(t.Context(), "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "by mistake"}, nil))
}

// verified exports the record and verifies it with nothing but the public key.
func verified(t *testing.T, r *Rig) {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "bundle.zip")
	f, err := os.Create(bundle)
	must(t, err)
	_, err = r.As(t, "officer").Download(t.Context(), "/audit/export", f)
	must(t, err)
	must(t, f.Close())
	out, err := exec.Command(filepath.Join(r.bin, "guichet"), "audit", "verify", "--key", filepath.Join(r.dir, "gateway", "keys", "log.pub"), bundle).CombinedOutput()
	if err != nil {
		t.Errorf("the record does not verify: %v\n%s", err, out)
	}
}
