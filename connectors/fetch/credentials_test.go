package fetch

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"guichet/schemas"
)

// TestCredentialsStayHome: a credential goes to what lies under its address, and to nothing else.
func TestCredentialsStayHome(t *testing.T) {
	t.Parallel()
	c := &Client{Config: Config{Credentials: []Credential{
		{For: "https://edc.example/protocol", Authorization: "short"}, {For: "https://EDC.example:443/protocol/inner/", Authorization: "long"},
		{For: "http://whole.example", Authorization: "whole"},
	}}}
	for at, want := range map[string]string{
		"https://edc.example/protocol": "short", "https://edc.example/protocol/": "short", "https://edc.example/protocol/2025-1?x=1": "short",
		"https://edc.example/protocol/inner/a": "long", "https://edc.example/protocols": "", "https://edc.example/": "",
		"http://edc.example/protocol": "", "https://edc.example:8443/protocol": "", "https://edc.example.evil/protocol": "",
		"https://edc.example/protocol/../other": "", "https://edc.example/protocol/%2e%2e/other": "", "https://edc.example/protocol//x": "",
		"http://whole.example/": "whole", "http://whole.example/any/where": "whole", "https://whole.example/": "",
	} {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.credential(u); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
	for at, ok := range map[string]bool{"https://edc.example/protocol": true, "https://edc.example/?a=b": false, "ftp://edc.example/": false, "x": false} {
		if err := CheckCredential(at); (err == nil) != ok {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// TestPost: what is posted comes as JSON with its credential, and no redirect carries it elsewhere.
func TestPost(t *testing.T) {
	t.Parallel()
	var said []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		said = append(said, "elsewhere "+r.Method+" "+r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		said = append(said, r.Method+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Authorization"))
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}
	}))
	defer host.Close()
	c := client("127.0.0.0/8", "::1/128")
	c.Credentials = []Credential{{For: host.URL, Authorization: "token"}}
	_, err := c.Get(t.Context(), Request{URL: host.URL + "/here", Post: []byte("{}")})
	if err != nil || strings.Join(said, ",") != "POST application/json token" {
		t.Errorf("%q, %v", said, err)
	}
	_, err = c.Get(t.Context(), Request{URL: host.URL + "/moved", Post: []byte("{}")})
	if schemas.KindOf(err) != schemas.Unavailable || len(said) != 2 {
		t.Errorf("%q, %v", said, err)
	}
	said = nil
	_, err = c.Get(t.Context(), Request{URL: host.URL + "/moved"})
	if err != nil || strings.Join(said, ",") != "GET  token,elsewhere GET ,elsewhere GET " { // one for its robots.txt
		t.Errorf("%q, %v", said, err)
	}
}
