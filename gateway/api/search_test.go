package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// shop is a site with five datasets: wheat that is open, rye that its holder looks at, oats
// of which nothing is published, barley of another space that is held elsewhere, and hay
// for which education alone is allowed.
func shop(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	for _, d := range []struct{ name, title, more, offer string }{
		{"wheat", "Wheat", ``, `{"template":"open-with-attribution","attribution":"H"}`},
		{"rye", "Rye", ``, `{"rules":[{"kind":"permission","actions":["use"]}],"review":true}`},
		{"oats", "Oats", ``, `{"template":"open-with-attribution","attribution":"H"}`},
		{"barley", "Barley", `"links":[{"url":"https://elsewhere.example/barley","title":"there","rdf":"<> dct:type \"t\" ."}],`, ``},
		{"hay", "Hay", ``, `{"rules":[{"kind":"permission","actions":["use"],"constraint":{"left":"purpose","operator":"isA","right":["education"]}}]}`},
	} {
		body := strings.Replace(strings.Replace(wheat, `"Wheat"`, `"`+d.title+` of the north"`, 1), "{", "{"+d.more, 1)
		if d.name == "barley" {
			body = strings.Replace(strings.Replace(body, `"agriculture"`, `"energy"`, 1), `"FR"`, `"DE"`, 1)
		}
		s.keep(d.name, s.want(201, "hal", "POST /datasets", body), "id")
		if d.offer != "" {
			s.want(200, "hal", "PUT /datasets/$"+d.name+"/offer", d.offer)
		}
		if d.name != "oats" && d.name != "barley" {
			s.publish(d.name, "v1", schemas.VersionPublished)
		}
	}
	s.settle()
	return s
}

// hits searches and gives the titles' first words, with their marks, sorted as they came.
func (s *site) hits(who, query string) (out []string, found schemas.Found) {
	s.t.Helper()
	w := s.want(200, who, "GET /datasets?"+query, "")
	agreementtest.Must(s.t, json.Unmarshal(w.Body.Bytes(), &found))
	for _, h := range found.Items {
		first, _, _ := strings.Cut(h.Title["en"], " ")
		out = append(out, first+" "+string(h.Access))
	}
	return out, found
}

// A search finds by words and filters, and marks each hit by what its caller may do with it.
func TestSearch(t *testing.T) {
	t.Parallel()
	s := shop(t)
	mine := "&project=p&sort=title"
	for _, marked := range []string{"access=now", "facets=access", "q=north+access:ask"} { // brief judges nothing
		s.want(422, "ada", "GET /datasets?brief=true&"+marked, "", "leave out access")
	}
	for query, want := range map[string][]string{
		"q=north" + mine:              {"Barley elsewhere", "Hay no", "Oats no", "Rye ask", "Wheat now"},
		"q=wheat+of+the+north" + mine: {"Barley elsewhere", "Hay no", "Oats no", "Rye ask", "Wheat now"},
		// the description has the word
		"q=%22rye+of%22" + mine:                                   {"Rye ask"},
		"q=north&space=energy" + mine:                             {"Barley elsewhere"},
		"q=north&space=energy,agriculture&country=Germany" + mine: {"Barley elsewhere"},
		"q=north&country=FR&access=now" + mine:                    {"Wheat now"},
		"q=north&access=ask,elsewhere" + mine:                     {"Barley elsewhere", "Rye ask"},
		"q=north&licence=CC-BY-4.0&access=ask" + mine:             {"Rye ask"},
		"q=north&provider=https://second.example" + mine:          nil,
		"q=north+access:ask,elsewhere" + mine:                     {"Barley elsewhere", "Rye ask"},
		"q=north&purpose=education&sort=title&access=now":         {"Hay now", "Wheat now"},
		"q=north&brief=true" + mine:                               {"Barley ", "Hay ", "Oats ", "Rye ", "Wheat "},
		"q=nothing-like-it" + mine:                                nil,
	} {
		got, found := s.hits("ada", query)
		if d := cmp.Diff(want, got); d != "" || found.Total != uint64(len(want)) {
			t.Errorf("%s: %d found (-want +got):\n%s", query, found.Total, d)
		}
	}
	_, found := s.hits("ada", "q=rye+of&project=p&limit=1")
	h := found.Items[0]
	if h.Version != "v1" || h.Rows != 10 || h.Provider != agreementtest.Holder || len(h.Reasons) == 0 || len(h.Highlight) == 0 {
		t.Errorf("a hit is %+v", h)
	}
	_, found = s.hits("ada", "q=barley&project=p")
	if h := found.Items[0]; h.Links[0].RDF != "" {
		t.Errorf("a hit tells what only who looks at the dataset asks for: %q", h.Links[0].RDF)
	}
	if h := found.Items[0]; h.Links[0].URL != "https://elsewhere.example/barley" || h.Reasons[0].Rule != "dataset.elsewhere" {
		t.Errorf("one that is held elsewhere is %+v", h)
	}
	_, found = s.hits("ada", "q=weat")
	if found.Total != 0 || len(found.Near) == 0 {
		t.Errorf("nothing is near to a misspelt word: %+v", found)
	}
}

