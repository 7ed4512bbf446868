// Package web is the site: pages for people, made of what the API answers.
//
// In: requests of browsers. Out: HTML that works without scripts. Always: a page is made of the
// API's answers to the person who looks, asked within this process; what comes from outside is
// escaped, and in it what shows nothing or turns directions is written by its code; writes come
// from this site's own forms and end in a redirect. It must not hold a rule of its own: who may
// see or do what, the API says.
package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/gateway/problem"
	"guichet/gateway/web/signin"
	"guichet/gateway/web/words"
	"guichet/schemas"
)

// Config is what the site is made of.
type Config struct {
	API    http.Handler // answers below /api/v1
	Public string       // the site's address for the world, without a slash at its end; "" where none was set
	Log    *slog.Logger
	// Proxied says whether a proxy of the operator's sent a request on, which may call the site by any name.
	Proxied func(r *http.Request) bool
	// Token gives the access token of who signed in with this browser; false for nobody. Nil where
	// nobody can sign in with a browser.
	Token func(w http.ResponseWriter, r *http.Request) (token string, signedIn bool, err error)
}

// Site makes the pages. Safe for concurrent use.
type Site struct {
	Config
	words *words.Catalogue
	pages map[string]set // by language
	files map[string]file
	guard *http.CrossOriginProtection
}

// New reads words and templates.
func New(c Config) (*Site, error) {
	s := &Site{Config: c, pages: map[string]set{}, guard: http.NewCrossOriginProtection()}
	if u, err := url.Parse(c.Public); err == nil && u.Host != "" {
		err = s.guard.AddTrustedOrigin(u.Scheme + "://" + strings.ToLower(u.Host)) // a proxy may name another Host to us
		if err != nil {
			return nil, fmt.Errorf("trust the site's own address: %w", err)
		}
	}
	var err error
	s.files, err = static()
	if err != nil {
		return nil, err
	}
	s.words, err = words.Load()
	if err != nil {
		return nil, err
	}
	for _, r := range s.words.Readers() {
		s.pages[r.Tag], err = parse(r)
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Mount adds the pages. A dataset's address stays with the caller, who knows what else there
// is at it (Dataset).
func (s *Site) Mount(r gin.IRouter) {
	r = r.Group("/", func(c *gin.Context) {
		if !s.headers(c.Writer, c.Request) {
			c.Abort()
		}
	})
	for path, page := range map[string]func(v *visit) error{
		"/":                 s.home,
		"/datasets":         s.results,
		"/datasets/:id/ask": signed(s.ask),
		"/requests":         signed(s.requests),
		"/requests/:id":     signed(s.request),
		"/agreements":       signed(s.agreements),
		"/agreements/:id":   signed(s.agreement),
		"/record":           signed(s.record),
		"/me":               signed(s.me),
		"/operate":          signed(s.operate),
	} {
		r.GET(path, s.page(page))
		r.HEAD(path, s.page(page))
	}
	r.GET("/record/bundle", s.page(signed(s.bundle)))
	for path, write := range map[string]func(v *visit) error{
		"/datasets/:id/ask":      signed(s.askFor),
		"/datasets/:id/decision": signed(s.decision),
		"/requests/:id/review":   signed(s.review),
		"/agreements/:id/lease":  signed(s.lease),
		"/agreements/:id/revoke": signed(s.revoke),
		"/language":              s.language,
	} {
		r.POST(path, s.form, s.page(write))
		if page := formPage(path); page != path { // a page that answered a form is asked for anew, or its address is sent on
			r.GET(path, func(c *gin.Context) { c.Redirect(http.StatusSeeOther, formPage(c.Request.URL.EscapedPath())) })
		}
	}
	r.GET("/static/:name", s.serveFile)
}

// Dataset shows the dataset at whose address it is called.
func (s *Site) Dataset(c *gin.Context) {
	if s.headers(c.Writer, c.Request) {
		s.page(s.dataset)(c)
	}
}

// headers keep browsers from doing anything with a page but what it is for. It answers itself, and is
// false, where the site is called by a name that is not its own.
func (s *Site) headers(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	if s.hosted(r.Host) || s.Proxied != nil && s.Proxied(r) {
		return true
	}
	http.Error(w, "this site is at "+s.Public, http.StatusMisdirectedRequest)
	return false
}

// hosted says whether a request is for this site's own name: behind another one a foreign
// page could stand.
func (s *Site) hosted(host string) bool {
	u, err := url.Parse("//" + host)
	if err != nil {
		return false
	}
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	if s.Public == "" {
		return true
	}
	own, err := url.Parse(s.Public)
	return err == nil && strings.EqualFold(own.Hostname(), u.Hostname())
}

// maxForm bounds what a form sends, in bytes.
const maxForm = 64 << 10

// form lets through what a form of this site sent.
func (s *Site) form(c *gin.Context) {
	err := s.guard.Check(c.Request)
	if err != nil {
		s.fail(s.visit(c.Writer, c.Request), &schemas.Error{
			Kind:    schemas.Denied,
			Subject: "form",
			Message: "this was sent by another site, and nothing was done",
			Remedy:  "do it here",
			Err:     err,
		})
		c.Abort()
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
	err = c.Request.ParseForm()
	if err != nil {
		s.fail(s.visit(c.Writer, c.Request), &schemas.Error{
			Kind:    schemas.TooLarge,
			Subject: "form",
			Message: "the form holds more than can be sent at once, or cannot be read; nothing was done",
			Remedy:  "go back and shorten it",
			Err:     err,
		})
		c.Abort()
	}
}

// signed is a page for who signed in; others are sent to do so, and come back.
func signed(do func(v *visit) error) func(v *visit) error {
	return func(v *visit) error {
		err := v.signedIn()
		if err != nil {
			return err
		}
		return do(v)
	}
}

// page answers with what a page does, or with its error.
func (s *Site) page(do func(v *visit) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		v := s.visit(c.Writer, c.Request)
		v.id = c.Param("id")
		err := v.enter()
		if err == nil {
			err = do(v)
		}
		if err != nil {
			s.fail(v, err)
		}
	}
}

// Fail shows an error to a browser, such as that there is no page at an address.
func (s *Site) Fail(c *gin.Context, err error) {
	c.Abort()
	if !s.headers(c.Writer, c.Request) {
		return
	}
	v := s.visit(c.Writer, c.Request)
	_ = v.enter() // then it is a stranger's
	s.fail(v, err)
}

// SignIn draws a page of the sign-in.
func (s *Site) SignIn(w http.ResponseWriter, r *http.Request, status int, view signin.View) {
	if !s.headers(w, r) {
		return
	}
	v := s.visit(w, r)
	v.show(status, "signin", v.reader.T("signin.title"), &view)
}

// fail shows an error: what happened, what was kept, what to do.
func (s *Site) fail(v *visit, err error) {
	if schemas.KindOf(err) == schemas.Unauthenticated && v.me == nil && s.Token != nil && v.r.Method == http.MethodGet {
		http.Redirect(v.w, v.r, "/signin?to="+url.QueryEscape(v.r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if gone := v.ctx().Err(); gone != nil && schemas.KindOf(err) == schemas.Internal { // what the API said then is no fault of its own
		err = gone
	}
	p := problem.Of(err, s.Log)
	_, whole := errors.AsType[*schemas.Problem](err)
	if !whole && p.Status >= http.StatusInternalServerError && v.w.Header().Get("Retry-After") == "" {
		v.w.Header().Set("Retry-After", "5")
	}
	v.show(p.Status, "error", v.reader.T("error."+p.Type[len(problemType):]), p)
}
