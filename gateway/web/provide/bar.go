package provide

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"guichet/connectors/client"
	"guichet/gateway/web/blocks"
	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// barPage asks whether an organisation is to be barred, or says that it is.
type barPage struct {
	Who     string
	Called  string             // its name, else its id
	Known   page.Organisations // where none is named: those that have something of the provider's
	Active  []schemas.Agreement
	Open    []schemas.Dataset // of the provider's, under terms that do not bar it
	Barred  []schemas.Dataset // that do
	Titles  map[schemas.DatasetID]schemas.Text
	Reason  string
	Problem *schemas.Error
	Done    bool
	More    bool // datasets that were not looked at
}

// bar shows what barring an organisation would do, and nothing is done yet.
func bar(v *page.Visit) error {
	if strings.TrimSpace(v.R.URL.Query().Get("participant")) == "" {
		return chooseBar(v)
	}
	who, err := theOne(v, v.R.URL.Query().Get("participant"))
	if err != nil {
		return err
	}
	return showBar(v, http.StatusOK, barPage{Who: who, Done: v.R.URL.Query().Get("done") != ""})
}

// acquainted are the organisations that have, or had, agreements on the provider's data, with what they are called.
func acquainted(v *page.Visit) (page.Organisations, error) {
	var agreements schemas.Page[schemas.Agreement]
	err := v.API.Get(v.Ctx(), "/agreements?limit="+mostAgreements, &agreements)
	if err != nil {
		return nil, err
	}
	var ids []schemas.ParticipantID
	for _, a := range agreements.Items {
		if a.Provider == v.Me.Participant && a.Participant != v.Me.Participant {
			ids = append(ids, a.Participant)
		}
	}
	out := page.Organisations{}
	for _, id := range ids {
		out[id] = string(id)
	}
	named, err := v.Names(ids...)
	maps.Copy(out, named)
	return out, err
}

// chooseBar asks which organisation is meant: those that use the provider's data are proposed by name.
func chooseBar(v *page.Visit) error {
	err := bars(v)
	if err != nil {
		return err
	}
	known, err := acquainted(v)
	if err != nil {
		return err
	}
	v.Show(http.StatusOK, "bar", v.Reader.T("provide.bar.title"), &barPage{Known: known})
	return nil
}

// theOne is the organisation that a provider names, by its id or by a name that only one of those that she knows has.
func theOne(v *page.Visit, said string) (string, error) {
	said = strings.TrimSpace(said)
	if said == "" || strings.HasPrefix(said, "https://") || strings.HasPrefix(said, "did:") {
		return said, nil
	}
	known, err := acquainted(v)
	var of []string
	for id, name := range known {
		if strings.EqualFold(name, said) {
			of = append(of, string(id))
		}
	}
	if len(of) == 1 {
		return of[0], err
	}
	return said, err
}

func showBar(v *page.Visit, status int, body barPage) error {
	err := body.gather(v)
	if err != nil {
		return err
	}
	named, err := v.Names(schemas.ParticipantID(body.Who))
	if err != nil {
		return err
	}
	body.Called = named.Of(body.Who)
	v.Show(status, "bar", v.Reader.T("provide.bar.title"), &body)
	return nil
}

// bars says whether the reader is one who bars here.
func bars(v *page.Visit) error {
	if v.Has(schemas.RoleOperator) || !v.Has(schemas.RoleProvider) {
		return schemas.Refuse("bar", "role.provider", "roles", v.Reader.T("provide.bar.providers"), "")
	}
	return nil
}

