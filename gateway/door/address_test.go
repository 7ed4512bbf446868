package door

import (
	"net/http"
	"net/netip"
	"testing"
)

// A hop that cannot be read makes the address unknown: it is never the proxy's own,
// which may be trusted with a place.
func TestAddress(t *testing.T) {
	behind := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct{ from, said, want string }{
		{"127.0.0.1:5000", "203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:5000", "203.0.113.9:4444", "203.0.113.9"},
		{"127.0.0.1:5000", "[2001:db8::1]:4444", "2001:db8::1"},
		{"127.0.0.1:5000", "[2001:db8::1]", "2001:db8::1"},
		{"127.0.0.1:5000", "2001:db8::1", "2001:db8::1"},
		{"127.0.0.1:5000", "::ffff:203.0.113.9", "203.0.113.9"},
		{"[fd00::1]:5000", "203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:5000", "127.0.0.1, 203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:5000", "203.0.113.9, 127.0.0.2", "203.0.113.9"},
		{"127.0.0.1:5000", "127.0.0.3, 127.0.0.2", "127.0.0.3"},
		{"127.0.0.1:5000", "unknown", "unknown"},
		{"127.0.0.1:5000", "_hidden", "unknown"},
		{"127.0.0.1:5000", "", "unknown"},
		{"127.0.0.1:5000", "203.0.113.9,", "unknown"},
		{"127.0.0.1:5000", "203.0.113.9, unknown", "unknown"},
		{"127.0.0.1:5000", "unknown, 127.0.0.2", "unknown"},
		{"127.0.0.1:5000", "[203.0.113.9]", "unknown"},
		{"127.0.0.1:5000", "[2001:db8::1", "unknown"},
		{"127.0.0.1:5000", "203.0.113.9:port", "unknown"},
		{"127.0.0.1:5000", "fe80::1%eth0", "unknown"},
		{"203.0.113.1:5000", "127.0.0.1", "203.0.113.1"}, // no proxy of ours: not believed
		{"203.0.113.1:5000", "unknown", "203.0.113.1"},
		{"pipe", "203.0.113.9", "unknown"},
	} {
		r := &http.Request{RemoteAddr: c.from, Header: http.Header{}}
		if c.said != "" {
			r.Header.Set("X-Forwarded-For", c.said)
		}
		if got := Shown(Address(r, behind)); got != c.want {
			t.Errorf("from %s, said %q: %s, want %s", c.from, c.said, got, c.want)
		}
	}
}
