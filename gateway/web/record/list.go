package record

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

// listPage is a part of the record, newest first.
type listPage struct {
	Days    []day
	Next    string
	Kinds   []string
	Query   url.Values
	Titles  map[string]schemas.Text // by id
	Named   page.Organisations
	Problem *schemas.Error
	Nowhere bool // what the filter names is not there
}

// day is the records of one, in UTC.
type day struct {
	Of      time.Time
	Records []schemas.Record
}

// filters are the keys of the record that its page knows.
func filters() []string {
	return []string{"kind", "dataset", "participant", "project", "agreement", "run", "from", "to", "order"}
}

// list shows who may read it the record: all of it to officers, one's own to others.
func list(v *page.Visit) error {
	body := listPage{Kinds: schemas.ChangeKinds(), Query: url.Values{}}
	q := url.Values{"limit": {"50"}, "order": {"newest"}}
	for _, key := range append(filters(), "cursor") {
		if x := v.R.URL.Query().Get(key); x != "" {
			q.Set(key, instant(key, x))
			body.Query.Set(key, x)
		}
	}
	status := http.StatusOK
	var records schemas.Page[schemas.Record]
	err := v.API.Get(v.Ctx(), "/audit/records?"+q.Encode(), &records)
	switch e := page.Asked(err); {
	case e != nil: // what was typed stays
		body.Problem, status = e, http.StatusUnprocessableEntity
	case schemas.KindOf(err) == schemas.NotFound:
		body.Nowhere, status = true, http.StatusNotFound
	case err != nil:
		return err
	}
	body.Days, body.Next = days(records.Items), records.Next
	titles, err := v.Titles(datasets(records.Items))
	if err != nil {
		return err
	}
	body.Titles = map[string]schemas.Text{}
	for id, t := range titles {
		body.Titles[string(id)] = t
	}
	body.Named, err = v.Names(actors(records.Items)...)
	if err != nil {
		return err
	}
	v.Show(status, "record", v.Reader.T("record.title"), &body)
	return nil
}

// days groups records that follow each other.
func days(records []schemas.Record) (out []day) {
	for _, r := range records {
		of := r.At.UTC().Truncate(24 * time.Hour)
		if len(out) == 0 || !out[len(out)-1].Of.Equal(of) {
			out = append(out, day{Of: of})
		}
		last := &out[len(out)-1]
		last.Records = append(last.Records, r)
	}
	return out
}

// actors are the organisations that did or got what records are of.
func actors(records []schemas.Record) (out []schemas.ParticipantID) {
	for _, r := range records {
		out = append(out, schemas.ParticipantID(cmp.Or(r.Values["by"], r.Values["participant"])))
	}
	return out
}

// datasets are those that records name, each once.
func datasets(records []schemas.Record) (out []schemas.DatasetID) {
	for _, r := range records {
		if id := schemas.DatasetID(r.Values["dataset"]); id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// instant writes a day for the API, which knows instants: it begins at midnight, and ends at the next.
func instant(key, said string) string {
	if key == "from" || key == "to" {
		said = page.Day(said)
	}
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
func (p *listPage) Bundle() string {
	q := url.Values{}
	for key := range p.Query {
		if key != "cursor" && key != "order" {
			q.Set(key, instant(key, p.Query.Get(key)))
		}
	}
	return page.At("/record/bundle", q)
}

// Hidden are the filters that the form keeps and does not show.
func (p *listPage) Hidden() []string { return []string{"participant", "run"} }

// narrowed is a filter that the form does not show, with the address without it.
type narrowed struct{ Name, Value, To string }

// Narrowed are those by which this part of the record is chosen.
func (p *listPage) Narrowed() (out []narrowed) {
	for _, name := range p.Hidden() {
		if value := p.Query.Get(name); value != "" {
			q := url.Values{}
			for key := range p.Query {
				if key != name && key != "cursor" {
					q.Set(key, p.Query.Get(key))
				}
			}
			out = append(out, narrowed{name, value, page.At("/record", q)})
		}
	}
	return out
}

// More is the address of what follows.
func (p *listPage) More() string {
	q := url.Values{}
	for key := range p.Query {
		q.Set(key, p.Query.Get(key))
	}
	q.Set("cursor", p.Next)
	return page.At("/record", q)
}

// bundle gives the record, as far as the person may read it, to be verified offline.
func bundle(v *page.Visit) error { return v.Forward("/audit/export", v.R.URL.RawQuery) }
