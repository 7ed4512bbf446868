package web

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"guichet/schemas"
)

// requestsPage is a list of requests.
type requestsPage struct {
	schemas.Page[schemas.Request]
	State  string
	Titles map[schemas.DatasetID]schemas.Text
}

// requests lists those of the person, and those that wait for it.
func (s *Site) requests(v *visit) error {
	body := requestsPage{State: v.r.URL.Query().Get("state")}
	q := url.Values{"limit": {"50"}}
	for _, key := range []string{"state", "cursor"} {
		if x := v.r.URL.Query().Get(key); x != "" {
			q.Set(key, x)
		}
	}
	err := v.api.Get(v.ctx(), "/requests?"+q.Encode(), &body.Page)
	if err != nil {
		return err
	}
	var ids []schemas.DatasetID
	for _, r := range body.Items {
		for _, it := range r.Items {
			ids = append(ids, it.Dataset)
		}
	}
	body.Titles, err = v.titles(ids)
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "requests", v.reader.T("requests.title"), &body)
	return nil
}

// titles are those of datasets that the person may see: an id says little.
func (v *visit) titles(ids []schemas.DatasetID) (map[schemas.DatasetID]schemas.Text, error) {
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
	err := v.api.Get(v.ctx(), "/datasets?"+url.Values{"id": {strings.Join(named, ",")}, "limit": {"1000"}}.Encode(), &found)
	for _, h := range found.Items {
		out[h.ID] = h.Title
	}
	return out, err
}

// requestPage is one request, with what its reader may do about it.
type requestPage struct {
	schemas.Request
	Titles  map[schemas.DatasetID]schemas.Text
	Waits   bool // for the reader's word
	Problem *schemas.Error
	Reason  string // as it was typed
}

// request shows one.
func (s *Site) request(v *visit) error { return v.showRequest(http.StatusOK, nil, "") }

func (v *visit) showRequest(status int, problem *schemas.Error, reason string) error {
	body := requestPage{Problem: problem, Reason: reason}
	err := v.api.Get(v.ctx(), "/requests/"+v.param(), &body.Request)
	if err != nil {
		return err
	}
	var ids []schemas.DatasetID
	for _, it := range body.Items {
		ids = append(ids, it.Dataset)
		if it.State == schemas.RequestPending && it.Decision != nil && it.Decision.Reviewer == v.me.Participant {
			body.Waits = true
		}
	}
	body.Titles, err = v.titles(ids)
	if err != nil {
		return err
	}
	v.show(status, "request", v.reader.T("request.title", "ID", short(body.ID)), &body)
	return nil
}

// review sends the holder's word.
func (s *Site) review(v *visit) error {
	word := schemas.Review{Decision: v.r.PostFormValue("decision"), Reason: v.r.PostFormValue("reason")}
	err := v.once("/requests/"+v.param()+"/review", cmp.Or(v.r.PostFormValue("key"), rand.Text()),
		map[string]string{"decision": word.Decision, "reason": word.Reason}, nil)
	if e := asked(err); e != nil {
		return v.showRequest(http.StatusUnprocessableEntity, e, word.Reason)
	}
	if err != nil {
		return err
	}
	v.to("/requests/%s", v.id)
	return nil
}

// agreementsPage is a list of agreements.
type agreementsPage struct {
	schemas.Page[schemas.Agreement]
	Titles map[schemas.DatasetID]schemas.Text
}

// agreements lists those of the person's organisation, and those on its datasets.
func (s *Site) agreements(v *visit) error {
	var body agreementsPage
	q := url.Values{"limit": {"50"}}
	for _, key := range []string{"dataset", "cursor"} {
		if x := v.r.URL.Query().Get(key); x != "" {
			q.Set(key, x)
		}
	}
	err := v.api.Get(v.ctx(), "/agreements?"+q.Encode(), &body.Page)
	if err != nil {
		return err
	}
	var ids []schemas.DatasetID
	for _, a := range body.Items {
		ids = append(ids, a.Dataset)
	}
	body.Titles, err = v.titles(ids)
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "agreements", v.reader.T("agreements.title"), &body)
	return nil
}

