package issuer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

// start runs an issuer with the operator's people.
func start(t *testing.T) (address string, p *oidc.Provider) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	address = "http://" + srv.Listener.Addr().String()
	i, err := New(Config{URL: address, Algorithm: jose.RS256, KeyFile: filepath.Join(t.TempDir(), "keys.json"), Clients: Operators()})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = i
	srv.Start()
	t.Cleanup(srv.Close)
	p, err = oidc.NewProvider(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	return address, p
}

// still follows no redirect.
func still() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ask gives status, body and where an answer leads.
func ask(t *testing.T, method, at string, form url.Values, headers ...string) (status int, body, leads string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	resp, err := still().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if to, err := resp.Location(); err == nil {
		leads = to.String()
	}
	return resp.StatusCode, string(b), leads
}

// code of an error of the token endpoint; "" for none.
func code(err error) string {
	no, is := errors.AsType[*oauth2.RetrieveError](err)
	if err != nil && !is {
		return err.Error()
	}
	if is {
		return no.ErrorCode
	}
	return ""
}

// refreshed trades a refresh token.
func refreshed(c *oauth2.Config, token string) (*oauth2.Token, error) {
	return c.TokenSource(context.Background(), &oauth2.Token{RefreshToken: token}).Token()
}

// A browser's person chooses who she is; the code is good once, with its verifier alone; a
// refresh token is good once, and one that comes again ends what came of it.
func TestBrowsers(t *testing.T) {
	address, p := start(t)
	c := &oauth2.Config{ClientID: WebClient, Endpoint: p.Endpoint(), RedirectURL: "http://127.0.0.1:8480/signin/answer",
		Scopes: []string{"openid", "offline_access"}}
	sign := func(who string) (back url.Values, verifier string) {
		t.Helper()
		verifier = oauth2.GenerateVerifier()
		_, _, leads := ask(t, "GET", c.AuthCodeURL("st", oauth2.S256ChallengeOption(verifier), oidc.Nonce("no")), nil)
		status, body, _ := ask(t, "GET", leads, nil)
		if status != 200 || !strings.Contains(body, `value="trainer"`) || !strings.Contains(body, "https://crop-ai.example") {
			t.Fatalf("%s: %d %s", leads, status, body)
		}
		u, err := url.Parse(leads)
		if err != nil {
			t.Fatal(err)
		}
		_, _, leads = ask(t, "POST", address+"/sign-in", url.Values{"id": {u.Query().Get("id")}, "who": {who}})
		if strings.HasPrefix(leads, address) { // to the provider, which makes the code
			_, _, leads = ask(t, "GET", leads, nil)
		}
		u, err = url.Parse(leads)
		if err != nil || !strings.HasPrefix(leads, c.RedirectURL+"?") || u.Query().Get("state") != "st" {
			t.Fatalf("the browser comes back to %s: %v", leads, err)
		}
		return u.Query(), verifier
	}
	back, verifier := sign("trainer")
	first, err := c.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := first.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: WebClient}).Verify(t.Context(), raw)
	if err != nil || id.Nonce != "no" || id.Subject != "trainer" {
		t.Errorf("%+v, %v", id, err)
	}
	access, err := p.Verifier(&oidc.Config{ClientID: Audience}).Verify(t.Context(), first.AccessToken)
	var said struct {
		Participant string   `json:"participant"`
		Roles       []string `json:"roles"`
	}
	if err == nil {
		err = access.Claims(&said)
	}
	if err != nil || access.Subject != "trainer" || said.Participant != "https://crop-ai.example" || strings.Join(said.Roles, "") != "trainer" {
		t.Errorf("%+v, %v", said, err)
	}
	if _, err := c.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier)); code(err) != "invalid_grant" {
		t.Errorf("the code again: %v", err)
	}
	back, _ = sign("trainer")
	if _, err := c.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier)); code(err) != "invalid_grant" {
		t.Errorf("another verifier: %v", err)
	}
	second, err := refreshed(c, first.RefreshToken)
	if err != nil || second.RefreshToken == first.RefreshToken {
		t.Fatalf("a refresh token: %v", err)
	}
	for _, token := range []string{first.RefreshToken, second.RefreshToken} {
		if _, err := refreshed(c, token); code(err) != "invalid_grant" {
			t.Errorf("after one came again: %v", err)
		}
	}
	if back, _ = sign(""); back.Get("error") != "access_denied" {
		t.Errorf("nobody: %v", back)
	}
	c.RedirectURL = "https://evil.example/signin/answer"
	if status, _, leads := ask(t, "GET", c.AuthCodeURL("st"), nil); status != 400 || leads != "" {
		t.Errorf("an address that is not registered: %d, to %s", status, leads)
	}
}

// A program shows a code, which a person of this machine enters.
func TestPrograms(t *testing.T) {
	address, p := start(t)
	c := &oauth2.Config{ClientID: DeviceClient, Endpoint: p.Endpoint(), Scopes: []string{"openid", "offline_access"}}
	begin := func() *oauth2.DeviceAuthResponse {
		t.Helper()
		da, err := c.DeviceAuth(t.Context())
		if err != nil || da.VerificationURI != address+"/device" {
			t.Fatalf("%+v, %v", da, err)
		}
		return da
	}
	da := begin()
	if status, body, _ := ask(t, "GET", da.VerificationURI, nil); status != 200 || !strings.Contains(body, `name="user_code"`) {
		t.Errorf("without a code: %d %s", status, body)
	}
	status, body, _ := ask(t, "GET", da.VerificationURIComplete, nil)
	if status != 200 || !strings.Contains(body, da.UserCode) || !strings.Contains(body, `value="trainer"`) {
		t.Errorf("%d %s", status, body)
	}
	form := url.Values{"user_code": {da.UserCode}, "who": {"trainer"}}
	for name, headers := range map[string][]string{
		"another site's form":      {"Sec-Fetch-Site", "cross-site"},
		"a name that leads to us":  {"Host", "evil.example:80"},
		"an address that leads so": {"Host", "192.0.2.1:80"},
	} {
		if status, _, _ := ask(t, "POST", address+"/device", form, headers...); status != 403 {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _, _ := ask(t, "POST", address+"/device", url.Values{"user_code": {"x"}, "who": {"trainer"}}); status != 400 {
		t.Errorf("a code that nobody shows: %d", status)
	}
	if status, _, _ := ask(t, "POST", address+"/device", form); status != 200 {
		t.Errorf("the person's yes: %d", status)
	}
	got, err := c.DeviceAccessToken(t.Context(), da)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := p.Verifier(&oidc.Config{ClientID: Audience}).Verify(t.Context(), got.AccessToken); err != nil || id.Subject != "trainer" {
		t.Errorf("%+v, %v", id, err)
	}
	if _, err := refreshed(c, got.RefreshToken); err != nil {
		t.Error(err)
	}
	da = begin()
	ask(t, "POST", address+"/device", url.Values{"user_code": {da.UserCode}, "who": {""}})
	if _, err := c.DeviceAccessToken(t.Context(), da); code(err) != "access_denied" {
		t.Errorf("the person's no: %v", err)
	}
}
