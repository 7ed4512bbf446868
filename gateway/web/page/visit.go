package page

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/signin"
	"guichet/gateway/web/words"
	"guichet/schemas"
)

// Visit is one request of a browser: who reads in which language, and the API as that person
// calls it.
type Visit struct {
	Site   *Site
	W      http.ResponseWriter
	R      *http.Request
	ID     string // of what the address names
	Reader *words.Reader
	API    *client.Client
	Me     *schemas.Identity // nil for nobody
	Sent   *Sent             // the file of a form of Part.Streams
	gone   error             // why somebody who signed in is nobody now
}

// languageCookie keeps the language that a reader chose.
const languageCookie = "language"

func (s *Site) visit(w http.ResponseWriter, r *http.Request) *Visit {
	v := &Visit{Site: s, W: w, R: r, API: s.inside(r)}
	chosen := ""
	if c, err := r.Cookie(languageCookie); err == nil {
		chosen = c.Value
	}
	v.Reader = s.words.For(chosen, r.Header.Get("Accept-Language"))
	return v
}

// enter finds out who visits. A session that ended makes a stranger of its person, and is no error
// on pages for everybody.
func (v *Visit) enter() error {
	if v.Site.Token == nil {
		return nil
	}
	token, ok, err := v.Site.Token(v.W, v.R)
	if err != nil && schemas.KindOf(err) != schemas.Unauthenticated {
		return err
	}
	if !ok || err != nil {
		return nil
	}
	v.API = v.API.As(client.Static(token))
	var me schemas.Identity
	err = v.API.Get(v.Ctx(), "/me", &me)
	if schemas.KindOf(err) == schemas.Unauthenticated {
		v.API, v.gone = v.Site.inside(v.R), err
		return nil
	}
	if err != nil {
		return err
	}
	v.Me = &me
	return nil
}

// Ctx is of the request.
func (v *Visit) Ctx() context.Context { return v.R.Context() }

// signedIn refuses strangers, who are sent to sign in and come back.
func (v *Visit) signedIn() error {
	if v.Me != nil {
		return nil
	}
	if v.gone != nil {
		return v.gone
	}
	return &schemas.Error{
		Kind:    schemas.Unauthenticated,
		Subject: "page",
		Message: v.Reader.T("signin.needed"),
		Remedy:  v.Reader.T("signin.remedy"),
	}
}

