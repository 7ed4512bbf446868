package operate

import (
	"net/http"
	"net/url"
	"strings"

	"guichet/catalog/harvest"
	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// stateOf says how a source fares.
func stateOf(v *page.Visit, s *harvest.Catalogue) string {
	switch {
	case s.Removed:
		return v.Reader.T("operate.removing")
	case s.Paused:
		return v.Reader.T("operate.paused")
	}
	return page.Named(v.Reader, "source.", string(s.Health.State))
}

// sources are catalogues of others.
func sources() *kind[harvest.Catalogue] {
	return &kind[harvest.Catalogue]{
		name: "sources", columns: []string{"request.state", "nav.datasets", "operate.refused", "operate.next", "operate.more"},
		revised: func(s *harvest.Catalogue) int64 { return s.Revision },
		row: func(v *page.Visit, s *harvest.Catalogue) row {
			next := ""
			if !s.Paused && !s.Health.Next.IsZero() {
				next = v.Reader.Moment(s.Health.Next)
			}
			name := s.Title
			if name == "" {
				name = s.URL
			}
			return row{ID: string(s.ID), Name: name, At: at("/operate/sources/%s", string(s.ID)), Cells: []string{stateOf(v, s),
				v.Reader.Number(s.Health.Datasets), v.Reader.Number(s.Health.Refused), next}}
		},
		fields: func(v *page.Visit, s *harvest.Catalogue) ([]field, error) {
			known, err := client.All[schemas.SpaceProfile](v.Ctx(), v.API, "/spaces")
			if err != nil {
				return nil, err
			}
			var in []option
			for i := range known {
				in = append(in, option{string(known[i].ID), page.Named(v.Reader, "space.", string(known[i].ID)), known[i].ID == s.Space})
			}
			kinds := choices([]string{harvest.DCATAP, harvest.CKAN, harvest.DSP, harvest.Files, harvest.Guichet},
				func(k string) string { return k }, s.Kind)
			return []field{
				{Name: "id", Kind: line, Value: string(s.ID), Required: true}, {Name: "url", Kind: line, Value: s.URL, Required: true},
				{Name: "kind", Kind: pick, Options: none(v.Reader.T("operate.usual"), kinds)}, {Name: "title", Kind: line, Value: s.Title},
				{Name: "space", Kind: pick, Options: none("", in)},
				{Name: "every_hours", Kind: count, Value: shownNumber(s.Every)},
				{Name: "changes_every_seconds", Kind: count, Value: shownNumber(s.Look)},
			}, nil
		},
		read: func(sent url.Values, s *harvest.Catalogue) (err error) {
			s.ID, s.URL, s.Title = schemas.SourceID(strings.TrimSpace(sent.Get("id"))), strings.TrimSpace(sent.Get("url")), sent.Get("title")
			s.Kind, s.Space = sent.Get("kind"), schemas.SpaceID(sent.Get("space"))
			s.Every, err = numberOf(sent, "every_hours")
			if err == nil {
				s.Look, err = numberOf(sent, "changes_every_seconds")
			}
			return err
		},
	}
}

// sourcePage is one catalogue of others: how it fares, what can be done, and what of it was set aside.
type sourcePage struct {
	Source  harvest.Catalogue
	State   string
	Refused []harvest.Refusal
	Next    string
	Key     string
	Problem *schemas.Error
}

// source shows one.
func source(v *page.Visit) error { return showSource(v, http.StatusOK, nil) }

func showSource(v *page.Visit, status int, problem *schemas.Error) error {
	body := sourcePage{Problem: problem}
	err := v.API.Get(v.Ctx(), "/sources/"+v.Param(), &body.Source)
	if err != nil {
		return err
	}
	q := url.Values{"limit": {"100"}}
	if c := v.R.URL.Query().Get("cursor"); c != "" {
		q.Set("cursor", c)
	}
	var list schemas.Page[harvest.Refusal]
	err = v.API.Get(v.Ctx(), "/sources/"+v.Param()+"/refused?"+q.Encode(), &list)
	if err != nil {
		return err
	}
	body.State, body.Refused = stateOf(v, &body.Source), list.Items
	if list.Next != "" {
		body.Next = page.At("/operate/sources/"+v.Param(), url.Values{"cursor": {list.Next}})
	}
	title := body.Source.Title
	if title == "" {
		title = string(body.Source.ID)
	}
	v.Show(status, "source", title, &body)
	return nil
}

// told leads back to a source, or says there why nothing was done.
func told(v *page.Visit, err error) error {
	if e := asked(err); e != nil {
		return showSource(v, http.StatusConflict, e)
	}
	if err != nil {
		return err
	}
	v.To("/operate/sources/%s", v.ID)
	return nil
}

// harvestNow has one harvested, and agrees to what is gone from it if that was said.
func harvestNow(v *page.Visit) error {
	in := map[string]bool{"agree": v.R.PostFormValue("agree") == "yes"}
	return told(v, v.API.Post(v.Ctx(), "/sources/"+v.Param()+"/harvest", in, nil))
}

// pause has one wait, or go on: the same source as it was read, with that changed. Where somebody changed it
// meanwhile, the API says so.
func pause(v *page.Visit) error {
	var s harvest.Catalogue
	err := v.API.Get(v.Ctx(), "/sources/"+v.Param(), &s)
	if err != nil {
		return err
	}
	s.Paused = v.R.PostFormValue("pause") == "yes"
	return told(v, v.API.Post(v.Ctx(), "/sources", s, nil, client.IfMatch(s.Revision)))
}

// remove ends one, if the person ticked that its datasets are to be withdrawn: that takes data out of reach, and one
// click is done too easily.
func remove(v *page.Visit) error {
	if v.R.PostFormValue("sure") != "yes" {
		return showSource(v, http.StatusUnprocessableEntity, schemas.Errorf(schemas.Invalid, "form", "%s", v.Reader.T("operate.unsure")))
	}
	return told(v, v.API.Do(v.Ctx(), http.MethodDelete, "/sources/"+v.Param(), nil, nil))
}

// spacesPage is what was set where the gateway runs, and is shown here alone.
type spacesPage struct {
	Spaces  []schemas.SpaceProfile
	Issuers []schemas.SignInAt
}

// spaces shows the data spaces and the issuers.
func spaces(v *page.Visit) error {
	err := needs(v)
	if err != nil {
		return err
	}
	var body spacesPage
	body.Spaces, err = client.All[schemas.SpaceProfile](v.Ctx(), v.API, "/spaces")
	if err == nil {
		body.Issuers, err = client.All[schemas.SignInAt](v.Ctx(), v.API, "/issuers")
	}
	if err != nil {
		return err
	}
	v.Show(http.StatusOK, "spaces", v.Reader.T("operate.spaces"), &body)
	return nil
}
