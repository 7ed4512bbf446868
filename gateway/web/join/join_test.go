package join

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"guichet/gateway/web/pagetest"
	"guichet/policy/join"
	"guichet/schemas"
)

func newSite(t *testing.T, me schemas.Identity, answers map[string]any) *pagetest.Site {
	t.Helper()
	return pagetest.New(t, me, answers, Part())
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
	body := s.Shows(200, "GET /join", nil, "Your account belongs to no organisation yet", `name="organisation"`, `value="trainer" checked`, "The operator of this site decides")
	s.Hides(body, "What you asked", "Withdraw it", `role="alert"`)

	a := application(join.Waiting)
	s.Answers["GET /joining"] = join.Standing{Application: &a}
	body = s.Shows(200, "GET /join", nil, "waits for the operator", "What was declared", "Nobody checked it", "What was checked",
		"its domain is the host", "it says nothing of where they work", "No data are given before that", "Withdraw it")
	s.Hides(body, `name="organisation"`)
	if strings.Index(body, "ada@acme.example · its domain") < strings.Index(body, "What was checked") {
		t.Error("what was checked stands with what was declared")
	}

	a = application(join.Refused)
	a.Reason, a.Decider = "say who you are", "https://factory.example"
	s.Answers["GET /joining"] = join.Standing{Application: &a}
	body = s.Shows(200, "GET /join", nil, "refused", "say who you are", "https://factory.example", `value="https://acme.example"`, `value="provider" checked`)
	s.Hides(body, `value="trainer" checked`)

	a = application(join.Confirmed)
	a.Project = "playground-acme.example"
	m := newSite(t, member(schemas.RoleTrainer), map[string]any{"GET /joining": join.Standing{Application: &a}})
	body = m.Shows(200, "GET /join", nil, "Your account belongs to https://acme.example", `href="/organisation"`, "/datasets?project=playground-acme.example")
	m.Hides(body, `name="organisation"`)
}

