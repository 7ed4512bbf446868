package join

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/gateway/problem"
	"guichet/gateway/web/page"
	"guichet/policy/join"
	"guichet/schemas"
)

// site is these pages over an API of fixed answers, by method and path: a value or an error.
type site struct {
	t       *testing.T
	h       http.Handler
	answers map[string]any
	sent    map[string]string // bodies, by call
}

func newSite(t *testing.T, me schemas.Identity, answers map[string]any) *site {
	t.Helper()
	gin.SetMode(gin.TestMode)
	s := &site{t: t, answers: answers, sent: map[string]string{}}
	answers["GET /me"] = me
	p, err := page.New(page.Config{API: s, Public: "https://guichet.example", Log: slog.New(slog.DiscardHandler),
		Token: func(http.ResponseWriter, *http.Request) (string, bool, error) { return "token", me.Subject != "", nil }}, Part())
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	p.Mount(r)
	s.h = r
	return s
}

// ServeHTTP is the API.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1")
	b, _ := io.ReadAll(r.Body)
	s.sent[call] = string(b)
	v, is := s.answers[call]
	if !is {
		v = schemas.Errorf(schemas.NotFound, call, "there is nothing at %s", call)
	}
	if err, is := v.(error); is {
		problem.Write(w, problem.Of(err, slog.New(slog.DiscardHandler)))
		return
	}
	_ = json.NewEncoder(w).Encode(v)
}

// shows asks for a page or sends a form, and wants these words.
func (s *site) shows(status int, call string, form url.Values, words ...string) string {
	s.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	r := httptest.NewRequest(method, "https://guichet.example"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	body := w.Body.String() + w.Header().Get("Location")
	if w.Code != status {
		s.t.Errorf("%s: %d, want %d\n%s", call, w.Code, status, body)
	}
	for _, want := range words {
		if !strings.Contains(body, want) {
			s.t.Errorf("%s lacks %q: %s", call, want, body)
		}
	}
	return body
}

func (s *site) hides(body string, words ...string) {
	s.t.Helper()
	for _, w := range words {
		if strings.Contains(body, w) {
			s.t.Errorf("%q stands in %s", w, body)
		}
	}
}

func guest() schemas.Identity {
	return schemas.Identity{Issuer: "https://login.example", Subject: "ada"}
}

func member(roles ...schemas.Role) schemas.Identity {
	return schemas.Identity{Issuer: "https://login.example", Subject: "ada", Participant: "https://acme.example", Roles: roles}
}

func application(state string) join.Application {
	return join.Application{ID: "join-1", State: state, Asked: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC),
		By: join.Person{Issuer: "https://login.example", Subject: "ada", Mail: "ada@acme.example"},
		Declared: join.Declared{Organisation: "https://acme.example", Name: "Acme", Country: "FR", Kind: "sme", Roles: []schemas.Role{"provider"},
			Contact: "ada@acme.example", Word: "We map.\nSoon."},
		Checked: join.Checked{Speaks: "any", Mail: "same"}}
}

// Who belongs to nothing finds the form; what waits is shown with declared and checked apart; what was refused
// with why, and the form as it was filled in.
func TestHowOneStands(t *testing.T) {
	t.Parallel()
	s := newSite(t, guest(), map[string]any{"GET /joining": join.Standing{}})
	body := s.shows(200, "GET /join", nil, "Your account belongs to no organisation yet", `name="organisation"`, `value="trainer" checked`, "The operator of this site decides")
	s.hides(body, "What you asked", "Withdraw it", `role="alert"`)

	a := application(join.Waiting)
	s.answers["GET /joining"] = join.Standing{Application: &a}
	body = s.shows(200, "GET /join", nil, "waits for the operator", "What was declared", "Nobody checked it", "What was checked",
		"its domain is the host", "it says nothing of where they work", "No data are given before that", "Withdraw it")
	s.hides(body, `name="organisation"`)
	if strings.Index(body, "ada@acme.example · its domain") < strings.Index(body, "What was checked") {
		t.Error("what was checked stands with what was declared")
	}

	a = application(join.Refused)
	a.Reason, a.Decider = "say who you are", "https://factory.example"
	s.answers["GET /joining"] = join.Standing{Application: &a}
	body = s.shows(200, "GET /join", nil, "refused", "say who you are", "https://factory.example", `value="https://acme.example"`, `value="provider" checked`)
	s.hides(body, `value="trainer" checked`)

	a = application(join.Confirmed)
	a.Project = "playground-acme.example"
	m := newSite(t, member(schemas.RoleTrainer), map[string]any{"GET /joining": join.Standing{Application: &a}})
	body = m.shows(200, "GET /join", nil, "Your account belongs to https://acme.example", `href="/organisation"`, "/datasets?project=playground-acme.example")
	m.hides(body, `name="organisation"`)
}

