// Package join is the pages on which people join: somebody asks to with her organisation, the operator answers,
// members invite colleagues.
//
// In: forms and links. Out: pages of what the API answers. Always: what a person declares and what was checked
// stand apart; a secret is shown once, in the answer to the form that made it. It must not decide who may join.
//
//	/join                 who belongs to no organisation asks to join with one, and sees how that stands
//	/join/SECRET          an invitation, which is accepted by a form: following the link changes nothing
//	/organisation         members and how they came, open invitations
//	/operate/joining      who waits for the operator
package join

import (
	"cmp"
	"crypto/rand"
	"embed"
	"net/http"
	"net/url"
	"strings"

	"guichet/gateway/web/page"
	"guichet/policy/join"
	"guichet/schemas"
)

//go:embed templates/*.html
var templates embed.FS

// Part is these pages.
func Part() page.Part {
	return page.Part{
		Templates: templates,
		Pages: map[string]func(v *page.Visit) error{
			"/join":            page.Signed(standing),
			"/join/:secret":    page.Signed(invited),
			"/organisation":    page.Signed(organisation),
			"/operate/joining": page.Signed(waiting),
		},
		Forms: map[string]func(v *page.Visit) error{
			"/join/application":        page.Signed(ask),
			"/join/withdrawal":         page.Signed(withdraw),
			"/join/:secret/membership": page.Signed(accept),
			"/organisation/invitation": page.Signed(invite),
			"/organisation/withdrawal": page.Signed(takeBack),
			"/organisation/removal":    page.Signed(remove),
			"/operate/joining/answer":  page.Signed(answer),
		},
	}
}

// standingPage is how a person stands, and the form with which she asks.
type standingPage struct {
	Me    *schemas.Identity
	Last  *join.Application
	Asks  bool // the form is shown
	Said  join.Declared
	Key   string
	Kinds []schemas.ParticipantKind
	fault
}

// fault is what was wrong with a form.
type fault struct{ Problem *schemas.Error }

// Wrong is what is wrong with a field, or with a member of one.
func (f fault) Wrong(name string) string {
	if f.Problem == nil {
		return ""
	}
	for _, e := range f.Problem.Fields {
		at := strings.TrimPrefix(strings.TrimPrefix(e.Pointer, "/body"), "/")
		if at == name || strings.HasPrefix(at, name+"/") || strings.TrimPrefix(e.Pointer, "body.") == name {
			return e.Message
		}
	}
	return ""
}

// Elsewhere says whether what is wrong is with no field that the form shows.
func (f fault) Elsewhere(names ...string) bool {
	for _, n := range names {
		if f.Wrong(n) != "" {
			return false
		}
	}
	return f.Problem != nil
}

// asked gives an error that the form can show: of what was typed, or of what is there meanwhile.
func asked(err error) *schemas.Error {
	switch schemas.KindOf(err) {
	case schemas.Conflict, schemas.Busy, schemas.Gone:
		e, _ := err.(*schemas.Error) //nolint:errorlint // the client's, which wraps none
		return e
	}
	return page.Asked(err)
}

// wants are the roles that an organisation may ask for.
func wants() []schemas.Role { return []schemas.Role{schemas.RoleTrainer, schemas.RoleProvider} }

// Wants lists them, each as the form has it.
func (p *standingPage) Wants() []choice { return choices(wants(), p.Said.Roles) }

// choice is a role that may be taken.
type choice struct {
	Role  schemas.Role
	Taken bool
}

// choices lays roles out as boxes, with those ticked that were taken.
func choices(all, taken []schemas.Role) []choice {
	out := make([]choice, len(all))
	for i, r := range all {
		out[i] = choice{Role: r}
		for _, t := range taken {
			out[i].Taken = out[i].Taken || t == r
		}
	}
	return out
}

// roles reads the boxes that were ticked.
func roles(values []string) []schemas.Role {
	out := make([]schemas.Role, len(values))
	for i, s := range values {
		out[i] = schemas.Role(s)
	}
	return out
}

// standing shows how the person stands.
func standing(v *page.Visit) error { return showStanding(v, http.StatusOK, nil, nil) }

