package signin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/gateway/auth"
)

// leave goes to the issuer and gives the address at which it sends the browser back.
func (s *site) leave(b *browser, to string) string {
	s.t.Helper()
	p := b.stays().get(s.URL + "/signin?to=" + url.QueryEscape(to))
	p = b.stays().get(p.header.Get("Location"))
	return p.header.Get("Location")
}

// An answer counts once, in the browser that left for it, for ten minutes, and only as the
// issuer gave it.
func TestAnswersAreHeldAgainstTheirSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s := newSite(t, database)
		for _, c := range []struct {
			name   string
			come   func(b *browser, answer string) page
			status int
			says   string
		}{
			{"as it was given", func(b *browser, answer string) page { return b.get(answer) }, 200, "at /mine: ada"},
			{"another browser's", func(_ *browser, answer string) page { return newBrowser(t).get(answer) }, 401, "belongs to no sign-in that began in this browser"},
			{"of a browser with a sign-in of its own", func(_ *browser, answer string) page {
				other := newBrowser(t)
				s.leave(other, "/")
				return other.get(answer)
			}, 401, "belongs to no sign-in"},
			{"another state", func(b *browser, answer string) page { return b.get(strings.Replace(answer, "state=", "state=x", 1)) }, 401, "belongs to no sign-in"},
			{"no state", func(b *browser, _ string) page { return b.get(s.URL + "/signin/answer?code=x") }, 401, "belongs to no sign-in"},
			{"late", func(b *browser, answer string) page {
				s.clock.forward(pendingLife)
				return b.get(answer)
			}, 401, "belongs to no sign-in"},
			{"again", func(b *browser, answer string) page {
				b.get(answer)
				return b.get(answer)
			}, 401, "belongs to no sign-in"},
			{"again, with the cookie of before", func(b *browser, answer string) page {
				was := b.cookie(s.URL, pendingCookie)
				b.get(answer)
				b.putCookie(s.URL, pendingCookie, was)
				return b.get(answer)
			}, 410, "was finished before"},
			{"a cookie that was changed", func(b *browser, answer string) page {
				was := []byte(b.cookie(s.URL, pendingCookie))
				was[len(was)/2] ^= 1
				b.putCookie(s.URL, pendingCookie, string(was))
				return b.get(answer)
			}, 401, "belongs to no sign-in"},
			{"another issuer's", func(b *browser, answer string) page { return b.get(answer + "&iss=https://evil.example") }, 401, "another issuer"},
			{"with the issuer's name", func(b *browser, answer string) page { return b.get(answer + "&iss=" + url.QueryEscape(s.issuer.URL)) }, 200, "ada"},
			{"another code", func(b *browser, answer string) page { return b.get(strings.Replace(answer, "code=", "code=x", 1)) }, 401, "gave no token"},
			{"of the tab before", func(b *browser, answer string) page {
				s.leave(b, "/other")
				return b.get(answer)
			}, 200, "at /mine: ada"},
			{"of five tabs before", func(b *browser, answer string) page {
				for range mostPending {
					s.leave(b, "/other")
				}
				return b.get(answer)
			}, 401, "belongs to no sign-in"},
			{"the person said no", func(b *browser, answer string) page { return b.get(answer + "&error=access_denied") }, 403, "did not let you in"},
			{"the issuer wants more", func(b *browser, answer string) page { return b.get(answer + "&error=login_required") }, 401, "wants to ask you"},
			{"the issuer cannot", func(b *browser, answer string) page { return b.get(answer + "&error=temporarily_unavailable") }, 503, "cannot sign people in now"},
			{"an error with markup", func(b *browser, answer string) page {
				return b.get(answer + "&error=%3Cscript%3E&error_description=%3Cscript%3E")
			}, 401, "did not understand this site"},
		} {
			b := newBrowser(t)
			got := c.come(b, s.leave(b, "/mine"))
			if got.status != c.status || !strings.Contains(got.body, c.says) || strings.Contains(got.body, "<script>") || strings.Contains(got.body, "<issuer>") {
				t.Errorf("%s: %d, want %d with %q:\n%s", c.name, got.status, c.status, c.says, got.body)
			}
			if c.status == 200 {
				continue
			}
			if got := b.cookie(s.URL, sessionCookie); got != "" && c.name[:5] != "again" {
				t.Errorf("%s: a session began", c.name)
			}
			if h := got.header.Get("Cache-Control"); h != "no-store" {
				t.Errorf("%s: Cache-Control: %s", c.name, h)
			}
		}
	})
}

