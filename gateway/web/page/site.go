// Package page is what all pages of the site have in common.
//
// In: requests of browsers, and parts: the pages and forms of one matter with their templates.
// Out: HTML that works without scripts. Always: a page is made of the API's answers to the person
// who looks, asked within this process; what comes from outside is escaped, and in it what shows
// nothing or turns directions is written by its code; writes come from this site's own forms and
// end in a redirect. It must not hold a rule of its own: who may see or do what, the API says.
//
//	browser ─▶ Site (headers, hosts, origin of forms) ─▶ Visit (who, which language) ─▶ a page of a Part
//	               the API, within the process, as the person ◀──────────────────────────────┘
//
// A page that cannot be made whole is not sent. What the API refuses is a page that says so, with what to do.
package page

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/gateway/problem"
	"guichet/gateway/web/signin"
	"guichet/gateway/web/words"
	"guichet/policy/turn"
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

// Part is the pages of one matter.
type Part struct {
	// Templates holds one for each page, templates/NAME.html, and those of its own that several use,
	// templates/_NAME.html. Names of pages are of the whole site.
	Templates fs.FS
	Pages     map[string]func(v *Visit) error // by their paths, for gin: GET and HEAD
	Files     map[string]func(v *Visit) error // the same, of what is loaded: GET alone
	Forms     map[string]func(v *Visit) error // POST; the page that holds a form is at its path or at the one above
	Uploads   map[string]func(v *Visit) error // the same, of forms with files
	Streams   map[string]func(v *Visit) error // the same, of forms with a large file: see Visit.Sent
}

// Site makes the pages. Safe for concurrent use.
type Site struct {
	Config
	parts []Part
	words *words.Catalogue
	pages map[string]set // by language
	files map[string]file
	guard *http.CrossOriginProtection
	sent  chan struct{}
	packer
	// streams are the turns of large files.
	streams *turn.Turns
}

