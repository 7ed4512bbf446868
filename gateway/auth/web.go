package auth

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"guichet/schemas"
)

// Web is how people sign in at an issuer with a browser: as which of its clients.
type Web struct {
	Client     string            `json:"client" yaml:"client"`
	SecretFile string            `json:"secret_file,omitempty" yaml:"secret_file"` // mode 0600; none for a public client
	Scopes     []string          `json:"scopes,omitempty" yaml:"scopes"`           // openid when left out
	Parameters map[string]string `json:"parameters,omitempty" yaml:"parameters"`   // that the issuer wants beside, such as audience
}

// Shown is what people know the issuer by.
func (is *Issuer) Shown() string {
	if is.Name != "" {
		return is.Name
	}
	u, err := url.Parse(is.Issuer)
	if err != nil || u.Host == "" {
		return is.Issuer
	}
	return u.Host
}

// Signs are the algorithms that its tokens may be signed with, by their names in RFC 7518.
func (is *Issuer) Signs() []string {
	var out []string
	for _, a := range is.algorithms() {
		out = append(out, string(a))
	}
	return out
}

// checkWeb says what is wrong with how browsers sign in. Errors: Invalid.
func (is *Issuer) checkWeb() error {
	if len(is.Clients) > 0 && is.Device != "" && !slices.Contains(is.Clients, is.Device) {
		return schemas.BadField("settings", "issuers", "device: tokens for the client %s would be refused, since clients does not name it",
			is.Device)
	}
	if is.Web == nil {
		return nil
	}
	if is.Web.Client == "" {
		return schemas.BadField("settings", "issuers", "web: name the client of browsers at %s: client", is.Issuer)
	}
	if len(is.Clients) > 0 && !slices.Contains(is.Clients, is.Web.Client) {
		return schemas.BadField("settings", "issuers", "web: tokens for the client %s would be refused, since clients does not name it",
			is.Web.Client)
	}
	for _, own := range []string{
		"client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge",
		"code_challenge_method",
	} {
		if _, has := is.Web.Parameters[own]; has {
			return schemas.BadField("settings", "issuers", "web: parameters: %s is set by the gateway", own)
		}
	}
	return nil
}

// HTTP asks the issuer, and nobody else: answers are bounded, and only its own origin is
// asked, or one that the operator named (keys_from), whoever points elsewhere.
func (is *Issuer) HTTP(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: only{is, rt},
		Timeout:   fetchTime,
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > maxRedirect {
				return errors.New("it redirects too often")
			}
			return nil
		},
	}
}

// only asks the issuer's addresses alone, and ends answers that are longer than any
// issuer's need to be.
type only struct {
	issuer *Issuer
	next   http.RoundTripper
}

func (o only) RoundTrip(r *http.Request) (*http.Response, error) {
	err := o.issuer.allowed(r.URL.String())
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	resp, err := o.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer+1), resp.Body}
	}
	return resp, err
}

// allowed says whether an address may be asked for this issuer's sake: its own
// origin, or one that the operator named. Otherwise an issuer could have us ask
// what only we can reach.
func (is *Issuer) allowed(address string) error {
	at, err := origin(address)
	if err != nil {
		return err
	}
	for _, s := range append([]string{is.Issuer}, is.KeysFrom...) {
		have, err := origin(s)
		if err == nil && have == at {
			return nil
		}
	}
	return fmt.Errorf("it points at %s, which is not its own address; the operator may allow it by keys_from", at)
}
