package s3face

import (
	"encoding/xml"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// Who may not read hears why, in S3's codes and in words, and the store is never asked.
func TestRefusals(t *testing.T) {
	l := newLab(t, time.Now)
	id, other, over := l.agreed(t, "ds-0"), l.agreed(t, "ds-1"), l.agreed(t, "ds-2")
	rank, world := 0, 2
	key := l.leased(t, schemas.LeaseAsk{}, id, over)
	ranked := l.leased(t, schemas.LeaseAsk{Rank: &rank, World: &world}, id)
	narrow := schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id, Table: "a", Split: "train"}}}
	elsewhere := l.leased(t, narrow)
	l.revoked(t, over)
	first := "/v1/t/all/00000.arrow"
	for _, c := range []struct {
		what           string
		key            schemas.LeaseID
		method, target string
		status         int
		code, word     string
	}{
		{"another's bucket", key, "GET", "/" + string(other) + first, 404, "NoSuchBucket", string(other)},
		{"a bucket that is none", key, "GET", "/bucket" + first, 404, "NoSuchBucket", "bucket"},
		{"no bucket", key, "GET", "//" + string(id) + first, 404, "NoSuchBucket", "two slashes"},
		{"a key that is none", key, "GET", "/" + string(id) + "/v1/t/all/00003.arrow", 404, "NoSuchKey", "00003"},
		{"a folder", key, "GET", "/" + string(id) + "/v1/t/", 404, "NoSuchKey", "version/table/split"},
		{"another table", key, "GET", "/" + string(id) + "/v1/u/all/00000.arrow", 404, "NoSuchKey", "u/all"},
		{"another split", key, "GET", "/" + string(id) + "/v1/t/test/00000.arrow", 404, "NoSuchKey", "test"},
		{"another version", key, "GET", "/" + string(id) + "/v2/t/all/00000.arrow", 403, "AccessDenied", "version v1"},
		{"a key that runs away", key, "GET", "/" + string(id) + "/../" + string(other) + first, 404, "NoSuchKey", ".."},
		{"a revoked agreement", key, "GET", "/" + string(over) + first, 403, "AccessDenied", "by mistake"},
		{"a list of a revoked agreement", key, "GET", "/" + string(over) + "?list-type=2", 403, "AccessDenied", "send a new request"},
		{"a nonsense key of a revoked agreement", key, "GET", "/" + string(over) + "/x", 403, "AccessDenied", "by mistake"},
		{"a lease for a rank", ranked, "GET", "/" + string(id) + first, 403, "AccessDenied", "/stream"},
		{"a lease for another table", elsewhere, "GET", "/" + string(id) + first, 403, "AccessDenied", "table a"},
		{"a lease of nobody's", schemas.NewLeaseID(), "GET", "/" + string(id) + first, 403, "ExpiredToken", "not known"},
		{"no lease", "AKIAIOSFODNN7EXAMPLE", "GET", "/", 403, "InvalidAccessKeyId", "guichet lease"},
		{"a write", key, "PUT", "/" + string(id) + first, 405, "MethodNotAllowed", "read-only"},
		{"a removal", key, "DELETE", "/" + string(id) + first, 405, "MethodNotAllowed", "DELETE"},
		{"an ACL", key, "GET", "/" + string(id) + "?acl", 501, "NotImplemented", "acl"},
		{"old versions", key, "GET", "/" + string(id) + "?versions&prefix=", 501, "NotImplemented", "versions"},
		{"an old version", key, "GET", "/" + string(id) + first + "?versionId=3", 501, "NotImplemented", "versionId"},
		{"a second part", key, "GET", "/" + string(id) + first + "?partNumber=2", 501, "NotImplemented", "partNumber"},
	} {
		before := l.Gets.Load()
		a := l.ask(t, c.key, c.method, c.target, nil)
		code, words := a.code(t)
		if a.StatusCode != c.status || code != c.code || !strings.Contains(words, c.word) {
			t.Errorf("%s: %s %s: %q; want %d %s with %q", c.what, a.Status, code, words, c.status, c.code, c.word)
		}
		if l.Gets.Load() != before {
			t.Errorf("%s: the store was asked", c.what)
		}
		if c.status == 405 {
			continue
		}
		if head := l.ask(t, c.key, http.MethodHead, c.target, nil); head.StatusCode != c.status && c.target != "/" || len(head.body) > 0 {
			t.Errorf("%s: HEAD says %s", c.what, head.Status)
		}
	}
}

