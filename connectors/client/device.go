package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"guichet/connectors/trust"
	"guichet/schemas"
)

// askingIssuer bounds one question to an issuer.
const askingIssuer = 30 * time.Second

// mostSaid bounds an answer of an issuer, in bytes: no issuer's need be as long.
const mostSaid = 1 << 20

// brief ends answers that are longer.
type brief struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b brief) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, mostSaid), resp.Body}
	}
	return resp, err
}

// every is how many seconds lie between two questions, of those that an issuer wants [RFC 8628 §3.2].
func every(wanted int64) int64 {
	if wanted < 1 {
		return 5
	}
	return min(wanted, 600)
}

// Tokens are what an issuer gives for a person. Refresh may be empty: then she signs in anew
// when the access token ends.
type Tokens struct {
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token,omitempty"`
	Until   time.Time `json:"until"` // the access token's end, as the issuer says it
}

// Prompt is what a person does to let a program sign in as her [RFC 8628 §3.2].
type Prompt struct {
	Address  string    `json:"verification_uri"`                    // where she goes, with any browser
	Code     string    `json:"user_code"`                           // what she enters there
	Complete string    `json:"verification_uri_complete,omitempty"` // the address with the code in it
	Until    time.Time `json:"until,omitzero"`
}

// People is a public client of an issuer with which people sign in.
type People struct {
	Issuer, Client string
	Scopes         []string
}

// reach asks the issuer what it says of itself.
func (p People) reach(ctx context.Context, list []Setting) (context.Context, *oauth2.Config, *oidc.Provider, error) {
	ctx = oidc.ClientContext(ctx, &http.Client{Transport: brief{trust.Transport(settled(list).roots)}, Timeout: askingIssuer})
	about, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		return ctx, nil, nil, issuerFault(p.Issuer, err)
	}
	c := &oauth2.Config{ClientID: p.Client, Endpoint: about.Endpoint(), Scopes: p.Scopes}
	c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	return ctx, c, about, nil
}

// SignIn lets a person sign a program in with a browser, here or on another machine: told shows
// her where; then it waits for her, as often as the issuer lets it ask [RFC 8628]. Errors:
// Invalid where the issuer has no such sign-in, Denied for a no, Unauthenticated, Unavailable.
func (p People) SignIn(ctx context.Context, told func(Prompt) error, list ...Setting) (Tokens, error) {
	ctx, c, _, err := p.reach(ctx, list)
	if err != nil {
		return Tokens{}, err
	}
	if c.Endpoint.DeviceAuthURL == "" {
		return Tokens{}, &schemas.Error{Kind: schemas.Invalid, Subject: p.Issuer,
			Message: fmt.Sprintf("the issuer %s does not let programs sign in with a code", p.Issuer),
			Remedy:  "give a client's secret (--client-secret-file), or each command a token (--token FILE)"}
	}
	da, err := c.DeviceAuth(ctx)
	if err != nil {
		return Tokens{}, p.refused(err)
	}
	at, err := url.Parse(da.VerificationURI)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" {
		return Tokens{}, schemas.Errorf(schemas.Unavailable, p.Issuer, "the issuer %s names no address at which to sign in", p.Issuer)
	}
	err = told(Prompt{Address: da.VerificationURI, Code: da.UserCode, Complete: da.VerificationURIComplete, Until: da.Expiry})
	if err != nil {
		return Tokens{}, err
	}
	da.Interval = every(da.Interval)
	t, err := c.DeviceAccessToken(ctx, da)
	if errors.Is(err, context.DeadlineExceeded) {
		return Tokens{}, &schemas.Error{Kind: schemas.Unauthenticated, Subject: p.Issuer, Message: "nobody signed in in time",
			Remedy: "guichet login again"}
	}
	if err != nil {
		return Tokens{}, p.refused(err)
	}
	return tokensOf(t), nil
}

func tokensOf(t *oauth2.Token) Tokens {
	until := t.Expiry.UTC()
	if t.Expiry.IsZero() { // it may say nothing: then each use asks for another one, where it can
		until = time.Now().UTC()
	}
	return Tokens{Access: t.AccessToken, Refresh: t.RefreshToken, Until: until}
}

// Renew trades a refresh token for new tokens. Errors: Unauthenticated where the issuer gives
// none, Unavailable.
func (p People) Renew(ctx context.Context, refresh string, list ...Setting) (Tokens, error) {
	ctx, c, _, err := p.reach(ctx, list)
	if err != nil {
		return Tokens{}, err
	}
	t, err := c.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return Tokens{}, p.refused(err)
	}
	return tokensOf(t), nil
}

// Forget tells the issuer that a refresh token is used no more [RFC 7009], where it listens.
func (p People) Forget(ctx context.Context, refresh string, list ...Setting) error {
	ctx, _, about, err := p.reach(ctx, list)
	if err != nil {
		return err
	}
	var said struct {
		At string `json:"revocation_endpoint"`
	}
	err = about.Claims(&said)
	if err != nil || said.At == "" {
		return err
	}
	form := url.Values{"token": {refresh}, "token_type_hint": {"refresh_token"}, "client_id": {p.Client}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, said.At, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("tell the issuer: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h := &http.Client{Transport: trust.Transport(settled(list).roots), Timeout: askingIssuer}
	resp, err := h.Do(r)
	if err != nil {
		return issuerFault(p.Issuer, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return schemas.Errorf(schemas.Unavailable, p.Issuer, "the issuer %s answered %s", p.Issuer, resp.Status)
	}
	return nil
}

// refused is what an issuer says to a program.
func (p People) refused(err error) error {
	no, is := errors.AsType[*oauth2.RetrieveError](err)
	if errors.Is(err, context.Canceled) {
		return err
	}
	if !is || no.ErrorCode == "" {
		return issuerFault(p.Issuer, err)
	}
	e := &schemas.Error{Kind: schemas.Unauthenticated, Subject: p.Issuer, Err: err,
		Message: fmt.Sprintf("the issuer %s gave no token", p.Issuer), Remedy: "guichet login again"}
	switch no.ErrorCode {
	case "access_denied":
		e.Kind, e.Message = schemas.Denied, fmt.Sprintf("the sign-in at %s was refused", p.Issuer)
	case "expired_token":
		e.Message = "nobody signed in in time"
	case "invalid_client", "unauthorized_client":
		e.Message = fmt.Sprintf("the issuer %s lets no program sign in as the client %s", p.Issuer, p.Client)
		e.Remedy = "check --client-id: it must be a public client with device authorization"
	case "invalid_grant":
		e.Message = fmt.Sprintf("you are no longer signed in at %s", p.Issuer)
	}
	return e
}
