package page

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
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
			{Kind: schemas.DutyPseudonymise, Columns: []string{"person"}, Domain: "own"},
			{Kind: schemas.DutyGeneralise, Columns: []string{"born"}, To: "year"},
			{Kind: schemas.DutyGeneralise, Columns: []string{"weight"}, To: "10"},
			{Kind: schemas.DutyFilter},
			{Kind: schemas.DutyFilter, Table: "cows", Filter: &schemas.Filter{And: []schemas.Filter{{Column: "age", Op: "gteq", Values: []string{"2"}},
				{Or: []schemas.Filter{{Column: "farm", Op: "in", Values: []string{"a", "b, c"}}, {Not: &schemas.Filter{Column: "farm", Op: "in", Values: []string{""}}}}},
				{Not: &schemas.Filter{Column: "born", Op: "lt", Values: []string{"2020"}}}}}},
			{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "in", Values: strings.Split(strings.Repeat("1,", 53)+"2", ",")}},
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
			"pseudonymised: person, in the joint domain own of the provider alone",
			"made coarser: born to the year", "made coarser: weight to 10", "filter",
			"only rows where age is at least 2 and (farm is one of a, “b, c” or farm is none of “”) and not (born is below 2020), in the table cows",
			"only rows where n is one of " + strings.Repeat("1, ", 49) + "1 and 4 more", "budget: 1,000 rows",
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
		want   Said
	}{
		{schemas.Text{"de": "Weizen", "en": "wheat", "fr": "blé"}, "fr", Said{Words: "blé"}},
		{schemas.Text{"de": "Weizen", "en": "wheat"}, "fr", Said{Lang: "en", Words: "wheat"}},
		{schemas.Text{"de": "Weizen", "en-t-de-t0-mtec": "wheat"}, "en", Said{Lang: "en-t-de-t0-mtec", Words: "wheat", Translated: true}},
		{schemas.Text{"de": "Weizen"}, "en", Said{Lang: "de", Words: "Weizen"}},
		{schemas.Text{"": "wheat"}, "en", Said{Words: "wheat"}},
		{nil, "en", Said{}},
		{schemas.Text{"en": "\u200b \u00ad"}, "en", Said{Words: `\u{200B} \u{AD}`}},
		{schemas.Text{"en": "co\u00adop"}, "en", Said{Words: "co\u00adop"}},
	} {
		if got := In(c.text, c.reader); got != c.want {
			t.Errorf("%v for %s: %+v, want %+v", c.text, c.reader, got, c.want)
		}
	}
}

// TestUnpacks: who says that it reads gzip.
func TestUnpacks(t *testing.T) {
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
}

// TestInsideKnowsNoConnection: what the API is asked within the process ends with the browser's request, and
// knows nothing of its connection, into which the doors of bytes would write.
func TestInsideKnowsNoConnection(t *testing.T) {
	t.Parallel()
	type key struct{}
	var seen context.Context
	api := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Context() })
	ctx, end := context.WithCancel(context.WithValue(t.Context(), key{}, "the connection"))
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	_, err := within{api, nil, r}.RoundTrip(r)
	if err != nil || seen.Value(key{}) != nil || seen.Err() == nil {
		t.Errorf("%v: %v, %v", err, seen.Value(key{}), seen.Err())
	}
	end()
	_, err = within{api, nil, r}.RoundTrip(r)
	if err != nil || seen.Err() == nil {
		t.Errorf("a request goes on whose browser has gone: %v", err)
	}
}

// TestVendored: the library that pages load is the one that was published.
func TestVendored(t *testing.T) {
	t.Parallel()
	b, err := files.ReadFile("static/htmx.min.js")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); got != "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130" {
		t.Errorf("htmx 4.0.1 has another SHA-256: %s", got)
	}
}

// TestRetyped: what a page writes by its code comes back as it was; what somebody typed like a code of something that
// shows stays.
func TestRetyped(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", "می\u200cخواهم", "👩\u200d🌾", "\u202eevil\u2069", "a\x00\x1bb", `\u{41} \u{D800} \u{110000} \u{FFFFFFF} \u{zz} \u{`, "a\nb\tc"} {
		form := url.Values{"a": {"x", string(harmless([]byte(s)))}}
		retyped(form)
		if got := form["a"][1]; got != s || form["a"][0] != "x" {
			t.Errorf("%q came back as %q", s, got)
		}
	}
}