// Facets are counted over all hits, marks also over those that access leaves out, and codes
// have names.
func TestFacets(t *testing.T) {
	t.Parallel()
	s := shop(t)
	facet := func(who, query, name string) string {
		t.Helper()
		_, found := s.hits(who, query)
		var out []string
		for _, v := range found.Facets[name].Values {
			out = append(out, fmt.Sprintf("%s=%d %s", v.Value, v.Count, v.Label))
		}
		return strings.Join(out, "; ")
	}
	for _, c := range []struct{ query, name, want string }{
		{"q=north&facets=space&limit=1", "space", "agriculture=4 Agriculture; energy=1 Energy"},
		{"q=north&facets=country,space", "country", "FR=4 France; DE=1 Germany"},
		{"q=north&facets=space&facet_limit=1", "space", "agriculture=4 Agriculture"},
		{"q=north&facets=access,country&project=p", "access", "now=1 ; ask=1 ; no=2 ; elsewhere=1 "},
		{"q=north&facets=access&project=p&access=now", "access", "now=1 ; ask=1 ; no=2 ; elsewhere=1 "},
		{"q=north&facets=access,country&project=p&access=now", "country", "FR=1 France"},
		{"q=north", "space", ""},
	} {
		if got := facet("ada", c.query, c.name); got != c.want {
			t.Errorf("%s: %s is %q, want %q", c.query, c.name, got, c.want)
		}
	}
}

// The pages of a search neither repeat nor skip, with marks and without; a cursor is of its
// own search.
func TestSearchPages(t *testing.T) {
	t.Parallel()
	s := shop(t)
	for _, query := range []string{"q=north&limit=2", "q=north&limit=2&sort=title", "q=north&limit=2&access=now,ask,no,elsewhere&project=p",
		"limit=2&sort=modified"} {
		seen, pages := map[string]bool{}, 0
		next := query
		for ; next != ""; pages++ {
			got, found := s.hits("ada", next)
			for _, h := range got {
				if seen[h] {
					t.Errorf("%s: %s comes twice", query, h)
				}
				seen[h] = true
			}
			w := s.want(200, "ada", "GET /datasets?"+next, "")
			if link := w.Header().Get("Link"); (link != "") != (found.Next != "") {
				t.Errorf("%s: the link is %q, next is %q", query, link, found.Next)
			}
			if next = ""; found.Next != "" {
				next = query + "&cursor=" + found.Next
			}
			if pages > 5 {
				t.Fatalf("%s: the pages have no end", query)
			}
		}
		if len(seen) != 5 || pages != 3 {
			t.Errorf("%s: %d datasets on %d pages, want 5 on 3", query, len(seen), pages)
		}
	}
	_, found := s.hits("ada", "q=north&limit=2")
	s.want(422, "ada", "GET /datasets?q=other&limit=2&cursor="+found.Next, "", `"pointer":"cursor"`,
		"this cursor is of another search: q and sort stay the same over all pages")
	s.want(422, "ada", "GET /datasets?cursor=x", "", `"pointer":"cursor"`, "this is not a valid cursor; take next as it came")
}