// A form that is wrong comes back as it was filled in, and says at which field.
func TestAskedWrongly(t *testing.T) {
	t.Parallel()
	form := url.Values{"organisation": {" https://Acme.example "}, "name": {"Acme"}, "country": {"fr"}, "kind": {"research"}, "role": {"trainer", "provider"},
		"contact": {"x"}, "word": {"hello"}, "key": {"k"}}
	s := newSite(t, guest(), map[string]any{"GET /joining": join.Standing{},
		"POST /applications": schemas.BadField("application", "/organisation", "write it in lower-case letters")})
	body := s.Shows(422, "POST /join/application", form, `value="https://Acme.example"`, `<small class="wrong">write it in lower-case letters`,
		"Nothing was sent.", `value="research" selected`, "hello</textarea>", `value="FR"`)
	if strings.Count(body, "write it in lower-case letters") != 1 {
		t.Errorf("%s", body)
	}
	s.Answers["POST /applications"] = schemas.BadField("application", "/roles/1", "this role not")
	s.Shows(422, "POST /join/application", form, "this role not", "<fieldset>")
	s.Answers["POST /applications"] = schemas.Errorf(schemas.Busy, "application", "too many applications wait")
	s.Shows(422, "POST /join/application", form, "too many applications wait", "hello</textarea>")
	s.Answers["POST /applications"] = application(join.Waiting)
	s.Shows(303, "POST /join/application", form, "/join")
	var sent join.Declared
	err := json.Unmarshal([]byte(s.Sent["POST /applications"]), &sent)
	if err != nil || sent.Country != "FR" || len(sent.Roles) != 2 || sent.Organisation != "https://Acme.example" || sent.Word != "hello" {
		t.Errorf("%+v, %v", sent, err)
	}
	s.Answers["DELETE /applications/join-1"] = schemas.Errorf(schemas.Conflict, "join-1", "it is confirmed")
	s.Shows(303, "POST /join/withdrawal", url.Values{"application": {"join-1"}}, "/join")
	s.Shows(404, "POST /join/withdrawal", url.Values{"application": {"../me"}})
	s.Answers["GET /joining"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	s.Shows(503, "GET /join", nil)
}

// An invitation says what it is before it is accepted, and why it lets nobody in.
func TestInvitationPage(t *testing.T) {
	t.Parallel()
	in := join.Invited{Participant: "https://acme.example", Name: "Acme", Roles: []schemas.Role{"trainer"}, By: join.Person{Subject: "nina"}}
	s := newSite(t, guest(), map[string]any{"POST /invitations/look": in, "POST /invitations/accept": in})
	s.Shows(200, "GET /join/SECRET", nil, "nina invites you to act for Acme", `action="/join/SECRET/membership"`)
	if s.Sent["POST /invitations/look"] != `{"secret":"SECRET"}` {
		t.Errorf("%v", s.Sent)
	}
	s.Shows(303, "POST /join/SECRET/membership", nil, "/organisation")
	s.Answers["POST /invitations/accept"] = schemas.Errorf(schemas.Gone, "invitation", "this invitation was used")
	s.Shows(409, "POST /join/SECRET/membership", nil, "this invitation was used")
	s.Answers["POST /invitations/look"] = schemas.Errorf(schemas.Gone, "invitation", "this invitation ended")
	body := s.Shows(404, "GET /join/SECRET", nil, "this invitation ended")
	s.Hides(body, "/membership")
	m := newSite(t, member(schemas.RoleTrainer), map[string]any{"POST /invitations/look": in})
	body = m.Shows(200, "GET /join/SECRET", nil, "belongs to https://acme.example already")
	m.Hides(body, "/membership")
	nobody := newSite(t, schemas.Identity{}, map[string]any{})
	nobody.Shows(303, "GET /join/SECRET", nil, "/signin?to=%2Fjoin%2FSECRET")
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
	body := s.Shows(200, "GET /organisation", nil, "asked to join", "paul@acme.example", "Remove paul", "Eve", `name="invitation" value="inv-1"`, `name="role" value="trainer" checked`)
	s.Hides(body, "Leave", `name="role" value="provider"`, "SECRET")
	s.Shows(200, "POST /organisation/invitation", url.Values{"role": {"trainer"}, "for": {"Eve"}}, "https://guichet.example/join/SECRET", "it is shown once")
	made.Link = "https://guichet.example/join/SECRET"
	s.Answers["POST /invitations"] = made
	s.Shows(200, "POST /organisation/invitation", url.Values{"role": {"trainer"}}, "https://guichet.example/join/SECRET")
	s.Answers["POST /invitations"] = schemas.BadField("invitation", "/for", "one line")
	s.Shows(422, "POST /organisation/invitation", url.Values{"for": {"E v e"}}, "one line", `value="E v e"`)
	s.Answers["POST /organisation/removals"] = join.Removal{}
	s.Shows(303, "POST /organisation/removal", url.Values{"iss": {"i"}, "sub": {"paul"}}, "/organisation")
	s.Answers["POST /organisation/removals"] = schemas.Errorf(schemas.Conflict, "ada", "nobody would be left")
	s.Shows(409, "POST /organisation/removal", url.Values{"iss": {"i"}, "sub": {"ada"}}, "nobody would be left")
	s.Answers["DELETE /invitations/inv-1"] = o.Invitations[0]
	s.Shows(303, "POST /organisation/withdrawal", url.Values{"invitation": {"inv-1"}}, "/organisation")
	s.Answers["DELETE /invitations/inv-1"] = schemas.Errorf(schemas.Conflict, "inv-1", "the invitation was accepted")
	s.Shows(409, "POST /organisation/withdrawal", url.Values{"invitation": {"inv-1"}}, "the invitation was accepted")
	g := newSite(t, guest(), map[string]any{})
	g.Shows(303, "GET /organisation", nil, "/join")
}

// The operator sees who else has the organisation's host, and answers on the spot.
func TestWhoAsksPage(t *testing.T) {
	t.Parallel()
	a, b := application(join.Waiting), application(join.Waiting)
	b.ID, b.Declared.Name = "join-2", "Other"
	a.Checked.Alike, a.Checked.Others = []schemas.ParticipantID{"https://acme.example/lab"}, 1
	s := newSite(t, member(schemas.RoleOperator), map[string]any{"GET /applications": schemas.Page[join.Application]{Items: []join.Application{a, b}, Next: "n"}})
	s.Shows(200, "GET /operate/joining", nil, "There are participants of this host already", "https://acme.example/lab", "1 other application that waits",
		`value="provider" checked`, "/operate/joining?cursor=n")
	s.Answers["POST /applications/join-2/answer"] = schemas.BadField("application", "/reason", "say why")
	body := s.Shows(422, "POST /operate/joining/answer", url.Values{"application": {"join-2"}, "decision": {"refuse"}, "reason": {" "}}, "say why")
	if strings.Count(body, "say why") != 1 || strings.Index(body, "say why") < strings.Index(body, "Other") {
		t.Errorf("it is said elsewhere: %s", body)
	}
	s.Answers["POST /applications/join-1/answer"] = schemas.Errorf(schemas.Conflict, "join-1", "takes part already")
	s.Shows(422, "POST /operate/joining/answer", url.Values{"application": {"join-1"}, "decision": {"confirm"}, "role": {"trainer"}}, "takes part already")
	s.Answers["POST /applications/join-1/answer"] = a
	s.Shows(303, "POST /operate/joining/answer", url.Values{"application": {"join-1"}, "decision": {"confirm"}, "role": {"trainer"}}, "/operate/joining")
	if got := s.Sent["POST /applications/join-1/answer"]; got != `{"decision":"confirm","reason":"","roles":["trainer"]}` {
		t.Errorf("%s", got)
	}
	// Who unticks every role grants none of them: the API is told so, and not that nothing was said.
	s.Shows(303, "POST /operate/joining/answer", url.Values{"application": {"join-1"}, "decision": {"confirm"}})
	if got := s.Sent["POST /applications/join-1/answer"]; got != `{"decision":"confirm","reason":"","roles":[]}` {
		t.Errorf("%s", got)
	}
	newSite(t, member(schemas.RoleTrainer), map[string]any{}).Shows(403, "GET /operate/joining", nil, "Not allowed")
	newSite(t, guest(), map[string]any{}).Shows(403, "GET /operate/joining", nil, "Your account belongs to no organisation yet", `href="/join"`)
}

// Where nothing waits, and where nobody may be invited, the pages say so.
func TestEmptyPages(t *testing.T) {
	t.Parallel()
	o := join.Roster{ID: "https://acme.example", Name: "Acme", Country: "ZZ", Kind: "sme", Stopped: true}
	s := newSite(t, member(schemas.RoleOperator), map[string]any{"GET /applications": schemas.Page[join.Application]{}, "GET /organisation": o})
	s.Shows(200, "GET /operate/joining", nil, "Nobody waits.")
	body := s.Shows(200, "GET /organisation", nil, "None is open.", "You have no role here", "stopped")
	s.Hides(body, `action="/organisation/invitation"`)
	s.Answers["GET /applications"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	s.Shows(503, "GET /operate/joining", nil)
	s.Answers["GET /organisation"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	s.Shows(503, "GET /organisation", nil)
	s.Answers["POST /invitations/look"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	s.Shows(503, "GET /join/SECRET", nil)
	s.Shows(303, "GET /join/application", nil, "/join")
	s.Shows(303, "GET /operate/joining/answer", nil, "/operate/joining")
}
