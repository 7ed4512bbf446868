package operate

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/policy/call"
	"guichet/schemas"
)

// stateOfCall says how a call stands.
func stateOfCall(v *page.Visit, c *call.Call) string {
	return page.Named(v.Reader, "called.", string(c.State))
}

// callKind is calls, as the operator keeps them.
func callKind() *kind[call.Call] {
	return &kind[call.Call]{
		name: "calls", named: []string{"owner"},
		columns: []string{"request.state", "opfield.opens", "opfield.closes", "operate.projects", "opfield.owner", "operate.more"},
		revised: func(c *call.Call) int64 { return c.Revision },
		row: func(v *page.Visit, c *call.Call) row {
			return row{ID: c.ID, Name: c.Name, At: at("/calls/%s", c.ID), Cells: []string{stateOfCall(v, c), v.Reader.Date(c.Opens),
				v.Reader.Last(c.Closes), v.Reader.Number(c.Admitted), string(c.Owner)}}
		},
		fields: callFields,
		read:   readCall,
	}
}

// callFields are the fields of a call's form.
func callFields(v *page.Visit, c *call.Call) ([]field, error) {
	places, err := factories().all(v)
	if err != nil {
		return nil, err
	}
	var ids []schemas.FactoryID
	for i := range places {
		ids = append(ids, places[i].ID)
	}
	known, err := client.All[schemas.SpaceProfile](v.Ctx(), v.API, "/spaces")
	if err != nil {
		return nil, err
	}
	var in []schemas.SpaceID
	for i := range known {
		in = append(in, known[i].ID)
	}
	return []field{
		{Name: "id", Kind: line, Value: c.ID, Required: true}, {Name: "name", Kind: line, Value: c.Name, Required: true},
		{Name: "description", Kind: area, Value: c.Description}, {Name: "owner", Kind: organisation, Value: string(c.Owner)},
		{Name: "factories", Kind: boxes, Options: choices(ids, func(f schemas.FactoryID) string { return string(f) }, c.Factories...)},
		{Name: "spaces", Kind: boxes, Options: choices(in, func(s schemas.SpaceID) string {
			return page.Named(v.Reader, "space.", string(s))
		}, c.Spaces...)},
		{Name: "opens", Kind: day, Value: shownDay(c.Opens, false)}, {Name: "closes", Kind: day, Value: shownDay(c.Closes, true), Required: true},
		{Name: "max_days", Kind: count, Value: shownNumber(int64(c.MaxDays))},
		{Name: "projects", Kind: count, Value: shownNumber(int64(c.Projects))},
		{Name: "rows", Kind: count, Value: shownNumber(c.Rows)}, {Name: "bytes", Kind: count, Value: shownNumber(c.Bytes)},
	}, nil
}

// readCall reads what was typed of a call. Its window is typed in days, the last one included; a call that was made
// with moments keeps them while the days are not touched. Errors: Invalid.
func readCall(sent url.Values, c *call.Call) (err error) {
	c.ID, c.Name, c.Description = strings.TrimSpace(sent.Get("id")), sent.Get("name"), sent.Get("description")
	c.Owner = schemas.ParticipantID(strings.TrimSpace(sent.Get("owner")))
	c.Factories, c.Spaces = as[schemas.FactoryID](sent["factories"]), as[schemas.SpaceID](sent["spaces"])
	if sent.Get("opens") != shownDay(c.Opens, false) {
		c.Opens, err = dayOf(sent, "opens", false)
	}
	if err == nil && sent.Get("closes") != shownDay(c.Closes, true) {
		c.Closes, err = dayOf(sent, "closes", true)
	}
	if err == nil && c.Closes.IsZero() {
		err = typing("closes", "say until when one may ask")
	}
	for name, into := range map[string]*int64{"rows": &c.Rows, "bytes": &c.Bytes} {
		if err == nil {
			*into, err = numberOf(sent, name)
		}
	}
	for name, into := range map[string]*int{"max_days": &c.MaxDays, "projects": &c.Projects} {
		var n int64
		if err == nil {
			n, err = numberOf(sent, name)
			*into = int(n)
		}
	}
	return err
}

// callsPage is all calls, for who may ask under them.
type callsPage struct {
	Calls  []call.Call
	States []string
}