func showStanding(v *page.Visit, status int, problem *schemas.Error, typed *join.Declared) error {
	var have join.Standing
	err := v.API.Get(v.Ctx(), "/joining", &have)
	if err != nil {
		return err
	}
	body := standingPage{Me: v.Me, Last: have.Application, Key: rand.Text(), Kinds: schemas.ParticipantKinds(), fault: fault{problem},
		Said: join.Declared{Roles: []schemas.Role{schemas.RoleTrainer}}}
	body.Asks = v.Me.Participant == "" && (body.Last == nil || body.Last.State != join.Waiting)
	if body.Last != nil {
		body.Said = body.Last.Declared
	}
	if typed != nil {
		body.Said = *typed
	}
	v.Show(status, "join", v.Reader.T("join.title"), &body)
	return nil
}

// ask sends what a person says of her organisation.
func ask(v *page.Visit) error {
	f := v.R.PostForm
	said := join.Declared{
		Organisation: schemas.ParticipantID(strings.TrimSpace(f.Get("organisation"))), Name: f.Get("name"),
		Country: strings.ToUpper(strings.TrimSpace(f.Get("country"))), Kind: schemas.ParticipantKind(f.Get("kind")), Roles: roles(f["role"]),
		Contact: f.Get("contact"), Word: f.Get("word"),
	}
	err := v.Once("/applications", cmp.Or(f.Get("key"), rand.Text()), said, nil)
	if e := asked(err); e != nil {
		return showStanding(v, http.StatusUnprocessableEntity, e, &said)
	}
	if err != nil {
		return err
	}
	v.To("/join")
	return nil
}

// withdraw takes an application back.
func withdraw(v *page.Visit) error {
	err := v.API.Do(v.Ctx(), http.MethodDelete, "/applications/"+url.PathEscape(v.R.PostFormValue("application")), nil, nil)
	if err != nil && schemas.KindOf(err) != schemas.Conflict { // it was answered meanwhile, as the page says
		return err
	}
	v.To("/join")
	return nil
}

// invitedPage is what an invitation says.
type invitedPage struct {
	join.Invited
	Secret string
	Of     schemas.ParticipantID // to which the person belongs already
	Gone   *schemas.Error        // why it lets nobody in
}

// invited shows an invitation. Its secret is in the page's address, since a link is all that people can send each
// other; no page of the site names it to another host (Referrer-Policy), and the API takes it in a body.
func invited(v *page.Visit) error { return showInvited(v, http.StatusOK, nil) }

func showInvited(v *page.Visit, status int, gone *schemas.Error) error {
	body := invitedPage{Secret: v.ID, Of: v.Me.Participant, Gone: gone}
	if gone == nil {
		err := v.API.Post(v.Ctx(), "/invitations/look", map[string]string{"secret": v.ID}, &body.Invited)
		if k := schemas.KindOf(err); k == schemas.NotFound || k == schemas.Gone || k == schemas.Invalid {
			body.Gone, _ = err.(*schemas.Error) //nolint:errorlint // the client's, which wraps none
			status = http.StatusNotFound
		} else if err != nil {
			return err
		}
	}
	v.Show(status, "invitation", v.Reader.T("invitation.title"), &body)
	return nil
}

// accept makes the person a member.
func accept(v *page.Visit) error {
	err := v.API.Post(v.Ctx(), "/invitations/accept", map[string]string{"secret": v.ID}, nil)
	switch schemas.KindOf(err) {
	case schemas.Conflict, schemas.Gone, schemas.NotFound, schemas.Denied:
		if e, is := err.(*schemas.Error); is { //nolint:errorlint // the client's, which wraps none
			return showInvited(v, http.StatusConflict, e)
		}
	}
	if err != nil {
		return err
	}
	v.To("/organisation")
	return nil
}

// organisationPage is the members of one's organisation, and its open invitations.
type organisationPage struct {
	join.Roster
	Made *join.NewInvitation // a moment ago
	Link string
	Ask  join.InvitationAsk // as it was typed
	fault
}

// Invites lists the roles to which the person may invite, each as the form has it.
func (p *organisationPage) Invites() []choice { return choices(p.MayInvite, p.Ask.Roles) }

// organisation shows members and invitations; who has no organisation is led to where she gets one.
func organisation(v *page.Visit) error {
	if v.Me.Participant == "" {
		v.To("/join")
		return nil
	}
	return showOrganisation(v, http.StatusOK, organisationPage{})
}

