package fetch

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"guichet/schemas"
)

// special are the networks that are not globally reachable, or lead to others [IANA IPv4 and
// IPv6 Special-Purpose Address Registries], beside those that net/netip knows by name.
func special() []string {
	return []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/63", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
		"fec0::/10",
	}
}

// guard says which addresses may be reached.
type guard struct{ allowed, barred []netip.Prefix }

func newGuard(allowed []netip.Prefix) guard {
	g := guard{allowed: allowed}
	for _, s := range special() {
		g.barred = append(g.barred, netip.MustParsePrefix(s))
	}
	return g
}

// admits says whether an address may be reached.
func (g guard) admits(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	within := func(list []netip.Prefix) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	return within(g.allowed) || ip.IsGlobalUnicast() && !ip.IsPrivate() && !within(g.barred)
}

// control is net.Dialer's: it sees the address that a name has come to. Errors: Denied.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !g.admits(at.Addr()) {
		return inside(address)
	}
	return nil
}

func inside(address string) error {
	return &schemas.Error{
		Kind:    schemas.Denied,
		Subject: address,
		Message: "the address leads to a network that is not public, and none that the operator named",
		Remedy:  "if it is meant, the operator names the network in the settings (harvest_networks for catalogues, file_networks for files)",
	}
}

// parse reads an address as it may stand in data. Errors: Invalid.
func parse(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return nil, schemas.BadField("address", "/url", "%.200s is not a web address", schemas.Visible(s))
	case !slices.Contains([]string{"http", "https"}, strings.ToLower(u.Scheme)):
		return nil, schemas.BadField("address", "/url", "%.200s: only http and https are read", schemas.Visible(s))
	case u.User != nil:
		return nil, schemas.BadField("address", "/url", "the address holds a name or a password, which would be stored and shown with it")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// origin is the scheme, host and port that an address names, in one way of writing them.
func origin(u *url.URL) string {
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		host += ":" + port
	}
	return u.Scheme + "://" + host
}

// Check says whether an address is one that may be read, without reading it: where its name leads
// is known only then. Errors: Invalid.
func Check(address string) error {
	_, err := parse(address)
	return err
}
