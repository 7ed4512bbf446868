package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"guichet/cmd/guichet/demo"
	"guichet/connectors/client"
	"guichet/schemas"
)

// withdraw withdraws a dataset and revokes its agreements.
func (g *testGateway) withdraw(ctx context.Context, id schemas.DatasetID) error {
	return g.as("agronomy").Do(ctx, http.MethodDelete, "/datasets/"+string(id)+"?revoke=true", nil, nil)
}

// endedBy reads a slow stream to its end, which must be an error, and gives its
// release as the record has it.
func (g *testGateway) endedBy(s *slowStream) schemas.Release {
	g.t.Helper()
	defer s.s.Close()
	_, err := io.Copy(io.Discard, s.s)
	if err == nil {
		g.t.Errorf("stream %s looks whole", s.s.Release)
	}
	var found schemas.Release
	eventually(g.t, "the release "+s.s.Release+" has ended", func() bool {
		all, err := client.All[schemas.Release](g.t.Context(), g.as("officer"), "/streams?state=all")
		if err != nil {
			g.t.Fatal(err)
		}
		for _, r := range all {
			if string(r.ID) == s.s.Release {
				found = r
			}
		}
		return found.State != "" && found.State != schemas.ReleaseOpen
	})
	return found
}

// A dataset that agreements stand on is withdrawn only with ?revoke=true; then its
// running streams are cut and its agreements say why.
func TestWithdrawalCutsStreams(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000)) // more than the buffers of both ends hold
	id := g.granted(d.ID)[0]
	l := g.lease(id)
	s := g.slow(l.Token, id, 1000)
	err := g.as("agronomy").Do(t.Context(), http.MethodDelete, "/datasets/"+string(d.ID), nil, nil)
	if schemas.KindOf(err) != schemas.Conflict {
		t.Fatalf("a withdrawal over an active agreement: %v, want Conflict", err)
	}
	err = g.withdraw(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.endedBy(s); r.State != schemas.ReleaseCut || !strings.Contains(r.Cause, "revoked") {
		t.Errorf("the release is %s: %s", r.State, r.Cause)
	}
	var a schemas.Agreement
	g.get("trainer", "/agreements/"+string(id), &a)
	if a.State != schemas.AgreementRevoked || !strings.Contains(a.Reason, "withdrawn") {
		t.Errorf("the agreement is %s: %s", a.State, a.Reason)
	}
	_, err = g.as("trainer").OpenStream(t.Context(), l.Token, id, nil)
	if schemas.KindOf(err) != schemas.Denied {
		t.Errorf("a stream of the withdrawn dataset: %v, want Denied", err)
	}
	g.verify()
}

// One version is withdrawn: its streams are cut, it opens no more, and the agreement that
// was made on an earlier one goes on with that.
func TestWithdrawnVersionIsCut(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat", csvRows(100, 0))
	id := g.granted(d.ID)[0]
	path := "/datasets/" + string(d.ID) + "/versions"
	g.post("agronomy", path, g.publication("v2", g.put("two", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000))), nil)
	_, err := g.as("agronomy").WaitPublished(t.Context(), d.ID, "v2", nil)
	if err != nil {
		t.Fatal(err)
	}
	lease := func(version schemas.VersionID) string {
		var l schemas.LeaseAnswer
		g.post("trainer", "/leases", map[string]any{"items": []any{map[string]any{"agreement": id, "version": version}}}, &l)
		return l.Token
	}
	old, late := lease("v1"), lease("v2")
	if n := g.streamAll(old, id, ""); n != 100 {
		t.Errorf("the first version has %d rows", n)
	}
	s := g.slow(late, id, 1000)
	err = g.as("agronomy").Do(t.Context(), http.MethodDelete, path+"/v2", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.endedBy(s); r.State != schemas.ReleaseCut || !strings.Contains(r.Cause, "the version was withdrawn") {
		t.Errorf("the release is %s: %s", r.State, r.Cause)
	}
	_, err = g.as("trainer").OpenStream(t.Context(), late, id, nil)
	if schemas.KindOf(err) != schemas.Gone || !strings.Contains(err.Error(), "version v2 was withdrawn") {
		t.Errorf("a stream of the withdrawn version: %v, want Gone", err)
	}
	if n := g.streamAll(old, id, ""); n != 100 {
		t.Errorf("after it the first version has %d rows", n)
	}
	g.verify()
}