// Has says whether the person acts in a role.
func (v *Visit) Has(role schemas.Role) bool {
	if v.Me == nil {
		return false
	}
	for _, r := range v.Me.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// Projects are those that the person takes part in; none for who may not have any.
func (v *Visit) Projects() ([]schemas.Project, error) {
	if v.Me == nil || v.Me.Participant == "" {
		return nil, nil
	}
	all, err := client.All[schemas.Project](v.Ctx(), v.API, "/projects?limit=1000&own=true") // officers read those of others too
	if schemas.KindOf(err) == schemas.Denied {
		return nil, nil
	}
	return all, err
}

// Called are the titles of the person's projects; what is no project of hers is called by its id.
type Called map[schemas.ProjectID]string

// Of is what a project is called.
func (c Called) Of(id schemas.ProjectID) string { return Cut(80, cmp.Or(c[id], string(id))) }

// Called asks for them.
func (v *Visit) Called() (Called, error) {
	projects, err := v.Projects()
	return CalledOf(projects), err
}

// CalledOf are the titles of some projects.
func CalledOf(projects []schemas.Project) Called {
	out := Called{}
	for i := range projects {
		out[projects[i].ID] = projects[i].Title
	}
	return out
}

// Organisations are the names of organisations; one whose name the reader may not know is called by its id.
type Organisations map[schemas.ParticipantID]string

// Of is what an organisation is called.
func (n Organisations) Of(id any) string {
	said := fmt.Sprint(id)
	return Cut(80, cmp.Or(n[schemas.ParticipantID(said)], said))
}

// Names asks for those of organisations, of up to 200.
func (v *Visit) Names(ids ...schemas.ParticipantID) (Organisations, error) {
	const most = 200
	var asked []string
	for _, id := range ids {
		if s := string(id); s != "" && !strings.Contains(s, ",") && !slices.Contains(asked, s) && len(asked) < most {
			asked = append(asked, s)
		}
	}
	if len(asked) == 0 || v.Me == nil || v.Me.Participant == "" {
		return nil, nil
	}
	var found struct {
		Names Organisations `json:"names"`
	}
	err := v.API.Get(v.Ctx(), "/names?"+url.Values{"id": {strings.Join(asked, ",")}}.Encode(), &found)
	if kind := schemas.KindOf(err); kind == schemas.NotFound || kind == schemas.Denied {
		return nil, nil // they are called by their ids
	}
	return found.Names, err
}

// Titles are those of datasets that the person may see: an id says little.
func (v *Visit) Titles(ids []schemas.DatasetID) (map[schemas.DatasetID]schemas.Text, error) {
	out := map[schemas.DatasetID]schemas.Text{}
	if len(ids) == 0 {
		return out, nil
	}
	var named []string
	for _, id := range ids {
		if !slices.Contains(named, string(id)) && len(named) < 1000 {
			named = append(named, string(id))
		}
	}
	var found schemas.Found
	err := v.API.Get(v.Ctx(), "/datasets?"+url.Values{"id": {strings.Join(named, ",")}, "brief": {"true"}, "limit": {"1000"}}.Encode(), &found)
	for _, h := range found.Items {
		out[h.ID] = h.Title
	}
	return out, err
}

// frame is what every page has around what it shows.
type frame struct {
	Title  string
	Me     *schemas.Identity
	SignIn bool   // one can
	Here   string // the page's own address on this site
	Nav    []link
	Others []*words.Reader // who read other languages
	Once   bool            // it answers a form: its address does not show it again, with what was typed and what is shown once
	Body   any
}

// link is a way to another page.
type link struct {
	To, Text string
	Current  bool
}

// nav is where this person may want to go. The API decides what is found there.
func (v *Visit) nav() []link {
	here := v.R.URL.Path
	way := func(to string) link {
		return link{to, v.Reader.T("nav." + to[1:]), here == to || strings.HasPrefix(here, to+"/")}
	}
	out := []link{way("/datasets")}
	if v.Me == nil || v.Me.Participant == "" { // who belongs to no organisation has nothing elsewhere
		return out
	}
	if v.Has(schemas.RoleProvider) {
		out = append(out, way("/provide"))
	}
	out = append(out, way("/requests"), way("/agreements"))
	if v.Has(schemas.RoleTrainer) || v.Has(schemas.RoleOfficer) {
		out = append(out, way("/runs"))
	}
	if v.Has(schemas.RoleTrainer) {
		out = append(out, way("/calls"))
	}
	out = append(out, way("/record"), way("/reports"))
	if v.Has(schemas.RoleOperator) {
		out = append(out, way("/operate"))
	}
	return out
}

// Show answers with a page of the site.
func (v *Visit) Show(status int, name, title string, body any) {
	f := frame{Title: title, Me: v.Me, SignIn: v.Site.Token != nil, Here: v.Here(), Nav: v.nav(), Body: body,
		Once: v.R.Method == http.MethodPost}
	for _, r := range v.Site.words.Readers() {
		if r != v.Reader {
			f.Others = append(f.Others, r)
		}
	}
	v.write(status, name, "page", f)
}

// Here is the address of the page that is shown, for coming back to it: after a form that of
// the page it stands on.
func (v *Visit) Here() string {
	if v.R.Method == http.MethodGet || v.R.Method == http.MethodHead {
		return v.R.URL.RequestURI()
	}
	return formPage(v.R.URL.EscapedPath())
}

// Address is the site's own, without a slash at its end, as lines to copy name it: the one that was set, else that by
// which the browser calls it.
func (v *Visit) Address() string {
	switch {
	case v.Site.Public != "":
		return v.Site.Public
	case v.R.TLS != nil:
		return "https://" + v.R.Host
	}
	return "http://" + v.R.Host
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

// Part answers with a part of a page, which a script puts in its place.
func (v *Visit) Part(name, part string, body any) { v.write(http.StatusOK, name, part, body) }

// write fills a template. Nothing is sent of a page that cannot be made whole.
func (v *Visit) write(status int, name, part string, data any) {
	var b bytes.Buffer
	err := v.Site.pages[v.Reader.Tag][name].ExecuteTemplate(&b, part, data)
	if err != nil {
		v.Site.Log.Error("a page cannot be made", "page", name, "err", err)
		http.Error(v.W, "this page cannot be made; the operator finds why in the log", http.StatusInternalServerError)
		return
	}
	h := v.W.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Reader.Tag)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, Accept-Encoding, Accept-Language, Cookie")
	page := harmless(b.Bytes())
	if v.R.Method == http.MethodGet && unpacks(v.R) { // what a form is answered with may hold a secret, whose length would tell of it
		h.Set("Content-Encoding", "gzip")
		page = v.Site.packer.pack(page)
	}
	v.W.WriteHeader(status)
	if v.R.Method != http.MethodHead {
		_, _ = v.W.Write(page) // the browser may be gone
	}
}

// To sends the browser on after a write, so that going back repeats nothing.
func (v *Visit) To(format string, parts ...string) {
	escaped := make([]any, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	http.Redirect(v.W, v.R, fmt.Sprintf(format, escaped...), http.StatusSeeOther)
}

// A form that is sent while it is being answered waits for that answer, a while.
const (
	sentAgain  = 100 * time.Millisecond
	mostAwaits = 50
)

// Once sends what a form says, and gives what it was answered first, however often it is sent: who presses
// a button twice sees the second answer.
func (v *Visit) Once(path, key string, in, out any, more ...client.Option) error {
	more = append([]client.Option{client.Idempotent("form-" + key)}, more...)
	for n := 0; ; n++ {
		err := v.API.Post(v.Ctx(), path, in, out, more...)
		e, is := errors.AsType[*schemas.Error](err)
		if !is || e.Kind != schemas.Conflict || e.Subject != "Idempotency-Key" || n == mostAwaits {
			return err
		}
		select {
		case <-v.Ctx().Done():
			return err
		case <-time.After(sentAgain):
		}
	}
}

// Param is a part of the path, for the API's.
func (v *Visit) Param() string { return url.PathEscape(v.ID) }

// language keeps the language that a reader chose, and goes back to the page.
func language(v *Visit) error {
	chosen := v.R.PostFormValue("language")
	for _, r := range v.Site.words.Readers() {
		if r.Tag == chosen {
			http.SetCookie(v.W, &http.Cookie{
				Name: languageCookie, Value: chosen, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
				HttpOnly: true, SameSite: http.SameSiteLaxMode,
			})
		}
	}
	http.Redirect(v.W, v.R, signin.Local(v.R.PostFormValue("to")), http.StatusSeeOther)
	return nil
}

// Asked is an error that is the fault of what was typed; nil for any other.
func Asked(err error) *schemas.Error {
	switch schemas.KindOf(err) {
	case schemas.Invalid, schemas.TooLarge:
		e, _ := err.(*schemas.Error) //nolint:errorlint // the client's, which wraps none
		return e
	}
	return nil
}

// At is an address on this site.
func At(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Day writes a day that was typed as people write it, 31/12/2026 or 31.12.2026, as machines do; all else stays as it is.
func Day(said string) string {
	said = strings.TrimSpace(said)
	for _, layout := range []string{"2/1/2006", "2.1.2006"} {
		day, err := time.Parse(layout, said)
		if err == nil {
			return day.Format(time.DateOnly)
		}
	}
	return said
}
