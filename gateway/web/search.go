package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"guichet/gateway/web/words"
	"guichet/schemas"
)

// home is the first page: the search, the spaces, what waits for who signed in.
func (s *Site) home(v *visit) error {
	var found schemas.Found
	err := v.api.Get(v.ctx(), "/datasets?limit=1&facets=space&facet_limit=100", &found)
	if err != nil {
		return err
	}
	body := struct {
		Total    uint64
		Spaces   []schemas.FacetValue
		Waiting  []schemas.Request
		Projects []schemas.Project
	}{Total: found.Total, Spaces: found.Facets["space"].Values}
	if v.me != nil {
		var page schemas.Page[schemas.Request]
		err = v.api.Get(v.ctx(), "/requests?state=pending&limit=10", &page)
		if err != nil && schemas.KindOf(err) != schemas.Denied { // then nothing waits
			return err
		}
		body.Waiting = page.Items
		body.Projects, err = v.projects()
		if err != nil {
			return err
		}
	}
	v.show(http.StatusOK, "home", v.reader.T("home.title"), &body)
	return nil
}

// filters are the keys of a search that its page knows, in the order in which facets are shown.
func filters() []string {
	return []string{"access", "space", "theme", "country", "licence", "format", "language", "publisher", "provider", "column", "unit",
		"type", "concept", "region"}
}

// counted are the facets of a page of results.
const counted = "space,theme,country,licence,format,language"

// Bounds of a search as it stands on its page, since each facet and each value that is taken leads to
// a search with all the others.
const (
	maxSearch = 4 << 10 // bytes, as an address has them
	mostTaken = 10      // values of a filter that are shown one by one
)

// resultsPage is a search with what it found.
type resultsPage struct {
	schemas.Found
	Query   url.Values
	Facets  []facetShown
	Chosen  []choice
	For     use
	Problem *schemas.Error
	More    bool // this is not the first page
}

// facetShown is a facet with ways to narrow the search by it.
type facetShown struct {
	Name      string
	Values    []choice
	Remainder int
}

// choice is a value of a filter: a way to take it, or to leave it.
type choice struct {
	Name, Value, Label string
	Count              int
	To                 string
	Taken              bool
}

// results is a search.
func (s *Site) results(v *visit) error {
	q := v.r.URL.Query()
	for key, values := range q {
		if !slices.Contains(filters(), key) && !slices.Contains([]string{"q", "sort", "from", "to", "updated", "box", "project", "purpose",
			"cursor"}, key) || values[0] == "" {
			q.Del(key) // an empty field of the form, or a word of somebody's else
		}
	}
	if n := len(q.Encode()); n > maxSearch {
		return schemas.Errorf(schemas.TooLarge, "search", "a search has at most %d bytes; this one has %d", maxSearch, n)
	}
	body := resultsPage{Query: q, More: q.Get("cursor") != ""}
	var err error
	body.For, err = v.use()
	if err != nil {
		return err
	}
	ask := url.Values{"limit": {"20"}, "facets": {counted}, "facet_limit": {"8"}}
	for key := range q {
		ask.Set(key, q.Get(key))
	}
	body.For.set(ask)
	status := http.StatusOK
	err = v.api.Get(v.ctx(), "/datasets?"+ask.Encode(), &body.Found)
	switch e := asked(err); {
	case e != nil: // what was typed stays, with what is wrong about it
		body.Problem, status = e, http.StatusUnprocessableEntity
	case err != nil:
		return err
	}
	body.Facets, body.Chosen = shown(v.reader, q, body.Found.Facets), taken(v.reader, q, body.Found.Facets)
	marks, err := v.marks(v.ctx(), ask, &body)
	if err != nil {
		return err
	}
	body.Facets = append(marks, body.Facets...)
	v.show(status, "results", v.titleOf(q.Get("q")), &body)
	return nil
}

// asked is an error that is the fault of what was typed; nil for any other.
func asked(err error) *schemas.Error {
	switch schemas.KindOf(err) {
	case schemas.Invalid, schemas.TooLarge:
		e, _ := err.(*schemas.Error) //nolint:errorlint // the client's, which wraps none
		return e
	}
	return nil
}

