package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/connectors/direct"
	"guichet/schemas"
)

// directSite is a gateway that gives URLs for so long, over a store that its operator answers for.
func directSite(t *testing.T, life string) *testGateway {
	t.Helper()
	g := newGatewayOf(t, filepath.Join(t.TempDir(), "gateway"))
	g.initialise("")
	f, err := os.OpenFile(filepath.Join(g.data, "guichet.yaml"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString("\ndirect: " + life + "\n")
	}
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	g.start()
	g.populate()
	g.owned(true)
	return g
}

// owned says whether the operator answers for the stores.
func (g *testGateway) owned(own bool) {
	g.t.Helper()
	g.changeStores(func(s *schemas.Store) { s.Own = own })
}

// changeStores registers every store anew.
func (g *testGateway) changeStores(change func(s *schemas.Store)) {
	g.t.Helper()
	stores, err := client.All[schemas.Store](g.t.Context(), g.as("operator"), "/stores")
	if err != nil || len(stores) == 0 {
		g.t.Fatal(stores, err)
	}
	for _, s := range stores {
		change(&s)
		err := g.as("operator").Post(g.t.Context(), "/stores", s, nil, client.IfMatch(s.Revision))
		if err != nil {
			g.t.Fatal(err)
		}
	}
}

// directly publishes shards under an offer that permits reading by URL, and asks for them.
func (g *testGateway) directly(title string, shards ...[]byte) schemas.AgreementID {
	g.t.Helper()
	d := g.offered(title, "open-with-attribution")
	path := "/datasets/" + string(d.ID)
	err := g.as("agronomy").Do(g.t.Context(), http.MethodPut, path+"/offer", map[string]any{"template": "open-with-attribution", "direct": true}, nil)
	if err == nil {
		g.post("agronomy", path+"/versions", g.publication("v1", g.put(string(d.ID), shards...)), nil)
		_, err = g.as("agronomy").WaitPublished(g.t.Context(), d.ID, "v1", nil)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return g.granted(d.ID)[0]
}

// ranges asks with a token.
func (g *testGateway) ranges(token string, id schemas.AgreementID, ask direct.RangesAsk) (direct.Ranges, error) {
	var r direct.Ranges
	err := g.as("trainer").As(client.Static(token)).Post(g.t.Context(), "/agreements/"+string(id)+"/ranges", ask, &r)
	return r, err
}

// fetch asks the store, with other headers where change says so.
func fetch(t *testing.T, r direct.SignedRange, change func(req *http.Request)) (int, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range r.Headers {
		req.Header.Set(k, v)
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b
}

// A job reads what its stream would give straight from S3: the same bytes, by URLs that are good for
// one range of one object; the record says so, and how much it can have been.
func TestDirect(t *testing.T) {
	t.Parallel()
	g := directSite(t, "60s")
	const rows = 60_000
	var shards [12][]byte
	for i := range shards {
		shards[i] = csvRows(rows/len(shards), i*rows/len(shards))
	}
	id := g.directly("Winter wheat", shards[:]...)
	var a schemas.Agreement
	g.get("trainer", "/agreements/"+string(id), &a)
	if !a.Direct || a.NotDirect != nil {
		t.Fatalf("the agreement says %v, %+v", a.Direct, a.NotDirect)
	}
	token := g.lease(id).Token
	r, err := g.ranges(token, id, direct.RangesAsk{})
	if err != nil {
		t.Fatal(err)
	}
	if life := time.Until(r.Expires); r.Part != rows || r.Next != rows || r.Rows != rows || life > direct.MaxLife || life < 30*time.Second {
		t.Fatalf("%d of %d rows, %d by URL, good for %s", r.Next, r.Part, r.Rows, life)
	}
	first := r.Pieces[0].Ranges[0]
	status, body := fetch(t, first, nil)
	if status != http.StatusPartialContent || int64(len(body)) != first.Bytes {
		t.Fatalf("the store answers %d with %d of %d bytes", status, len(body), first.Bytes)
	}
	for name, change := range map[string]func(r *http.Request){
		"another range": func(r *http.Request) { r.Header.Set("Range", "bytes=0-9") },
		"no range":      func(r *http.Request) { r.Header.Del("Range") },
		"another ETag":  func(r *http.Request) { r.Header.Set("If-Match", `"x"`) },
		"no ETag":       func(r *http.Request) { r.Header.Del("If-Match") },
		"a write":       func(r *http.Request) { r.Method = http.MethodPut },
		"a deletion":    func(r *http.Request) { r.Method = http.MethodDelete },
		"another key":   func(r *http.Request) { r.URL.Path += "x" },
		"a longer life": func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "Expires=60", "Expires=600", 1)
		},
		"its headers changed": func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "host%3Bif-match%3Brange", "host", 1)
			r.Header.Del("Range")
		},
	} {
		if status, body := fetch(t, first, change); status < 400 || bytes.Contains(body, []byte("wheat")) {
			t.Errorf("%s: the store answers %d with %d bytes", name, status, len(body))
		}
	}
	for _, q := range []string{"", "world=3&rank=1", "world=5&rank=1", "world=7&rank=6&from=3", "world=2&rank=0&even=drop&start=10@3"} {
		want, err := g.as("trainer").OpenStream(t.Context(), token, id, parseQuery(t, q))
		if err != nil {
			t.Fatal(q, err)
		}
		streamed, err := io.ReadAll(want)
		if err != nil {
			t.Fatal(q, err)
		}
		s, err := direct.Open(t.Context(), g.as("trainer"), client.Static(token), id, parseQuery(t, q))
		if err != nil {
			t.Fatal(q, err)
		}
		got, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(got, streamed) || s.Received() != want.Received() || q == "" && s.ByStream() > 0 || s.ByStream() == s.Rows {
			t.Errorf("%s: %d bytes and %d rows (%d by the stream), want %d and %d: %v", q, len(got), s.Received(), s.ByStream(), len(streamed),
				want.Received(), err)
		}
	}
	token = written(t, t.TempDir(), "token", bearer(t, g, "trainer"))
	out := filepath.Join(t.TempDir(), "rows.arrows")
	said, err := guichetCommand("--server", g.base, "--token", token, "stream", string(id), "--direct", "--out", out).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "60 000 rows") || !strings.Contains(string(said), "by URL") {
		t.Errorf("%s, %v", said, err)
	}
	said, err = guichetCommand("--server", g.base, "--token", token, "stream", string(id), "--direct", "--seed", "3", "--out", out).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "not by URL") || strings.Contains(string(said), ", by URL") {
		t.Errorf("%s, %v", said, err)
	}
	saysByURL(t, g, id, r)
}

