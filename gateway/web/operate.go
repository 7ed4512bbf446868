package web

import (
	"net/http"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/policy/join"
	"guichet/schemas"
)

// operatePage shows whether all is well, and who takes part.
type operatePage struct {
	Readiness    page.Readiness
	Streams      []schemas.Release
	Sources      []sourceShown
	Participants []schemas.Participant
	Projects     []schemas.Project
	Factories    []schemas.Factory
	Stores       []schemas.Store
	Joining      join.Standing
}

// sourceShown is a catalogue of others, as the API tells it.
type sourceShown struct {
	ID     schemas.SourceID `json:"id"`
	Title  string           `json:"title"`
	URL    string           `json:"url"`
	Space  schemas.SpaceID  `json:"space"`
	Health struct {
		State    string    `json:"state"`
		Datasets int       `json:"datasets"`
		Refused  int       `json:"refused"`
		Ended    time.Time `json:"ended"`
		Next     time.Time `json:"next"`
		Why      string    `json:"why"`
	} `json:"health"`
}

// operate shows the site to its operator.
func operate(v *page.Visit) error {
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
	body.Sources, err = client.All[sourceShown](v.Ctx(), v.API, "/sources?limit=100")
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
	v.Show(http.StatusOK, "operate", v.Reader.T("operate.title"), &body)
	return nil
}

// Ill are the catalogues of others that fare badly.
func (p *operatePage) Ill() (out []sourceShown) {
	for _, s := range p.Sources {
		if s.Health.State == "failing" || s.Health.State == "held" {
			out = append(out, s)
		}
	}
	return out
}

// Well says whether there is nothing for the operator to look at.
func (p *operatePage) Well() bool {
	return p.Readiness.Ready && len(p.Readiness.Notes) == 0 && len(p.Ill()) == 0
}