// A withdrawal that kill -9 cut anywhere is done, not begun, or finished by the same
// call again; it never leaves some agreements revoked and others not.
func TestKillDuringWithdrawal(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	states := map[string]int{}
	for round := range 8 {
		d := g.published(fmt.Sprintf("Wheat of round %d", round), csvRows(100, 0))
		var ids []schemas.AgreementID
		for range 40 {
			ids = append(ids, g.granted(d.ID)...)
		}
		done := make(chan error, 1)
		client := g.as("agronomy")
		go func() {
			done <- client.Do(context.WithoutCancel(t.Context()), http.MethodDelete, "/datasets/"+string(d.ID)+"?revoke=true", nil, nil)
		}()
		wait := time.NewTimer(time.Duration(round) * 5 * time.Millisecond)
		<-wait.C
		g.kill()
		told := <-done
		g.start()
		g.get("agronomy", "/datasets/"+string(d.ID), &d)
		revoked := g.revoked(ids)
		state := fmt.Sprintf("acknowledged %t, withdrawn %t, revoked %d of %d", told == nil, d.Withdrawn, revoked, len(ids))
		states[state]++
		if told == nil && revoked != len(ids) || !d.Withdrawn && revoked > 0 || revoked > 0 && revoked < len(ids) {
			t.Errorf("round %d: %s", round, state)
		}
		err := g.withdraw(t.Context(), d.ID)
		if err != nil {
			t.Errorf("round %d: the same call again, after %s: %v", round, state, err)
		}
		if n := g.revoked(ids); n != len(ids) {
			t.Errorf("round %d: after the same call again %d of %d agreements are revoked", round, n, len(ids))
		}
	}
	t.Logf("%v", states)
	g.verify()
}

// revoked counts those that are.
func (g *testGateway) revoked(ids []schemas.AgreementID) (n int) {
	g.t.Helper()
	for _, id := range ids {
		var a schemas.Agreement
		g.get("trainer", "/agreements/"+string(id), &a)
		if a.State == schemas.AgreementRevoked {
			n++
		}
	}
	return n
}

// A participant who is stopped loses its people's streams in projects that others
// lead too; the leader's go on.
func TestStopCutsPartnersStreams(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	const partner = "https://university.example"
	g.post("trainer", "/projects", schemas.Project{ID: "together", Title: "Together", Factory: "leonardo", Purposes: []string{"train-model"}, Partners: []schemas.ParticipantID{partner}}, nil)
	d := g.published("Winter wheat", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000))
	var r schemas.Request
	g.post("trainer", "/requests", demo.Requested("together", d.ID), &r)
	id := r.Items[0].Agreement
	l, err := g.as("researcher").Lease(t.Context(), "", id)
	if err != nil {
		t.Fatal(err)
	}
	hers, own := g.slow(l.Token, id, 1000), g.slow(g.lease(id).Token, id, 1000)
	g.post("operator", "/participants/"+url.PathEscape(partner)+"/stop", map[string]string{"reason": "breach of contract"}, nil)
	if r := g.endedBy(hers); r.State != schemas.ReleaseCut || !strings.Contains(r.Cause, "stopped") || r.Participant != partner {
		t.Errorf("the partner's release of %s is %s: %s", r.Participant, r.State, r.Cause)
	}
	_, err = io.Copy(io.Discard, own.s)
	if err != nil || own.s.Received() != 90_000 {
		t.Errorf("the leader's stream ends after %d rows with %v", own.s.Received(), err)
	}
	own.s.Close()
	for what, try := range map[string]func() error{
		"a stream with her lease": func() error {
			_, err := g.as("researcher").OpenStream(t.Context(), l.Token, id, nil)
			return err
		},
		"a new lease": func() error {
			_, err := g.as("researcher").Lease(t.Context(), "", id)
			return err
		},
	} {
		err := try()
		if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "stopped") {
			t.Errorf("%s: %v, want a refusal that says stopped", what, err)
		}
	}
	if got := g.streamAll(g.lease(id).Token, id, ""); got != 90_000 {
		t.Errorf("the leader streams %d rows, want 90000", got)
	}
	g.verify()
}