// saysByURL holds what is said of a release against what it was, while its URLs are good, and after.
func saysByURL(t *testing.T, g *testGateway, id schemas.AgreementID, r direct.Ranges) {
	t.Helper()
	find := func() schemas.Release {
		all, err := client.All[schemas.Release](t.Context(), g.as("trainer"), "/streams?state=all&agreement="+string(id))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			if x.ID == r.Release {
				return x
			}
		}
		t.Fatalf("there is no release %s", r.Release)
		return schemas.Release{}
	}
	if x := find(); x.Door != "url" || x.State != schemas.ReleaseOpen || x.Rows != r.Rows || x.Bytes != r.Bytes || !x.AtMost() {
		t.Errorf("while its URLs are good: %+v", x)
	}
	g.stop()
	g.start()
	if x := find(); x.State != schemas.ReleaseByURL || x.Rows != r.Rows || x.Bytes != r.Bytes || !x.AtMost() ||
		!strings.Contains(x.Cause, "not revocable inside a range") {
		t.Errorf("when they are dead: %+v", x)
	}
	token := written(t, t.TempDir(), "token", bearer(t, g, "officer"))
	said, err := guichetCommand("--server", g.base, "--token", token, "audit", "list", "--agreement", string(id)).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "by-url: released by URL: an upper bound, not revocable") ||
		!strings.Contains(string(said), fmt.Sprintf("at most %d", r.Rows)) {
		t.Errorf("the record says %s, %v", said, err)
	}
	g.verify()
}