// gather collects what an organisation has of the provider's data, and which terms bar it.
func (p *barPage) gather(v *page.Visit) error {
	if p.Who == "" {
		return schemas.BadField("bar", "/participant", "name the organisation by its id")
	}
	// The API's stop is another thing for an operator, whose it is everywhere, and for who names itself, whose is
	// everybody's: this page says neither.
	err := bars(v)
	if err != nil {
		return err
	}
	if p.Who == string(v.Me.Participant) {
		return schemas.BadField("bar", "/participant", "%s", v.Reader.T("provide.bar.own"))
	}
	p.Titles = map[schemas.DatasetID]schemas.Text{}
	cursor := ""
	for n := range mostPages {
		ids, next, err := mine(v, "100", cursor)
		if err != nil {
			return err
		}
		for _, id := range ids {
			var d schemas.Dataset
			err = v.API.Get(v.Ctx(), "/datasets/"+url.PathEscape(string(id)), &d)
			if err != nil && schemas.KindOf(err) != schemas.NotFound {
				return err
			}
			p.Titles[id] = d.Title
			switch {
			case d.Offer == nil:
			case slices.Contains(blocks.Barred(d.Offer), p.Who):
				p.Barred = append(p.Barred, d)
			default:
				p.Open = append(p.Open, d)
			}
		}
		if next == "" {
			break
		}
		cursor = next
		p.More = n == mostPages-1
	}
	var agreements schemas.Page[schemas.Agreement] // the newest, for who reads: a stop ends all of them
	err = v.API.Get(v.Ctx(), page.At("/agreements", url.Values{"participant": {p.Who}, "limit": {mostAgreements}}), &agreements)
	for _, a := range agreements.Items {
		if string(a.Participant) == p.Who && a.Provider == v.Me.Participant && a.State == schemas.AgreementActive {
			p.Active = append(p.Active, a)
		}
	}
	return err
}

// mostPages bounds of how many datasets the terms are looked at and changed at once, a hundred each.
const mostPages = 10

// barDo bars an organisation: first by the terms of every dataset, so that nothing new comes between, then what it
// has is ended. A dataset that was changed meanwhile is left to another try.
func barDo(v *page.Visit) error {
	body := barPage{Who: v.R.PostFormValue("participant"), Reason: v.R.PostFormValue("reason")}
	err := body.gather(v)
	if err != nil {
		return err
	}
	if len([]rune(body.Reason)) < 3 { // before the terms, which know no reason, are changed
		err = schemas.BadField("bar", "/reason", "say why, in at least 3 characters")
	}
	if err != nil {
		return barred(v, err, &body)
	}
	var left []string // whose terms do not bar it, since they are faulty by themselves: all else is done
	var why *schemas.Error
	for i := range body.Open {
		d := &body.Open[i]
		err = putRules(v, d, blocks.Barring(*d.Offer, append(slices.Clone(blocks.Barred(d.Offer)), body.Who)))
		switch e, _ := owner.Asked(err); {
		case e != nil:
			left, why = append(left, page.Cut(80, page.In(d.Title, v.Reader.Tag).Words)), e
		case err != nil:
			return err
		}
	}
	err = v.API.Post(v.Ctx(), "/participants/"+url.PathEscape(body.Who)+"/stop", map[string]string{"reason": body.Reason}, nil)
	if err == nil && why != nil {
		err = &schemas.Error{Kind: schemas.Conflict, Subject: body.Who, Remedy: v.Reader.T("provide.bar.mend"),
			Message: v.Reader.T("provide.bar.left", "Datasets", v.Reader.List(left), "Why", why.Message)}
	}
	return barred(v, err, &body)
}

// barLift lets an organisation ask again; what was ended stays so.
func barLift(v *page.Visit) error {
	body := barPage{Who: v.R.PostFormValue("participant")}
	err := body.gather(v)
	for i := range body.Barred {
		if err == nil {
			d := &body.Barred[i]
			left := slices.DeleteFunc(slices.Clone(blocks.Barred(d.Offer)), func(who string) bool { return who == body.Who })
			err = putRules(v, d, blocks.Barring(*d.Offer, left))
		}
	}
	return barred(v, err, &body)
}

// barred leads to what was done, or back to the form.
func barred(v *page.Visit, err error, body *barPage) error {
	if e, status := owner.Asked(err); e != nil {
		return showBar(v, status, barPage{Who: body.Who, Reason: body.Reason, Problem: e})
	}
	if err != nil {
		return err
	}
	http.Redirect(v.W, v.R, page.At("/provide/bar", url.Values{"participant": {body.Who}, "done": {"yes"}}), http.StatusSeeOther)
	return nil
}

// putRules sets terms, if the dataset is as it was read.
func putRules(v *page.Visit, d *schemas.Dataset, o schemas.Offer) error {
	return v.API.Do(v.Ctx(), http.MethodPut, "/datasets/"+url.PathEscape(string(d.ID))+"/offer", o, nil, client.IfMatch(d.Revision))
}
