package web

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"time"

	"guichet/gateway/web/chart"
	"guichet/gateway/web/flow"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// requestsPage is a list of requests.
type requestsPage struct {
	schemas.Page[schemas.Request]
	State  string
	Titles map[schemas.DatasetID]schemas.Text
	Called page.Called
}

// requests lists those of the person, and those that wait for it.
func requests(v *page.Visit) error {
	body := requestsPage{State: v.R.URL.Query().Get("state")}
	q := url.Values{"limit": {"50"}}
	for _, key := range []string{"state", "cursor"} {
		if x := v.R.URL.Query().Get(key); x != "" {
			q.Set(key, x)
		}
	}
	err := v.API.Get(v.Ctx(), "/requests?"+q.Encode(), &body.Page)
	if err != nil {
		return err
	}
	var ids []schemas.DatasetID
	for _, r := range body.Items {
		for _, it := range r.Items {
			ids = append(ids, it.Dataset)
		}
	}
	body.Titles, err = v.Titles(ids)
	if err == nil {
		body.Called, err = v.Called()
	}
	if err != nil {
		return err
	}
	v.Show(http.StatusOK, "requests", v.Reader.T("requests.title"), &body)
	return nil
}

// requestPage is one request, with what its reader may do about it.
type requestPage struct {
	schemas.Request
	Titles  map[schemas.DatasetID]schemas.Text
	Called  page.Called
	Named   page.Organisations // who reviewed it
	Waits   bool               // for the reader's word
	MayBack bool               // she asked, and it waits
	Helpers []page.Helper      // where something was refused, or waits
	Problem *schemas.Error
	Reason  string // as it was typed
}

// request shows one.
func request(v *page.Visit) error { return showRequest(v, http.StatusOK, nil, "") }

func showRequest(v *page.Visit, status int, problem *schemas.Error, reason string) error {
	body := requestPage{Problem: problem, Reason: reason}
	err := v.API.Get(v.Ctx(), "/requests/"+v.Param(), &body.Request)
	if err != nil {
		return err
	}
	var ids []schemas.DatasetID
	var who []schemas.ParticipantID
	for _, it := range body.Items {
		ids = append(ids, it.Dataset)
		if it.Review != nil {
			who = append(who, it.Review.By)
		}
		if it.State == schemas.RequestPending && it.Decision != nil && it.Decision.Reviewer == v.Me.Participant {
			body.Waits = true
		}
	}
	body.MayBack = body.State == schemas.RequestPending && body.By == v.Me.Participant && v.Has(schemas.RoleTrainer)
	body.Titles, err = v.Titles(ids)
	if err == nil {
		body.Helpers, err = helpers(v, &body.Request)
	}
	if err == nil {
		body.Called, err = v.Called()
	}
	if err == nil {
		body.Named, err = v.Names(who...)
	}
	if err != nil {
		return err
	}
	v.Show(status, "request", v.Reader.T("request.title", "ID", page.Short(body.ID)), &body)
	return nil
}

// helpers are whom to ask about the first dataset that was not granted.
func helpers(v *page.Visit, r *schemas.Request) ([]page.Helper, error) {
	i := slices.IndexFunc(r.Items, func(it schemas.RequestItem) bool { return it.State != schemas.RequestGranted })
	if i < 0 {
		return nil, nil
	}
	var d schemas.Dataset
	err := v.API.Get(v.Ctx(), "/datasets/"+url.PathEscape(string(r.Items[i].Dataset)), &d)
	if kind := schemas.KindOf(err); err != nil && kind != schemas.NotFound && kind != schemas.Denied {
		return nil, err
	}
	return v.Helpers(&d, r.Factory), nil
}

// review sends the holder's word.
func review(v *page.Visit) error {
	word := schemas.Review{Decision: v.R.PostFormValue("decision"), Reason: v.R.PostFormValue("reason")}
	err := v.Once("/requests/"+v.Param()+"/review", cmp.Or(v.R.PostFormValue("key"), rand.Text()),
		map[string]string{"decision": word.Decision, "reason": word.Reason}, nil)
	if e := page.Asked(err); e != nil {
		return showRequest(v, http.StatusUnprocessableEntity, e, word.Reason)
	}
	if err != nil {
		return err
	}
	v.To("/requests/%s", v.ID)
	return nil
}

// withdraw takes back what waits, for who asked.
func withdraw(v *page.Visit) error {
	err := v.API.Post(v.Ctx(), "/requests/"+v.Param()+"/withdraw", nil, nil)
	if err != nil && schemas.KindOf(err) != schemas.Conflict { // it was decided meanwhile, as its page says
		return err
	}
	v.To("/requests/%s", v.ID)
	return nil
}

// agreementsPage is a list of agreements.
type agreementsPage struct {
	schemas.Page[schemas.Agreement]
	Titles map[schemas.DatasetID]schemas.Text
	Called page.Called
	Named  page.Organisations
}