// What terms, leases, stores and sites say against it holds at the gateway too.
func TestDirectIsRefused(t *testing.T) {
	t.Parallel()
	g := directSite(t, "60s")
	id := g.directly("Winter wheat", csvRows(3000, 0))
	trainer := g.as("trainer")
	leased := func(ask schemas.LeaseAsk) string {
		var l schemas.LeaseAnswer
		err := trainer.As(client.Static(g.lease(id).Token)).Post(t.Context(), "/leases", ask, &l)
		if err != nil {
			t.Fatal(err)
		}
		return l.Token
	}
	refused := func(name, token string, id schemas.AgreementID, ask direct.RangesAsk, kind schemas.Kind, word string) {
		t.Helper()
		r, err := g.ranges(token, id, ask)
		if schemas.KindOf(err) != kind || !strings.Contains(fmt.Sprint(err), word) || len(r.Pieces) > 0 {
			t.Errorf("%s: %d pieces, %v; want %s with %q", name, len(r.Pieces), err, kind, word)
		}
	}
	plain := g.lease(id).Token
	refused("no lease", bearer(t, g, "trainer"), id, direct.RangesAsk{}, schemas.Unauthenticated, "lease")
	refused("columns", leased(schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id, Version: "v1", Columns: []string{"id"}}}}), id,
		direct.RangesAsk{}, schemas.Denied, "some columns")
	refused("objects of a table of rows", plain, id, direct.RangesAsk{Objects: []string{"0.arrow"}}, schemas.Invalid, "no objects")
	one, three := 1, 3
	ranked := leased(schemas.LeaseAsk{Rank: &one, World: &three, Order: &schemas.Order{}})
	refused("another rank", ranked, id, direct.RangesAsk{World: 3}, schemas.Denied, "rank 1")
	refused("another order", ranked, id, direct.RangesAsk{World: 3, Rank: 1, Seed: "7"}, schemas.Denied, "order")
	r, err := g.ranges(ranked, id, direct.RangesAsk{World: 3, Rank: 1})
	if err != nil || r.Part != 1000 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, p := range r.Pieces {
		for _, x := range p.Ranges {
			if x.Skip > 0 || x.Take < x.Rows {
				t.Errorf("a lease on one rank gets rows of others: %+v", x)
			}
		}
	}
	closed := g.granted(g.published("Barley", csvRows(10, 0)).ID)[0]
	refused("not offered", g.lease(closed).Token, closed, direct.RangesAsk{}, schemas.Denied, "permit no reading by URL")
	g.owned(false)
	refused("a store that is compared", plain, id, direct.RangesAsk{}, schemas.Denied, "checksums")
	g.owned(true)
	_, err = g.ranges(plain, id, direct.RangesAsk{})
	if err != nil {
		t.Fatal(err)
	}
	g.post("agronomy", "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "enough of it"}, nil)
	refused("revoked", plain, id, direct.RangesAsk{}, schemas.Denied, "revoked")
	off := newGateway(t, "")
	off.populate()
	off.owned(true)
	id = off.directly("Winter wheat", csvRows(10, 0))
	g = off
	refused("a site that gives none", off.lease(id).Token, id, direct.RangesAsk{}, schemas.Denied, "this site gives no URLs")
}

// A URL dies by itself; nobody has to end it.
func TestDirectExpires(t *testing.T) {
	t.Parallel()
	g := directSite(t, "2s")
	id := g.directly("Winter wheat", csvRows(1000, 0))
	r, err := g.ranges(g.lease(id).Token, id, direct.RangesAsk{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the release ends", func() bool {
		all, err := client.All[schemas.Release](t.Context(), g.as("trainer"), "/streams?state=by-url&agreement="+string(id))
		return err == nil && len(all) == 1 && all[0].ID == r.Release && !all[0].Ended.Before(r.Expires)
	})
	eventually(t, "the store refuses the URL", func() bool {
		status, _ := fetch(t, r.Pieces[0].Ranges[0], nil)
		return status == http.StatusForbidden
	})
}

