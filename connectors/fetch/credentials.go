package fetch

import (
	"net/url"
	"path"
	"strings"

	"guichet/schemas"
)

// Credential is what is sent to addresses that begin with one, and to no others.
type Credential struct {
	For           string // http or https address; its last path segment is whole
	Authorization string // the header, as it is sent
}

// CheckCredential says what is wrong with where a credential is sent. Errors: Invalid.
func CheckCredential(address string) error {
	u, err := parse(address)
	if err == nil && (u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		err = schemas.Errorf(schemas.Invalid, address, "an address for which there is a credential has no query, fragment or sign-in")
	}
	return err
}

// credential is what an address wants: that of the longest address that it lies under.
func (c *Client) credential(at *url.URL) string {
	longest, found := -1, ""
	for _, one := range c.Credentials {
		u, err := url.Parse(one.For)
		if err != nil || origin(u) != origin(at) {
			continue
		}
		under, here := strings.TrimRight(u.Path, "/"), strings.TrimRight(at.Path, "/")
		if here != "" && path.Clean(here) != here { // it may lead out of where it seems to lie
			continue
		}
		if (here == under || strings.HasPrefix(here, under+"/")) && len(under) > longest {
			longest, found = len(under), one.Authorization
		}
	}
	return found
}
