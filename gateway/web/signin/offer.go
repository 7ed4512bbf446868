package signin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"guichet/connectors/trust"
	"guichet/gateway/auth"
	"guichet/schemas"
)

const (
	askAnew   = 10 * time.Minute // what an issuer says of itself
	askAgain  = 5 * time.Second  // after it did not answer
	askingFor = 20 * time.Second // whoever waits goes away by then
)

// offer is an issuer at which browsers sign in.
type offer struct {
	*auth.Issuer
	client *http.Client

	mu    sync.Mutex
	about *description
	asked time.Time
	err   error
}

// description is what an issuer says of itself [OpenID Connect Discovery 1.0 §3].
type description struct {
	provider *oidc.Provider
	Methods  []string `json:"token_endpoint_auth_methods_supported"`
	Names    bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

// offered finds where to sign in by the issuer's address; "" is the only one.
func (d *Door) offered(issuer string) (*offer, error) {
	if len(d.offers) == 0 {
		return nil, about(schemas.NotFound, ProblemNone, "no issuer of this site offers sign-in with a browser",
			"programs sign in with a token; the operator adds web to an issuer in the gateway's settings")
	}
	i := slices.IndexFunc(d.offers, func(o *offer) bool { return o.Issuer.Issuer == issuer })
	if i < 0 {
		return nil, about(schemas.NotFound, ProblemIssuer, "one cannot sign in here at this issuer", "choose one of those that are shown")
	}
	return d.offers[i], nil
}

// described asks the issuer what it says of itself, once for all who wait, and not again for
// a while. Errors: Unavailable.
func (d *Door) described(ctx context.Context, o *offer) (*description, error) {
	have, err := o.known(d.Now())
	if have != nil || err != nil {
		return have, err
	}
	asked := d.asking.DoChan(o.Issuer.Issuer, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askingFor)
		defer cancel()
		p, err := oidc.NewProvider(oidc.ClientContext(ctx, o.client), o.Issuer.Issuer)
		got := &description{provider: p}
		if err == nil {
			err = p.Claims(got)
		}
		if err == nil && !isWeb(p.Endpoint().AuthURL) {
			err = errors.New("it names no address at which people sign in")
		}
		if err != nil {
			got, err = nil, o.away(err)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.about, o.err, o.asked = got, err, d.Now()
		return got, err
	})
	select {
	case r := <-asked:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*description), nil //nolint:forcetypeassert // nothing else is given
	case <-ctx.Done():
		return nil, o.away(ctx.Err())
	}
}

// known gives what was said not long ago.
func (o *offer) known(now time.Time) (*description, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	age := now.Sub(o.asked)
	switch {
	case o.err != nil && age < askAgain:
		return nil, o.err
	case o.err == nil && age < askAnew:
		return o.about, nil
	}
	return nil, nil //nolint:nilnil // nothing is known
}

// isWeb says whether a browser may be sent to an address.
func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// away is Unavailable: the issuer does not answer as one.
func (o *offer) away(err error) error {
	e := trust.Fault("the issuer", o.Issuer.Issuer, "try again in a moment; if it stays so, tell the operator of this site", err)
	e.Subject = ProblemAway
	return e
}

// oauth is the way to the issuer's two addresses.
func (d *Door) oauth(o *offer, about *description, at place) (*oauth2.Config, error) {
	c := &oauth2.Config{ClientID: o.Web.Client, Endpoint: about.provider.Endpoint(), RedirectURL: at.address + "/signin/answer",
		Scopes: o.Web.Scopes}
	if !slices.Contains(c.Scopes, oidc.ScopeOpenID) {
		c.Scopes = append([]string{oidc.ScopeOpenID}, c.Scopes...)
	}
	c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	if o.Web.SecretFile == "" {
		return c, nil
	}
	secret, err := d.Secret(o.Web.SecretFile)
	c.ClientSecret = strings.TrimSpace(secret)
	if len(about.Methods) == 0 || slices.Contains(about.Methods, "client_secret_basic") { // the default [Discovery §3]
		c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	return c, err
}
