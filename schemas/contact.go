package schemas

import (
	"net/mail"
	"net/url"
)

// IsContact says whether a text is an address of mail or of the web.
func IsContact(s string) bool {
	if len(s) > 320 {
		return false
	}
	a, err := mail.ParseAddress(s)
	if err == nil && a.Address == s {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
