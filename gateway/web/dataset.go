package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/chart"
	"guichet/gateway/web/page"
	"guichet/schemas"
	"guichet/schemas/values"
)

// datasetPage is a dataset as its reader may see it.
type datasetPage struct {
	schemas.Dataset
	Mark     schemas.Mark // what it means to the reader, as in a search
	Reasons  []schemas.Reason
	Helpers  []page.Helper // where it is refused, or waits
	Notes    []string
	Links    []schemas.Link
	Tables   []tableShown
	Versions []schemas.VersionSummary
	Changes  map[schemas.VersionID]change // of the newest of them
	Same     []schemas.Origin
	Stranger bool // nobody signed in
	Lost     bool // somebody of no organisation
	Own      bool // the reader's participant provides it
	MayAsk   bool
	Time     *chart.Strip // that it covers
	newest   *content     // of the latest version, where the reader may know it
	Held     held         // by the reader's organisation
	For      use
	Lineage  *chart.Lineage // who used it, for its provider and who oversees the site
}

// held are the agreements on a dataset that the reader's organisation has, or had.
type held struct {
	Fits   []schemas.Agreement // for the use that the page is about
	Others []schemas.Agreement // that hold, for another project or purpose
	Ended  []schemas.Agreement // that were revoked
}

// holds sorts the agreements on a dataset by what they are to a use.
func holds(v *page.Visit, id schemas.DatasetID, u *use) (h held, err error) {
	all, err := mine(v, id)
	for _, a := range all {
		switch {
		case a.State == schemas.AgreementRevoked:
			h.Ended = append(h.Ended, a)
		case a.State != schemas.AgreementActive:
		case a.Purpose == u.Purpose && (u.Project == "" || string(a.Project) == u.Project):
			h.Fits = append(h.Fits, a)
		default:
			h.Others = append(h.Others, a)
		}
	}
	return h, err
}

// tableShown is a table with its columns.
type tableShown struct {
	Name    string
	Title   schemas.Text
	Objects bool
	Rows    int64 // of the newest version; 0 where that is not told
	Columns []schemas.Field
	Values  map[string]*chart.Picture // of columns by their names, where that is shown; nil where of none
	LeftOut []values.LeftOut
}

// content is a version as the API tells it: with its tables, without places.
type content struct {
	Data []struct {
		Name    string                `json:"name"`
		Objects bool                  `json:"objects"`
		Columns []schemas.TableColumn `json:"columns"`
		Splits  []struct {
			Name string `json:"name"`
			Rows int64  `json:"rows"`
		} `json:"splits"`
	} `json:"data"`
}

// dataset shows one.
func dataset(v *page.Visit) error {
	var body datasetPage
	path := "/datasets/" + v.Param()
	err := v.API.Get(v.Ctx(), path, &body.Dataset)
	if err != nil {
		return err
	}
	body.Own = v.Me != nil && v.Me.Participant == body.Provider
	body.Stranger, body.Lost = v.Me == nil, v.Me != nil && v.Me.Participant == ""
	body.MayAsk = v.Me == nil || v.Has(schemas.RoleTrainer)
	body.For, err = used(v)
	if err == nil {
		err = judge(v, &body)
	}
	if err != nil {
		return err
	}
	body.Held, err = holds(v, body.ID, &body.For)
	if err != nil {
		return err
	}
	body.Versions, err = client.All[schemas.VersionSummary](v.Ctx(), v.API, path+"/versions")
	if err != nil {
		return err
	}
	err = tables(v, &body)
	if err == nil {
		err = distributed(v, &body)
	}
	if err == nil {
		body.Changes, err = changes(v, &body)
	}
	if err != nil {
		return err
	}
	if body.Own || v.Has(schemas.RoleOfficer) || v.Has(schemas.RoleOperator) {
		body.Lineage, err = usedBy(v, url.Values{"dataset": {string(body.ID)}})
		if err != nil {
			return err
		}
	}
	body.Time = chart.Covered(v.Reader, body.Covered(), time.Now().UTC())
	title := page.Cut(120, page.In(body.Title, v.Reader.Tag).Words)
	v.Show(http.StatusOK, "dataset", title, &body)
	return nil
}