// New reads words and templates.
func New(c Config, parts ...Part) (*Site, error) {
	s := &Site{Config: c, parts: parts, pages: map[string]set{}, guard: http.NewCrossOriginProtection(), sent: make(chan struct{}, mostSent),
		streams: turn.New(mostStreams)}
	if u, err := url.Parse(c.Public); err == nil && u.Host != "" {
		err = s.guard.AddTrustedOrigin(u.Scheme + "://" + strings.ToLower(u.Host)) // a proxy may name another Host to us
		if err != nil {
			return nil, fmt.Errorf("trust the site's own address: %w", err)
		}
	}
	var err error
	s.files, err = static(&s.packer)
	if err != nil {
		return nil, err
	}
	s.words, err = words.Load()
	if err != nil {
		return nil, err
	}
	for _, r := range s.words.Readers() {
		s.pages[r.Tag], err = parse(r, parts)
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Mount adds the pages.
func (s *Site) Mount(r gin.IRouter) {
	r = r.Group("/", func(c *gin.Context) {
		if !s.headers(c.Writer, c.Request) {
			c.Abort()
		}
	})
	for _, part := range s.parts {
		for path, page := range part.Pages {
			r.GET(path, s.page(page))
			r.HEAD(path, s.page(page))
		}
		for path, file := range part.Files {
			r.GET(path, s.page(file))
		}
		for path, write := range part.Forms {
			s.mountForm(r, path, maxForm, write)
		}
		for path, write := range part.Uploads {
			s.mountForm(r, path, maxUpload, write)
		}
		for path, write := range part.Streams {
			s.mountStream(r, path, write)
		}
	}
	s.mountForm(r, "/language", maxForm, language)
	r.GET("/static/:name", s.serveFile)
}

// mountForm adds a form. A page that answered one is asked for anew, or its address is sent on: it leads to
// the page that the form stands on. most bounds what is sent, in bytes.
func (s *Site) mountForm(r gin.IRouter, path string, most int64, write func(v *Visit) error) {
	r.POST(path, func(c *gin.Context) { s.form(c, most) }, s.page(write))
	if page := formPage(path); page != path {
		r.GET(path, func(c *gin.Context) { c.Redirect(http.StatusSeeOther, formPage(c.Request.URL.EscapedPath())) })
	}
}

// At answers with a page whose address the caller shares with something else.
func (s *Site) At(c *gin.Context, page func(v *Visit) error) {
	if s.headers(c.Writer, c.Request) {
		s.page(page)(c)
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

// What a form sends at most, in bytes: without files, and with one, which is what the API reads at most.
const (
	maxForm   = 64 << 10
	maxUpload = 4 << 20
)

// mostSent is how many forms with files are read and answered at once.
const mostSent = 8

// ours refuses what another site sent. Errors: Denied.
func (s *Site) ours(r *http.Request) error {
	err := s.guard.Check(r)
	if err != nil {
		return &schemas.Error{
			Kind:    schemas.Denied,
			Subject: "form",
			Message: "this was sent by another site, and nothing was done",
			Remedy:  "do it here",
			Err:     err,
		}
	}
	return nil
}

// form lets through what a form of this site sent.
func (s *Site) form(c *gin.Context, most int64) {
	err := s.ours(c.Request)
	if err != nil {
		s.fail(s.visit(c.Writer, c.Request), err)
		c.Abort()
		return
	}
	if most > maxForm { // files are read of who signed in alone, and of few at once
		back, err := s.mayUpload(c)
		if err != nil {
			s.fail(s.visit(c.Writer, c.Request), err)
			c.Abort()
			return
		}
		defer back()
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, most)
	if most > maxForm && strings.HasPrefix(c.GetHeader("Content-Type"), "multipart/form-data") {
		err = c.Request.ParseMultipartForm(most)
	} else {
		err = c.Request.ParseForm()
	}
	if err != nil {
		s.fail(s.visit(c.Writer, c.Request), &schemas.Error{
			Kind:    schemas.TooLarge,
			Subject: "form",
			Message: "the form holds more than can be sent at once, or cannot be read; nothing was done",
			Remedy:  "go back and shorten it",
			Err:     err,
		})
		c.Abort()
		return
	}
	retyped(c.Request.Form)
	retyped(c.Request.PostForm)
	if m := c.Request.MultipartForm; m != nil {
		retyped(m.Value)
	}
	c.Next() // the turn is held until it is answered
}

// mayUpload lets somebody who signed in send a file, when it is her turn; back gives the turn back. Errors:
// Unauthenticated, Busy.
func (s *Site) mayUpload(c *gin.Context) (back func(), err error) {
	v := s.visit(c.Writer, c.Request)
	err = v.enter()
	if err == nil {
		err = v.signedIn()
	}
	if err != nil {
		return nil, err
	}
	select {
	case s.sent <- struct{}{}:
		return func() { <-s.sent }, nil
	default:
		return nil, schemas.Errorf(schemas.Busy, "form", "many files are being sent: send it again in a moment")
	}
}

// Signed is a page for who signed in; others are sent to do so, and come back.
func Signed(do func(v *Visit) error) func(v *Visit) error {
	return func(v *Visit) error {
		err := v.signedIn()
		if err != nil {
			return err
		}
		return do(v)
	}
}

// page answers with what a page does, or with its error.
func (s *Site) page(do func(v *Visit) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		v := s.visit(c.Writer, c.Request)
		v.ID = cmp.Or(c.Param("id"), c.Param("secret")) // what is called a secret is not logged
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
	v.Show(status, "signin", v.Reader.T("signin.title"), &view)
}

// unsent is a form that came after its person's session had ended, to be sent again.
type unsent struct {
	To     string
	Fields []field
}

// field is a value of a form.
type field struct{ Name, Value string }

// typed lists the fields of a form.
func typed(form url.Values) []field {
	var out []field
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			out = append(out, field{name, value})
		}
	}
	return out
}

// wrong is what an error's page says: to who belongs to no organisation also how to join.
type wrong struct {
	*schemas.Problem
	Lost    bool
	Helpers []Helper
}

// fail shows an error: what happened, what was kept, what to do.
func (s *Site) fail(v *Visit, err error) {
	if schemas.KindOf(err) == schemas.Unauthenticated && v.Me == nil && s.Token != nil && v.R.Method == http.MethodGet {
		http.Redirect(v.W, v.R, "/signin?to="+url.QueryEscape(v.R.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if schemas.KindOf(err) == schemas.Unauthenticated && v.Me == nil && s.Token != nil && len(v.R.PostForm) > 0 {
		v.Show(http.StatusUnauthorized, "resend", v.Reader.T("resend.title"), unsent{v.R.URL.RequestURI(), typed(v.R.PostForm)})
		return
	}
	if gone := v.Ctx().Err(); gone != nil && schemas.KindOf(err) == schemas.Internal { // what the API said then is no fault of its own
		err = gone
	}
	p := problem.Of(err, s.Log)
	_, whole := errors.AsType[*schemas.Problem](err)
	if !whole && p.Status >= http.StatusInternalServerError && v.W.Header().Get("Retry-After") == "" {
		v.W.Header().Set("Retry-After", "5")
	}
	lost := v.Me != nil && v.Me.Participant == "" && p.Status == http.StatusForbidden
	v.Show(p.Status, "error", v.Reader.T("error."+p.Type[len(problemType):]), wrong{p, lost, v.Helpers(nil, "")})
}
