package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	kept "guichet/catalog/saved"
	"guichet/gateway/web/chart"
	"guichet/gateway/web/page"
	"guichet/gateway/web/saved"
	"guichet/gateway/web/words"
	"guichet/policy/join"
	"guichet/schemas"
)

// home is the first page: the search, the spaces, what waits for who signed in.
func home(v *page.Visit) error {
	var found schemas.Found
	err := v.API.Get(v.Ctx(), "/datasets?limit=1&facets=space&facet_limit=100", &found)
	if err != nil {
		return err
	}
	body := struct {
		Total    uint64
		Spaces   []schemas.FacetValue
		Waiting  []schemas.Request
		Projects []schemas.Project
		Lost     bool // signed in, and of no organisation
		Searches []kept.Counted
		Joining  join.Standing // hers, or how many wait for the operator
	}{Total: found.Total, Spaces: found.Facets["space"].Values}
	if v.Me != nil {
		body.Waiting, err = waiting(v)
		if err != nil {
			return err
		}
		body.Projects, err = v.Projects()
		if err != nil {
			return err
		}
		body.Searches, err = saved.Of(v)
		if err != nil {
			return err
		}
		body.Lost = v.Me.Participant == ""
		if body.Lost || v.Has(schemas.RoleOperator) {
			err = v.API.Get(v.Ctx(), "/joining", &body.Joining)
			if err != nil {
				return err
			}
		}
	}
	v.Show(http.StatusOK, "home", v.Reader.T("home.title"), &body)
	return nil
}

// waiting are requests that wait, one's own or for one's word: none for who belongs to no organisation, whose asking
// would be refused and recorded.
func waiting(v *page.Visit) ([]schemas.Request, error) {
	if v.Me.Participant == "" {
		return nil, nil
	}
	var some schemas.Page[schemas.Request]
	err := v.API.Get(v.Ctx(), "/requests?state=pending&limit=10", &some)
	if err != nil && schemas.KindOf(err) != schemas.Denied { // then nothing waits
		return nil, err
	}
	return some.Items, nil
}

// filters are the keys of a search that its page knows, in the order in which facets are shown.
func filters() []string {
	return []string{"access", "space", "theme", "country", "licence", "format", "language", "publisher", "provider", "column", "unit",
		"type", "concept", "region"}
}

// counted are the facets of a page of results.
const counted = "space,theme,country,licence,format,language,time,place"

// Bounds of a search as it stands on its page, since each facet and each value that is taken leads to
// a search with all the others.
const (
	maxSearch = 4 << 10 // bytes, as an address has them
	mostTaken = 10      // values of a filter that are shown one by one
)

// resultsPage is a search with what it found.
type resultsPage struct {
	schemas.Found
	Query   url.Values // whose words are the nearest that find something, where those that were typed find nothing
	Typed   string
	Nearest *schemas.Near // by which it was found then
	Facets  []facetShown
	Chosen  []choice
	For     use
	Problem *schemas.Error
	Time    *chart.Strip // what times the hits cover; nil where they say none
	Places  *chart.Map   // and which areas
	More    bool         // this is not the first page
	Saves   bool         // the person may keep the search
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
func results(v *page.Visit) error {
	q := v.R.URL.Query()
	for key, values := range q {
		if !slices.Contains(filters(), key) && !slices.Contains([]string{"q", "sort", "from", "to", "updated", "box", "project", "purpose",
			"cursor"}, key) || values[0] == "" {
			q.Del(key) // an empty field of the form, or a word of somebody's else
		}
	}
	for _, key := range []string{"from", "to"} {
		if q.Has(key) {
			q.Set(key, page.Day(q.Get(key)))
		}
	}
	if n := len(q.Encode()); n > maxSearch {
		return schemas.Errorf(schemas.TooLarge, "search", "a search has at most %d bytes; this one has %d", maxSearch, n)
	}
	body := resultsPage{Query: q, Typed: q.Get("q"), More: q.Get("cursor") != "", Saves: v.Me != nil}
	var err error
	body.For, err = used(v)
	if err != nil {
		return err
	}
	ask := url.Values{"limit": {"20"}, "facets": {counted}, "facet_limit": {"8"}}
	for key := range q {
		ask.Set(key, q.Get(key))
	}
	body.For.set(ask)
	status := http.StatusOK
	err = body.find(v, ask)
	switch e := page.Asked(err); {
	case e != nil: // what was typed stays, with what is wrong about it
		body.Problem, status = e, http.StatusUnprocessableEntity
	case err != nil:
		return err
	}
	if body.Problem == nil {
		body.Time = chart.Times(v.Reader, body.Found.Facets[chart.Time], body.narrowed)
		body.Places = chart.Places(v.Reader, body.Found.Facets[chart.Place], body.narrowed)
	}
	body.Facets, body.Chosen = shown(v.Reader, q, body.Found.Facets), taken(v.Reader, q, body.Found.Facets)
	marks, err := marks(v, ask, &body)
	if err != nil {
		return err
	}
	body.Facets = append(marks, body.Facets...)
	v.Show(status, "results", titleOf(v, body.Typed), &body)
	return nil
}

// find searches, and where nothing has all the words by those that are nearest to them.
func (p *resultsPage) find(v *page.Visit, ask url.Values) error {
	err := v.API.Get(v.Ctx(), "/datasets?"+ask.Encode(), &p.Found)
	if err != nil || p.Total > 0 || len(p.Near) == 0 || p.More {
		return err
	}
	ask.Set("q", p.Near[0].Words)
	found := schemas.Found{}
	err = v.API.Get(v.Ctx(), "/datasets?"+ask.Encode(), &found)
	if err != nil || found.Total == 0 { // it is of what everyone may see
		ask.Set("q", p.Typed)
		return err
	}
	p.Nearest, found.Near = &p.Near[0], p.Near[1:]
	p.Found = found
	p.Query.Set("q", p.Nearest.Words)
	return nil
}

func titleOf(v *page.Visit, words string) string {
	if words == "" {
		return v.Reader.T("results.all")
	}
	return v.Reader.T("results.title", "Words", page.Cut(60, words))
}

// judged is how many hits at most have their marks counted on a page.
const judged = 2000

// marks counts the marks of all hits, where those are few enough to be judged for a page.
func marks(v *page.Visit, ask url.Values, body *resultsPage) ([]facetShown, error) {
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
	err := v.API.Get(v.Ctx(), "/datasets?"+count.Encode(), &found)
	if schemas.KindOf(err) == schemas.TooLarge {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return shown(v.Reader, body.Query, map[string]schemas.Facet{"access": found.Facets["access"]}), nil
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
	return page.At("/datasets", out)
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
	return page.At("/datasets", out)
}

// narrowed is the search from its first hit on with other values of keys; taken says that it has these values already,
// and the search is then the one without them.
func (p *resultsPage) narrowed(values map[string]string) (to string, taken bool) {
	out := url.Values{}
	for k := range p.Query {
		out.Set(k, p.Query.Get(k))
	}
	out.Del("cursor")
	taken = true
	for k, value := range values {
		taken = taken && p.Query.Get(k) == value
	}
	for k, value := range values {
		out.Set(k, value)
		if value == "" || taken {
			out.Del(k)
		}
	}
	return page.At("/datasets", out), taken
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