// agreements lists those of the person's organisation, and those on its datasets.
func agreements(v *page.Visit) error {
	var body agreementsPage
	q := url.Values{"limit": {"50"}}
	for _, key := range []string{"dataset", "cursor"} {
		if x := v.R.URL.Query().Get(key); x != "" {
			q.Set(key, x)
		}
	}
	err := v.API.Get(v.Ctx(), "/agreements?"+q.Encode(), &body.Page)
	if err != nil {
		return err
	}
	var ids []schemas.DatasetID
	var who []schemas.ParticipantID
	for _, a := range body.Items {
		ids, who = append(ids, a.Dataset), append(who, a.Participant)
	}
	body.Titles, err = v.Titles(ids)
	if err == nil {
		body.Called, err = v.Called()
	}
	if err == nil {
		body.Named, err = v.Names(who...)
	}
	if err != nil {
		return err
	}
	v.Show(http.StatusOK, "agreements", v.Reader.T("agreements.title"), &body)
	return nil
}

// agreementPage is one agreement, what flows under it, and how it is used.
type agreementPage struct {
	schemas.Agreement
	Name    schemas.Text      // of its dataset
	Streams []schemas.Release // the newest first
	Older   bool              // there were others before
	Named   page.Organisations
	Stood   map[string]any // the terms as they stood
	Flow    *chart.Flow
	Lineage *chart.Lineage
	MayUse  bool
	MayEnd  bool
	MayBar  bool
	Lease   *schemas.LeaseAnswer // made on the spot, shown once
	Use     picked
	Problem *schemas.Error
	Typed   string // why it is ended, as it was typed
}

// agreement shows one.
func agreement(v *page.Visit) error { return showAgreement(v, http.StatusOK, agreementPage{}) }

func showAgreement(v *page.Visit, status int, body agreementPage) error {
	err := v.API.Get(v.Ctx(), "/agreements/"+v.Param(), &body.Agreement)
	if err != nil {
		return err
	}
	var flows schemas.Page[schemas.Release]
	err = v.API.Get(v.Ctx(), "/streams?state=all&limit=20&agreement="+url.QueryEscape(string(body.ID)), &flows)
	if err != nil && schemas.KindOf(err) != schemas.Denied {
		return err
	}
	body.Streams, body.Older = flows.Items, flows.Next != ""
	titles, err := v.Titles([]schemas.DatasetID{body.Dataset})
	if err != nil {
		return err
	}
	body.Name = titles[body.Dataset]
	body.Named, err = v.Names(body.Participant)
	if err != nil {
		return err
	}
	body.Lineage, err = usedBy(v, url.Values{"agreement": {string(body.ID)}})
	if err != nil {
		return err
	}
	body.Flow, err = flow.Of(v, "/agreements/"+v.Param(), url.Values{"agreement": {string(body.ID)}}, ended(&body.Agreement, time.Now()))
	if err != nil {
		return err
	}
	active := body.State == schemas.AgreementActive
	body.MayUse = active && v.Has(schemas.RoleTrainer) && v.Me.Participant != body.Provider
	body.MayBar = v.Has(schemas.RoleProvider) && v.Me.Participant == body.Provider
	if body.MayUse {
		body.Use, err = pick(v, &body)
		if err != nil {
			return err
		}
	}
	body.Stood = v.Stood(&body.Agreement, "")
	body.MayEnd = active && (v.Me.Participant == body.Provider || v.Has(schemas.RoleOperator))
	name := cmp.Or(page.In(body.Name, v.Reader.Tag).Words, string(body.Dataset))
	v.Show(status, "agreement", v.Reader.T("agreement.title", "Dataset", page.Cut(80, name)), &body)
	return nil
}

// ended is until when there is something to show of an agreement: zero while it stands.
func ended(a *schemas.Agreement, now time.Time) time.Time {
	switch {
	case !a.Revoked.IsZero(): // its streams were cut within a second
		return a.Revoked.Add(time.Minute)
	case !a.Until.IsZero() && a.Until.Before(now):
		return a.Until.Add(time.Minute)
	}
	return time.Time{}
}

// revoke ends an agreement at once.
func revoke(v *page.Visit) error {
	reason := v.R.PostFormValue("reason")
	err := v.API.Post(v.Ctx(), "/agreements/"+v.Param()+"/revoke", map[string]string{"reason": reason}, nil)
	if e := page.Asked(err); e != nil {
		return showAgreement(v, http.StatusUnprocessableEntity, agreementPage{Problem: e, Typed: reason})
	}
	if err != nil && schemas.KindOf(err) != schemas.Conflict { // it ended already, as its page says
		return err
	}
	v.To("/agreements/%s", v.ID)
	return nil
}