// What would find nothing because it is no such thing is said, and not answered by nothing.
func TestWrongFilters(t *testing.T) {
	t.Parallel()
	s := shop(t)
	for query, wants := range map[string][]string{
		"space=farms":                   {`"pointer":"space"`, `"farms" is not a data space; there are `},
		"from=2026-02&to=2026-01":       {`"pointer":"from"`, "from 2026-02 is after to 2026-01"},
		"q=access:maybe":                {`"pointer":"access"`, `"maybe" is not a mark`},
		"q=access:ask&access=now":       {`"pointer":"access"`, "it is said twice: now and ask"},
		"access=maybe":                  {`"pointer":"access"`, `"maybe" is not a mark; there are now, ask, no, elsewhere`},
		"facets=colour":                 {`"pointer":"facets"`, `"colour" is not a facet; there are access, `},
		"facets=colour,access":          {`"pointer":"facets"`, `"colour" is not a facet`},
		"sort=date":                     {`"pointer":"sort"`, "use one of modified, title, size, quality"},
		"q=wa*":                         {`"pointer":"q"`, "wa*: a word is looked for by its first 3 letters or more"},
		"q=cat~":                        {`"pointer":"q"`, "cat~: a word that may differ in a letter has 4 letters or more"},
		"q=column:*":                    {`"pointer":"q"`, "column:*: what column is looked for?"},
		"q=space:farms":                 {`"pointer":"space"`, `"farms" is not a data space`},
		"q=from:2020&from=2021":         {`"pointer":"q"`, "from is said twice: 2021 and 2020"},
		"q=box:1,2,3":                   {`"pointer":"box"`, "write west,south,east,north in degrees"},
		"box=1,60,3,50":                 {`"pointer":"box"`, `"1,60,3,50" is not an area`},
		"updated=yesterday":             {`"pointer":"updated"`, `"yesterday" is not a day`},
		"limit=0":                       {`"pointer":"limit"`, "write a number of at least 1"},
		"facet_limit=1001":              {`"pointer":"facet_limit"`, "write a number of at most 1000"},
		"spase=energy":                  {"spase"},
		"project=q":                     {`"pointer":"/project"`, `you take part in no project "q"`},
		"q=" + strings.Repeat("x", 513): {`"pointer":"q"`, "this has at most 512 characters"},
	} {
		s.want(422, "ada", "GET /datasets?"+query, "", wants...)
	}
	s.want(200, "ada", "GET /datasets?from=2026-01&to=2026", "") // a month within a year
}

// What was typed as a filter and is none is noted, and so is a filter that nothing passes.
func TestNotes(t *testing.T) {
	t.Parallel()
	s := shop(t)
	s.want(200, "ada", "GET /datasets?q=title:north", "", `"notes":["title is not a filter: title:north is looked for as words; filters are space, theme, `)
	s.want(200, "ada", "GET /datasets?q=rye&country=ES", "", `"notes":["no dataset has country ES"]`)
	s.want(200, "ada", "GET /datasets?q=publisher:Harvst&access=now", "", `"total":0`)
}

// What a search may go on with is what everybody may see, and nothing where there is none.
func TestSuggestions(t *testing.T) {
	t.Parallel()
	s := shop(t)
	s.want(200, "", "GET /suggestions?q=nor", "", `"q":"north"`, `"total":`)
	s.want(200, "ada", "GET /suggestions?q=no", "", `"items":[]`)
	s.want(422, "ada", "GET /suggestions?q=wa*", "", `"pointer":"q"`)
	s.want(422, "ada", "GET /suggestions?q=nor&limit=21", "", `"pointer":"limit"`)
	var one schemas.Page[schemas.Near]
	agreementtest.Must(t, json.Unmarshal(s.want(200, "", "GET /suggestions?q=the&limit=1", "").Body.Bytes(), &one))
	if len(one.Items) != 1 {
		t.Errorf("one suggestion is %+v", one)
	}
	s.want(422, "ada", "GET /suggestions", "", `"pointer":"q"`)
}

// Spaces are listed for everybody.
func TestSpaces(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.want(200, "", "GET /spaces", "", `"id":"agriculture"`, `"id":"energy"`)
}

// A search by marks goes on page by page, with the same total and facets on each; what is
// counted is what is kept, and the marks of all.
func TestPagesByMarks(t *testing.T) {
	t.Parallel()
	s := shop(t)
	query := "q=north&project=p&sort=title&access=no,ask&facets=access,format,country&limit=1"
	var all []string
	cursor := ""
	for range 4 {
		got, found := s.hits("ada", query+"&cursor="+cursor)
		all = append(all, got...)
		if found.Total != 3 || len(found.Facets["access"].Values) != 4 || found.Facets["country"].Values[0] != (schemas.FacetValue{Value: "FR", Count: 3, Label: "France"}) ||
			found.Facets["format"].Values == nil {
			t.Errorf("a page is %+v", found)
		}
		cursor = found.Next
		if cursor == "" {
			break
		}
	}
	if d := cmp.Diff([]string{"Hay no", "Oats no", "Rye ask"}, all); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	_, none := s.hits("ada", "q=north&project=p&space=energy&access=now&facets=country,access")
	if none.Total != 0 || none.Facets["country"].Values == nil || len(none.Facets["country"].Values) > 0 || len(none.Facets["access"].Values) != 1 {
		t.Errorf("where none is kept: %+v", none)
	}
}