func showOrganisation(v *page.Visit, status int, body organisationPage) error {
	err := v.API.Get(v.Ctx(), "/organisation", &body.Roster)
	if err != nil {
		return err
	}
	if body.Ask.Roles == nil {
		body.Ask.Roles = body.MayInvite
	}
	v.Show(status, "organisation", v.Reader.T("organisation.title"), &body)
	return nil
}

// invite makes an invitation, and shows its link once.
func invite(v *page.Visit) error {
	body := organisationPage{Ask: join.InvitationAsk{Roles: roles(v.R.PostForm["role"]), For: v.R.PostFormValue("for")}}
	var made join.NewInvitation
	// Not by v.Once: an answer that is kept for who presses twice would keep the secret. She gets two invitations, and
	// withdraws one.
	err := v.API.Post(v.Ctx(), "/invitations", body.Ask, &made)
	if e := asked(err); e != nil {
		body.Problem = e
		return showOrganisation(v, http.StatusUnprocessableEntity, body)
	}
	if err != nil {
		return err
	}
	body = organisationPage{Made: &made, Link: made.Link}
	if body.Link == "" {
		scheme := "http://"
		if v.R.TLS != nil {
			scheme = "https://"
		}
		body.Link = scheme + v.R.Host + "/join/" + made.Secret
	}
	return showOrganisation(v, http.StatusOK, body)
}

// takeBack withdraws an invitation.
func takeBack(v *page.Visit) error {
	err := v.API.Do(v.Ctx(), http.MethodDelete, "/invitations/"+url.PathEscape(v.R.PostFormValue("invitation")), nil, nil)
	if e := asked(err); e != nil {
		return showOrganisation(v, http.StatusConflict, organisationPage{fault: fault{e}})
	}
	if err != nil {
		return err
	}
	v.To("/organisation")
	return nil
}

// remove takes a member out.
func remove(v *page.Visit) error {
	whom := join.Removal{Issuer: v.R.PostFormValue("iss"), Subject: v.R.PostFormValue("sub")}
	err := v.API.Post(v.Ctx(), "/organisation/removals", whom, nil)
	if e := asked(err); e != nil {
		return showOrganisation(v, http.StatusConflict, organisationPage{fault: fault{e}})
	}
	if err != nil {
		return err
	}
	v.To("/organisation")
	return nil
}

// waitingPage is the applications that wait for the operator.
type waitingPage struct {
	schemas.Page[join.Application]
	About  string // the application that an answer was about
	Reason string // as it was typed
	Taken  []schemas.Role
	fault
}

// Grants lists the roles that an application may be granted.
func (p *waitingPage) Grants(a join.Application) []choice {
	if a.ID == p.About {
		return choices(wants(), p.Taken)
	}
	return choices(wants(), a.Declared.Roles)
}

// waiting shows who asks.
func waiting(v *page.Visit) error { return showWaiting(v, http.StatusOK, waitingPage{}) }

func showWaiting(v *page.Visit, status int, body waitingPage) error {
	q := url.Values{"state": {join.Waiting}, "limit": {"50"}}
	if x := v.R.URL.Query().Get("cursor"); x != "" {
		q.Set("cursor", x)
	}
	if !v.Has(schemas.RoleOperator) {
		return schemas.Refuse("applications", "role.operator", "roles", v.Reader.T("joining.operators"), "")
	}
	err := v.API.Get(v.Ctx(), "/applications?"+q.Encode(), &body.Page)
	if err != nil {
		return err
	}
	v.Show(status, "joining", v.Reader.T("joining.title"), &body)
	return nil
}

// answer sends the operator's word.
func answer(v *page.Visit) error {
	f := v.R.PostForm
	word := map[string]any{"decision": f.Get("decision"), "reason": f.Get("reason")}
	if f.Get("decision") == "confirm" {
		word["roles"] = roles(f["role"]) // none ticked is an empty list, which the API does not take for those that were asked for
	}
	id := f.Get("application")
	err := v.Once("/applications/"+url.PathEscape(id)+"/answer", cmp.Or(f.Get("key"), rand.Text()), word, nil)
	if e := asked(err); e != nil {
		// What was typed stays with the application that it was about.
		typed := waitingPage{About: id, Reason: f.Get("reason"), Taken: roles(f["role"]), fault: fault{e}}
		return showWaiting(v, http.StatusUnprocessableEntity, typed)
	}
	if err != nil {
		return err
	}
	v.To("/operate/joining")
	return nil
}
