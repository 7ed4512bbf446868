// Package provide is the pages of who provides data: datasets described, put under terms, published, watched and ended.
//
// In: requests of browsers, by way of gateway/web/page, and the API's answers to the provider. Out: pages and forms that
// work without scripts. Always: what is wrong comes back with what was typed; what cannot be shown in a form is
// left as it is, or said to be replaced. It must not hold a rule of its own: what is right, the API says.
//
//	/provide                     one's datasets with their uses, the desk, what flows now, whom one barred
//	/provide/new, /provide/file  a description by form or by file, checked while it is written
//	/provide/ID/edit             the same of one that is there, by the revision that was read
//	/provide/ID/terms            terms from blocks, their reading, and a trial of them
//	/provide/ID/publish          a version from a granted place: the report first, then the version
//	/provide/ID/versions/V       how far a publication is, whoever began it and wherever
//	/provide/ID/withdraw         the dataset taken back, or a version, with the agreements on it or without
//	/provide/bar                 an organisation barred for good, and let ask again
//
// A form is fields of text. What it says becomes a description or an offer (describe.go, gateway/web/blocks) with each
// part at the pointer at which the API would find it wrong, and a fault of the API goes back to the field of its pointer.
// Of what is there already, fields that no form shows are kept as they were read.
package provide

import (
	"embed"
	"net/http"
	"net/url"
	"slices"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/blocks"
	"guichet/gateway/web/chart"
	"guichet/gateway/web/flow"
	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/policy/agreement/throughput"
	"guichet/schemas"
)

//go:embed templates/*.html
var templates embed.FS

// Part is all of them.
func Part() page.Part {
	signed := page.Signed
	return page.Part{
		Templates: templates,
		Pages: map[string]func(v *page.Visit) error{
			"/provide":              signed(home),
			"/provide/new":          signed(newDataset),
			"/provide/file":         signed(newFile),
			"/provide/bar":          signed(bar),
			"/provide/:id/edit":     signed(edit),
			"/provide/:id/terms":    signed(terms),
			"/provide/:id/withdraw": signed(withdraw),
		},
		Forms: map[string]func(v *page.Visit) error{
			"/provide/new/check":       signed(check),
			"/provide/new/register":    signed(register),
			"/provide/bar/do":          signed(barDo),
			"/provide/bar/lift":        signed(barLift),
			"/provide/:id/edit/check":  signed(check),
			"/provide/:id/edit/change": signed(change),
			"/provide/:id/terms/try":   signed(tryTerms),
			"/provide/:id/terms/put":   signed(putTerms),
			"/provide/:id/withdraw/do": signed(withdrawDo),
		},
		Uploads: map[string]func(v *page.Visit) error{
			"/provide/file/register": signed(registerFile),
		},
	}
}

// typed is what a form sent, as it was typed.
type typed url.Values

// Get gives a field.
func (t typed) Get(name string) string { return url.Values(t).Get(name) }

// Has says whether a box is ticked, of those with one name.
func (t typed) Has(name, value string) bool { return slices.Contains(t[name], value) }

// set puts a field.
func (t typed) set(name string, values ...string) { t[name] = values }

// homePage is a provider's datasets and what becomes of them.
type homePage struct {
	Datasets []own
	Next     string // address of further ones
	Waiting  []schemas.Request
	Streams  []schemas.Release
	Titles   map[schemas.DatasetID]schemas.Text
	Barred   []string
	Places   []owner.Place // granted prefixes
	Flow     *chart.Flow
}

// own is a dataset of the provider's.
type own struct {
	schemas.Dataset
	Versions []schemas.VersionSummary
	Active   int // agreements
	Waiting  int // requests
	Rows     int64
	Bytes    int64
}

// State is a word for how far it is.
func (o own) State() string {
	running := slices.ContainsFunc(o.Versions, func(s schemas.VersionSummary) bool { return s.State == schemas.VersionPublishing })
	switch {
	case o.Withdrawn:
		return "withdrawn"
	case running:
		return "publishing"
	case o.Latest == nil:
		return "unpublished"
	case o.Offer == nil:
		return "noterms"
	}
	return "offered"
}

