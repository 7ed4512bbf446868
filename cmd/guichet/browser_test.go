package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// A person signs in with a browser at the issuer that she chooses, comes back to where she
// was, and signs out; the API knows nothing of the cookie.
func TestBrowserSignsIn(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	ask := func(method, at string, form url.Values) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
	cookie := func() string {
		u, err := url.Parse(g.base)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range jar.Cookies(u) {
			if c.Name == "guichet" {
				return c.Value
			}
		}
		return ""
	}
	back := "/api/v1/datasets?q=wheat"
	_, list := ask("GET", g.base+"/signin?to="+url.QueryEscape(back), nil)
	if !strings.Contains(list, "Example AI Factory") || !strings.Contains(list, "Example University") {
		t.Fatalf("one chooses among:\n%s", list)
	}
	signIn := func(who string) (*http.Response, string) {
		t.Helper()
		resp, _ := ask("POST", g.base+"/signin", url.Values{"issuer": {g.rig.Issuers[0].Issuer}, "to": {back}})
		_, onward, _ := strings.Cut(resp.Header.Get("Refresh"), "url=")
		resp, people := ask("GET", onward, nil)
		id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(people)
		if id == nil {
			t.Fatalf("at the issuer:\n%s", people)
		}
		return ask("POST", resp.Request.URL.Scheme+"://"+resp.Request.URL.Host+"/sign-in", url.Values{"id": {id[1]}, "who": {who}})
	}
	resp, said := signIn("nobody")
	if resp.StatusCode != 403 || !strings.Contains(said, "did not let you in") || cookie() != "" {
		t.Errorf("after a no: %d\n%s", resp.StatusCode, said)
	}
	resp, said = signIn("trainer")
	if resp.StatusCode != 200 || resp.Request.URL.RequestURI() != back || cookie() == "" {
		t.Fatalf("%d at %s\n%s", resp.StatusCode, resp.Request.URL, said)
	}
	if resp, said := ask("GET", g.base+"/api/v1/me", nil); resp.StatusCode == 200 && strings.Contains(said, "crop-ai") {
		t.Errorf("the API took the cookie: %s", said)
	}
	resp, _ = ask("POST", g.base+"/signout", nil)
	if resp.Request.URL.Path != "/" || cookie() != "" {
		t.Errorf("signed out at %s", resp.Request.URL)
	}
}
