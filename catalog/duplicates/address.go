package duplicates

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxAddress bounds an identifier or address that is compared, in bytes.
const maxAddress = 1024

var (
	doi       = regexp.MustCompile(`^10\.[0-9]{4,9}(\.[0-9]+)*/[!#-;=?-\[\]-~]+$`)
	zenodo    = regexp.MustCompile(`^/records?/([0-9]{1,12})(/|$)`)
	uuid      = regexp.MustCompile(`^\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?$`)
	hostName  = regexp.MustCompile(`^[\pL\pN._-]+$`)
	otherName = regexp.MustCompile(`^[a-z][a-z0-9+.-]{1,15}:[^\s"<>\\]+$`)
)

// asDOI gives a DOI in its one spelling, from what begins with one; false where nothing does.
func asDOI(s string) (string, bool) {
	s = strings.ToLower(strings.TrimRight(strings.TrimSpace(s), `.,;)]}>'"/ `))
	if !doi.MatchString(s) || len(s) > maxAddress {
		return "", false
	}
	return "doi:" + s, true
}

// Address gives an address in its one spelling, so that those that lead to one place are equal:
// without scheme, www, default port, fragment, tracking and what ends it for nothing. A DOI, and the record
// of a repository that has one, is the DOI. "" for what is no address, and for one of a host
// alone, which says nothing about a dataset.
func Address(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxAddress || !utf8.ValidString(s) {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return ""
	}
	scheme, host := strings.ToLower(u.Scheme), strings.TrimRight(strings.ToLower(u.Hostname()), ".")
	web := scheme == "http" || scheme == "https"
	if !web && scheme != "ftp" && scheme != "s3" || !hostName.MatchString(host) {
		return ""
	}
	for web && strings.HasPrefix(host, "www.") {
		host = host[len("www."):]
	}
	if p := u.Port(); p != "" && !(web && (p == "80" || p == "443")) && !(scheme == "ftp" && p == "21") {
		host += ":" + p
	}
	path := (&url.URL{Path: strings.TrimRight(withoutSession(u.Path), "/")}).EscapedPath() // escaped in one way
	if web {
		if d, is := doiAt(host, u.Path); is || strings.HasSuffix(host, "doi.org") {
			return d
		}
	}
	query := withoutTracking(u.RawQuery)
	fragment := ""
	if strings.HasPrefix(u.Fragment, "/") || strings.HasPrefix(u.Fragment, "!") { // a page that a script shows
		fragment = strings.TrimRight((&url.URL{Fragment: u.Fragment}).String(), "/")
		if len(fragment) < len("#!a") {
			fragment = ""
		}
	}
	if path+query+fragment == "" {
		return ""
	}
	if query != "" {
		query = "?" + query
	}
	if !web {
		host = scheme + "://" + host
	}
	return host + path + query + fragment
}

// doiAt gives the DOI that a web address is one of.
func doiAt(host, path string) (string, bool) {
	switch host {
	case "doi.org", "dx.doi.org":
		return asDOI(strings.TrimLeft(path, "/"))
	case "zenodo.org":
		if m := zenodo.FindStringSubmatch(path); m != nil && (m[2] == "" || strings.Trim(path[len(m[0]):], "/") == "") {
			return "doi:10.5281/zenodo." + m[1], true
		}
		if rest, is := strings.CutPrefix(path, "/doi/"); is {
			return asDOI(rest)
		}
	}
	return "", false
}

// withoutSession leaves out of a path the session that some servers write into it.
func withoutSession(path string) string {
	at := strings.Index(strings.ToLower(path), ";jsessionid=")
	if at < 0 {
		return path
	}
	return path[:at]
}

// withoutTracking gives the parts of a query in order, without those that say who came from where.
func withoutTracking(query string) string {
	if query == "" {
		return ""
	}
	parts := strings.Split(query, "&")
	parts = slices.DeleteFunc(parts, func(p string) bool {
		name, _, _ := strings.Cut(strings.ToLower(p), "=")
		switch name {
		case "", "fbclid", "gclid", "msclkid", "phpsessid", "jsessionid", "sid", "session", "sessionid":
			return true
		}
		return strings.HasPrefix(name, "utm_") || strings.HasPrefix(name, "mtm_") || strings.HasPrefix(name, "pk_")
	})
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// Name gives an identifier in its one spelling. global says that it is one that nobody else gives to
// another thing: a DOI, a UUID, a URI. Others hold in a register that is not said. "" for
// what says nothing.
func Name(s string) (name string, global bool) {
	s = strings.TrimSpace(s)
	if len(s) > maxAddress || !utf8.ValidString(s) {
		return "", false
	}
	low := strings.ToLower(s)
	if strings.HasPrefix(low, "http:") || strings.HasPrefix(low, "https:") {
		a := Address(s)
		return a, a != ""
	}
	for _, prefix := range []string{"info:doi/", "urn:doi:", "doi:", "doi ", ""} {
		if rest, is := strings.CutPrefix(low, prefix); is {
			if d, is := asDOI(rest); is {
				return d, true
			}
		}
	}
	if m := uuid.FindStringSubmatch(strings.TrimPrefix(low, "urn:uuid:")); m != nil {
		return "uuid:" + m[1], strings.Trim(m[1], "0-") != ""
	}
	if otherName.MatchString(low) && len(s) >= 12 {
		scheme, rest, _ := strings.Cut(s, ":")
		return strings.ToLower(scheme) + ":" + rest, true
	}
	if len(s) < 6 || !strings.ContainsAny(s, "0123456789") {
		return "", false
	}
	return low, false
}
