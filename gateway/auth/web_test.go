package auth

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"guichet/schemas"
)

// How browsers sign in is checked with the other settings.
func TestWebSettings(t *testing.T) {
	for _, c := range []struct {
		name string
		is   Issuer
		says string // "" is accepted
	}{
		{"none", Issuer{}, ""},
		{"a public client", Issuer{Web: &Web{Client: "pages"}}, ""},
		{"no client", Issuer{Web: &Web{SecretFile: "x"}}, "name the client"},
		{"one of the clients", Issuer{Clients: []string{"pages"}, Web: &Web{Client: "pages"}}, ""},
		{"none of the clients", Issuer{Clients: []string{"cli"}, Web: &Web{Client: "pages"}}, "would be refused"},
		{"a client of the command line", Issuer{Device: "cli"}, ""},
		{"one that no token may be given to", Issuer{Clients: []string{"pages"}, Device: "cli"}, "would be refused"},
		{"a parameter", Issuer{Web: &Web{Client: "pages", Parameters: map[string]string{"audience": "x"}}}, ""},
		{"a parameter of ours", Issuer{Web: &Web{Client: "pages", Parameters: map[string]string{"state": "x"}}}, "set by the gateway"},
	} {
		c.is.Issuer = "https://login.example"
		err := c.is.Check()
		if (err == nil) != (c.says == "") || err != nil && (schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for want, is := range map[string]Issuer{
		"login.example:1": {Issuer: "https://login.example:1/realm"}, "Our people": {Issuer: "https://login.example", Name: "Our people"}, "x": {Issuer: "x"},
	} {
		if got := is.Shown(); got != want {
			t.Errorf("shown as %s, want %s", got, want)
		}
	}
}

// For an issuer's sake its own addresses alone are asked, wherever it points.
func TestOnlyTheIssuerIsAsked(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(elsewhere.Close)
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(here.Close)
	is := Issuer{Issuer: here.URL}
	for _, address := range []string{elsewhere.URL, here.URL + "?to=" + elsewhere.URL, "file:///etc/passwd"} {
		resp, err := is.HTTP(http.DefaultTransport).Post(address, "text/plain", strings.NewReader("secret"))
		if err == nil {
			resp.Body.Close()
		}
		if err == nil || reached {
			t.Errorf("%s was asked: %v", address, err)
		}
	}
	is.KeysFrom = []string{elsewhere.URL}
	resp, err := is.HTTP(http.DefaultTransport).Get(here.URL + "?to=" + elsewhere.URL)
	if err != nil || !reached {
		t.Fatalf("an address that the operator named: %v", err)
	}
	resp.Body.Close()
}