// An upload's name may be used again: the version that was published from it keeps
// its bytes, and the next version has the new ones.
func TestUploadsAreUsedAgain(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.offered("Uploads", "open-with-attribution")
	path := "/datasets/" + string(d.ID)
	put := func(name string, b []byte) {
		t.Helper()
		err := g.as("agronomy").Upload(t.Context(), path+"/files/data/all/"+name, strings.NewReader(string(b)), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
	}
	publish := func(version string, names ...string) {
		t.Helper()
		g.post("agronomy", path+"/versions", schemas.Publication{Version: schemas.VersionID(version), Uploaded: true,
			Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{{Name: "all", Keys: names}}}}}, nil)
		_, err := g.as("agronomy").WaitPublished(t.Context(), d.ID, schemas.VersionID(version), nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	put("rows.csv", csvRows(100, 0))
	publish("v1", "rows.csv")
	// v1 as it lies after publication obeys every rule: uploaded, it could stay as it is.
	id := g.granted(d.ID)[0]
	g.get("agronomy", path, &d)
	shard := g.shard(id, "v1")
	put("ready.arrow", shard)
	publish("v2", "ready.arrow")
	first, second := g.shard(id, "v1"), g.shard(id, "v2")
	put("rows.csv", csvRows(7, 1000))
	put("ready.arrow", []byte("no Arrow file any more"))
	for version, want := range map[string][]byte{"v1": first, "v2": second} {
		if got := g.shard(id, version); string(got) != string(want) {
			t.Errorf("%s has other bytes after its upload's name was used again", version)
		}
		if got := g.streamAll(g.leaseOn(id, version), id, ""); got != 100 {
			t.Errorf("%s streams %d rows, want 100", version, got)
		}
	}
	publish("v3", "rows.csv")
	if got := g.streamAll(g.leaseOn(id, "v3"), id, ""); got != 7 {
		t.Errorf("v3 streams %d rows, want the 7 new ones", got)
	}
	// The operator adds a store whose work bucket new files go to: old ones stay readable.
	g.post("operator", "/stores", schemas.Store{ID: "aaa", Endpoint: g.rig.S3.Endpoint, Region: g.rig.S3.Region, CredentialRef: "local", WorkBucket: g.rig.S3.Bucket}, nil)
	if got := g.streamAll(g.leaseOn(id, "v3"), id, ""); got != 7 {
		t.Errorf("with a second work bucket v3 streams %d rows, want 7", got)
	}
}

// leaseOn mints a lease on one version.
func (g *testGateway) leaseOn(id schemas.AgreementID, version string) string {
	g.t.Helper()
	var l struct {
		Token string `json:"token"`
	}
	g.post("trainer", "/leases", map[string]any{"items": []map[string]any{{"agreement": id, "version": version}}}, &l)
	return l.Token
}

// shard reads the first shard of a version by name.
func (g *testGateway) shard(id schemas.AgreementID, version string) []byte {
	g.t.Helper()
	var b []byte
	err := g.as("trainer").As(client.Static(g.leaseOn(id, version))).Get(g.t.Context(), "/agreements/"+string(id)+"/0.arrow", &b)
	if err != nil {
		g.t.Fatal(err)
	}
	return b
}