// Whatever kill -9 cuts: no URL is out whose release is not in the record, at least as large.
func TestKillDuringDirect(t *testing.T) {
	t.Parallel()
	g := directSite(t, "60s")
	id := g.directly("Winter wheat", csvRows(20_000, 0))
	token := g.lease(id).Token
	given := map[schemas.ReleaseID]direct.Ranges{}
	done := make(chan struct{})
	enough := make(chan struct{})
	go func() {
		defer close(done)
		for {
			r, err := g.ranges(token, id, direct.RangesAsk{Bytes: 1})
			if err != nil {
				return // killed
			}
			given[r.Release] = r
			if len(given) == 20 {
				close(enough)
			}
		}
	}()
	<-enough
	g.kill()
	<-done
	g.start()
	all, err := client.All[schemas.Release](t.Context(), g.as("trainer"), "/streams?state=all&agreement="+string(id))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		r, ours := given[x.ID]
		if x.State != schemas.ReleaseUnknown || x.Door != "url" || ours && (x.Rows < r.Rows || x.Bytes < r.Bytes) {
			t.Errorf("%+v of which %d rows were given", x, r.Rows)
		}
		delete(given, x.ID)
	}
	if len(given) > 0 {
		t.Errorf("%d releases were given and are not in the record", len(given))
	}
	g.verify()
}

// Objects are read by URL as they lie, by their names; the record says which.
func TestDirectObjects(t *testing.T) {
	t.Parallel()
	g := directSite(t, "60s")
	d := g.offered("Scans", "open-with-attribution")
	prefix := g.bucket + string(d.ID) + "/"
	for name, b := range objects() {
		g.putObject(prefix+name, b)
	}
	p := g.publication("v1", prefix)
	p.Tables[0].Objects = true
	path := "/datasets/" + string(d.ID)
	err := g.as("agronomy").Do(t.Context(), http.MethodPut, path+"/offer", map[string]any{"template": "open-with-attribution", "direct": true}, nil)
	if err == nil {
		g.post("agronomy", path+"/versions", p, nil)
		_, err = g.as("agronomy").WaitPublished(t.Context(), d.ID, "v1", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	id := g.granted(d.ID)[0]
	elsewhere := strings.Replace(g.rig.S3.Endpoint, "127.0.0.1", "localhost", 1)
	g.changeStores(func(s *schemas.Store) { s.PublicEndpoint = elsewhere }) // a signature covers the host's name
	token, names := g.lease(id).Token, []string{}
	for name := range objects() {
		names = append(names, name)
	}
	r, err := g.ranges(token, id, direct.RangesAsk{Objects: names})
	if err != nil || len(r.Pieces) != len(names) || r.Next != r.Part {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, one := range r.Pieces {
		var got []byte
		for _, x := range one.Ranges {
			_, b := fetch(t, x, nil)
			if !strings.HasPrefix(x.URL, elsewhere+"/") {
				t.Errorf("%s is not at %s", x.URL, elsewhere)
			}
			got = append(got, b...)
		}
		sum := sha256.Sum256(got)
		if one.Object != names[i] || !bytes.Equal(got, objects()[names[i]]) || one.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: %d bytes by URL, %s", one.Object, len(got), one.SHA256)
		}
	}
	all, err := client.All[schemas.Release](t.Context(), g.as("trainer"), "/streams?agreement="+string(id))
	if err != nil || len(all) != 1 || all[0].Ask != "objects=0-3" || all[0].Door != "url" || all[0].Bytes != r.Bytes {
		t.Errorf("%+v, %v", all, err)
	}
	_, err = g.ranges(token, id, direct.RangesAsk{Objects: []string{"no-such"}})
	if schemas.KindOf(err) != schemas.NotFound {
		t.Error(err)
	}
	said, err := guichetCommand("config", "--explain", "--config", filepath.Join(g.data, "guichet.yaml")).CombinedOutput()
	if err != nil || !regexp.MustCompile(`(?m)^direct +60s +file `).Match(said) {
		t.Errorf("%s, %v", said, err)
	}
}
