package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"guichet/gateway/web/words"
	"guichet/schemas"
)

func reader(t *testing.T, tag string) *words.Reader {
	t.Helper()
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c.For(tag, "")
}

// TestNarrowed: each value of a facet leads to the search with it, or without it where it is taken, from
// its first page.
func TestNarrowed(t *testing.T) {
	t.Parallel()
	q := url.Values{"q": {"wheat"}, "space": {"health,energy"}, "box": {"1,2,3,4"}, "cursor": {"x"}}
	for _, c := range []struct{ name, value, want string }{
		{"space", "mobility", "/datasets?box=1%2C2%2C3%2C4&q=wheat&space=health%2Cenergy%2Cmobility"},
		{"space", "health", "/datasets?box=1%2C2%2C3%2C4&q=wheat&space=energy"},
		{"box", "1,2,3,4", "/datasets?q=wheat&space=health%2Cenergy"},
		{"theme", "AGRI", "/datasets?box=1%2C2%2C3%2C4&q=wheat&space=health%2Cenergy&theme=AGRI"},
	} {
		if got := toggled(q, c.name, c.value); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.name, c.value, got, c.want)
		}
	}
	p := resultsPage{Query: q}
	if got := p.With("sort", "title"); strings.Contains(got, "cursor") || !strings.Contains(got, "sort=title") {
		t.Error(got)
	}
	if got := p.Kept(); got["space"] == "" || got["q"] != "" || got["cursor"] != "" {
		t.Errorf("%v", got)
	}
	facets := map[string]schemas.Facet{"space": {Values: []schemas.FacetValue{{Value: "health", Label: "Health", Count: 3}, {Value: "mobility", Count: 1}}}}
	shown, chosen := shown(reader(t, "en"), q, facets), taken(reader(t, "en"), q, facets)
	if len(shown) != 1 || !shown[0].Values[0].Taken || shown[0].Values[1].Taken {
		t.Errorf("%+v", shown)
	}
	if len(chosen) != 3 || chosen[0].Label != "health" || chosen[2].Value != "1,2,3,4" {
		t.Errorf("%+v", chosen)
	}
}

// TestPacked: who says that it unpacks gets less, and the same.
func TestPacked(t *testing.T) {
	t.Parallel()
	h := site(t, everything(), "token")
	plain, small := visited(h, http.MethodGet, "/me", nil), visited(h, http.MethodGet, "/me", nil, "Accept-Encoding", "gzip")
	if small.Header().Get("Content-Encoding") != "gzip" || small.Body.Len() >= plain.Body.Len() {
		t.Errorf("%v, %d and %d bytes", small.Header(), small.Body.Len(), plain.Body.Len())
	}
	lease := visited(h, http.MethodPost, "/agreements/agr-1/lease", url.Values{}, "Accept-Encoding", "gzip")
	if lease.Header().Get("Content-Encoding") != "" {
		t.Error("an answer with a secret is packed with words of others")
	}
}

// TestWholeOrNothing: what one page cannot show is said, and an error of the API is an error of the page,
// with what to do.
func TestWholeOrNothing(t *testing.T) {
	t.Parallel()
	a := everything()
	a.answers["GET /agreements/agr-1"] = schemas.Refuse("agreement", "agreement.own", "agreements", "this is another project's", "ask its partners")
	a.answers["GET /requests"] = &schemas.Error{Kind: schemas.Unavailable, Subject: "database", Message: "the database does not answer", Remedy: "try again"}
	a.answers["GET /audit/checkpoint"] = strings.Repeat("x", 32<<20)
	h := site(t, a, "token")
	for target, want := range map[string]struct {
		status int
		words  string
	}{
		"/agreements/agr-1": {http.StatusForbidden, "ask its partners"},
		"/requests":         {http.StatusServiceUnavailable, "the database does not answer"},
		"/record/verify":    {http.StatusRequestEntityTooLarge, "more than one page can show"},
		"/requests/none":    {http.StatusNotFound, "There is nothing here"},
	} {
		w := visited(h, http.MethodGet, target, nil)
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.words) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// TestLongSearches: what a search says many times over is not repeated at each of its parts, so that no
// address makes a page cost more than what the API is asked for it.
func TestLongSearches(t *testing.T) {
	t.Parallel()
	h := site(t, everything(), "")
	w := visited(h, http.MethodGet, "/datasets?country="+strings.Repeat("a,", 8000), nil)
	if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "at most 4096 bytes") {
		t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
	}
	long := "/datasets?q=wheat"
	for _, name := range filters() {
		long += "&" + name + "=" + strings.Repeat("a,", 60)
	}
	w = visited(h, http.MethodGet, long, nil)
	if w.Code != http.StatusOK || w.Body.Len() > 256<<10 {
		t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
	}
	q := url.Values{"country": {strings.Repeat("a,", mostTaken) + "a"}}
	if got := taken(reader(t, "en"), q, nil); len(got) != 1 || got[0].To != "/datasets" {
		t.Errorf("many values are taken one by one: %+v", got)
	}
}
