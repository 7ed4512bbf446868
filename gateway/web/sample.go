package web

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"guichet/gateway/web/page"
	"guichet/gateway/web/rows"
	"guichet/schemas"
)

// Two kinds of rows are shown. Made-up ones come from the stand-in of the table, which everybody may have who may see the
// dataset: nothing of the data is in them. Real ones come by a lease and a stream of so many rows, as any program of the
// reader's gets them: what the terms hide is hidden, the release is in the record, and the budget pays for it.

// samplePage shows what rows of a table look like: made up, or as the reader gets them under an
// agreement.
type samplePage struct {
	Dataset    schemas.Dataset
	Tables     []string
	Table      string
	Made       *rows.Table
	Real       *rows.Table
	Agreements []schemas.Agreement // under which the reader may have real ones
	Agreement  schemas.AgreementID // of the real ones
	Release    string              // which the record has of them
	MayAsk     bool
	Problem    *schemas.Error
}

// sampleRows is how many rows are shown.
const sampleRows = 20

// sample shows made-up rows of a table, and offers real ones.
func sample(v *page.Visit) error {
	body, err := sampleOf(v, v.R.URL.Query().Get("table"))
	if err != nil {
		return err
	}
	return showSample(v, http.StatusOK, body)
}

func showSample(v *page.Visit, status int, body *samplePage) error {
	if body.Real == nil {
		err := madeUp(v, body)
		if err != nil {
			return err
		}
	}
	title := page.Cut(80, page.In(body.Dataset.Title, v.Reader.Tag).Words)
	v.Show(status, "sample", v.Reader.T("sample.title", "Dataset", title), body)
	return nil
}

// sampleOf collects what there is to look at; the table is the first where none is named.
func sampleOf(v *page.Visit, table string) (*samplePage, error) {
	d := datasetPage{}
	err := v.API.Get(v.Ctx(), "/datasets/"+v.Param(), &d.Dataset)
	if err == nil {
		err = tables(v, &d)
	}
	if err != nil {
		return nil, err
	}
	body := &samplePage{Dataset: d.Dataset, Table: table, MayAsk: v.Me == nil || v.Has(schemas.RoleTrainer)}
	for _, t := range d.Tables {
		if !t.Objects {
			body.Tables = append(body.Tables, t.Name)
		}
	}
	if table == "" && len(body.Tables) > 0 {
		body.Table = body.Tables[0]
	}
	all, err := mine(v, d.ID)
	body.Agreements = slices.DeleteFunc(all, func(a schemas.Agreement) bool { return a.State != schemas.AgreementActive })
	slices.SortStableFunc(body.Agreements, func(a, b schemas.Agreement) int { // all columns first
		return cmp.Compare(len(a.Columns), len(b.Columns))
	})
	return body, err
}

// mine are the agreements on a dataset that the reader's organisation has, or had.
func mine(v *page.Visit, id schemas.DatasetID) ([]schemas.Agreement, error) {
	if v.Me == nil || v.Me.Participant == "" {
		return nil, nil
	}
	var all schemas.Page[schemas.Agreement]
	err := v.API.Get(v.Ctx(), "/agreements?limit=100&dataset="+url.QueryEscape(string(id)), &all)
	if schemas.KindOf(err) == schemas.Denied {
		return nil, nil
	}
	return slices.DeleteFunc(all.Items, func(a schemas.Agreement) bool {
		return a.Participant != v.Me.Participant
	}), err
}

// madeUp reads made-up rows. Of what has no shape yet there are none.
func madeUp(v *page.Visit, body *samplePage) error {
	if body.Dataset.Latest == nil || len(body.Tables) == 0 {
		return nil
	}
	q := url.Values{"table": {body.Table}, "rows": {strconv.Itoa(sampleRows)}}
	var file []byte
	err := v.API.Get(v.Ctx(), "/datasets/"+v.Param()+"/stand-in.arrow?"+q.Encode(), &file)
	if e := page.Asked(err); e != nil { // there is no such table, or none can be made up
		body.Problem = e
		return nil
	}
	if err != nil {
		return err
	}
	body.Made, err = rows.OfFile(file, sampleRows)
	return err
}

// sampleRead reads the first rows of a table under an agreement: a release like any other, in the record and on
// the budget.
func sampleRead(v *page.Visit) error {
	body, err := sampleOf(v, v.R.PostFormValue("table"))
	if err != nil {
		return err
	}
	body.Agreement = schemas.AgreementID(v.R.PostFormValue("agreement"))
	err = realRows(v, body)
	if e := page.Asked(err); e != nil {
		body.Problem = e
		return showSample(v, http.StatusUnprocessableEntity, body)
	}
	if err != nil {
		return err
	}
	return showSample(v, http.StatusOK, body)
}

// realRows streams them with a lease made on the spot.
func realRows(v *page.Visit, body *samplePage) error {
	i := slices.IndexFunc(body.Agreements, func(a schemas.Agreement) bool { return a.ID == body.Agreement })
	if i < 0 {
		return schemas.BadField("sample", "agreement", "you have no agreement %q on this dataset", page.Cut(40, string(body.Agreement)))
	}
	split, err := firstSplit(v, body, body.Agreements[i])
	if err != nil {
		return err
	}
	var lease schemas.LeaseAnswer
	ask := map[string]any{"items": []map[string]string{{"agreement": string(body.Agreement)}}}
	err = v.Once("/leases", cmp.Or(v.R.PostFormValue("key"), rand.Text()), ask, &lease)
	if err != nil {
		return err
	}
	s, err := v.API.OpenStream(v.Ctx(), lease.Token, body.Agreement,
		url.Values{"table": {body.Table}, "split": {split}, "rows": {strconv.Itoa(sampleRows)}})
	if err != nil {
		return err
	}
	defer s.Close()
	body.Real, err = rows.OfStream(s, sampleRows)
	if err != nil {
		return err
	}
	body.Release = s.Release
	return nil
}

// firstSplit is the first of the table in the newest version that the agreement covers.
func firstSplit(v *page.Visit, body *samplePage, a schemas.Agreement) (string, error) {
	if len(a.Versions) == 0 {
		return "", nil
	}
	var newest content
	version := a.Versions[len(a.Versions)-1]
	err := v.API.Get(v.Ctx(), "/datasets/"+v.Param()+"/versions/"+url.PathEscape(string(version)), &newest)
	for _, t := range newest.Data {
		if t.Name == body.Table && len(t.Splits) > 0 {
			return t.Splits[0].Name, err
		}
	}
	return "", err
}
