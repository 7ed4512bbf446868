package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"guichet/connectors/s3"
	"guichet/gateway"
	"guichet/schemas"
)

// Connections beyond the limits are turned away with a sentence, and counted anew when
// others end.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]gateway.Limits{"all": {Connections: 3}, "from your address": {PerAddress: 3}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		crowd := gateway.NewCrowd(limits, nil, slog.New(slog.DiscardHandler))
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })}
		go func() { _ = srv.Serve(crowd.Bound(l, true)) }()
		t.Cleanup(func() { _ = srv.Close() })
		ask := func() (net.Conn, int, string) {
			t.Helper()
			c, err := net.Dial("tcp", l.Addr().String())
			must(t, err)
			t.Cleanup(func() { _ = c.Close() })
			_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			must(t, err)
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return c, 0, err.Error() // turned away and closed before it was asked
			}
			defer r.Body.Close()
			b, err := io.ReadAll(r.Body)
			must(t, err)
			return c, r.StatusCode, string(b)
		}
		var open []net.Conn
		for range 3 {
			c, status, body := ask()
			if status != 200 {
				t.Fatalf("%s: %d %s", name, status, body)
			}
			open = append(open, c)
		}
		if _, status, body := ask(); status == 200 || status == 503 && !strings.Contains(body, name) {
			t.Errorf("%s: the fourth connection is answered %d %s", name, status, body)
		}
		must(t, open[0].Close())
		eventually(t, "a connection that ended makes room", func() bool { _, status, _ := ask(); return status == 200 })
	}
}

// One caller's writes and leases have a pace, and what takes data out of reach has none.
func TestWritesArePaced(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(d *gateway.Deps) { d.Limits = gateway.Limits{Writes: 4, Leases: 2} })
	for range 4 {
		s.want(201, "agronomy", "POST", "/datasets", wheat("Wheat"))
	}
	r := s.want(503, "agronomy", "POST", "/datasets", wheat("Wheat"))
	if r.header.Get("Retry-After") == "" || !strings.Contains(r.body, "more than 4 writes a minute") {
		t.Errorf("%v %s", r.header, r.body)
	}
	s.want(201, "grid", "POST", "/datasets", wheat("Another's"))
	for range 3 {
		s.want(404, "agronomy", "POST", "/agreements/agr-x/revoke", map[string]string{"reason": "at any rate"})
	}
	for range 2 {
		s.want(404, "trainer", "POST", "/leases", map[string]any{"items": []map[string]string{{"agreement": "agr-x"}}})
	}
	s.want(503, "trainer", "POST", "/leases", map[string]any{"items": []map[string]string{{"agreement": "agr-x"}}})
	ask := map[string]string{"dataset": "x", "purpose": "train-model"}
	for range 4 {
		s.want(404, "", "POST", "/decisions", ask)
	}
	s.want(503, "", "POST", "/decisions", ask)
}

// What is narrowed from a member's leases has one pace, however many leases there are.
func TestNarrowingIsPaced(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(d *gateway.Deps) { d.Limits = gateway.Limits{Leases: 3} })
	d := s.offered("Yields", "application/json", permit(nil))
	ask := map[string]any{"items": []map[string]any{{"agreement": s.asked(d.ID, nil).Items[0].Agreement}}}
	var first, second, child, grandchild schemas.LeaseAnswer
	narrow := func(status int, from string) reply {
		t.Helper()
		return s.want(status, "", "POST", "/leases", map[string]any{}, "Authorization", "Bearer "+from)
	}
	s.want(201, "trainer", "POST", "/leases", ask).as(t, &first)
	s.want(201, "trainer", "POST", "/leases", ask).as(t, &second)
	narrow(201, first.Token).as(t, &child)
	narrow(201, child.Token).as(t, &grandchild)
	narrow(201, second.Token)
	for _, from := range []string{first.Token, second.Token, child.Token, grandchild.Token} {
		r := narrow(503, from)
		if r.header.Get("Retry-After") == "" || !strings.Contains(r.body, "more than 3 leases") {
			t.Errorf("%v %s", r.header, r.body)
		}
	}
	s.want(201, "trainer", "POST", "/leases", ask) // whoever has a lease keeps its holder from none
}

// What a provider or a project may have is counted where it is stored.
func TestQuotas(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(d *gateway.Deps) { d.Limits = gateway.Limits{Writes: 10_000} })
	s.catalog.MaxSets = 2
	var ids []schemas.DatasetID
	for range 2 {
		ids = append(ids, s.register(wheat("Wheat")).ID)
	}
	r := s.want(413, "agronomy", "POST", "/datasets", wheat("One more"))
	if !strings.Contains(r.body, "2 datasets") {
		t.Error(r.body)
	}
	s.want(201, "grid", "POST", "/datasets", wheat("Another's"))
	s.want(200, "agronomy", "DELETE", "/datasets/"+string(ids[0]), nil)
	s.register(wheat("In its place"))
	for range 40 {
		s.want(201, "trainer", "POST", "/runs", map[string]string{"project": "crops"})
	}
	s.want(413, "trainer", "POST", "/runs", map[string]string{"project": "crops"})
	s.want(200, "agronomy", "PUT", "/datasets/"+string(ids[1])+"/offer", map[string]any{"template": "ask-the-holder"})
	s.publish(ids[1])
	ask := map[string]any{"project": "crops", "items": []map[string]any{{"dataset": ids[1]}}}
	for range 40 {
		s.want(201, "trainer", "POST", "/requests", ask)
	}
	s.want(413, "trainer", "POST", "/requests", ask)
}

