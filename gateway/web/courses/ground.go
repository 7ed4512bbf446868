package courses

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

// ground is what a person takes a course on. What she does not have is empty.
type ground struct {
	Signed    bool
	Project   string
	Dataset   schemas.Hit // one that she may use, else one that she finds
	Agreement string      // an active one of hers
	Asked     bool        // she sent a request
	Streamed  bool        // something flowed under the agreement
	Own       schemas.Dataset
	Published bool // a version of it
}

// stand finds what a person has for a course, by at most five calls of the API; what a course does not use is not asked
// for. Nobody, and who has not the role, stands on nothing, and reads the course all the same.
func stand(v *page.Visit, course string) (*ground, error) {
	on := &ground{Signed: v.Me != nil}
	member := v.Me != nil && v.Me.Participant != ""
	switch course {
	case "find", "ask", "stream":
		if member && v.Has(schemas.RoleTrainer) {
			err := on.training(v)
			if err != nil {
				return nil, err
			}
		}
		return on, on.data(v)
	case "publish":
		if member && v.Has(schemas.RoleProvider) {
			return on, on.providing(v)
		}
	}
	return on, nil
}

// training finds the project, and what was asked and used in it: the playground, else one that has an agreement, else
// one that trains models, else any. An officer reads the
// agreements of others too: only those of projects in which she takes part herself are hers.
func (on *ground) training(v *page.Visit) error {
	projects, err := v.Projects()
	if err != nil {
		return err
	}
	mine, best := map[schemas.ProjectID]bool{}, 0
	for _, p := range projects {
		mine[p.ID] = true
		fits := 1
		switch {
		case strings.HasPrefix(string(p.ID), "playground-"):
			fits = 3
		case slices.Contains(p.Purposes, "train-model"):
			fits = 2
		}
		if fits > best {
			on.Project, best = string(p.ID), fits
		}
	}
	if on.Project == "" {
		return nil
	}
	var asked schemas.Page[schemas.Request]
	err = v.API.Get(v.Ctx(), "/requests?limit=1", &asked)
	if err != nil {
		return err
	}
	on.Asked = len(asked.Items) > 0
	var agreed schemas.Page[schemas.Agreement]
	err = v.API.Get(v.Ctx(), "/agreements?limit=100", &agreed)
	if err != nil {
		return err
	}
	for _, a := range agreed.Items {
		if a.State == schemas.AgreementActive && mine[a.Project] && (on.Agreement == "" || string(a.Project) == on.Project) {
			on.Agreement, on.Dataset.ID = string(a.ID), a.Dataset
		}
	}
	i := slices.IndexFunc(agreed.Items, func(a schemas.Agreement) bool { return string(a.ID) == on.Agreement })
	if i < 0 {
		return nil
	}
	on.Project = string(agreed.Items[i].Project)
	var flows schemas.Page[schemas.Release]
	err = v.API.Get(v.Ctx(), "/streams?state=all&limit=1&agreement="+url.QueryEscape(on.Agreement), &flows)
	on.Streamed = len(flows.Items) > 0
	return err
}

// data finds a dataset: that of the agreement, else one that may be used now, else any.
func (on *ground) data(v *page.Visit) error {
	q := url.Values{"limit": {"1"}}
	if on.Project != "" {
		q.Set("project", on.Project)
	}
	if on.Dataset.ID != "" {
		q.Set("id", string(on.Dataset.ID))
	} else if on.Project != "" {
		q.Set("access", string(schemas.MarkNow))
	}
	var found schemas.Found
	err := v.API.Get(v.Ctx(), "/datasets?"+q.Encode(), &found)
	if err == nil && len(found.Items) == 0 && q.Has("access") {
		q.Del("access")
		err = v.API.Get(v.Ctx(), "/datasets?"+q.Encode(), &found)
	}
	if err == nil && len(found.Items) > 0 {
		on.Dataset = found.Items[0]
	}
	return err
}

// providing finds a dataset of the person's own: the one that was changed last.
func (on *ground) providing(v *page.Visit) error {
	var found schemas.Found
	q := url.Values{"provider": {string(v.Me.Participant)}, "limit": {"1"}, "sort": {"modified"}}
	err := v.API.Get(v.Ctx(), "/datasets?"+q.Encode(), &found)
	if err != nil || len(found.Items) == 0 {
		return err
	}
	on.Published = found.Items[0].Version != ""
	return v.API.Get(v.Ctx(), "/datasets/"+url.PathEscape(string(found.Items[0].ID)), &on.Own)
}

// What a person lacks for a course, as a message; "" for nothing. It keeps nobody from reading: what may be done, the
// API says when it is done.

func (on *ground) needsProject() string {
	switch {
	case !on.Signed:
		return "help.needs.signin"
	case on.Project == "":
		return "help.needs.project"
	}
	return ""
}

func (on *ground) needsAgreement() string {
	if lacks := on.needsProject(); lacks != "" {
		return lacks
	}
	if on.Agreement == "" {
		return "help.needs.agreement"
	}
	return ""
}

// needs is for a role; "" for any.
func (on *ground) needs(v *page.Visit, role schemas.Role, message string) string {
	switch {
	case !on.Signed:
		return "help.needs.signin"
	case role != "" && !v.Has(role):
		return message
	}
	return ""
}

// Addresses of the pages where steps are done: with what the person has filled in, else the list where she
// finds one.

func (on *ground) results(more ...string) string {
	q := url.Values{}
	if on.Project != "" {
		q.Set("project", on.Project)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return page.At("/datasets", q)
}

func (on *ground) dataset(what string) string {
	if on.Dataset.ID == "" {
		return "/datasets"
	}
	q := url.Values{}
	if on.Project != "" && what == "/ask" {
		q.Set("project", on.Project)
	}
	return page.At("/datasets/"+url.PathEscape(string(on.Dataset.ID))+what, q)
}

func (on *ground) agreed() string {
	if on.Agreement == "" {
		return "/agreements"
	}
	return "/agreements/" + url.PathEscape(on.Agreement)
}

func (on *ground) provide(what string) string {
	if on.Own.ID == "" {
		return "/provide"
	}
	return "/provide/" + url.PathEscape(string(on.Own.ID)) + what
}

// Words of the lines for the command line: what the person has, else what stands for it.

func (on *ground) id() string        { return cmp.Or(string(on.Dataset.ID), "DATASET") }
func (on *ground) own() string       { return cmp.Or(string(on.Own.ID), "DATASET") }
func (on *ground) project() string   { return cmp.Or(on.Project, "PROJECT") }
func (on *ground) agreement() string { return cmp.Or(on.Agreement, "AGREEMENT") }