func (v *visit) titleOf(words string) string {
	if words == "" {
		return v.reader.T("results.all")
	}
	return v.reader.T("results.title", "Words", cut(60, words))
}

// judged is how many hits at most have their marks counted on a page.
const judged = 2000

// marks counts the marks of all hits, where those are few enough to be judged for a page.
func (v *visit) marks(ctx context.Context, ask url.Values, body *resultsPage) ([]facetShown, error) {
	if body.Problem != nil || body.Total == 0 && ask.Get("access") == "" || body.Total > judged {
		return nil, nil
	}
	count := url.Values{}
	for key := range ask {
		count.Set(key, ask.Get(key))
	}
	count.Set("facets", "access")
	count.Set("limit", "1")
	count.Del("cursor")
	var found schemas.Found
	err := v.api.Get(ctx, "/datasets?"+count.Encode(), &found)
	if schemas.KindOf(err) == schemas.TooLarge {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return shown(v.reader, body.Query, map[string]schemas.Facet{"access": found.Facets["access"]}), nil
}

// shown lays facets out, each value with the search that it leads to.
func shown(r *words.Reader, q url.Values, facets map[string]schemas.Facet) []facetShown {
	var out []facetShown
	for _, name := range filters() {
		f, is := facets[name]
		if !is || len(f.Values) == 0 {
			continue
		}
		shown := facetShown{Name: name, Remainder: f.Remainder}
		for _, value := range f.Values {
			shown.Values = append(shown.Values, choice{
				Name:  name,
				Value: value.Value,
				Label: cmp.Or(r.Label(name, value.Value), value.Label),
				Count: value.Count,
				Taken: slices.Contains(alternatives(q, name), value.Value),
				To:    toggled(q, name, value.Value),
			})
		}
		out = append(out, shown)
	}
	return out
}

// taken lists what a search is narrowed by, each with the search without it.
func taken(r *words.Reader, q url.Values, facets map[string]schemas.Facet) []choice {
	var out []choice
	for _, name := range append(filters(), "from", "to", "updated", "box") {
		values := alternatives(q, name)
		if len(values) > mostTaken || name == "box" && len(values) > 0 {
			values = []string{q.Get(name)}
		}
		for _, value := range values {
			c := choice{Name: name, Value: value, Taken: true, To: toggled(q, name, value)}
			for _, f := range facets[name].Values {
				if f.Value == value {
					c.Label = f.Label
				}
			}
			c.Label = cmp.Or(r.Label(name, value), c.Label)
			out = append(out, c)
		}
	}
	return out
}

// alternatives are the values that a filter may have.
func alternatives(q url.Values, name string) []string {
	if q.Get(name) == "" {
		return nil
	}
	return strings.Split(q.Get(name), ",")
}

// toggled is the search with one value more of a filter, or one less.
func toggled(q url.Values, name, value string) string {
	out := url.Values{}
	for key := range q {
		if key != "cursor" {
			out.Set(key, q.Get(key))
		}
	}
	have := alternatives(q, name)
	if q.Get(name) == value {
		have = []string{value}
	}
	if i := slices.Index(have, value); i >= 0 {
		have = slices.Delete(slices.Clone(have), i, i+1)
	} else {
		have = append(slices.Clone(have), value)
	}
	out.Del(name)
	if len(have) > 0 {
		out.Set(name, strings.Join(have, ","))
	}
	return at("/datasets", out)
}

// With is the search with another value of a key.
func (p *resultsPage) With(key, value string) string {
	out := url.Values{}
	for k := range p.Query {
		out.Set(k, p.Query.Get(k))
	}
	if key != "cursor" {
		out.Del("cursor")
	}
	out.Set(key, value)
	if value == "" {
		out.Del(key)
	}
	return at("/datasets", out)
}

// Kept are the parts of the search that its form does not show, so that it keeps them.
func (p *resultsPage) Kept() map[string]string {
	out := map[string]string{}
	for k := range p.Query {
		if !slices.Contains([]string{"q", "sort", "project", "purpose", "cursor", "from", "to"}, k) {
			out[k] = p.Query.Get(k)
		}
	}
	return out
}

// at is an address on this site.
func at(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
