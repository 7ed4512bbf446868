package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/words"
	"guichet/schemas"
)

// visit is one request of a browser: who reads in which language, and the API as that person
// calls it.
type visit struct {
	site   *Site
	w      http.ResponseWriter
	r      *http.Request
	id     string // of what the address names
	reader *words.Reader
	api    *client.Client
	me     *schemas.Identity // nil for nobody
	gone   error             // why somebody who signed in is nobody now
}

// languageCookie keeps the language that a reader chose.
const languageCookie = "language"

func (s *Site) visit(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{site: s, w: w, r: r, api: s.inside(r)}
	chosen := ""
	if c, err := r.Cookie(languageCookie); err == nil {
		chosen = c.Value
	}
	v.reader = s.words.For(chosen, r.Header.Get("Accept-Language"))
	return v
}

// enter finds out who visits. A session that ended makes a stranger of its person, and is no error
// on pages for everybody.
func (v *visit) enter() error {
	if v.site.Token == nil {
		return nil
	}
	token, ok, err := v.site.Token(v.w, v.r)
	if err != nil && schemas.KindOf(err) != schemas.Unauthenticated {
		return err
	}
	if !ok || err != nil {
		return nil
	}
	v.api = v.api.As(client.Static(token))
	var me schemas.Identity
	err = v.api.Get(v.ctx(), "/me", &me)
	if schemas.KindOf(err) == schemas.Unauthenticated {
		v.api, v.gone = v.site.inside(v.r), err
		return nil
	}
	if err != nil {
		return err
	}
	v.me = &me
	return nil
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// signedIn refuses strangers, who are sent to sign in and come back.
func (v *visit) signedIn() error {
	if v.me != nil {
		return nil
	}
	if v.gone != nil {
		return v.gone
	}
	return &schemas.Error{
		Kind:    schemas.Unauthenticated,
		Subject: "page",
		Message: v.reader.T("signin.needed"),
		Remedy:  v.reader.T("signin.remedy"),
	}
}

// has says whether the person acts in a role.
func (v *visit) has(role schemas.Role) bool {
	if v.me == nil {
		return false
	}
	for _, r := range v.me.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// frame is what every page has around what it shows.
type frame struct {
	Title  string
	Me     *schemas.Identity
	SignIn bool   // one can
	Here   string // the page's own address on this site
	Nav    []link
	Others []*words.Reader // who read other languages
	Body   any
}

// link is a way to another page.
type link struct {
	To, Text string
	Current  bool
}

// nav is where this person may want to go. The API decides what is found there.
func (v *visit) nav() []link {
	here := v.r.URL.Path
	way := func(to string) link {
		return link{to, v.reader.T("nav." + to[1:]), here == to || strings.HasPrefix(here, to+"/")}
	}
	out := []link{way("/datasets")}
	if v.me == nil {
		return out
	}
	if v.has(schemas.RoleProvider) {
		own := url.Values{"provider": {string(v.me.Participant)}}
		out[0].Current = out[0].Current && v.r.URL.Query().Get("provider") == ""
		out = append(out, link{at("/datasets", own), v.reader.T("nav.provide"), v.r.URL.RequestURI() == at("/datasets", own)})
	}
	out = append(out, way("/requests"), way("/agreements"), way("/record"))
	if v.has(schemas.RoleOperator) {
		out = append(out, way("/operate"))
	}
	return out
}

// show answers with a page of the site.
func (v *visit) show(status int, name, title string, body any) {
	f := frame{Title: title, Me: v.me, SignIn: v.site.Token != nil, Here: v.here(), Nav: v.nav(), Body: body}
	for _, r := range v.site.words.Readers() {
		if r != v.reader {
			f.Others = append(f.Others, r)
		}
	}
	v.write(status, name, "page", f)
}

// here is the address of the page that is shown, for coming back to it: after a form that of
// the page it stands on.
func (v *visit) here() string {
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		return v.r.URL.RequestURI()
	}
	return formPage(v.r.URL.EscapedPath())
}

// formPage is the page on which the form stands that is sent to a path.
func formPage(path string) string {
	i := strings.LastIndexByte(path, '/')
	switch {
	case strings.HasSuffix(path, "/ask"):
		return path
	case i == 0:
		return "/"
	}
	return path[:i]
}

// part answers with a part of a page, which a script puts in its place.
func (v *visit) part(name, part string, body any) { v.write(http.StatusOK, name, part, body) }

// write fills a template. Nothing is sent of a page that cannot be made whole.
func (v *visit) write(status int, name, part string, data any) {
	var b bytes.Buffer
	err := v.site.pages[v.reader.Tag][name].ExecuteTemplate(&b, part, data)
	if err != nil {
		v.site.Log.Error("a page cannot be made", "page", name, "err", err)
		http.Error(v.w, "this page cannot be made; the operator finds why in the log", http.StatusInternalServerError)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.reader.Tag)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, Accept-Encoding, Accept-Language, Cookie")
	page := harmless(b.Bytes())
	if v.r.Method == http.MethodGet && unpacks(v.r) { // what a form is answered with may hold a secret, whose length would tell of it
		h.Set("Content-Encoding", "gzip")
		page = packed(page)
	}
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(page) // the browser may be gone
	}
}

// to sends the browser on after a write, so that going back repeats nothing.
func (v *visit) to(format string, parts ...string) {
	escaped := make([]any, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	http.Redirect(v.w, v.r, fmt.Sprintf(format, escaped...), http.StatusSeeOther)
}

// A form that is sent while it is being answered waits for that answer, a while.
const (
	sentAgain  = 100 * time.Millisecond
	mostAwaits = 50
)

// once sends what a form says, and gives what it was answered first, however often it is sent: who presses
// a button twice sees the second answer.
func (v *visit) once(path, key string, in, out any) error {
	for n := 0; ; n++ {
		err := v.api.Post(v.ctx(), path, in, out, client.Idempotent("form-"+key))
		e, is := errors.AsType[*schemas.Error](err)
		if !is || e.Kind != schemas.Conflict || e.Subject != "Idempotency-Key" || n == mostAwaits {
			return err
		}
		select {
		case <-v.ctx().Done():
			return err
		case <-time.After(sentAgain):
		}
	}
}

// param is a part of the path, for the API's.
func (v *visit) param() string { return url.PathEscape(v.id) }
