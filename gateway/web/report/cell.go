package report

import (
	"net/url"
	"slices"
	"strings"

	"guichet/gateway/web/page"
	"guichet/policy/report"
	"guichet/schemas"
)

// titles are what ids in a report stand for, as far as the reader may know it.
type titles struct {
	datasets map[schemas.DatasetID]schemas.Text
	projects map[schemas.ProjectID]string
	named    page.Organisations
}

// mostTitles bounds the projects whose titles are asked for, as the API does.
const mostTitles = 1000

// titled asks for the titles of what a report names. That of a dataset or project which is gone, or hidden from the
// reader, is not there.
func titled(v *page.Visit, doc *report.Document) (out titles, err error) {
	var sets []schemas.DatasetID
	var projects []string
	var who []schemas.ParticipantID
	for i := range doc.Tables {
		t := &doc.Tables[i]
		for _, row := range t.Rows {
			for k, c := range row {
				id := c.String()
				switch {
				case id == "" || !plain(id):
				case t.Columns[k].Name == "participant", t.Columns[k].Name == "provider":
					who = append(who, schemas.ParticipantID(id))
				case t.Columns[k].Name == "dataset":
					sets = append(sets, schemas.DatasetID(id))
				case t.Columns[k].Name == "project" && schemas.IsSlug(id) && len(projects) < mostTitles && !slices.Contains(projects, id):
					projects = append(projects, id)
				}
			}
		}
	}
	out.named, err = v.Names(who...)
	if err != nil {
		return out, err
	}
	out.datasets, err = v.Titles(sets)
	if err != nil || len(projects) == 0 {
		return out, err
	}
	var found schemas.Page[schemas.Project]
	err = v.API.Get(v.Ctx(), page.At("/projects", url.Values{"id": {strings.Join(projects, ",")}, "limit": {"1000"}}), &found)
	if schemas.KindOf(err) == schemas.Denied {
		return out, nil
	}
	out.projects = map[schemas.ProjectID]string{}
	for _, p := range found.Items {
		out.projects[p.ID] = p.Title
	}
	return out, err
}

// plain says whether a text may be an id: the words in the place of values that are gone are none, nor is what would
// be several.
func plain(id string) bool { return !strings.ContainsAny(id, ", \t\n()") }

// mostTitle is how many characters of a title a cell has.
const mostTitle = 80

// cellShown is a cell in the reader's form: what it stands for, and where to read more of it.
type cellShown struct {
	Text  string
	Title page.Said // none where Words is ""
	To    string
}

// Cell lays out a cell of a column. Ids of datasets and projects have their titles beside them; these, agreements and
// entries of the record lead to their pages.
func (p *onePage) Cell(column report.Column, c report.Cell) cellShown {
	out := cellShown{Text: c.String()}
	n, is := c.Number()
	if is {
		out.Text = p.v.Reader.Number(n)
	}
	switch column.Name {
	case "record", "begin", "end":
		if is {
			out.To = "/record/" + c.String()
		}
	case "dataset":
		title, known := p.titles.datasets[schemas.DatasetID(out.Text)]
		if known {
			out.Title, out.To = page.In(title, p.v.Reader.Tag), "/datasets/"+url.PathEscape(out.Text)
		}
	case "project":
		out.Title = page.Said{Words: p.titles.projects[schemas.ProjectID(out.Text)]}
		if out.Title.Words != "" {
			out.To = page.At("/reports/project", url.Values{"project": {out.Text}})
		}
	case "participant", "provider":
		out.Title = page.Said{Words: p.titles.named[schemas.ParticipantID(out.Text)]}
	case "purpose":
		out.Text = p.v.Reader.Purpose(out.Text)
	case "state":
		out.Text = page.Named(p.v.Reader, "outcome.", out.Text)
	case "run":
		if strings.HasPrefix(out.Text, "run-") && plain(out.Text) {
			out.To = "/runs/" + url.PathEscape(out.Text)
		}
	case "permit":
		if strings.HasPrefix(out.Text, "req-") && plain(out.Text) {
			out.To = "/requests/" + url.PathEscape(out.Text)
		}
	case "agreement":
		if strings.HasPrefix(out.Text, "agr-") && plain(out.Text) {
			out.To = "/agreements/" + url.PathEscape(out.Text)
		}
	}
	out.Title.Words = page.Cut(mostTitle, out.Title.Words)
	return out
}
