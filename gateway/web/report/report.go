// Package report is the pages of reports.
//
// In: visits. Out: which reports there are, each with its form; one as tables that print; its files. Always:
// each is what the API gives this person; files are as at the checkpoint that the page shows. It must
// not count anything, nor know who may have which.
package report

import (
	"cmp"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/gateway/web/page"
	"guichet/policy/report"
	"guichet/schemas"
)

//go:embed templates/*.html
var templates embed.FS

// Part is the pages.
func Part() page.Part {
	return page.Part{
		Templates: templates,
		Pages:     map[string]func(v *page.Visit) error{"/reports": page.Signed(list), "/reports/:id": page.Signed(one)},
		Files: map[string]func(v *page.Visit) error{
			"/reports/:id/file": page.Signed(file),
			"/reports/dossier":  page.Signed(dossier),
		},
	}
}

// mostRows bounds the rows of each table that a page shows; files have all.
const mostRows = 200

// kinds are the reports that there are; those for officers alone only where an officer looks.
func kinds(v *page.Visit) ([]report.Kind, error) {
	var all schemas.Page[report.Kind]
	err := v.API.Get(v.Ctx(), "/reports", &all)
	var out []report.Kind
	for _, k := range all.Items {
		if !k.Officers || v.Has(schemas.RoleOfficer) {
			out = append(out, k)
		}
	}
	return out, err
}

// form is one report with what was typed.
type form struct {
	report.Kind
	Query    url.Values
	proposed choices
}

// Lists says whether a field proposes something.
func (f form) Lists(name string) bool { return len(f.proposed[name]) > 0 }

// Said is what was typed into a field.
func (f form) Said(name string) string { return f.Query.Get(name) }

// listPage is all of them.
type listPage struct {
	Forms    []form
	Proposed choices
}

func list(v *page.Visit) error {
	all, err := kinds(v)
	if err != nil {
		return err
	}
	var body listPage
	body.Proposed = proposed(v, all...)
	for _, k := range all {
		body.Forms = append(body.Forms, form{k, url.Values{}, body.Proposed})
	}
	v.Show(http.StatusOK, "reports", v.Reader.T("report.title"), &body)
	return nil
}

// onePage is a report, or its form alone where something is wanting.
type onePage struct {
	Form     form
	Proposed choices
	Doc      *report.Document
	Problem  *schemas.Error
	Nowhere  bool // what it is of is not there
	v        *page.Visit
	titles   titles
}

func one(v *page.Visit) error {
	all, err := kinds(v)
	if err != nil {
		return err
	}
	body := onePage{v: v}
	for _, k := range all {
		if k.Name == v.ID {
			body.Form.Kind = k
		}
	}
	if body.Form.Name == "" {
		return v.API.Get(v.Ctx(), "/reports/"+v.Param(), nil) // which says why not
	}
	body.Form.Query = typed(body.Form.Kind, v.R.URL.Query())
	title, status := v.Reader.T("reported.title."+body.Form.Name), http.StatusOK
	body.Proposed = proposed(v, body.Form.Kind)
	body.Form.proposed = body.Proposed
	if meant(v, body.Form.Query, body.Proposed) { // its address names the id
		http.Redirect(v.W, v.R, page.At("/reports/"+v.Param(), body.Form.Query), http.StatusSeeOther)
		return nil
	}
	if len(body.Form.Query) == 0 && wanting(body.Form) { // nothing was asked yet; else the API says what is wanting
		v.Show(status, "report", title, &body)
		return nil
	}
	q := url.Values{"rows": {strconv.Itoa(mostRows)}, "beside": {strconv.FormatBool(body.Form.Beside)}}
	for name := range body.Form.Query {
		q.Set(name, instant(name, body.Form.Said(name)))
	}
	body.Doc = &report.Document{}
	err = v.API.Get(v.Ctx(), page.At("/reports/"+v.Param(), q), body.Doc)
	switch e := page.Asked(err); {
	case e != nil: // what was typed stays
		body.Problem, body.Doc, status = e, nil, http.StatusUnprocessableEntity
	case schemas.KindOf(err) == schemas.NotFound:
		body.Nowhere, body.Doc, status = true, nil, http.StatusNotFound
	case err != nil:
		return err
	}
	if body.Doc != nil {
		withoutBounds(body.Doc)
		body.titles, err = titled(v, body.Doc)
		if err != nil {
			return err
		}
	}
	v.Show(status, "report", title, &body)
	return nil
}

