package web

import (
	"net/http"
	"net/url"
	"reflect"
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

// TestTermsInWords: rules, constraints and duties as people read them.
func TestTermsInWords(t *testing.T) {
	t.Parallel()
	o := schemas.Offer{Rules: []schemas.Rule{
		{ID: "§1", Kind: schemas.Permission, Actions: []string{"use", "stage"}, Constraint: &schemas.Constraint{And: []schemas.Constraint{
			{Left: "purpose", Operator: "isAnyOf", Right: []string{"scientific-research", "train-model"}},
			{Or: []schemas.Constraint{
				{Left: "spatial", Operator: "eq", Right: []string{"EU"}},
				{And: []schemas.Constraint{
					{Left: "factory", Operator: "eq", Right: []string{"lumi"}},
					{Left: "dateTime", Operator: "lt", Right: []string{"2027-01-01"}},
				}},
			}},
		}}, Duties: []schemas.Duty{
			{Kind: schemas.DutyHide, Columns: []string{"name", "street"}},
			{Kind: schemas.DutyPseudonymise, Columns: []string{"cow"}},
			{Kind: schemas.DutyPseudonymise, Columns: []string{"person"}, Domain: "study", With: []string{"a", "b"}},
			{Kind: schemas.DutyGeneralise, Columns: []string{"born"}, To: "year"},
			{Kind: schemas.DutyGeneralise, Columns: []string{"weight"}, To: "10"},
			{Kind: schemas.DutyFilter},
			{Kind: schemas.DutyBudget, Rows: 1000},
			{Kind: schemas.DutyBudget, Bytes: 2_000_000},
			{Kind: schemas.DutyFactory, Values: []string{"lumi"}},
			{Kind: schemas.DutyFactory},
			{Kind: schemas.DutyAttribute, Text: "© us"},
		}},
		{ID: "§2", Kind: schemas.Prohibition, Actions: []string{"train"}, Constraint: &schemas.Constraint{Left: "purpose", Operator: "isA",
			Right: []string{"marketing"}}},
		{ID: "§3", Kind: schemas.Permission, Actions: []string{"read"}},
	}}
	got := rules(reader(t, "en"), &o)
	want := []ruleShown{
		{ID: "§1", Words: "use and keep an encrypted copy near the job: permitted", Conditions: []string{
			"the purpose is one of scientific research, training, testing and evaluating algorithms",
			"the place is EU or (the AI factory is lumi and the day is before 2027-01-01)",
		}, Duties: []string{
			"hidden: name and street", "pseudonymised: cow", "pseudonymised: person, in the joint domain study of a and b",
			"made coarser: born to the year", "made coarser: weight to 10", "only some rows are shown", "budget: 1,000 rows",
			"budget: 2\u00a0MB", "only at lumi", "only from the factory’s own network", "give credit: © us",
		}},
		{ID: "§2", Words: "train a model: prohibited", Conditions: []string{"the purpose is a kind of marketing"}},
		{ID: "§3", Words: "read: permitted"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	if french := rules(reader(t, "fr"), &o); french[1].Words != "entraîner un modèle : interdit" {
		t.Errorf("%+v", french[1])
	}
}

// TestArea: a box lies whole on the map that is shown; one that crosses the date line is two.
func TestArea(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		box   []float64
		view  string
		boxes []boxShown
	}{
		{nil, "", nil},
		{[]float64{1, 2, 3}, "", nil},
		{[]float64{2, 49, 7, 52}, "-15.5 -60.5 40 20", []boxShown{{"2", "-52", "5", "3"}}},
		{[]float64{-180, -90, 180, 90}, "-180 -90 360 180", []boxShown{{"-180", "-90", "360", "180"}}},
		{[]float64{10, 50, 10, 50}, "-10 -60 40 20", []boxShown{{"10", "-50", "0.1", "0.1"}}},
		{[]float64{170, -20, -170, -10}, "-180 -90 360 180", []boxShown{{"170", "10", "10", "10"}, {"-180", "10", "10", "10"}}},
		{[]float64{175, 85, 180, 90}, "140 -90 40 20", []boxShown{{"175", "-90", "5", "5"}}},
	} {
		m := area(c.box)
		if (m == nil) != (c.view == "") || m != nil && (m.View != c.view || !reflect.DeepEqual(m.Boxes, c.boxes)) {
			t.Errorf("%v: %+v, want %s %v", c.box, m, c.view, c.boxes)
		}
	}
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

// TestFound: highlights without titles, in the order of their fields, by what is marked.
func TestFound(t *testing.T) {
	t.Parallel()
	got := found(map[string]string{"title@en": "**wheat**", "description@de": "an **a** b", "columns": "**yield**"})
	want := []place{{Field: "columns", Words: []run{{"yield", true}}}, {Words: []run{{"an ", false}, {"a", true}, {" b", false}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// TestWordsOfATitle: the reader's language, else English, else what there is, with its tag.
func TestWordsOfATitle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   schemas.Text
		reader string
		want   said
	}{
		{schemas.Text{"de": "Weizen", "en": "wheat", "fr": "blé"}, "fr", said{Words: "blé"}},
		{schemas.Text{"de": "Weizen", "en": "wheat"}, "fr", said{Lang: "en", Words: "wheat"}},
		{schemas.Text{"de": "Weizen", "en-t-de-t0-mtec": "wheat"}, "en", said{Lang: "en-t-de-t0-mtec", Words: "wheat", Translated: true}},
		{schemas.Text{"de": "Weizen"}, "en", said{Lang: "de", Words: "Weizen"}},
		{schemas.Text{"": "wheat"}, "en", said{Words: "wheat"}},
		{nil, "en", said{}},
		{schemas.Text{"en": "\u200b \u00ad"}, "en", said{Words: `\u{200B} \u{AD}`}},
		{schemas.Text{"en": "co\u00adop"}, "en", said{Words: "co\u00adop"}},
	} {
		if got := in(c.text, c.reader); got != c.want {
			t.Errorf("%v for %s: %+v, want %+v", c.text, c.reader, got, c.want)
		}
	}
}

// TestPacked: who says that it unpacks gets less, and the same.
func TestPacked(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "gzip;q=0.000": false, "gzip; q=0.1": true,
		"identity": false, "x-gzipped": false} {
		r, err := http.NewRequest(http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", said)
		if got := unpacks(r); got != want {
			t.Errorf("%q: %t", said, got)
		}
	}
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
	a.answers["GET /audit/checkpoint"] = strings.Repeat("x", maxAnswer)
	h := site(t, a, "token")
	for target, want := range map[string]struct {
		status int
		words  string
	}{
		"/agreements/agr-1": {http.StatusForbidden, "ask its partners"},
		"/requests":         {http.StatusServiceUnavailable, "the database does not answer"},
		"/record":           {http.StatusRequestEntityTooLarge, "more than one page can show"},
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
