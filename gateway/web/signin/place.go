package signin

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"guichet/schemas"
)

// place is where a browser sees this site.
type place struct {
	address string // without a slash at its end
	path    string // of it
	secure  bool
}

// at gives the place that a request came to. Host is believed for this machine alone:
// otherwise it would name the address that issuers send people back to. Errors: Invalid.
func (d *Door) at(r *http.Request) (place, error) {
	address := d.Public
	if address == "" {
		scheme := "http://"
		if r.TLS != nil {
			scheme = "https://"
		}
		address = scheme + r.Host
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && !loopback(u.Hostname()) || d.Public == "" && !loopback(u.Hostname()) {
		return place{}, about(schemas.Invalid, ProblemAddress, "people cannot sign in with a browser at this address",
			"the operator sets public_url to the site's address, which begins with https://")
	}
	return place{address: address, path: u.EscapedPath(), secure: u.Scheme == "https"}, nil
}

// loopback says whether a host is this machine, for browsers too.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// originOf is scheme and host of an address.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host) // as browsers write it
}

// maxTo bounds a path to go on to, in bytes.
const maxTo = 1024

// Local gives where to go on to: a path of this site with its query, or / where it might be
// anything else. Browsers take // and /\ for another host, drop tabs and line feeds, and
// resolve dots, so that a path that has any of these, written out or encoded, leads to /.
func Local(to string) string {
	u, err := url.Parse(to)
	if err != nil || len(to) > maxTo || !utf8.ValidString(to) || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "/"
	}
	for _, s := range []string{to, u.Path} {
		if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsFunc(s, func(r rune) bool {
			return r == '\\' || r < ' ' || r == 0x7f
		}) {
			return "/"
		}
	}
	ours := u.Path == "/signout" || u.Path == "/signin" || strings.HasPrefix(u.Path, "/signin/")
	if strings.Contains(u.EscapedPath(), "//") || hasDots(u.Path) || ours {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: escaped(u.RawQuery)}).String()
}

// escaped writes what no address holds as it is by its code [RFC 3986 §2].
func escaped(query string) string {
	var out strings.Builder
	for _, c := range []byte(query) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>^`{|}", c) >= 0 {
			fmt.Fprintf(&out, "%%%02X", c)
			continue
		}
		out.WriteByte(c)
	}
	return out.String()
}

// hasDots says whether a path holds a segment . or ..
func hasDots(p string) bool {
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}