// withoutBounds leaves out of tables the columns of what is only known as a bound, where all is known.
func withoutBounds(doc *report.Document) {
	for i := range doc.Tables {
		t := &doc.Tables[i]
		for k := len(t.Columns) - 1; k >= 0; k-- {
			if t.LeftOut > 0 || !strings.HasSuffix(t.Columns[k].Name, "_at_most") ||
				slices.ContainsFunc(t.Rows, func(row []report.Cell) bool { return k < len(row) && row[k].String() != "0" }) {
				continue
			}
			t.Columns = slices.Delete(t.Columns, k, k+1)
			for j, row := range t.Rows {
				if k < len(row) {
					t.Rows[j] = slices.Delete(row, k, k+1)
				}
			}
		}
	}
}

// typed is what a form sent of a report's own parameters.
func typed(k report.Kind, q url.Values) url.Values {
	out := url.Values{}
	for _, name := range append([]string{"at"}, names(k)...) {
		if x := strings.TrimSpace(q.Get(name)); x != "" {
			out.Set(name, x)
		}
	}
	return out
}

func names(k report.Kind) (out []string) {
	for _, p := range k.Parameters {
		out = append(out, p.Name)
	}
	return out
}

// wanting says whether a report cannot be made yet: it needs something, or one of several.
func wanting(f form) bool {
	for _, p := range f.Parameters {
		if p.Required && f.Said(p.Name) == "" {
			return true
		}
	}
	return f.Name == "training" && len(f.Query) == 0
}

// instant writes a day for the API, whose reports end before an instant: the day that was typed is the last.
func instant(name, said string) string {
	if name == "from" || name == "to" {
		said = page.Day(said)
	}
	day, err := time.Parse(time.DateOnly, said)
	if err != nil || name != "to" {
		return said
	}
	return day.AddDate(0, 0, 1).Format(time.DateOnly)
}

// Title is a table's, in the reader's words.
func (p *onePage) Title(t report.Table) string {
	for _, id := range []string{"reported.table." + p.Doc.Report + "." + t.Name, "reported.table." + t.Name} {
		if p.v.Reader.Has(id) {
			return p.v.Reader.T(id)
		}
	}
	return t.Title
}

// Prompt is what the record cannot know, in the reader's words.
func (p *onePage) Prompt(x report.Prompt) string {
	if id := "reported.prompt." + x.ID; p.v.Reader.Has(id) {
		return p.v.Reader.T(id)
	}
	return x.Text
}

// Typed is a parameter as it was typed: the day that is meant is the last one, where the report ends before an instant.
func (p *onePage) Typed(a report.Argument) string { return cmp.Or(p.Form.Said(a.Name), a.Value) }

// Last is when the last entry was written.
func (p *onePage) Last() string {
	at, err := time.Parse(time.RFC3339Nano, p.Doc.Checkpoint.Last)
	if err != nil {
		return p.Doc.Checkpoint.Last
	}
	return p.v.Reader.Moment(at)
}

// File is the address of the report as it is shown: a table as CSV, or all of it as JSON.
func (p *onePage) File(format, table string) string {
	q := url.Values{"format": {format}, "at": {strconv.FormatInt(p.Doc.Checkpoint.Size, 10)}}
	for name := range p.Form.Query {
		if name != "at" {
			q.Set(name, instant(name, p.Form.Said(name)))
		}
	}
	if table != "" {
		q.Set("table", table)
	}
	if p.Form.Beside {
		q.Set("beside", "true")
	}
	return page.At("/reports/"+url.PathEscape(p.Doc.Report)+"/file", q)
}

// Line is the command that makes the report again.
func (p *onePage) Line() string {
	line := "guichet report " + p.Doc.Report
	for _, a := range p.Doc.Parameters {
		line += " --" + a.Name + " '" + strings.ReplaceAll(a.Value, "'", `'\''`) + "'"
	}
	return line + " --at " + strconv.FormatInt(p.Doc.Checkpoint.Size, 10)
}

// file gives a report as a file.
func file(v *page.Visit) error { return v.Forward("/reports/"+v.Param(), v.R.URL.RawQuery) }

// dossier gives the dossier of a project.
func dossier(v *page.Visit) error {
	q := url.Values{}
	for _, name := range []string{"project", "at"} {
		if x := strings.TrimSpace(v.R.URL.Query().Get(name)); x != "" {
			q.Set(name, x)
		}
	}
	return v.Forward("/reports/dossier", q.Encode())
}
