package signin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"guichet/connectors/db/dbtest"
	"guichet/gateway/auth"
)

// Nobody is led off this site.
func TestPathsToGoOnTo(t *testing.T) {
	for to, want := range map[string]string{
		"/": "/", "/datasets?q=a%20b&x=1": "/datasets?q=a%20b&x=1", "/participants/https%3A%2F%2Forg.example": "/participants/https%3A%2F%2Forg.example",
		"/a?to=//evil.example": "/a?to=//evil.example", "/é": "/%C3%A9", "/a?é <b>": "/a?%C3%A9%20%3Cb%3E", "/a#frag": "/a", "/signed": "/signed",
		"": "/", "datasets": "/", "//evil.example": "/", "///evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/", "/%5Cevil.example": "/",
		"/%5cevil.example": "/", "/%2Fevil.example": "/", "/%2f%2fevil.example": "/", "https://evil.example": "/", "https:evil.example": "/",
		"javascript:alert(1)": "/", "//evil.example@guichet.example": "/", "/\t/evil.example": "/", "\t//evil.example": "/", "/%09/evil.example": "/",
		"/a//evil.example": "/", "/..//evil.example": "/", "/./a": "/", "/%2e%2e//evil": "/", "/a/%2E./b": "/", "/a\r\nSet-Cookie: x": "/",
		"/%0d%0aSet-Cookie": "/", "/%": "/", "/\x00": "/", "/\xff": "/", " /a": "/", "?a": "/", "#a": "/", "/signin": "/", "/signin/answer?code=x": "/",
		"/signout": "/", "/sign%69n": "/", "/" + strings.Repeat("a", maxTo): "/", "http:///evil.example": "/", "/:80/a": "/:80/a",
	} {
		if got := Local(to); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
}

// FuzzPaths: whatever is given, a browser stays at this host.
func FuzzPaths(f *testing.F) {
	for _, s := range []string{"/a", "//b", `/\b`, "/%2Fb", "https://b", "/a?b#c"} {
		f.Add(s)
	}
	base, err := url.Parse("https://guichet.example/signin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to string) {
		got := Local(to)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(got, "\\\t\r\n") {
			t.Errorf("%q leads to %q: %v, %v", to, got, u, err)
		}
	})
}

