package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"guichet/gateway"
	"guichet/gateway/auth"
	"guichet/gateway/web/signin"
)

// The sign-in of browsers stands beside the API, which takes no cookie for a token; what
// strangers have us do there has a pace.
func TestBrowsersSignInBesideTheAPI(t *testing.T) {
	const most = 3
	s := newSite(t, func(d *gateway.Deps) {
		d.Limits.Writes = most
		d.SignIn = signin.New(signin.Config{DB: d.DB, Auth: d.Auth, Key: make([]byte, 32),
			Issuers: []auth.Issuer{{Issuer: "https://a.example", Web: &auth.Web{Client: "c"}}, {Issuer: "https://b.example", Web: &auth.Web{Client: "c"}}}})
	})
	ask := func(method, path string, cookies ...*http.Cookie) reply {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.base+path, nil)
		must(t, err)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		return reply{resp.StatusCode, resp.Header, string(b)}
	}
	list := ask("GET", "/signin?to=/mine")
	if list.status != 200 || !strings.Contains(list.body, "a.example") || list.header.Get("Content-Security-Policy") == "" ||
		list.header.Get("X-Content-Type-Options") != "nosniff" || list.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v\n%s", list.status, list.header, list.body)
	}
	for _, at := range []string{"/signin/", "/signin/other", "/signout/x"} {
		if got := ask("GET", at); got.status != 404 {
			t.Errorf("%s: %d", at, got.status)
		}
	}
	if got := ask("GET", "/signout"); got.status != 405 {
		t.Errorf("signed out by a link: %d", got.status)
	}
	token := token(t, s.issuer, "trainer", nil)
	for _, name := range []string{"guichet", "__Host-guichet", "Authorization"} {
		got := ask("POST", "/api/v1/requests", &http.Cookie{Name: name, Value: token}, &http.Cookie{Name: name, Value: "Bearer " + token})
		if got.status != 401 {
			t.Errorf("the API took the cookie %s: %d %s", name, got.status, got.body)
		}
	}
	for i := range most + 1 {
		got := ask("GET", "/signin/answer?state=x&code=y")
		if want := map[bool]int{true: 401, false: 503}[i < most]; got.status != want {
			t.Errorf("answer %d: %d, want %d\n%s", i, got.status, want, got.body)
		}
	}
	if got := ask("GET", "/signin"); got.status != 200 {
		t.Errorf("the list has no pace: %d", got.status)
	}
}

// A gateway without the sign-in of browsers has nothing there.
func TestNoSignIn(t *testing.T) {
	s := newSite(t)
	resp, err := http.Get(s.base + "/signin")
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("%d", resp.StatusCode)
	}
}

// People are shown a page whatever it is that keeps them out; programs get a problem at the same address.
func TestPagesOfErrors(t *testing.T) {
	const most = 2
	s := newSite(t, func(d *gateway.Deps) {
		d.Limits.Writes = most
		d.SignIn = signin.New(signin.Config{DB: d.DB, Auth: d.Auth, Key: make([]byte, 32),
			Issuers: []auth.Issuer{{Issuer: "https://a.example", Web: &auth.Web{Client: "c"}}}})
	})
	ask := func(method, path, accept string) reply {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.base+path, nil)
		must(t, err)
		r.Header.Set("Accept", accept)
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		return reply{resp.StatusCode, resp.Header, string(b)}
	}
	for range most {
		ask("GET", "/signin/answer", "text/html")
	}
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/nothing", 404},
		{"GET", "/datasets?q=a&q=b", 422},
		{"GET", "/datasets?q=%ff", 422},
		{"GET", "/datasets?q=%zz", 422},
		{"GET", "/datasets/%00", 404},
		{"POST", "/requests", 405},
		{"GET", "/signout", 405},
		{"GET", "/signin/answer", 503},
	} {
		for accept, kind := range map[string]string{"text/html,*/*;q=0.8": "text/html; charset=utf-8", "*/*": "application/problem+json"} {
			got := ask(c.method, c.path, accept)
			if got.status != c.want || got.header.Get("Content-Type") != kind {
				t.Errorf("%s %s for %s: %d %s", c.method, c.path, accept, got.status, got.header.Get("Content-Type"))
			}
		}
	}
	if got := ask("GET", "/api/v1/datasets?q=a&q=b", "text/html,*/*;q=0.8"); got.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the API answers with a page: %v", got.header)
	}
}

// A form that does not come is waited for no longer than any other body: strangers hold nothing open with it.
func TestFormsThatDoNotCome(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, path := range []string{"/language", "/agreements/x/revoke"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
		must(t, err)
		defer c.Close()
		must(t, c.SetDeadline(time.Now().Add(time.Minute))) // the server itself waits for two
		_, err = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
			"Content-Length: 100\r\n\r\nlanguage=")
		must(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}
