package web

import (
	"net/http"
	"net/url"
	"time"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

// recordPage is a part of the record, newest last as it was written.
type recordPage struct {
	schemas.Page[schemas.Record]
	Kinds      []string
	Query      url.Values
	Checkpoint string // the signed head
	Problem    *schemas.Error
	Nowhere    bool // what the filter names is not there
}

// record shows who may read it the record: all of it to officers, one's own to others.
func record(v *page.Visit) error {
	body := recordPage{Kinds: schemas.ChangeKinds(), Query: url.Values{}}
	q := url.Values{"limit": {"50"}}
	for _, key := range []string{"kind", "dataset", "participant", "project", "agreement", "run", "from", "to", "cursor"} {
		if x := v.R.URL.Query().Get(key); x != "" {
			q.Set(key, instant(key, x))
			body.Query.Set(key, x)
		}
	}
	status := http.StatusOK
	err := v.API.Get(v.Ctx(), "/audit/records?"+q.Encode(), &body.Page)
	switch e := page.Asked(err); {
	case e != nil: // what was typed stays
		body.Problem, status = e, http.StatusUnprocessableEntity
	case schemas.KindOf(err) == schemas.NotFound:
		body.Nowhere, status = true, http.StatusNotFound
	case err != nil:
		return err
	}
	var head []byte
	err = v.API.Get(v.Ctx(), "/audit/checkpoint", &head)
	if err != nil {
		return err
	}
	body.Checkpoint = string(head)
	v.Show(status, "record", v.Reader.T("record.title"), &body)
	return nil
}

// instant writes a day for the API, which knows instants: it begins at midnight, and ends at the next.
func instant(key, said string) string {
	day, err := time.Parse(time.DateOnly, said)
	switch {
	case err != nil || key != "from" && key != "to":
		return said
	case key == "to":
		day = day.AddDate(0, 0, 1)
	}
	return day.Format(time.RFC3339)
}

// Bundle is the address of the records shown, as a file.
func (p *recordPage) Bundle() string {
	q := url.Values{}
	for key := range p.Query {
		if key != "cursor" {
			q.Set(key, instant(key, p.Query.Get(key)))
		}
	}
	return page.At("/record/bundle", q)
}

// More is the address of what follows.
func (p *recordPage) More() string {
	q := url.Values{}
	for key := range p.Query {
		q.Set(key, p.Query.Get(key))
	}
	q.Set("cursor", p.Next)
	return page.At("/record", q)
}

// bundle gives the record, as far as the person may read it, to be verified offline.
func bundle(v *page.Visit) error {
	token, err := v.API.Token(v.Ctx())
	if err != nil {
		return err
	}
	r := v.R.Clone(v.Ctx())
	r.URL = &url.URL{Path: "/api/v1/audit/export", RawQuery: v.R.URL.RawQuery}
	r.Header = http.Header{"Authorization": {"Bearer " + token}, "X-Forwarded-For": r.Header["X-Forwarded-For"]}
	v.Site.API.ServeHTTP(v.W, r)
	return nil
}