// Of an issuer's tokens those alone begin a session that are for this sign-in and that the
// API would take.
func TestTokensThatBeginNoSession(t *testing.T) {
	s := newSite(t, dbtest.Open(t, dbtest.SQLite))
	for _, c := range []struct {
		name       string
		id, access map[string]any
		says       string // "" is accepted
	}{
		{"good ones", nil, nil, ""},
		{"another nonce", map[string]any{"nonce": "x"}, nil, "did not say who signed in"},
		{"no nonce", map[string]any{"nonce": ""}, nil, "did not say who signed in"},
		{"an ID token for another client", map[string]any{"aud": "other"}, nil, "did not say who signed in"},
		{"an ID token of nobody", map[string]any{"sub": ""}, nil, "did not say who signed in"},
		{"an ID token that was given to another client", map[string]any{"azp": "other"}, nil, "did not say who signed in"},
		{"an ID token for several", map[string]any{"aud": []string{"other", "pages"}, "azp": "pages"}, nil, ""},
		{"an ID token of another issuer", map[string]any{"iss": "https://evil.example"}, nil, "did not say who signed in"},
		{"an ID token that is over", map[string]any{"exp": s.clock.now().Add(-2 * time.Minute).Unix()}, nil, "did not say who signed in"},
		{"an ID token of a slow clock", map[string]any{"exp": s.clock.now().Add(-30 * time.Second).Unix()}, nil, ""},
		{"an ID token of another access token", map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, nil, "did not say who signed in"},
		{"a huge ID token", map[string]any{"more": strings.Repeat("x", maxToken)}, nil, "did not say who signed in"},
		{"an access token for another audience", nil, map[string]any{"aud": "other"}, "must be for the audience guichet"},
		{"an access token of another issuer", nil, map[string]any{"iss": "https://evil.example"}, "are not accepted here"},
		{"an ID token in place of it", nil, map[string]any{"nonce": "x"}, "this is an ID token"},
		{"one that is over", nil, map[string]any{"exp": s.clock.now().Add(-2 * time.Minute).Unix()}, "the token expired"},
	} {
		s.issuer.set(func(is *issuer) { is.id, is.access = c.id, c.access })
		b := newBrowser(t)
		got := b.get(s.URL + "/signin?to=/mine")
		if c.says == "" {
			got.says(t, 200, "at /mine: ada")
			continue
		}
		if got.status != 401 || !strings.Contains(got.body, c.says) || b.cookie(s.URL, sessionCookie) != "" {
			t.Errorf("%s: %d, want 401 with %q:\n%s", c.name, got.status, c.says, got.body)
		}
		if !strings.Contains(got.body, `name="to" value="/mine"`) {
			t.Errorf("%s: the place to go on to is lost:\n%s", c.name, got.body)
		}
	}
}

// Over TLS cookies are for this host alone; a session begins under a new id, whatever the browser had.
func TestCookies(t *testing.T) {
	s := newSite(t, dbtest.Open(t, dbtest.SQLite), func(c *Config) { c.Public = "https://guichet.example/desk" })
	h := s.door.Handler()
	ask := func(method, to string, cookies ...*http.Cookie) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), method, to, nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	check := func(resp *http.Response, name string) *http.Cookie {
		t.Helper()
		for _, c := range resp.Cookies() {
			if c.Name == name && c.Value != "" {
				if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 {
					t.Errorf("%s", c)
				}
				return c
			}
		}
		t.Fatalf("no cookie %s: %v", name, resp.Header)
		return nil
	}
	resp := ask("GET", "/signin?to=/mine")
	pending := check(resp, "__Host-guichet-signin")
	back := newBrowser(t).stays().get(resp.Header.Get("Location")).header.Get("Location")
	path, of := strings.CutPrefix(back, "https://guichet.example/desk")
	if !of {
		t.Fatalf("people come back to %s", back)
	}
	planted := &http.Cookie{Name: "__Host-guichet", Value: words([]byte(strings.Repeat("x", idBytes+keyBytes)))}
	resp = ask("GET", path, pending, planted)
	if to := resp.Header.Get("Location"); resp.StatusCode != 303 || to != "/desk/mine" {
		t.Errorf("%d to %s", resp.StatusCode, to)
	}
	if c := check(resp, "__Host-guichet"); c.Value == planted.Value || len(c.Value) != 64 {
		t.Errorf("the session is %s", c.Value)
	}
}

// An issuer with a secret, scopes and parameters of its own.
func TestClients(t *testing.T) {
	database := dbtest.Open(t, dbtest.SQLite)
	s := newSite(t, database, func(c *Config) {
		c.Issuers[0].Web = &auth.Web{Client: "pages", SecretFile: "f", Scopes: []string{"offline_access"}, Parameters: map[string]string{"audience": "guichet"}}
	})
	var form url.Values
	s.issuer.set(func(is *issuer) { is.grants = func(f url.Values) { form = f } })
	newBrowser(t).get(s.URL+"/signin").says(t, 200, "ada")
	if q := s.issuer.asked; q.Get("scope") != "openid offline_access" || q.Get("audience") != "guichet" {
		t.Errorf("asked for %v", q)
	}
	if got := strings.Join(form["basic"], " "); got != "pages secret+of+f" {
		t.Errorf("the secret came as %q in %v", got, form)
	}
	s.issuer.set(func(is *issuer) {
		is.about = map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_post"}}
	})
	s.clock.forward(askAnew)
	newBrowser(t).get(s.URL+"/signin").says(t, 200, "ada")
	if form.Get("client_secret") != "secret of f" || form["basic"] != nil {
		t.Errorf("the secret came as %v", form)
	}
}