// A form that is wrong comes back as it was filled in, and says at which field.
func TestAskedWrongly(t *testing.T) {
	t.Parallel()
	form := url.Values{"organisation": {" https://Acme.example "}, "name": {"Acme"}, "country": {"fr"}, "kind": {"research"}, "role": {"trainer", "provider"},
		"contact": {"x"}, "word": {"hello"}, "key": {"k"}}
	s := newSite(t, guest(), map[string]any{"GET /joining": join.Standing{},
		"POST /applications": schemas.BadField("application", "/organisation", "write it in lower-case letters")})
	body := s.shows(422, "POST /join/application", form, `value="https://Acme.example"`, `<small class="wrong" lang="en">write it in lower-case letters`,
		"Nothing was sent.", `value="research" selected`, "hello</textarea>", `value="FR"`)
	if strings.Count(body, "write it in lower-case letters") != 1 {
		t.Errorf("%s", body)
	}
	s.answers["POST /applications"] = schemas.BadField("application", "/roles/1", "this role not")
	s.shows(422, "POST /join/application", form, "this role not", "<fieldset>")
	s.answers["POST /applications"] = schemas.Errorf(schemas.Busy, "application", "too many applications wait")
	s.shows(422, "POST /join/application", form, "too many applications wait", "hello</textarea>")
	s.answers["POST /applications"] = application(join.Waiting)
	s.shows(303, "POST /join/application", form, "/join")
	var sent join.Declared
	err := json.Unmarshal([]byte(s.sent["POST /applications"]), &sent)
	if err != nil || sent.Country != "FR" || len(sent.Roles) != 2 || sent.Organisation != "https://Acme.example" || sent.Word != "hello" {
		t.Errorf("%+v, %v", sent, err)
	}
	s.answers["DELETE /applications/join-1"] = schemas.Errorf(schemas.Conflict, "join-1", "it is confirmed")
	s.shows(303, "POST /join/withdrawal", url.Values{"application": {"join-1"}}, "/join")
	s.shows(404, "POST /join/withdrawal", url.Values{"application": {"../me"}})
	s.answers["GET /joining"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	s.shows(503, "GET /join", nil)
}

// An invitation says what it is before it is accepted, and why it lets nobody in.
func TestInvitationPage(t *testing.T) {
	t.Parallel()
	in := join.Invited{Participant: "https://acme.example", Name: "Acme", Roles: []schemas.Role{"trainer"}, By: join.Person{Subject: "nina"}}
	s := newSite(t, guest(), map[string]any{"POST /invitations/look": in, "POST /invitations/accept": in})
	s.shows(200, "GET /join/SECRET", nil, "nina invites you to act for Acme", `action="/join/SECRET/membership"`)
	if s.sent["POST /invitations/look"] != `{"secret":"SECRET"}` {
		t.Errorf("%v", s.sent)
	}
	s.shows(303, "POST /join/SECRET/membership", nil, "/organisation")
	s.answers["POST /invitations/accept"] = schemas.Errorf(schemas.Gone, "invitation", "this invitation was used")
	s.shows(409, "POST /join/SECRET/membership", nil, "this invitation was used")
	s.answers["POST /invitations/look"] = schemas.Errorf(schemas.Gone, "invitation", "this invitation ended")
	body := s.shows(404, "GET /join/SECRET", nil, "this invitation ended")
	s.hides(body, "/membership")
	m := newSite(t, member(schemas.RoleTrainer), map[string]any{"POST /invitations/look": in})
	body = m.shows(200, "GET /join/SECRET", nil, "belongs to https://acme.example already")
	m.hides(body, "/membership")
	nobody := newSite(t, schemas.Identity{}, map[string]any{})
	nobody.shows(303, "GET /join/SECRET", nil, "/signin?to=%2Fjoin%2FSECRET")
}

// Members are removed and invited on one page; a link is shown once, in the answer to its form.
func TestOrganisationPage(t *testing.T) {
	t.Parallel()
	o := join.Roster{ID: "https://acme.example", Name: "Acme", Country: "FR", Kind: "sme", Roles: []schemas.Role{"trainer", "provider"},
		MayInvite: []schemas.Role{"trainer"}, Members: []join.Colleague{{Issuer: "i", Subject: "ada", Roles: []schemas.Role{"trainer"}, How: "joined", You: true},
			{Issuer: "i", Subject: "paul", Roles: []schemas.Role{"trainer"}, How: "invited", Inviter: "ada", Mail: "paul@acme.example", Removes: true}},
		Invitations: []join.Invitation{{ID: "inv-1", For: "Eve", Roles: []schemas.Role{"trainer"}, By: join.Person{Subject: "ada"}}}}
	made := join.NewInvitation{Secret: "SECRET", Invitation: o.Invitations[0]}
	s := newSite(t, member(schemas.RoleTrainer), map[string]any{"GET /organisation": o, "POST /invitations": made})
	body := s.shows(200, "GET /organisation", nil, "asked to join", "paul@acme.example", "Remove paul", "Eve", `name="invitation" value="inv-1"`, `name="role" value="trainer" checked`)
	s.hides(body, "Leave", `name="role" value="provider"`, "SECRET")
	s.shows(200, "POST /organisation/invitation", url.Values{"role": {"trainer"}, "for": {"Eve"}}, "https://guichet.example/join/SECRET", "it is shown once")
	made.Link = "https://guichet.example/join/SECRET"
	s.answers["POST /invitations"] = made
	s.shows(200, "POST /organisation/invitation", url.Values{"role": {"trainer"}}, "https://guichet.example/join/SECRET")
	s.answers["POST /invitations"] = schemas.BadField("invitation", "/for", "one line")
	s.shows(422, "POST /organisation/invitation", url.Values{"for": {"E v e"}}, "one line", `value="E v e"`)
	s.answers["POST /organisation/removals"] = join.Removal{}
	s.shows(303, "POST /organisation/removal", url.Values{"iss": {"i"}, "sub": {"paul"}}, "/organisation")
	s.answers["POST /organisation/removals"] = schemas.Errorf(schemas.Conflict, "ada", "nobody would be left")
	s.shows(409, "POST /organisation/removal", url.Values{"iss": {"i"}, "sub": {"ada"}}, "nobody would be left")
	s.answers["DELETE /invitations/inv-1"] = o.Invitations[0]
	s.shows(303, "POST /organisation/withdrawal", url.Values{"invitation": {"inv-1"}}, "/organisation")
	s.answers["DELETE /invitations/inv-1"] = schemas.Errorf(schemas.Conflict, "inv-1", "the invitation was accepted")
	s.shows(409, "POST /organisation/withdrawal", url.Values{"invitation": {"inv-1"}}, "the invitation was accepted")
	g := newSite(t, guest(), map[string]any{})
	g.shows(303, "GET /organisation", nil, "/join")
}

// The operator sees who else has the organisation's host, and answers on the spot.
func TestWhoAsksPage(t *testing.T) {
	t.Parallel()
	a, b := application(join.Waiting), application(join.Waiting)
	b.ID, b.Declared.Name = "join-2", "Other"
	a.Checked.Alike, a.Checked.Others = []schemas.ParticipantID{"https://acme.example/lab"}, 1
	s := newSite(t, member(schemas.RoleOperator), map[string]any{"GET /applications": schemas.Page[join.Application]{Items: []join.Application{a, b}, Next: "n"}})
	s.shows(200, "GET /operate/joining", nil, "There are participants of this host already", "https://acme.example/lab", "1 other application that waits",
		`value="provider" checked`, "/operate/joining?cursor=n")
	s.answers["POST /applications/join-2/answer"] = schemas.BadField("application", "/reason", "say why")
	body := s.shows(422, "POST /operate/joining/answer", url.Values{"application": {"join-2"}, "decision": {"refuse"}, "reason": {" "}}, "say why")
	if strings.Count(body, "say why") != 1 || strings.Index(body, "say why") < strings.Index(body, "Other") {
		t.Errorf("it is said elsewhere: %s", body)
	}
	s.answers["POST /applications/join-1/answer"] = schemas.Errorf(schemas.Conflict, "join-1", "takes part already")
	s.shows(422, "POST /operate/joining/answer", url.Values{"application": {"join-1"}, "decision": {"confirm"}, "role": {"trainer"}}, "takes part already")
	s.answers["POST /applications/join-1/answer"] = a
	s.shows(303, "POST /operate/joining/answer", url.Values{"application": {"join-1"}, "decision": {"confirm"}, "role": {"trainer"}}, "/operate/joining")
	if got := s.sent["POST /applications/join-1/answer"]; got != `{"decision":"confirm","reason":"","roles":["trainer"]}` {
		t.Errorf("%s", got)
	}
	// Who unticks every role grants none of them: the API is told so, and not that nothing was said.
	s.shows(303, "POST /operate/joining/answer", url.Values{"application": {"join-1"}, "decision": {"confirm"}})
	if got := s.sent["POST /applications/join-1/answer"]; got != `{"decision":"confirm","reason":"","roles":[]}` {
		t.Errorf("%s", got)
	}
	newSite(t, member(schemas.RoleTrainer), map[string]any{}).shows(403, "GET /operate/joining", nil, "Not allowed")
	newSite(t, guest(), map[string]any{}).shows(403, "GET /operate/joining", nil, "Your account belongs to no organisation yet", `href="/join"`)
}

// Where nothing waits, and where nobody may be invited, the pages say so.
func TestEmptyPages(t *testing.T) {
	t.Parallel()
	o := join.Roster{ID: "https://acme.example", Name: "Acme", Country: "ZZ", Kind: "sme", Stopped: true}
	s := newSite(t, member(schemas.RoleOperator), map[string]any{"GET /applications": schemas.Page[join.Application]{}, "GET /organisation": o})
	s.shows(200, "GET /operate/joining", nil, "Nobody waits.")
	body := s.shows(200, "GET /organisation", nil, "None is open.", "You have no role here", "stopped")
	s.hides(body, `action="/organisation/invitation"`)
	s.answers["GET /applications"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	s.shows(503, "GET /operate/joining", nil)
	s.answers["GET /organisation"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	s.shows(503, "GET /organisation", nil)
	s.answers["POST /invitations/look"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	s.shows(503, "GET /join/SECRET", nil)
	s.shows(303, "GET /join/application", nil, "/join")
	s.shows(303, "GET /operate/joining/answer", nil, "/operate/joining")
}
