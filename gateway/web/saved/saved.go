// Package saved is the page of searches that somebody saved.
//
// In: forms. Out: her searches, with what of each is new to her. Always: looking is written by a form, never by a
// link. It must not search but by the API.
package saved

import (
	"embed"
	"net/http"
	"net/url"

	"guichet/catalog/saved"
	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

//go:embed templates/*.html
var templates embed.FS

// Part is this page.
func Part() page.Part {
	return page.Part{
		Templates: templates,
		Pages:     map[string]func(v *page.Visit) error{"/searches": page.Signed(searches)},
		Forms: map[string]func(v *page.Visit) error{
			"/searches/new":     page.Signed(save),
			"/searches/look":    page.Signed(look),
			"/searches/removal": page.Signed(remove),
		},
	}
}

// Of are the person's searches as they are now; none for strangers.
func Of(v *page.Visit) ([]saved.Counted, error) {
	if v.Me == nil {
		return nil, nil
	}
	all, err := client.All[saved.Search](v.Ctx(), v.API, "/searches")
	if err != nil {
		return nil, err
	}
	out := make([]saved.Counted, len(all))
	for i, s := range all {
		out[i], err = saved.Count(s, search(v))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// search is the search as the person gets it: what is hidden from her is counted nowhere.
func search(v *page.Visit) func(query string) (schemas.Found, error) {
	return func(query string) (schemas.Found, error) { return v.API.Search(v.Ctx(), "?"+query) }
}

// searchesPage lists them.
type searchesPage struct {
	Searches []saved.Counted
	Typed    saved.SearchAsk // that was not saved
	Problem  *schemas.Error
}

func searches(v *page.Visit) error { return show(v, http.StatusOK, searchesPage{}) }

func show(v *page.Visit, status int, body searchesPage) error {
	var err error
	body.Searches, err = Of(v)
	if err != nil {
		return err
	}
	v.Show(status, "searches", v.Reader.T("searches.title"), &body)
	return nil
}

// save keeps a search under a name, with how many datasets fit now.
func save(v *page.Visit) error {
	ask := saved.SearchAsk{Name: v.R.PostFormValue("name"), Query: v.R.PostFormValue("query")}
	now, err := saved.Count(saved.Search{Query: ask.Query}, search(v))
	if err == nil { // else what is wrong with it is said by who saves it
		ask.Total = now.Now
	}
	err = v.API.Post(v.Ctx(), "/searches", ask, nil)
	if e := page.Asked(err); e != nil {
		return show(v, http.StatusUnprocessableEntity, searchesPage{Typed: ask, Problem: e})
	}
	if err != nil {
		return err
	}
	v.To("/searches")
	return nil
}

// look opens one, and notes that she looks.
func look(v *page.Visit) error {
	all, err := Of(v)
	if err != nil {
		return err
	}
	for i := range all {
		if s := &all[i]; s.ID == v.R.PostFormValue("search") {
			err = v.API.Post(v.Ctx(), "/searches/"+url.PathEscape(s.ID)+"/look", map[string]uint64{"total": s.Now}, nil)
			if err != nil {
				return err
			}
			http.Redirect(v.W, v.R, "/datasets?"+s.Query, http.StatusSeeOther)
			return nil
		}
	}
	v.To("/searches")
	return nil
}

// remove forgets one.
func remove(v *page.Visit) error {
	err := v.API.Do(v.Ctx(), http.MethodDelete, "/searches/"+url.PathEscape(v.R.PostFormValue("search")), nil, nil)
	if err != nil && schemas.KindOf(err) != schemas.NotFound { // pressed twice
		return err
	}
	v.To("/searches")
	return nil
}
