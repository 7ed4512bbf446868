package web

import (
	"net/url"
	"slices"
	"strings"

	"guichet/gateway/web/page"
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

// used reads what the address says; of one project, or one purpose, there is no choice.
func used(v *page.Visit) (use, error) {
	u := use{Project: v.R.URL.Query().Get("project"), Purpose: v.R.URL.Query().Get("purpose")}
	var err error
	u.Projects, err = v.Projects()
	if err != nil {
		return u, err
	}
	_, said := v.R.URL.Query()["project"]
	if !said && len(u.Projects) == 1 {
		u.Project = string(u.Projects[0].ID)
	}
	i := slices.IndexFunc(u.Projects, func(p schemas.Project) bool { return string(p.ID) == u.Project })
	if i >= 0 {
		u.Purposes = u.Projects[i].Purposes
	} else {
		u.Project, u.Purposes = "", v.Reader.Purposes()
	}
	if !slices.Contains(u.Purposes, u.Purpose) {
		u.Purpose = usual
		if !slices.Contains(u.Purposes, usual) && len(u.Purposes) > 0 {
			u.Purpose = u.Purposes[0]
		}
	}
	return u, nil
}

// Called are the titles of the person's own.
func (u use) Called() page.Called { return page.CalledOf(u.Projects) }

// set asks for marks for the use.
func (u use) set(ask url.Values) {
	ask.Del("project")
	if u.Project != "" {
		ask.Set("project", u.Project)
	}
	ask.Set("purpose", u.Purpose)
}

// At is a page's address for the use.
func (u use) At(parts ...string) string {
	q := url.Values{"purpose": {u.Purpose}}
	if u.Project != "" {
		q.Set("project", u.Project)
	}
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return page.At("/"+strings.Join(parts, "/"), q)
}