// judge says what the dataset means to its reader, for the use of its page, by the search for it alone.
func judge(v *page.Visit, body *datasetPage) error {
	ask := url.Values{"id": {string(body.ID)}, "limit": {"1"}}
	body.For.set(ask)
	var found schemas.Found
	err := v.API.Get(v.Ctx(), "/datasets?"+ask.Encode(), &found)
	if err != nil {
		return err
	}
	for _, h := range found.Items {
		if h.ID == body.ID {
			body.Mark, body.Reasons, body.Notes, body.Same = h.Access, h.Reasons, h.Notes, h.Same
			body.Links = h.Links
			if h.Access == schemas.MarkNo || h.Access == schemas.MarkAsk {
				body.Helpers = v.Helpers(&body.Dataset, "")
			}
		}
	}
	if len(body.Links) == 0 {
		body.Links = body.Dataset.Links
	}
	return nil
}

// tables lays out what the description says of tables, with the columns of the newest version where
// the reader may know them.
func tables(v *page.Visit, body *datasetPage) error {
	said := map[string]schemas.TableInfo{}
	for _, t := range body.Dataset.Tables {
		said[t.Name] = t
	}
	var newest content
	if body.Latest != nil {
		err := v.API.Get(v.Ctx(), "/datasets/"+url.PathEscape(string(body.ID))+"/versions/"+url.PathEscape(string(body.Latest.Version)), &newest)
		if err != nil && schemas.KindOf(err) != schemas.Denied && schemas.KindOf(err) != schemas.NotFound {
			return err
		}
		if err == nil {
			body.newest = &newest
		}
	}
	for _, t := range newest.Data {
		shown := tableShown{Name: t.Name, Title: said[t.Name].Title, Objects: t.Objects}
		for _, split := range t.Splits {
			shown.Rows += split.Rows
		}
		about := map[string]schemas.Sensitivity{} // tables have thousands of columns
		for i := range said[t.Name].Fields {
			about[said[t.Name].Fields[i].Name] = said[t.Name].Fields[i].Sensitivity
		}
		for _, c := range t.Columns {
			shown.Columns = append(shown.Columns, schemas.Field{
				Name: c.Name, Type: c.Type, Unit: c.Unit, Concept: c.Concept, Description: c.Description, Sensitivity: about[c.Name],
			})
		}
		body.Tables = append(body.Tables, shown)
		delete(said, t.Name)
	}
	for _, t := range body.Dataset.Tables { // not published yet
		if _, left := said[t.Name]; left {
			body.Tables = append(body.Tables, tableShown{Name: t.Name, Title: t.Title, Objects: t.Objects, Columns: t.Fields})
		}
	}
	return nil
}

// Sensitive says whether a column of a table is said to be about persons.
func (t tableShown) Sensitive() bool {
	return slices.ContainsFunc(t.Columns, func(f schemas.Field) bool { return f.Sensitivity != "" })
}

// mostValues is how many columns of a page have pictures: each takes a part of what a page may weigh.
const mostValues = 60

// distributed adds how the values of the newest version's columns are distributed, where that is told.
func distributed(v *page.Visit, body *datasetPage) error {
	if body.newest == nil {
		return nil
	}
	var found values.Distributions
	err := v.API.Get(v.Ctx(), "/datasets/"+v.Param()+"/versions/"+url.PathEscape(string(body.Latest.Version))+"/distributions", &found)
	if err != nil && schemas.KindOf(err) != schemas.NotFound { // withdrawn meanwhile
		return err
	}
	for i := range body.Tables {
		t := &body.Tables[i]
		for j := range found.Columns[:min(mostValues, len(found.Columns))] {
			d := &found.Columns[j]
			at := slices.IndexFunc(t.Columns, func(f schemas.Field) bool { return f.Name == d.Column })
			if d.Table != t.Name || at < 0 {
				continue
			}
			if t.Values == nil {
				t.Values = map[string]*chart.Picture{}
			}
			t.Values[d.Column] = chart.Values(v.Reader, d, strings.Contains(t.Columns[at].Type, "int"))
		}
		for _, l := range found.LeftOut {
			if l.Table == t.Name {
				t.LeftOut = append(t.LeftOut, l)
			}
		}
	}
	return nil
}
