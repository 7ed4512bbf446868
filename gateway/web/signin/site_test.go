package signin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/gateway/auth"
	"guichet/schemas"
)

// clock is everybody's in a test; it moves when it is told to.
type clock struct {
	began time.Time
	ahead atomic.Int64
}

func (c *clock) now() time.Time          { return c.began.Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// registry knows ada, as long as she is a member.
type registry struct{ left atomic.Bool }

func (r *registry) Member(_ context.Context, _, subject string) (schemas.ParticipantID, []schemas.Role, error) {
	if r.left.Load() || subject != "ada" {
		return "", nil, schemas.Errorf(schemas.NotFound, subject, "no participant has this member")
	}
	return "https://crop-ai.example", []schemas.Role{schemas.RoleTrainer}, nil
}

// site is a gateway's pages in small: / says who is signed in.
type site struct {
	*httptest.Server
	t       *testing.T
	door    *Door
	judge   *auth.Authenticator
	clock   *clock
	members *registry
	issuer  *issuer
}

const key32 = "0123456789abcdef0123456789abcdef"

// newSite makes one; each f changes its settings.
func newSite(t *testing.T, database *db.DB, list ...func(c *Config)) *site {
	t.Helper()
	s := &site{t: t, clock: &clock{began: time.Now()}, members: &registry{}}
	s.issuer = newIssuer(t, s.clock.now)
	return s.replica(database, list...)
}

// replica makes another gateway over a database, with the same issuer and clock.
func (s *site) replica(database *db.DB, list ...func(c *Config)) *site {
	s.t.Helper()
	out := *s
	c := Config{DB: database, Key: []byte(key32), Now: s.clock.now, Secret: func(f string) (string, error) { return "secret of " + f, nil },
		Issuers: []auth.Issuer{{Issuer: s.issuer.URL, Audiences: []string{"guichet"}, Own: true, Name: "The <issuer>", Web: &auth.Web{Client: "pages"}}}}
	for _, f := range list {
		f(&c)
	}
	out.judge = auth.New(c.Issuers, s.members, s.clock.now)
	c.Auth = out.judge
	mux := http.NewServeMux()
	out.Server = httptest.NewServer(mux)
	s.t.Cleanup(out.Close)
	out.door = New(c)
	mux.Handle("/signin", out.door.Handler())
	mux.Handle("/signin/", out.door.Handler())
	mux.Handle("/signout", out.door.Handler())
	mux.HandleFunc("/", out.home)
	return &out
}

// home says who is signed in, as a page does.
func (s *site) home(w http.ResponseWriter, r *http.Request) {
	token, ok, err := s.door.Token(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if !ok {
		fmt.Fprintf(w, "at %s: nobody", r.URL)
		return
	}
	by, err := s.judge.Principal(r.Context(), token)
	fmt.Fprintf(w, "at %s: %s %v %v", r.URL, by.Subject, by.Roles, err)
}

// browser keeps cookies and follows redirects.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar}, t}
}

// page is an answer, read whole.
type page struct {
	status int
	header http.Header
	body   string
	at     *url.URL
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	resp, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header, string(body), resp.Request.URL}
}

func (b *browser) get(address string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(address string, form url.Values, headers ...string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

// stays follows no redirect.
func (b *browser) stays() *browser {
	c := *b.Client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{&c, b.t}
}

// cookie gives the value of one that the browser has for a site.
func (b *browser) cookie(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// putCookie gives the browser one.
func (b *browser) putCookie(address, name, value string) {
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// says fails where a page does not say something.
func (p page) says(t *testing.T, status int, words ...string) {
	t.Helper()
	for _, w := range words {
		if p.status != status || !strings.Contains(p.body, w) {
			t.Errorf("%s: %d, want %d with %q:\n%s", p.at, p.status, status, w, p.body)
		}
	}
}

// People sign in, see who they are at the place they came from, and sign out.
func TestSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s, b := newSite(t, database), newBrowser(t)
		b.get(s.URL+"/").says(t, 200, "nobody")
		b.get(s.URL+"/signin?to=%2Fdatasets%3Fq%3Dwheat").says(t, 200, "at /datasets?q=wheat: ada [trainer]")
		q := s.issuer.asked
		if q.Get("client_id") != "pages" || q.Get("redirect_uri") != s.URL+"/signin/answer" || q.Get("response_type") != "code" ||
			q.Get("scope") != "openid" || q.Get("code_challenge_method") != "S256" || len(q.Get("nonce")) < 20 || len(q.Get("state")) < 20 {
			t.Errorf("asked for %v", q)
		}
		b.get(s.URL+"/").says(t, 200, "at /: ada [trainer]")
		newBrowser(t).get(s.URL+"/").says(t, 200, "nobody")
		b.post(s.URL+"/signout", nil).says(t, 200, "at /: nobody")
		if left := b.cookie(s.URL, "guichet") + b.cookie(s.URL, "guichet-signin"); left != "" {
			t.Errorf("cookies are left: %s", left)
		}
	})
}
