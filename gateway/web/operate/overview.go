package operate

import (
	"net/http"
	"net/url"
	"time"

	"guichet/catalog/harvest"
	"guichet/connectors/client"
	"guichet/gateway/web/chart"
	"guichet/gateway/web/flow"
	"guichet/gateway/web/page"
	"guichet/policy/call"
	"guichet/policy/join"
	"guichet/schemas"
)

// operatePage shows whether all is well, and who takes part.
type operatePage struct {
	Readiness    page.Readiness
	Streams      []schemas.Release
	Sources      []harvest.Catalogue
	Participants []schemas.Participant
	Projects     []schemas.Project
	Factories    []schemas.Factory
	Stores       []schemas.Store
	Joining      join.Standing
	Calls        []call.Call
	Flow         *chart.Flow
}

// overview shows the site to its operator.
func overview(v *page.Visit) error {
	var body operatePage
	var err error
	body.Readiness, err = v.Readiness()
	if err != nil {
		return err
	}
	var flows schemas.Page[schemas.Release]
	err = v.API.Get(v.Ctx(), "/streams?state=open&limit=50", &flows)
	if err != nil {
		return err
	}
	body.Streams = flows.Items
	body.Sources, err = client.All[harvest.Catalogue](v.Ctx(), v.API, "/sources?limit=100")
	if err != nil {
		return err
	}
	body.Participants, err = client.All[schemas.Participant](v.Ctx(), v.API, "/participants?limit=1000")
	if err != nil {
		return err
	}
	body.Projects, err = client.All[schemas.Project](v.Ctx(), v.API, "/projects?limit=1000")
	if err != nil {
		return err
	}
	body.Factories, err = client.All[schemas.Factory](v.Ctx(), v.API, "/factories?limit=1000")
	if err != nil {
		return err
	}
	body.Stores, err = client.All[schemas.Store](v.Ctx(), v.API, "/stores?limit=100")
	if err != nil {
		return err
	}
	err = v.API.Get(v.Ctx(), "/joining", &body.Joining)
	if err != nil {
		return err
	}
	body.Calls, err = client.All[call.Call](v.Ctx(), v.API, "/calls?limit=1000")
	if err != nil {
		return err
	}
	body.Flow, err = flow.Of(v, "/operate", url.Values{}, time.Time{})
	if err != nil {
		return err
	}
	v.Show(http.StatusOK, "operate", v.Reader.T("operate.title"), &body)
	return nil
}

// Ill are the catalogues of others that fare badly.
func (p *operatePage) Ill() (out []harvest.Catalogue) {
	for _, s := range p.Sources {
		if s.Health.State == harvest.Failing || s.Health.State == harvest.Held {
			out = append(out, s)
		}
	}
	return out
}

// Well says whether there is nothing for the operator to look at.
func (p *operatePage) Well() bool {
	return p.Readiness.Ready && len(p.Readiness.Notes) == 0 && len(p.Ill()) == 0
}
