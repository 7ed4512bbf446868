package web

import (
	"net/url"
	"slices"
	"strings"

	"guichet/connectors/client"
	"guichet/schemas"
)

// use is what marks are for: a project of the person's and one of its purposes. Without a project it is
// a purpose alone.
type use struct {
	Projects []schemas.Project
	Project  string
	Purposes []string
	Purpose  string
}

// usual is the purpose of who says none: what this counter is for.
const usual = "train-model"

// use reads what the address says; of one project, or one purpose, there is no choice.
func (v *visit) use() (use, error) {
	u := use{Project: v.r.URL.Query().Get("project"), Purpose: v.r.URL.Query().Get("purpose")}
	var err error
	u.Projects, err = v.projects()
	if err != nil {
		return u, err
	}
	_, said := v.r.URL.Query()["project"]
	if !said && len(u.Projects) == 1 {
		u.Project = string(u.Projects[0].ID)
	}
	i := slices.IndexFunc(u.Projects, func(p schemas.Project) bool { return string(p.ID) == u.Project })
	if i >= 0 {
		u.Purposes = u.Projects[i].Purposes
	} else {
		u.Project, u.Purposes = "", v.reader.Purposes()
	}
	if !slices.Contains(u.Purposes, u.Purpose) {
		u.Purpose = usual
		if !slices.Contains(u.Purposes, usual) && len(u.Purposes) > 0 {
			u.Purpose = u.Purposes[0]
		}
	}
	return u, nil
}

// set asks for marks for the use.
func (u *use) set(ask url.Values) {
	ask.Del("project")
	if u.Project != "" {
		ask.Set("project", u.Project)
	}
	ask.Set("purpose", u.Purpose)
}

// At is a page's address for the use.
func (u *use) At(parts ...string) string {
	q := url.Values{"purpose": {u.Purpose}}
	if u.Project != "" {
		q.Set("project", u.Project)
	}
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return at("/"+strings.Join(parts, "/"), q)
}

// projects are those that the person takes part in; none for who may not have any.
func (v *visit) projects() ([]schemas.Project, error) {
	if v.me == nil || v.me.Participant == "" {
		return nil, nil
	}
	all, err := client.All[schemas.Project](v.ctx(), v.api, "/projects?limit=100")
	if schemas.KindOf(err) == schemas.Denied {
		return nil, nil
	}
	if v.has(schemas.RoleOfficer) || v.has(schemas.RoleOperator) { // who reads those of others too
		all = slices.DeleteFunc(all, func(p schemas.Project) bool {
			return p.Lead != v.me.Participant && !slices.Contains(p.Partners, v.me.Participant)
		})
	}
	return all, err
}