// bucket is a store that takes what it is sent.
func bucket(t *testing.T) *s3.Store {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return
		}
		w.Header().Set("ETag", `"e"`)
		if r.URL.Query().Has("list-type") { // nothing is kept
			_, _ = io.WriteString(w, "<ListBucketResult></ListBucketResult>")
		}
	}))
	t.Cleanup(srv.Close)
	st, err := s3.New("local", srv.URL, "eu", s3.Credentials{AccessKey: "a", SecretKey: "secretsecret"})
	must(t, err)
	return st
}

// Uploads are counted together, a file that is sent again once; one that stops coming
// is ended, and one whose client closes its side when all is sent is kept.
func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(d *gateway.Deps) { d.UploadIdle = 200 * time.Millisecond })
	s.store = bucket(t)
	d := s.register(wheat("Wheat"))
	path := "/datasets/" + string(d.ID) + "/files/data/all/"
	s.want(204, "agronomy", "PUT", path+"a.csv", strings.Repeat("a", 600))
	s.want(204, "agronomy", "PUT", path+"a.csv", strings.Repeat("b", 700))
	if r := s.want(413, "agronomy", "PUT", path+"b.csv", strings.Repeat("a", 400)); !strings.Contains(r.body, "uploaded files") {
		t.Error(r.body)
	}
	head := func(name string, size int) string {
		return fmt.Sprintf("PUT /api/v1%s%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", path, name, token(t, s.issuer, "agronomy", nil), size)
	}
	send := func(text string, half bool) *http.Response {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, text)
		must(t, err)
		if half {
			must(t, c.(*net.TCPConn).CloseWrite())
		}
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		must(t, err)
		t.Cleanup(func() { _ = r.Body.Close() })
		return r
	}
	if r := send(head("silent.csv", 100)+"half", false); r.StatusCode != 422 {
		t.Errorf("a silent upload: %s", r.Status)
	}
	if r := send(head("short.csv", 100)+"half", true); r.StatusCode != 422 {
		t.Errorf("an upload that ends early: %s", r.Status)
	}
	if r := send(head("closed.csv", 4)+"half", true); r.StatusCode != 204 {
		t.Errorf("an upload whose client closes its side: %s", r.Status)
	}
	if r := send(head("long.csv", 4)+"half and more", false); r.StatusCode != 204 {
		t.Errorf("an upload with more behind it: %s", r.Status)
	}
	s.want(204, "agronomy", "PUT", path+"b.csv", strings.Repeat("a", 250)) // what broke off is not counted
}

// Uploads that run hold memory, so one provider has a bounded number of them at once,
// and another is not kept waiting by these.
func TestUploadsAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(d *gateway.Deps) { d.Limits = gateway.Limits{Incoming: 5, Each: 2} })
	s.store = bucket(t)
	mine := s.register(wheat("Wheat"))
	var theirs schemas.Dataset
	s.want(201, "grid", "POST", "/datasets", wheat("Load")).as(t, &theirs)
	var open []net.Conn
	for i := range 2 {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = fmt.Fprintf(c, "PUT /api/v1/datasets/%s/files/data/all/%d.csv HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: Bearer %s\r\nContent-Length: 400\r\n\r\na", mine.ID, i, token(t, s.issuer, "agronomy", nil))
		must(t, err)
		line, err := bufio.NewReader(c).ReadString('\n') // the gateway says so when it reads the file
		must(t, err)
		if !strings.Contains(line, "100 Continue") {
			t.Fatalf("upload %d: %s", i, line)
		}
		open = append(open, c)
	}
	more := "/datasets/" + string(mine.ID) + "/files/data/all/more.csv"
	r := s.want(503, "agronomy", "PUT", more, "a")
	if r.header.Get("Retry-After") != "5" || !strings.Contains(r.body, "at most 2 of one provider and 5 of all") {
		t.Errorf("%v %s", r.header, r.body)
	}
	s.want(204, "grid", "PUT", "/datasets/"+string(theirs.ID)+"/files/data/all/a.csv", "a")
	for _, c := range open {
		must(t, c.Close())
	}
	eventually(t, "uploads that ended make room", func() bool { return s.call("agronomy", "PUT", more, "a").status == 204 })
}