// agreementPage is one agreement, what flows under it, and how it is used.
type agreementPage struct {
	schemas.Agreement
	Name    schemas.Text // of its dataset
	Streams []schemas.Release
	MayUse  bool
	MayEnd  bool
	Server  string
	Lease   *schemas.LeaseAnswer // made on the spot, shown once
	Part    string               // of an address: the table and split, where there are several to choose from
	Options string               // the same for Python
	Flags   string               // and for the command line
	Problem *schemas.Error
	Typed   string // why it is ended, as it was typed
}

// agreement shows one.
func (s *Site) agreement(v *visit) error { return v.showAgreement(http.StatusOK, agreementPage{}) }

func (v *visit) showAgreement(status int, body agreementPage) error {
	err := v.api.Get(v.ctx(), "/agreements/"+v.param(), &body.Agreement)
	if err != nil {
		return err
	}
	var flows schemas.Page[schemas.Release]
	err = v.api.Get(v.ctx(), "/streams?state=all&limit=20&agreement="+url.QueryEscape(string(body.ID)), &flows)
	if err != nil && schemas.KindOf(err) != schemas.Denied {
		return err
	}
	body.Streams = flows.Items
	slices.SortFunc(body.Streams, func(a, b schemas.Release) int { return b.Begun.Compare(a.Begun) })
	titles, err := v.titles([]schemas.DatasetID{body.Dataset})
	if err != nil {
		return err
	}
	body.Name = titles[body.Dataset]
	body.Server = v.site.Public
	switch {
	case body.Server != "":
	case v.r.TLS != nil:
		body.Server = "https://" + v.r.Host
	default:
		body.Server = "http://" + v.r.Host
	}
	err = v.firstPart(&body)
	if err != nil {
		return err
	}
	active := body.State == schemas.AgreementActive
	body.MayUse = active && v.has(schemas.RoleTrainer) && v.me.Participant != body.Provider
	body.MayEnd = active && (v.me.Participant == body.Provider || v.has(schemas.RoleOperator))
	name := cmp.Or(in(body.Name, v.reader.Tag).Words, string(body.Dataset))
	v.show(status, "agreement", v.reader.T("agreement.title", "Dataset", cut(80, name)), &body)
	return nil
}

// firstPart says which table and split the lines to copy read: the first, where there are several.
func (v *visit) firstPart(body *agreementPage) error {
	if len(body.Versions) == 0 {
		return nil
	}
	var newest content
	version := body.Versions[len(body.Versions)-1]
	err := v.api.Get(v.ctx(), "/datasets/"+url.PathEscape(string(body.Dataset))+"/versions/"+url.PathEscape(string(version)), &newest)
	if k := schemas.KindOf(err); k == schemas.NotFound || k == schemas.Denied || k == schemas.Gone {
		return nil
	}
	if err != nil || len(newest.Data) == 0 || len(newest.Data[0].Splits) == 0 || len(newest.Data) == 1 && len(newest.Data[0].Splits) == 1 {
		return err
	}
	table, split := newest.Data[0].Name, newest.Data[0].Splits[0].Name
	body.Part = "?" + url.Values{"table": {table}, "split": {split}}.Encode()
	body.Flags = " --table " + table + " --split " + split
	body.Options = ", table=" + strconv.Quote(table) + ", split=" + strconv.Quote(split)
	return nil
}

// lease makes a lease on the spot. Its token is shown once: the answer of a form is kept by no browser
// (Cache-Control), and a new one is made as easily.
func (s *Site) lease(v *visit) error {
	var made schemas.LeaseAnswer
	ask := map[string]any{"items": []map[string]string{{"agreement": v.id}}}
	err := v.once("/leases", cmp.Or(v.r.PostFormValue("key"), rand.Text()), ask, &made)
	if err != nil {
		return err
	}
	return v.showAgreement(http.StatusOK, agreementPage{Lease: &made})
}

// revoke ends an agreement at once.
func (s *Site) revoke(v *visit) error {
	reason := v.r.PostFormValue("reason")
	err := v.api.Post(v.ctx(), "/agreements/"+v.param()+"/revoke", map[string]string{"reason": reason}, nil)
	if e := asked(err); e != nil {
		return v.showAgreement(http.StatusUnprocessableEntity, agreementPage{Problem: e, Typed: reason})
	}
	if err != nil && schemas.KindOf(err) != schemas.Conflict { // it ended already, as its page says
		return err
	}
	v.to("/agreements/%s", v.id)
	return nil
}