// With several issuers people choose; the form is this site's alone, and answers with a page,
// whose Refresh leads on.
func TestChoice(t *testing.T) {
	var second *issuer
	s := newSite(t, dbtest.Open(t, dbtest.SQLite), func(c *Config) {
		second = newIssuer(t, c.Now)
		c.Issuers = append(c.Issuers, auth.Issuer{Issuer: second.URL, Audiences: []string{"guichet"}, Own: true, Web: &auth.Web{Client: "pages"}},
			auth.Issuer{Issuer: "https://programs.example"})
	})
	b := newBrowser(t)
	list := b.get(s.URL + `/signin?to=/a%3Fb="<i>`)
	list.says(t, 200, "The &lt;issuer&gt;", strings.TrimPrefix(second.URL, "http://"), `value="/a?b=%22%3Ci%3E"`)
	if strings.Contains(list.body, "programs.example") || b.cookie(s.URL, pendingCookie) != "" {
		t.Errorf("shown:\n%s", list.body)
	}
	form := url.Values{"issuer": {second.URL}, "to": {"/mine"}}
	on := b.post(s.URL+"/signin", form, "Sec-Fetch-Site", "same-origin")
	onward, found := strings.CutPrefix(on.header.Get("Refresh"), "0; url=")
	if on.status != 200 || !found || !strings.HasPrefix(onward, second.URL+"/authorize?") || strings.ContainsAny(onward, " \r\n\"'") {
		t.Errorf("%d, Refresh %q", on.status, on.header.Get("Refresh"))
	}
	on.says(t, 200, strings.ReplaceAll(onward, "&", "&amp;"))
	b.get(onward).says(t, 200, "at /mine: ada")
	for _, c := range []struct {
		name    string
		form    url.Values
		headers []string
		status  int
		says    string
	}{
		{"of another site", form, []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site sent this form"},
		{"of a sister site", form, []string{"Sec-Fetch-Site", "same-site"}, 403, "another site sent this form"},
		{"of another origin", form, []string{"Origin", "https://evil.example"}, 403, "another site sent this form"},
		{"no issuer", url.Values{}, nil, 404, "cannot sign in here at this issuer"},
		{"another issuer", url.Values{"issuer": {"https://evil.example"}}, nil, 404, "cannot sign in here at this issuer"},
		{"one that offers none", url.Values{"issuer": {"https://programs.example"}}, nil, 404, "cannot sign in here at this issuer"},
		{"too much", url.Values{"issuer": {strings.Repeat("x", maxForm)}}, nil, 422, "the form cannot be read"},
	} {
		got := b.post(s.URL+"/signin", c.form, c.headers...)
		if got.status != c.status || !strings.Contains(got.body, c.says) || got.header.Get("Refresh") != "" {
			t.Errorf("%s: %d, want %d with %q:\n%s", c.name, got.status, c.status, c.says, got.body)
		}
	}
	b.post(s.URL+"/signout", nil, "Sec-Fetch-Site", "cross-site").says(t, 403, "another site sent this form")
	b.get(s.URL+"/").says(t, 200, "ada")
}

// A site that is not reached by its own address, or has no issuer for browsers, says so; Host
// names no place to come back to.
func TestWhereNobodySignsIn(t *testing.T) {
	database := dbtest.Open(t, dbtest.SQLite)
	s := newSite(t, database)
	ask := func(d *Door, host string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/signin", nil)
		r.Host = host
		w := httptest.NewRecorder()
		d.Handler().ServeHTTP(w, r)
		return w
	}
	public := s.replica(database, func(c *Config) { c.Public = "https://guichet.example" }).door
	plain := s.replica(database, func(c *Config) { c.Public = "http://guichet.example" }).door
	none := s.replica(database, func(c *Config) { c.Issuers[0].Web = nil }).door
	for _, c := range []struct {
		name   string
		door   *Door
		host   string
		status int
		says   string // or where people come back to
	}{
		{"this machine", s.door, "127.0.0.1:8480", 303, "http://127.0.0.1:8480/signin/answer"},
		{"this machine, by name", s.door, "localhost", 303, "http://localhost/signin/answer"},
		{"this machine, IPv6", s.door, "[::1]:8480", 303, "http://[::1]:8480/signin/answer"},
		{"another name", s.door, "evil.example", 422, "cannot sign in with a browser at this address"},
		{"another address", s.door, "192.0.2.1", 422, "cannot sign in with a browser at this address"},
		{"no host", s.door, "", 422, "cannot sign in with a browser at this address"},
		{"a named site, behind a proxy", public, "127.0.0.1:8480", 303, "https://guichet.example/signin/answer"},
		{"a named site", public, "evil.example", 303, "https://guichet.example/signin/answer"},
		{"without TLS", plain, "guichet.example", 422, "cannot sign in with a browser at this address"},
		{"no issuer", none, "localhost", 404, "no issuer of this site offers sign-in"},
	} {
		w := ask(c.door, c.host)
		says := w.Body.String()
		if u, err := url.Parse(w.Header().Get("Location")); err == nil && c.status == 303 {
			says = u.Query().Get("redirect_uri")
		}
		if w.Code != c.status || !strings.Contains(says, c.says) {
			t.Errorf("%s: %d, want %d with %q: %s", c.name, w.Code, c.status, c.says, says)
		}
	}
}

// Issuers are asked when somebody signs in; one that is away, or lies, is an answer in words,
// and is asked again soon.
func TestIssuersThatAreAway(t *testing.T) {
	s := newSite(t, dbtest.Open(t, dbtest.SQLite))
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(elsewhere.Close)
	for _, c := range []struct {
		name  string
		about map[string]any
	}{
		{"another issuer's description", map[string]any{"issuer": "https://evil.example"}},
		{"keys elsewhere", map[string]any{"jwks_uri": elsewhere.URL}},
		{"tokens elsewhere", map[string]any{"token_endpoint": elsewhere.URL}},
		{"no place to sign in", map[string]any{"authorization_endpoint": ""}},
		{"a place that is none", map[string]any{"authorization_endpoint": "javascript:alert(1)"}},
		{"without end", map[string]any{"more": strings.Repeat("x", 2<<20)}},
	} {
		s.issuer.set(func(is *issuer) { is.about = c.about })
		s.clock.forward(askAnew)
		b := newBrowser(t)
		got := b.get(s.URL + "/signin")
		if got.status != 503 && got.status != 401 || b.cookie(s.URL, sessionCookie) != "" || reached {
			t.Errorf("%s: %d, reached %v:\n%s", c.name, got.status, reached, got.body)
		}
	}
	s.issuer.set(func(is *issuer) { is.about = nil })
	got := newBrowser(t).get(s.URL + "/signin")
	if got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("asked again at once: %d", got.status)
	}
	s.clock.forward(askAgain)
	newBrowser(t).get(s.URL+"/signin").says(t, 200, "ada")
	s.issuer.Close()
	s.clock.forward(askAnew)
	newBrowser(t).get(s.URL+"/signin").says(t, 503, "does not answer")
}