// Published counts the versions that jobs can read.
func (o own) Published() (n int) {
	for i := range o.Versions {
		if o.Versions[i].State == schemas.VersionPublished {
			n++
		}
	}
	return n
}

// How much one page looks at.
const (
	mostDatasets   = "25"
	mostAgreements = "1000"
)

// home shows what a provider has, what waits, and who uses what now.
func home(v *page.Visit) error {
	var body homePage
	ids, next, err := mine(v, mostDatasets, v.R.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	if next != "" {
		body.Next = page.At("/provide", url.Values{"cursor": {next}})
	}
	at := map[schemas.DatasetID]int{}
	for _, id := range ids {
		o := own{}
		err = v.API.Get(v.Ctx(), "/datasets/"+url.PathEscape(string(id)), &o.Dataset)
		if schemas.KindOf(err) == schemas.NotFound { // withdrawn meanwhile
			continue
		}
		if err != nil {
			return err
		}
		o.Versions, err = client.All[schemas.VersionSummary](v.Ctx(), v.API, "/datasets/"+url.PathEscape(string(id))+"/versions")
		if err != nil {
			return err
		}
		at[id] = len(body.Datasets)
		body.Datasets = append(body.Datasets, o)
		for _, who := range blocks.Barred(o.Offer) {
			if !slices.Contains(body.Barred, who) {
				body.Barred = append(body.Barred, who)
			}
		}
	}
	err = body.uses(v, at)
	if err != nil {
		return err
	}
	body.Places, err = owner.Places(v)
	if err != nil {
		return err
	}
	body.Flow, err = flow.Of(v, "/provide", url.Values{"provider": {string(v.Me.Participant)}}, time.Time{})
	if err != nil {
		return err
	}
	v.Show(http.StatusOK, "provide", v.Reader.T("provide.title"), &body)
	return nil
}

// mine lists the ids of the provider's datasets, also of those that are shown as one with others of theirs.
func mine(v *page.Visit, limit, cursor string) (ids []schemas.DatasetID, next string, err error) {
	q := url.Values{"provider": {string(v.Me.Participant)}, "limit": {limit}, "sort": {"modified"}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	var found schemas.Found
	err = v.API.Get(v.Ctx(), "/datasets?"+q.Encode(), &found)
	for _, h := range found.Items {
		ids = append(ids, h.ID)
		for _, same := range h.Same {
			if same.Provider == v.Me.Participant && same.Source == "" {
				ids = append(ids, same.ID)
			}
		}
	}
	return ids, found.Next, err
}

// uses adds up who uses the datasets, and what waits for an answer.
func (p *homePage) uses(v *page.Visit, at map[schemas.DatasetID]int) error {
	var held schemas.Page[throughput.Held]
	err := v.API.Get(v.Ctx(), "/uses", &held)
	if err != nil {
		return err
	}
	for _, h := range held.Items {
		if i, is := at[h.Dataset]; is {
			o := &p.Datasets[i]
			o.Rows, o.Bytes, o.Active = h.Rows, h.Bytes, h.Active
		}
	}
	var requests schemas.Page[schemas.Request]
	err = v.API.Get(v.Ctx(), "/requests?state=pending&limit=200", &requests)
	if err != nil {
		return err
	}
	var ids []schemas.DatasetID
	for _, r := range requests.Items {
		waits := false
		for _, it := range r.Items {
			if it.State != schemas.RequestPending || it.Decision == nil || it.Decision.Reviewer != v.Me.Participant {
				continue
			}
			waits, ids = true, append(ids, it.Dataset)
			if i, is := at[it.Dataset]; is {
				p.Datasets[i].Waiting++
			}
		}
		if waits {
			p.Waiting = append(p.Waiting, r)
		}
	}
	var flows schemas.Page[schemas.Release]
	err = v.API.Get(v.Ctx(), "/streams?state=open&limit=50", &flows)
	if err != nil {
		return err
	}
	for _, s := range flows.Items {
		if s.Provider == v.Me.Participant {
			p.Streams, ids = append(p.Streams, s), append(ids, s.Dataset)
		}
	}
	p.Titles, err = v.Titles(ids)
	return err
}