// calls shows all calls: those that are open first.
func calls(v *page.Visit) error {
	all, err := client.All[call.Call](v.Ctx(), v.API, "/calls?limit=1000")
	if err != nil {
		return err
	}
	var body callsPage
	for _, state := range []call.State{call.Open, call.Planned, call.Over, call.Closed} {
		for i := range all {
			if all[i].State == state {
				body.Calls, body.States = append(body.Calls, all[i]), append(body.States, stateOfCall(v, &all[i]))
			}
		}
	}
	v.Show(http.StatusOK, "calls", v.Reader.T("calls.title"), &body)
	return nil
}

// callPage is one call: what it is, what was asked under it, and what the person may do. What she may not do is not
// on it; the API refuses it all the same.
type callPage struct {
	Call     call.Call
	State    string
	Asked    []call.Candidate
	Projects []schemas.Project // with which the person may ask
	Typed    call.CandidateAsk
	Reason   string            // as it was typed
	About    schemas.ProjectID // the project that was answered
	Key      string
	Problem  *schemas.Error
	Of       string // the form that it is about
	Wide     bool   // the person changes calls
	Named    page.Organisations
}

// one shows a call.
func one(v *page.Visit) error { return showCall(v, http.StatusOK, callPage{}) }

func showCall(v *page.Visit, status int, body callPage) error {
	err := v.API.Get(v.Ctx(), "/calls/"+v.Param(), &body.Call)
	if err != nil {
		return err
	}
	body.Asked, err = client.All[call.Candidate](v.Ctx(), v.API, "/calls/"+v.Param()+"/applications?limit=1000")
	if err != nil {
		return err
	}
	who := []schemas.ParticipantID{body.Call.Owner}
	for i := range body.Asked {
		who = append(who, body.Asked[i].Lead, body.Asked[i].Decider)
	}
	body.Named, err = v.Names(who...)
	if err != nil {
		return err
	}
	body.State, body.Key, body.Wide = stateOfCall(v, &body.Call), rand.Text(), v.Has(schemas.RoleOperator)
	if body.Call.State == call.Open && v.Has(schemas.RoleTrainer) {
		mine, err := v.Projects()
		if err != nil {
			return err
		}
		waiting := map[schemas.ProjectID]bool{}
		for _, a := range body.Asked {
			waiting[a.Project] = waiting[a.Project] || a.State == call.Waiting
		}
		for i := range mine {
			if mine[i].Lead == v.Me.Participant && mine[i].Call == "" && !waiting[mine[i].ID] {
				body.Projects = append(body.Projects, mine[i])
			}
		}
	}
	v.Show(status, "call", body.Call.Name, &body)
	return nil
}

// told leads back to the call, or says there why nothing was done.
func (p callPage) told(v *page.Visit, of string, err error) error {
	if e := asked(err); e != nil {
		p.Problem, p.Of = e, of
		return showCall(v, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	v.To("/calls/%s", v.ID)
	return nil
}

// apply asks to run a project under the call.
func apply(v *page.Visit) error {
	f := v.R.PostForm
	ask := call.CandidateAsk{Project: schemas.ProjectID(f.Get("project")), Word: f.Get("word")}
	return callPage{Typed: ask}.told(v, "apply", send(v, "/calls/"+v.Param()+"/applications", ask, nil))
}

// withdraw takes back what a project asked.
func withdraw(v *page.Visit) error {
	err := v.API.Do(v.Ctx(), http.MethodDelete, at("/calls/%s/applications/%s", v.ID, v.R.PostFormValue("project")), nil, nil)
	return callPage{}.told(v, "withdraw", err)
}

// answer admits a project or declines it. Two people who answer at once: the second reads that it was answered.
func answer(v *page.Visit) error {
	f := v.R.PostForm
	word := call.CandidateAnswer{Decision: f.Get("decision"), Reason: f.Get("reason")}
	p := callPage{Reason: word.Reason, About: schemas.ProjectID(f.Get("project"))}
	return p.told(v, "answer", send(v, at("/calls/%s/applications/%s/answer", v.ID, f.Get("project")), word, nil))
}

// closeCall closes the call for good.
func closeCall(v *page.Visit) error {
	reason := v.R.PostFormValue("reason")
	return callPage{Reason: reason}.told(v, "close", send(v, "/calls/"+v.Param()+"/close", map[string]string{"reason": reason}, nil))
}
