package s3

import (
	"net/url"
	"testing"
	"time"

	"guichet/schemas"
)

// A signature covers the host of the public endpoint, the range and the ETag; the store is not asked
// for it. What the real server makes of such URLs: cmd/guichet TestDirect.
func TestPresign(t *testing.T) {
	s, err := New("s", "http://10.0.0.1:9000", "eu", Credentials{"key", "secret"}, Own(true), Public("https://s3.example"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Presign(t.Context(), "lab", "a b/ä%2F.arrow", "e-1", 100, 50, 2500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme != "https" || u.Host != "s3.example" || u.Path != "/lab/a b/ä%2F.arrow" || q.Get("X-Amz-Expires") != "2" ||
		q.Get("X-Amz-SignedHeaders") != "host;if-match;range" {
		t.Errorf("%s", p.URL)
	}
	if len(p.Headers) != 2 || p.Headers["Range"] != "bytes=100-149" || p.Headers["If-Match"] != `"e-1"` {
		t.Errorf("%v", p.Headers)
	}
	for name, ask := range map[string]struct {
		etag           string
		offset, length int64
		life           time.Duration
	}{"not pinned": {"", 0, 1, time.Minute}, "no bytes": {"e", 0, 0, time.Minute}, "before the object": {"e", -1, 5, time.Minute},
		"no time": {"e", 0, 1, 900 * time.Millisecond}} {
		_, err := s.Presign(t.Context(), "lab", "k", ask.etag, ask.offset, ask.length, ask.life)
		if schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a store must be before its objects are read past the gateway.
func TestMayPresign(t *testing.T) {
	for _, c := range []struct {
		name, endpoint, public, region string
		own, may                       bool
	}{
		{"over TLS", "https://s3.example", "", "eu", true, true},
		{"with another address", "http://10.0.0.1:9000", "https://s3.example", "eu", true, true},
		{"on this machine", "http://127.0.0.1:9000", "", "eu", true, true},
		{"on localhost", "http://localhost:9000", "", "eu", true, true},
		{"in the clear", "http://10.0.0.1:9000", "", "eu", true, false},
		{"in the clear by its other address", "https://s3.example", "http://s3.example", "eu", true, false},
		{"compared", "https://s3.example", "", "eu", false, false},
		{"without region", "https://s3.example", "", "", true, false},
	} {
		s, err := New("s", c.endpoint, c.region, Credentials{"key", "secret"}, Own(c.own), Public(c.public))
		if err != nil {
			t.Fatal(err)
		}
		err = s.MayPresign()
		_, made := s.Presign(t.Context(), "lab", "k", "e", 0, 1, time.Minute)
		if (err == nil) != c.may || (made == nil) != c.may || err != nil && schemas.KindOf(err) != schemas.Denied {
			t.Errorf("%s: %v, %v", c.name, err, made)
		}
	}
}