// What a client says beside S3's own is let be.
func TestOddRequests(t *testing.T) {
	l := newLab(t, time.Now)
	id := l.agreed(t, "ds-0")
	key := l.leased(t, schemas.LeaseAsk{}, id)
	target := "/" + string(id) + "/v1/t/all/00002.arrow"
	want := len(l.read(t, key, target).body)
	for _, query := range []string{"?x-id=GetObject", "?versionId=null", "?partNumber=1", "?response-content-type=a%2Fb", "?&&"} {
		if got := l.read(t, key, target+query); len(got.body) != want {
			t.Errorf("%s: %d bytes, want %d", query, len(got.body), want)
		}
	}
	for name, value := range map[string]string{
		"X-Amz-Checksum-Mode": "ENABLED", "Content-Type": "application/xml", "Accept-Encoding": "identity", "X-Amz-Security-Token": "of another key",
		"If-Range": `"other"`, "Amz-Sdk-Invocation-Id": "  two   spaces ",
	} {
		if got := l.ask(t, key, http.MethodGet, target, http.Header{name: {value}}); len(got.body) != want || got.StatusCode != http.StatusOK {
			t.Errorf("%s: %s, %d bytes", name, got.Status, len(got.body))
		}
	}
	r, err := http.NewRequest(http.MethodGet, l.server.URL+"/v1/t/all/00002.arrow", nil)
	streamtest.Must(t, err)
	r.Host = string(id) + ".s3.example:8482" // a virtual host
	r.Header.Set(contentSHA256, unsignedBody)
	accessKeyID, secret := l.leases.S3KeyOf(key)
	if got := l.send(t, signer.SignV4(*r, accessKeyID, secret, "", "")); len(got.body) != want {
		t.Errorf("by virtual host: %s %.200s", got.Status, got.body)
	}
	for len(l.calls) > 0 {
		c := <-l.calls
		if c.Operation != "GetObject" || c.Status != http.StatusOK || c.Bytes != int64(want) {
			t.Errorf("a request was told as %+v", c)
		}
	}
}

// An answer that is not the object's bytes is never longer than the range that was asked for:
// pyarrow reads it into a buffer of that size.
func TestErrorsFitTheirRange(t *testing.T) {
	l := newLab(t, time.Now)
	id := l.agreed(t, "ds-0")
	key := l.leased(t, schemas.LeaseAsk{}, id)
	for _, c := range []struct {
		spec  string
		words bool
	}{{"bytes=0-9", false}, {"bytes=-10", false}, {"bytes=100000-100009", false}, {"bytes=0-99999", true}, {"bytes=5-", true}, {"", true},
		{"bytes=0-9223372036854775807", true}} {
		a := l.ask(t, key, http.MethodGet, "/"+string(id)+"/v1/t/all/00009.arrow", http.Header{"Range": {c.spec}})
		if a.StatusCode != http.StatusNotFound || (len(a.body) > 0) != c.words || a.ContentLength != int64(len(a.body)) {
			t.Errorf("%s: %s with %d bytes", c.spec, a.Status, len(a.body))
		}
	}
	a := l.ask(t, key, http.MethodGet, "/"+string(id), http.Header{"Range": {"bytes=0-9"}})
	if a.StatusCode != http.StatusOK || !strings.HasSuffix(string(a.body), "</ListBucketResult>") {
		t.Errorf("a list has no ranges: %s %q", a.Status, a.body)
	}
}

// A clock that is wrong is told so with the right time; a quarter of an hour is let be.
func TestClocks(t *testing.T) {
	var apart atomic.Int64
	l := newLab(t, func() time.Time { return time.Now().Add(time.Duration(apart.Load())) })
	id := l.agreed(t, "ds-0")
	for _, d := range []time.Duration{-16 * time.Minute, -14 * time.Minute, 0, 14 * time.Minute, 16 * time.Minute} {
		apart.Store(int64(d))
		key := l.leased(t, schemas.LeaseAsk{}, id) // of the real time: the leases' clock is not the door's
		a := l.ask(t, key, http.MethodHead, "/"+string(id), nil)
		late := d.Abs() > maxSkew
		if late != (a.StatusCode == http.StatusForbidden) {
			t.Errorf("%s apart: %s", d, a.Status)
		}
		if !late {
			continue
		}
		var e errorBody
		streamtest.Must(t, xml.Unmarshal(l.ask(t, key, http.MethodGet, "/"+string(id), nil).body, &e))
		now, err := time.Parse(time.RFC3339, e.ServerTime)
		if e.Code != "RequestTimeTooSkewed" || err != nil || time.Until(now)-d > time.Minute || e.MaxSkew != 900_000 || e.RequestTime == "" {
			t.Errorf("%s apart: %+v", d, e)
		}
	}
}

// A gateway without room says SlowDown and when to come again, a store that is away
// ServiceUnavailable.
func TestBusy(t *testing.T) {
	l := newLab(t, time.Now)
	id := l.agreed(t, "ds-0")
	key := l.leased(t, schemas.LeaseAsk{}, id)
	target := "/" + string(id) + "/v1/t/all/00000.arrow"
	l.Gone.Store(true)
	a := l.ask(t, key, http.MethodGet, target, nil)
	if code, _ := a.code(t); a.StatusCode != http.StatusGone || code != "Gone" {
		t.Errorf("an object that is not there as published: %s %s", a.Status, a.body)
	}
	l.Gone.Store(false)
	l.door.Stream.Shutdown(t.Context())
	a = l.ask(t, key, http.MethodGet, target, nil)
	if code, _ := a.code(t); a.StatusCode != http.StatusServiceUnavailable || code != "SlowDown" || a.Header.Get("Retry-After") == "" {
		t.Errorf("a gateway that stops: %s %s %v", a.Status, a.body, a.Header)
	}
}
