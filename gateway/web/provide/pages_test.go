package provide

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"guichet/gateway/problem"
	"guichet/gateway/web/blocks"
	"guichet/gateway/web/page"
	"guichet/gateway/web/publish"
	"guichet/policy"
	"guichet/policy/agreement/throughput"
	"guichet/policy/call"
	"guichet/schemas"
)

// permitted is a rule that permits the use.
func permitted(c *schemas.Constraint, duties ...schemas.Duty) schemas.Rule {
	return schemas.Rule{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: c, Duties: duties}
}

// us is the provider of these tests.
const us = "https://p.example"

// api answers what is fixed, by method and path, and keeps what it was asked.
type api struct {
	answers map[string]any
	mu      sync.Mutex
	asked   []asked
}

// asked is one that the API got.
type asked struct{ what, query, body, key, match, kind string }

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	what := r.Method + " " + strings.TrimPrefix(r.URL.EscapedPath(), "/api/v1")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, asked{what, r.URL.RawQuery, string(b), r.Header.Get("Idempotency-Key"), r.Header.Get("If-Match"), r.Header.Get("Content-Type")})
	v, is := a.answers[what]
	if !is {
		v = schemas.Errorf(schemas.NotFound, r.URL.Path, "there is nothing at %s", r.URL.Path)
	}
	if err, is := v.(error); is {
		problem.Write(w, problem.Of(err, slog.New(slog.DiscardHandler)))
		return
	}
	_ = json.NewEncoder(w).Encode(v)
}

// of are the calls of one kind.
func (a *api) of(what string) (out []asked) {
	for _, c := range a.asked {
		if c.what == what {
			out = append(out, c)
		}
	}
	return out
}

// world is an API with one dataset of ours.
func world() *api {
	d := full()
	d.Revision, d.Latest, d.Facts = 7, &schemas.VersionSummary{Version: "v1", State: "published"}, &schemas.Facts{Runs: 9}
	d.Offer = &schemas.Offer{Rules: []schemas.Rule{permitted(nil)}}
	releases := []schemas.Release{{Agreement: "agr-1", Dataset: "ds-1", Provider: us, Participant: "https://t.example", State: "open", Rows: 11},
		{Agreement: "agr-2", Dataset: "ds-9", Provider: "https://other.example", Participant: us, State: "open"}}
	waits := schemas.RequestItem{Dataset: "ds-1", State: "pending", Decision: &schemas.Decision{Verdict: "review", Reviewer: us}}
	return &api{answers: map[string]any{
		"GET /me":                         schemas.Identity{Subject: "p", Participant: us, Roles: []schemas.Role{"provider"}},
		"GET /datasets":                   schemas.Found{Items: []schemas.Hit{{ID: "ds-1", Title: d.Title, Same: []schemas.Origin{{ID: "ds-2", Provider: "https://x.example"}}}}},
		"GET /datasets/ds-1":              d,
		"PUT /datasets/ds-1":              d,
		"POST /datasets":                  d,
		"PUT /datasets/ds-1/offer":        d,
		"POST /datasets/ds-1/offer/trial": tried{Offer: *d.Offer, ODRL: json.RawMessage(`{"@type":"Offer"}`), Notes: []string{"a note"}},
		"GET /datasets/ds-1/versions": schemas.Page[schemas.VersionSummary]{Items: []schemas.VersionSummary{{Version: "v2", State: "publishing"},
			{Version: "v1", State: "published", Rows: 5}}},
		"GET /datasets/ds-1/versions/v1":    schemas.VersionSummary{Version: "v1", State: "published", Shards: 1, ShardsDone: 1, Rows: 5},
		"GET /datasets/ds-1/versions/v2":    schemas.VersionSummary{Version: "v2", State: "publishing", Shards: 4, ShardsDone: 1, Rows: 1234},
		"DELETE /datasets/ds-1/versions/v1": schemas.VersionSummary{}, "DELETE /datasets/ds-1/versions/v2": schemas.VersionSummary{},
		"POST /datasets/ds-1/versions": schemas.VersionSummary{Version: "dry-run", State: "publishing"},
		"GET /agreements": schemas.Page[schemas.Agreement]{Items: []schemas.Agreement{
			{ID: "agr-1", Dataset: "ds-1", Provider: us, Participant: "https://t.example", State: "active", RowsUsed: 100, BytesUsed: 3000},
			{ID: "agr-3", Dataset: "ds-1", Provider: us, Participant: "https://t.example", State: "revoked", RowsUsed: 23, BytesUsed: 500}}},
		"GET /uses": schemas.Page[throughput.Held]{Items: []throughput.Held{{Dataset: "ds-1", Active: 1, Agreements: 2, Rows: 123, Bytes: 3500},
			{Dataset: "ds-gone", Active: 7}}},
		"GET /requests": schemas.Page[schemas.Request]{Items: []schemas.Request{{ID: "req-1", Project: "theirs", By: "https://t.example", State: "pending",
			Items: []schemas.RequestItem{waits}}, {ID: "req-2", Project: "ours", State: "pending", Items: []schemas.RequestItem{{Dataset: "ds-8", State: "pending"}}}}},
		"GET /streams": schemas.Page[schemas.Release]{Items: releases},
		"GET /stores": schemas.Page[schemas.Store]{Items: []schemas.Store{{ID: "local", Prefixes: []schemas.Prefix{
			{Participant: us, Bucket: "b", Prefix: "p/"}, {Participant: "https://other.example", Bucket: "b", Prefix: "secret/"}}}}},
		"GET /spaces":    schemas.Page[schemas.SpaceProfile]{Items: []schemas.SpaceProfile{{ID: "agriculture"}}},
		"GET /calls":     schemas.Page[call.Call]{Items: []call.Call{{ID: "spring", Name: "Spring <2027>", State: call.Open}}},
		"GET /factories": schemas.Page[schemas.Factory]{Items: []schemas.Factory{{ID: "lumi", Name: "LUMI", Country: "FI", Secure: true}}},
		"POST /participants/https:%2F%2Ft.example/stop": schemas.Stopped{},
	}}
}

// site is the pages over an API, for the provider.
func site(t *testing.T, a *api) http.Handler {
	t.Helper()
	gin.SetMode(gin.TestMode)
	s, err := page.New(page.Config{API: a, Public: "https://guichet.example", Log: slog.New(slog.DiscardHandler),
		Token: func(http.ResponseWriter, *http.Request) (string, bool, error) { return "token", true, nil }}, Part(), publish.Part())
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.UseRawPath = true
	s.Mount(r)
	return r
}

// send asks for a page, or sends a form.
func send(h http.Handler, method, target string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://guichet.example"+target, strings.NewReader(form.Encode()))
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// holds fails the test unless an answer has a status and says all of this.
func holds(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	for _, want := range words {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("it lacks %q: %s", want, w.Body)
		}
	}
	if w.Code != status {
		t.Errorf("%d, want %d", w.Code, status)
	}
}

// led fails the test unless an answer leads to an address.
func led(t *testing.T, w *httptest.ResponseRecorder, to string) {
	t.Helper()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
		t.Errorf("%d to %q, want %q: %s", w.Code, w.Header().Get("Location"), to, w.Body)
	}
}

// TestHome: a provider sees its datasets with what becomes of them, what waits for it, and who reads now; not what
// belongs to others. With nothing there, it sees what to do first.
func TestHome(t *testing.T) {
	t.Parallel()
	a := world()
	h := site(t, a)
	w := send(h, http.MethodGet, "/provide", nil)
	holds(t, w, http.StatusOK, "Wheat", "being published", `<td class="n"><a href="/agreements?dataset=ds-1">1</a></td><td class="n">1</td><td class="n">123</td>`,
		"/requests/req-1", "https://t.example", "s3://local/b/p/", "/provide/new?place=s3", `href="/provide/ds-1/versions/v2"`)
	for _, not := range []string{"req-2", "agr-2", "secret/"} {
		if strings.Contains(w.Body.String(), not) {
			t.Errorf("it says %s", not)
		}
	}
	for _, empty := range []string{"GET /datasets", "GET /agreements", "GET /uses", "GET /requests", "GET /streams", "GET /stores"} {
		a.answers[empty] = map[string]any{"items": []any{}}
	}
	holds(t, send(h, http.MethodGet, "/provide", nil), http.StatusOK, "You have no dataset yet", "The operator has granted you no place", "Nobody at the moment")
}

// TestRegister: a form that is sent twice registers once; what is wrong is shown at its field, with what was typed, and
// under another key.
func TestRegister(t *testing.T) {
	t.Parallel()
	a := world()
	h := site(t, a)
	key := regexp.MustCompile(`name="key" value="([A-Z2-7]+)"`).FindStringSubmatch(send(h, http.MethodGet, "/provide/new", nil).Body.String())
	if key == nil {
		t.Fatal("the form has no key")
	}
	form := url.Values{"key": {key[1]}, "lang": {"en"}, "title": {"Wheat"}, "space": {"agriculture"}, "do": {"send"}}
	for range 2 {
		led(t, send(h, http.MethodPost, "/provide/new/register", form), "/provide/ds-1/terms")
	}
	sent := a.of("POST /datasets")
	if len(sent) != 2 || sent[0].key != "form-"+key[1] || sent[0] != sent[1] || strings.Contains(sent[0].query, "check") {
		t.Errorf("%+v", sent)
	}
	a.answers["POST /datasets"] = schemas.BadField("dataset", "/contact", "this is no address")
	form.Set("contact", "nobody")
	w := send(h, http.MethodPost, "/provide/new/register", form)
	holds(t, w, http.StatusUnprocessableEntity, `value="nobody"`, `id="contact-wrong">this is no address`, `href="#contact"`, `aria-invalid="true"`)
	if strings.Contains(w.Body.String(), key[1]) {
		t.Error("the mended form would be taken for the wrong one")
	}
	holds(t, send(h, http.MethodPost, "/provide/new/check", form), http.StatusOK, `<div id="check"`, "this is no address")
	form.Set("do", "check")
	holds(t, send(h, http.MethodPost, "/provide/new/register", form), http.StatusUnprocessableEntity, "this is no address", key[1])
	form.Set("do", "more-t0")
	holds(t, send(h, http.MethodPost, "/provide/new/register", form), http.StatusOK, `name="t0-c3-name"`, `value="nobody"`)
}

// TestLongDescriptionsOnce: of a long description the API keeps no answer for who sends it twice; it says where the
// dataset is.
func TestLongDescriptionsOnce(t *testing.T) {
	t.Parallel()
	a := world()
	a.answers["POST /datasets"] = &schemas.Error{Kind: schemas.Conflict, Subject: "Idempotency-Key", Message: "the first request was answered with 201",
		Remedy: "look at what was made or changed with GET /api/v1/datasets/ds-abc123"}
	w := send(site(t, a), http.MethodPost, "/provide/new/register", url.Values{"key": {"K"}, "title": {"Wheat"}})
	led(t, w, "/provide/ds-abc123/terms")
}

// TestRegisterFromAPlace: the files of a prefix are read for a report at once; where they cannot be, the form of the
// publication is there.
func TestRegisterFromAPlace(t *testing.T) {
	t.Parallel()
	a := world()
	h := site(t, a)
	form := url.Values{"key": {"K"}, "title": {"Wheat"}, "place": {"s3://local/b/p/"}, "path": {"wheat/"}}
	led(t, send(h, http.MethodPost, "/provide/new/register", form), "/provide/ds-1/versions/dry-run?path=wheat%2F&place=s3%3A%2F%2Flocal%2Fb%2Fp%2F")
	if sent := a.of("POST /datasets/ds-1/versions"); len(sent) != 1 || !strings.Contains(sent[0].body, `"dry_run":true`) ||
		!strings.Contains(sent[0].body, `"prefix":"p/wheat/"`) || sent[0].key != "form-K-dry" {
		t.Errorf("%+v", sent)
	}
	a.answers["POST /datasets/ds-1/versions"] = schemas.BadField("publication", "/tables/0", "nothing lies there")
	led(t, send(h, http.MethodPost, "/provide/new/register", form), "/provide/ds-1/publish?path=wheat%2F&place=s3%3A%2F%2Flocal%2Fb%2Fp%2F")
}

// TestEdit: a description is changed at the revision that was read, with what the form does not show; who is late is told,
// and keeps what was typed.
func TestEdit(t *testing.T) {
	t.Parallel()
	a := world()
	h := site(t, a)
	holds(t, send(h, http.MethodGet, "/provide/ds-1/edit", nil), http.StatusOK, `name="revision" value="7"`, `value="Wheat"`, `name="t0-c0-name" value="a"`,
		"It has a title in de too")
	d := full()
	form := url.Values(typedOf(&d, "en"))
	form.Set("title", "Rye")
	form.Set("revision", "6")
	led(t, send(h, http.MethodPost, "/provide/ds-1/edit/change", form), "/datasets/ds-1")
	sent := a.of("PUT /datasets/ds-1")
	if len(sent) != 1 || sent[0].match != `"6"` || !strings.Contains(sent[0].body, `"en":"Rye"`) || !strings.Contains(sent[0].body, `"de":"Weizen"`) ||
		!strings.Contains(sent[0].body, `"BE10"`) || strings.Contains(sent[0].body, `"facts"`) {
		t.Errorf("%+v", sent)
	}
	// What pages write by its code comes back as it was: a form that is only sent changes nothing.
	form.Set("title", `می\u{200C}خواهم 👩\u{200D}🌾 \u{41} \u{110000} \u{zz}`)
	led(t, send(h, http.MethodPost, "/provide/ds-1/edit/change", form), "/datasets/ds-1")
	if body := a.of("PUT /datasets/ds-1")[1].body; !strings.Contains(body, "\"en\":\"می\u200cخواهم 👩\u200d🌾 \\\\u{41} \\\\u{110000} \\\\u{zz}\"") {
		t.Errorf("%s", body)
	}
	form.Set("title", "Rye")
	holds(t, send(h, http.MethodPost, "/provide/ds-1/edit/check", form), http.StatusOK, "Nothing is wrong with it.")
	if sent := a.of("PUT /datasets/ds-1"); sent[2].query != "check=true" {
		t.Errorf("%+v", sent[2])
	}
	a.answers["PUT /datasets/ds-1"] = schemas.Errorf(schemas.Precondition, "ds-1", "the dataset is at revision 7, not 6")
	holds(t, send(h, http.MethodPost, "/provide/ds-1/edit/change", form), http.StatusPreconditionFailed, "at revision 7, not 6", `value="Rye"`)
	other := full()
	other.Provider = "https://other.example"
	a.answers["GET /datasets/ds-1"] = other
	for _, target := range []string{"/provide/ds-1/edit", "/provide/ds-1/terms", "/provide/ds-1/publish", "/provide/ds-1/versions/v1"} {
		holds(t, send(h, http.MethodGet, target, nil), http.StatusNotFound, "is not a dataset of yours")
	}
}

// TestFile: a file is looked at as what it is, and stands in the form to be mended or sent; sent twice, it registers
// once.
func TestFile(t *testing.T) {
	t.Parallel()
	a := world()
	h := site(t, a)
	upload := func(fields map[string]string, name, text string) *httptest.ResponseRecorder {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		for k, v := range fields {
			_ = m.WriteField(k, v)
		}
		if name != "" {
			f, _ := m.CreateFormFile("file", name)
			_, _ = f.Write([]byte(text))
		}
		_ = m.Close()
		r := httptest.NewRequest(http.MethodPost, "https://guichet.example/provide/file/register", &b)
		r.Header.Set("Content-Type", m.FormDataContentType())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	holds(t, send(h, http.MethodGet, "/provide/file", nil), http.StatusOK, `enctype="multipart/form-data"`)
	holds(t, upload(map[string]string{"do": "check", "space": "agriculture"}, "x.ttl", "<> a <urn:y> ."), http.StatusOK, "Nothing is wrong with it.",
		"&lt;&gt; a &lt;urn:y&gt; .", `name="name" value="x.ttl"`)
	sent := a.of("POST /datasets")
	if len(sent) != 1 || sent[0].kind != "text/turtle" || sent[0].query != "check=true&space=agriculture" || sent[0].body != "<> a <urn:y> ." || sent[0].key != "" {
		t.Errorf("%+v", sent)
	}
	for range 2 {
		led(t, upload(map[string]string{"do": "send", "text": "title: {en: X}", "key": "K"}, "", ""), "/provide/ds-1/terms")
	}
	if sent := a.of("POST /datasets"); sent[1].kind != "application/yaml" || sent[1].key != "form-K" || sent[1] != sent[2] {
		t.Errorf("%+v", sent)
	}
	a.answers["POST /datasets"] = schemas.BadField("dataset", "/titel", "line 3: there is no titel")
	holds(t, upload(map[string]string{"do": "send", "text": "as it was typed", "key": "K"}, "", ""), http.StatusUnprocessableEntity, "line 3", "as it was typed")
	holds(t, upload(map[string]string{"do": "check"}, "", ""), http.StatusUnprocessableEntity, "choose a file")
	holds(t, upload(nil, "big.yaml", strings.Repeat("x", mostText+1)), http.StatusUnprocessableEntity, "larger than a page")
	holds(t, upload(nil, "huge.yaml", strings.Repeat("x", 5<<20)), http.StatusRequestEntityTooLarge)
}

// TestUploads: of who did not sign in no file is read, whatever it announces; of others a few at a time.
func TestUploads(t *testing.T) {
	t.Parallel()
	a := world()
	a.answers["GET /me"] = &schemas.Error{Kind: schemas.Unauthenticated, Subject: "token", Message: "the token expired"}
	body := &counted{left: 1 << 20}
	r := httptest.NewRequest(http.MethodPost, "https://guichet.example/provide/file/register", body)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	site(t, a).ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || body.left != 1<<20 {
		t.Errorf("%d, and %d bytes are left", w.Code, body.left)
	}
	h := site(t, world())
	busy, done := 0, make(chan int)
	hold := make(chan struct{})
	for range 9 {
		go func() {
			r := httptest.NewRequest(http.MethodPost, "https://guichet.example/provide/file/register", &held{hold})
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			done <- w.Code
		}()
	}
	busy = <-done // the ninth, while eight are held
	close(hold)
	for range 8 {
		<-done
	}
	if busy != http.StatusServiceUnavailable && busy != http.StatusTooManyRequests {
		t.Errorf("the ninth: %d", busy)
	}
	holds(t, send(h, http.MethodPost, "/provide/file/register", url.Values{"text": {"x"}}), http.StatusOK)
}

// counted is a body that counts what is read of it.
type counted struct{ left int }

func (c *counted) Read(b []byte) (int, error) {
	c.left -= len(b)
	return len(b), nil
}

// held is a body that comes when it is let go.
type held struct{ hold chan struct{} }

func (h *held) Read([]byte) (int, error) {
	<-h.hold
	return 0, io.EOF
}

// TestTerms: terms are read, tried and set at the revision that was read; what is wrong is shown at its block.
func TestTerms(t *testing.T) {
	t.Parallel()
	a := world()
	h := site(t, a)
	holds(t, send(h, http.MethodGet, "/provide/ds-1/terms?template=research-only", nil), http.StatusOK, "What these terms say", "use: permitted", "a note",
		"LUMI", `value="born"`[:6], "&#34;@type&#34;: &#34;Offer&#34;")
	if sent := a.of("POST /datasets/ds-1/offer/trial"); len(sent) != 2 || !strings.Contains(sent[0].body, "research-only") || sent[1].query != "country=FR" {
		t.Errorf("%+v", sent)
	}
	form := url.Values{"revision": {"6"}, "purpose": {"research"}, "rows": {"many"}, "place": {"lumi"}}
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), http.StatusUnprocessableEntity, `id="rows-wrong">&#34;many&#34; is not a number`,
		`value="research" checked`)
	form.Set("rows", "7")
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/try", form), http.StatusOK, `<div id="tried"`)
	form.Set("do", "look")
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), http.StatusOK, `value="7"`)
	if len(a.of("PUT /datasets/ds-1/offer")) != 0 {
		t.Error("terms were set by a look")
	}
	form.Set("do", "send")
	led(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), "/datasets/ds-1")
	sent := a.of("PUT /datasets/ds-1/offer")
	if len(sent) != 1 || sent[0].match != `"6"` || !strings.Contains(sent[0].body, `"rows":7`) {
		t.Errorf("%+v", sent)
	}
	if tries := a.of("POST /datasets/ds-1/offer/trial"); tries[len(tries)-1].query != "country=FI&factory=lumi" {
		t.Errorf("%+v", tries[len(tries)-1])
	}
	a.answers["POST /datasets/ds-1/offer/trial"] = schemas.BadField("offer", "/rules/0/constraint/right/0", "this is no purpose")
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), http.StatusUnprocessableEntity, `id="purpose-wrong">this is no purpose`)
}

// TestRowsOfTerms: which rows are shown is said by the dataset's own columns with their types; what is wrong stands at its
// line, where the page opens; a dataset of which no column is known has no such block.
func TestRowsOfTerms(t *testing.T) {
	t.Parallel()
	a := world()
	d, _ := a.answers["GET /datasets/ds-1"].(schemas.Dataset)
	d.Tables = []schemas.TableInfo{{Name: "cows", Fields: []schemas.Field{{Name: "age", Type: "int64"}, {Name: "<farm>", Type: "text"}}},
		{Name: "farms", Fields: []schemas.Field{{Name: "<farm>", Type: "text"}}}}
	d.Offer = &schemas.Offer{Rules: []schemas.Rule{permitted(nil, schemas.Duty{Kind: schemas.DutyFilter, Table: "cows",
		Filter: &schemas.Filter{Or: []schemas.Filter{{Column: "age", Op: "gteq", Values: []string{"2"}}, {Column: "gone", Op: "eq", Values: []string{"x"}}}}})}}
	a.answers["GET /datasets/ds-1"] = d
	h := site(t, a)
	w := send(h, http.MethodGet, "/provide/ds-1/terms", nil)
	holds(t, w, http.StatusOK, `<option value="cows/age" selected>age (int64)</option>`, `<option selected>cows/gone</option>`, `<option value="or" selected>`,
		`<option value="gteq" selected>is at least</option>`, `<optgroup label="In every table"><option value="&lt;farm&gt;">&lt;farm&gt; (text)</option></optgroup>`,
		`<option value="farms/&lt;farm&gt;">&lt;farm&gt; (text)</option>`, `id="row-value-2"`)
	if strings.Contains(w.Body.String(), "row-value-3") || strings.Contains(w.Body.String(), "more than this form can say") {
		t.Errorf("%s", w.Body)
	}
	form := url.Values{"row-column": {"", "cows/age", "age"}, "row-op": {"eq", "gteq", "lt"}, "row-value": {"", "2", "<many>"}, "row-join": {"and", "and", "and"}, "do": {"more"}}
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), http.StatusOK, `id="row-value-3"`, `id="row-column-2" name="row-column" aria-label="Column of condition 3" autofocus`)
	a.answers["POST /datasets/ds-1/offer/trial"] = schemas.BadField("offer", "/rules/0/duties/1", `column "age": "<many>" is not a number`)
	form.Set("do", "send")
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), http.StatusUnprocessableEntity, `value="2" size="14"`,
		`value="&lt;many&gt;" size="14" maxlength="20000" aria-label="Value of condition 2" aria-invalid="true" aria-describedby="row-value-1-wrong" autofocus`,
		`id="row-value-1-wrong">column &#34;age&#34;`, `href="#row-value-1"`)
	for i := range 300 {
		d.Tables[0].Fields = append(d.Tables[0].Fields, schemas.Field{Name: fmt.Sprint("c", i)})
	}
	a.answers["GET /datasets/ds-1"] = d
	holds(t, send(h, http.MethodGet, "/provide/ds-1/terms", nil), http.StatusOK, `<input id="row-column-0" name="row-column" value="cows/age"`, `<option value="cows/c299">`)
	d.Tables, d.Offer = nil, nil
	a.answers["GET /datasets/ds-1"] = d
	if w := send(h, http.MethodGet, "/provide/ds-1/terms", nil); strings.Contains(w.Body.String(), "row-column") {
		t.Error("columns that nobody knows can be compared")
	}
}

// TestTablesOfTerms: a rule holds for one table of several, which stands open where it has one; a fault stands at its
// column of that table.
func TestTablesOfTerms(t *testing.T) {
	t.Parallel()
	a := world()
	d, _ := a.answers["GET /datasets/ds-1"].(schemas.Dataset)
	fields := []schemas.Field{{Name: "name", Type: "text"}}
	d.Tables = []schemas.TableInfo{{Name: "cows", Fields: fields}, {Name: "<farms>", Fields: fields}}
	d.Offer = &schemas.Offer{Rules: []schemas.Rule{permitted(nil, schemas.Duty{Kind: schemas.DutyHide, Table: "<farms>", Columns: []string{"name"}})}}
	a.answers["GET /datasets/ds-1"] = d
	h := site(t, a)
	holds(t, send(h, http.MethodGet, "/provide/ds-1/terms", nil), http.StatusOK, "<p>In every table</p>", "<details><summary>Only in the table cows</summary>",
		"<details open><summary>Only in the table &lt;farms&gt;</summary>", `name="of" value="&lt;farms&gt;"`,
		`aria-label="How name is shown, in the table &lt;farms&gt;"`)
	form := url.Values{"of": {"", "cows", "<farms>"}, "column": {"name", "name", "name"}, "treat": {"", "", "generalise"}, "step": {"", "", "x"}, "do": {"send"}}
	a.answers["POST /datasets/ds-1/offer/trial"] = schemas.BadField("offer", "/rules/0/duties/0/to", `"x" is not a step`)
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), http.StatusUnprocessableEntity, `value="x" size="8"`, `id="step-2-wrong">&#34;x&#34; is not a step`)
	sent := a.of("POST /datasets/ds-1/offer/trial")
	if last := sent[len(sent)-1].body; !strings.Contains(last, `{"kind":"generalise","table":"\u003cfarms\u003e","columns":["name"],"to":"x"}`) {
		t.Errorf("%s", last)
	}
	d.Tables[0].Objects = true // what is of objects is not divided
	a.answers["GET /datasets/ds-1"] = d
	w := send(h, http.MethodGet, "/provide/ds-1/terms", nil)
	holds(t, w, http.StatusOK, "<details open><summary>Only in the table &lt;farms&gt;</summary>", `<option value="%3Cfarms%3E/name">name (text)</option>`)
	if strings.Contains(w.Body.String(), "In every table") {
		t.Error("columns of every table are offered beside objects")
	}
}

// TestCallsOfTerms: a call is chosen among those that are open, by its title; one that terms name stays, whatever became of
// it, and so do factories and purposes that are in no list. Terms for a call are tried by a project under it.
func TestCallsOfTerms(t *testing.T) {
	t.Parallel()
	a := world()
	d, _ := a.answers["GET /datasets/ds-1"].(schemas.Dataset)
	d.Offer = &schemas.Offer{Rules: []schemas.Rule{permitted(&schemas.Constraint{And: []schemas.Constraint{
		{Left: "call", Operator: "isAnyOf", Right: []string{"past", "gone", "<odd>"}}, {Left: "factory", Operator: "isAnyOf", Right: []string{"shut"}},
		{Left: "purpose", Operator: "isA", Right: []string{"https://example.org/purpose"}}}})}}
	a.answers["GET /datasets/ds-1"] = d
	a.answers["GET /calls/past"] = call.Call{ID: "past", Name: "Autumn", State: call.Over}
	h := site(t, a)
	holds(t, send(h, http.MethodGet, "/provide/ds-1/terms", nil), http.StatusOK, `name="call" value="spring"> Spring &lt;2027&gt;`, `name="call" value="past" checked> Autumn (over)`,
		`name="call" value="gone" checked> gone`, `value="&lt;odd&gt;" checked> &lt;odd&gt;`, `name="factory" value="shut" checked> shut`,
		`value="https://example.org/purpose" checked`, `<option value="past" selected>`)
	if got := a.of("GET /calls"); len(got) != 1 || got[0].query != "limit=100&state=open" && got[0].query != "state=open&limit=100" {
		t.Errorf("%+v", got)
	}
	form := url.Values{"call": {"spring"}, "under": {"spring"}, "do": {"send"}}
	led(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), "/datasets/ds-1")
	tries, sent := a.of("POST /datasets/ds-1/offer/trial"), a.of("PUT /datasets/ds-1/offer")
	if tries[0].query != "call=past&country=FR" || tries[1].query != "call=spring&country=FR" || !strings.Contains(sent[0].body, `{"left":"call","operator":"isAnyOf","right":["spring"]}`) {
		t.Errorf("%+v %+v", tries, sent)
	}
	a.answers["POST /datasets/ds-1/offer/trial"] = schemas.BadField("offer", "/rules/0/constraint/right/0", `there is no call "spring"`)
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), http.StatusUnprocessableEntity, `<fieldset id="call" aria-describedby="call-wrong" tabindex="-1" autofocus>`,
		`id="call-wrong">there is no call`)
	delete(a.answers, "GET /calls")
	if w := send(h, http.MethodGet, "/provide/ds-1/terms", nil); w.Code == http.StatusOK {
		t.Error("the calls could not be read, and the form is shown without")
	}
	a.answers["GET /calls"] = schemas.Page[call.Call]{}
	if w := send(h, http.MethodPost, "/provide/ds-1/terms/put", url.Values{"do": {"look"}}); strings.Contains(w.Body.String(), `id="call"`) {
		t.Error("there is a block of calls, and there is no call")
	}
}

// TestJointTerms: with whom a joint domain is shared is said once for each, and a fault stands at that line.
func TestJointTerms(t *testing.T) {
	t.Parallel()
	a := world()
	d, _ := a.answers["GET /datasets/ds-1"].(schemas.Dataset)
	d.Offer = &schemas.Offer{Rules: []schemas.Rule{permitted(nil, schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"a"}, Domain: "cohort", With: []string{"https://x.example"}})}}
	a.answers["GET /datasets/ds-1"] = d
	h := site(t, a)
	w := send(h, http.MethodGet, "/provide/ds-1/terms", nil)
	holds(t, w, http.StatusOK, `<option value="joint" selected>`, `name="step" value="cohort"`, `<details id="joint" open>`, `id="with-0" name="with" value="https://x.example"`, `id="domain-1"`)
	if strings.Contains(w.Body.String(), "more than this form can say") {
		t.Error("a joint domain is more than the form can say")
	}
	form := url.Values{"column": {"a"}, "treat": {"joint"}, "step": {"cohort"}, "domain": {"", "cohort"}, "with": {"", "nobody"}, "do": {"send"}}
	a.answers["POST /datasets/ds-1/offer/trial"] = schemas.BadField("offer", "/rules/0/duties/0/with/0", `"nobody" names no organisation`)
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), http.StatusUnprocessableEntity, `id="with-0" name="with" value="nobody" size="30"`, `id="with-0-wrong">&#34;nobody&#34;`,
		`aria-describedby="with-0-wrong" autofocus`)
}

// TestFaultsStandAtTheirFields: whatever part of an offer a fault of the API is about, it is said beside the field of the
// form that the part comes from, the field is there to be gone to, and the page opens at the first one.
func TestFaultsStandAtTheirFields(t *testing.T) {
	t.Parallel()
	a := world()
	d, _ := a.answers["GET /datasets/ds-1"].(schemas.Dataset)
	d.Tables = []schemas.TableInfo{{Name: "t", Fields: []schemas.Field{{Name: "a"}, {Name: "b"}}}, {Name: "u", Fields: []schemas.Field{{Name: "a"}}}}
	a.answers["GET /datasets/ds-1"] = d
	form := url.Values{
		"action": {"train"}, "stage": {"yes"}, "direct": {"yes"}, "purpose": {"research"}, "kind": {"sme"}, "spatial": {"FR"}, "factory": {"lumi"}, "call": {"spring"},
		"recipient": {"https://a.example"}, "until": {"2030"}, "attribute": {"us"}, "hidden": {"x"}, "rows": {"7"}, "bytes": {"7"}, "proof": {"yes"},
		"never": {"marketing"}, "barred": {"https://b.example"}, "of": {"", "t", "u"}, "column": {"a", "b", "a"}, "treat": {"joint", "generalise", "hide"},
		"step": {"cohort", "year", ""}, "domain": {"cohort"}, "with": {"https://c.example"}, "do": {"send"},
		"row-column": {"a", "t/b", "t/a"}, "row-op": {"eq", "notin", "lt"}, "row-value": {"1", "2, 3", "4"}, "row-join": {"and", "and", "or"},
	}
	made, err := blocks.Read(blocks.Form(form))
	if err != nil {
		t.Fatal(err)
	}
	e := &schemas.Error{Kind: schemas.Invalid, Subject: "offer", Message: "the offer cannot be judged"}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, below := range v {
				walk(at+"/"+k, below)
			}
		case []any:
			for i, below := range v {
				walk(fmt.Sprintf("%s/%d", at, i), below)
			}
		default:
			e.Fields = append(e.Fields, schemas.FieldError{Pointer: at, Message: "wrong: " + at})
		}
	}
	text, err := json.Marshal(made.Offer.Rules)
	if err != nil {
		t.Fatal(err)
	}
	var rules any
	err = json.Unmarshal(text, &rules)
	if err != nil {
		t.Fatal(err)
	}
	walk("/rules", rules)
	seen := map[string]bool{}
	e.Fields = slices.DeleteFunc(e.Fields, func(f schemas.FieldError) bool { return f.Pointer == "/rules/0/kind" }) // which no form can get wrong
	slices.SortFunc(e.Fields, func(a, b schemas.FieldError) int { return strings.Compare(a.Pointer, b.Pointer) })
	for _, f := range e.Fields {
		field := made.Field(f.Pointer)
		if field == "" {
			t.Errorf("%s comes from no field", f.Pointer)
		}
		seen[field] = true
	}
	a.answers["POST /datasets/ds-1/offer/trial"] = e
	page := send(site(t, a), http.MethodPost, "/provide/ds-1/terms/put", form).Body.String()
	for field := range seen {
		for _, want := range []string{` id="` + field + `"`, ` id="` + field + `-wrong">wrong: /rules/`, `href="#` + field + `"`, `aria-describedby="` + field + `-wrong"`} {
			if strings.Count(page, want) == 0 || strings.HasPrefix(want, " id=") && strings.Count(page, want) > 1 {
				t.Errorf("%s is there %d times", want, strings.Count(page, want))
			}
		}
	}
	if n := strings.Count(page, " autofocus"); n != 1 || len(seen) < 28 {
		t.Errorf("%d fields are to be gone to first, of %d: %v", n, len(seen), seen)
	}
	for _, kept := range []string{`value="2, 3"`, `value="cohort"`, `<option value="t/b" selected>`, `value="https://c.example"`, "\nus</textarea>", `value="2030"`} {
		if !strings.Contains(page, kept) {
			t.Errorf("what was typed is gone: %s", kept)
		}
	}
}

// TestManyFaults: what a thousand faults of a form cost grows with them, and not with each times the whole form.
func TestManyFaults(t *testing.T) { // no others at once: allocations are counted
	var names []string
	e := &schemas.Error{Kind: schemas.Invalid}
	for i := range 1000 {
		names = append(names, fmt.Sprint("c", i))
		e.Fields = append(e.Fields, schemas.FieldError{Pointer: fmt.Sprintf("/rules/0/duties/0/columns/%d", i), Message: "there is no such column"})
	}
	p := &termsPage{Typed: blocks.Form{"hidden": {strings.Join(names, ",")}}}
	each := testing.AllocsPerRun(1, func() { p.wrong(e) }) / 1000
	if each > 10 {
		t.Errorf("%.0f allocations for each fault", each)
	}
	if len(p.Faults) != 1000 || p.Wrong("hidden") == "" {
		t.Errorf("%d faults: %+v", len(p.Faults), p.Faults[:1])
	}
}

// TestTemplatesAreOffered: the page offers all ready-made terms, in their order.
func TestTemplatesAreOffered(t *testing.T) {
	t.Parallel()
	if !slices.Equal(templateNames(), policy.Templates()) {
		t.Errorf("%v, want %v", templateNames(), policy.Templates())
	}
}

// TestForeignTermsStay: terms that the form cannot say are shown, and replaced only by who says so.
func TestForeignTermsStay(t *testing.T) {
	t.Parallel()
	a := world()
	d, _ := a.answers["GET /datasets/ds-1"].(schemas.Dataset)
	one := schemas.Filter{Column: "a", Op: "lt", Values: []string{"1"}}
	foreign := schemas.Filter{Or: []schemas.Filter{one, {And: []schemas.Filter{one, {Not: &one}}}}}
	d.Offer = &schemas.Offer{Rules: []schemas.Rule{permitted(nil, schemas.Duty{Kind: schemas.DutyFilter, Filter: &foreign})}}
	a.answers["GET /datasets/ds-1"] = d
	h := site(t, a)
	holds(t, send(h, http.MethodGet, "/provide/ds-1/terms", nil), http.StatusOK, "more than this form can say", "only rows where a is below 1 or (a is below 1 and not (a is below 1))",
		`name="review" value="yes" checked`)
	form := url.Values{"do": {"send"}, "purpose": {"research"}}
	holds(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), http.StatusUnprocessableEntity, `id="replace-wrong"`)
	if len(a.of("PUT /datasets/ds-1/offer")) != 0 {
		t.Error("terms were replaced unasked")
	}
	form.Set("replace", "yes")
	led(t, send(h, http.MethodPost, "/provide/ds-1/terms/put", form), "/datasets/ds-1")
}

// TestBarByName: who uses one's data is chosen by what it is called, and one name means one organisation.
func TestBarByName(t *testing.T) {
	t.Parallel()
	a := world()
	a.answers["GET /names"] = map[string]any{"names": map[string]string{"https://t.example": "Trainers Ltd"}}
	h := site(t, a)
	holds(t, send(h, http.MethodGet, "/provide/bar", nil), http.StatusOK, "Which organisation?", `<option value="https://t.example">Trainers Ltd</option>`)
	holds(t, send(h, http.MethodGet, "/provide/bar?participant=trainers+ltd", nil), http.StatusOK, "Bar Trainers Ltd", `name="participant" value="https://t.example"`)
	holds(t, send(h, http.MethodGet, "/provide/bar?participant=https://t.example", nil), http.StatusOK, "Bar Trainers Ltd")
	holds(t, send(h, http.MethodGet, "/provide/bar?participant=nobody", nil), http.StatusOK, "Bar nobody")
	b := world()
	b.answers["GET /me"] = schemas.Identity{Subject: "o", Participant: us, Roles: []schemas.Role{schemas.RoleTrainer}}
	holds(t, send(site(t, b), http.MethodGet, "/provide/bar", nil), http.StatusForbidden, "Providers bar")
}

// TestBarPastFaults: terms that cannot be changed as they are keep nobody from ending what an organisation has.
func TestBarPastFaults(t *testing.T) {
	t.Parallel()
	a := world()
	a.answers["PUT /datasets/ds-1/offer"] = schemas.BadField("offer", "/rules/0/duties/1", "the published version has no column \"field\"")
	form := url.Values{"participant": {"https://t.example"}, "reason": {"they broke the terms"}}
	w := send(site(t, a), http.MethodPost, "/provide/bar/do", form)
	holds(t, w, http.StatusConflict, "What it had is ended", "Wheat", "has no column")
	if n := len(a.of("POST /participants/https:%2F%2Ft.example/stop")); n != 1 {
		t.Errorf("it was stopped %d times", n)
	}
}

// TestBar: an organisation is barred by the terms first and stopped then, with a reason; lifting takes it from the terms.
func TestBar(t *testing.T) {
	t.Parallel()
	a := world()
	h := site(t, a)
	const who = "https://t.example"
	holds(t, send(h, http.MethodGet, "/provide/bar?participant="+who, nil), http.StatusOK, "Bar "+who, "agr-1", "Wheat")
	form := url.Values{"participant": {who}, "reason": {"x"}}
	holds(t, send(h, http.MethodPost, "/provide/bar/do", form), http.StatusUnprocessableEntity, "say why")
	if len(a.of("PUT /datasets/ds-1/offer")) != 0 {
		t.Error("terms were changed without a reason")
	}
	form.Set("reason", "they broke the terms")
	// An operator's stop is everywhere, and that of oneself is everybody's: the page has neither.
	holds(t, send(h, http.MethodPost, "/provide/bar/do", url.Values{"participant": {us}, "reason": {"a slip"}}), http.StatusUnprocessableEntity, "your own")
	for _, roles := range [][]schemas.Role{{schemas.RoleOperator}, {schemas.RoleProvider, schemas.RoleOperator}, {schemas.RoleTrainer}} {
		b := world()
		b.answers["GET /me"] = schemas.Identity{Subject: "o", Participant: us, Roles: roles}
		holds(t, send(site(t, b), http.MethodGet, "/provide/bar?participant="+who, nil), http.StatusForbidden, "Providers bar")
		holds(t, send(site(t, b), http.MethodPost, "/provide/bar/do", form), http.StatusForbidden, "Providers bar")
		if n := len(b.of("POST /participants/https:%2F%2Ft.example/stop")); n > 0 {
			t.Errorf("%v stopped it %d times", roles, n)
		}
	}
	led(t, send(h, http.MethodPost, "/provide/bar/do", form), "/provide/bar?done=yes&participant=https%3A%2F%2Ft.example")
	var order []string
	for _, c := range a.asked {
		if !strings.HasPrefix(c.what, "GET") {
			order = append(order, c.what)
		}
	}
	if !slices.Equal(order, []string{"PUT /datasets/ds-1/offer", "POST /participants/https:%2F%2Ft.example/stop"}) {
		t.Errorf("%q", order)
	}
	put := a.of("PUT /datasets/ds-1/offer")[0]
	if put.match != `"7"` || !strings.Contains(put.body, `"right":["https://t.example"]`) || !strings.Contains(put.body, `"permission"`) {
		t.Errorf("%+v", put)
	}
	d, _ := a.answers["GET /datasets/ds-1"].(schemas.Dataset)
	o := blocks.Barring(*d.Offer, []string{who, "https://u.example"})
	d.Offer = &o
	a.answers["GET /datasets/ds-1"] = d
	holds(t, send(h, http.MethodGet, "/provide", nil), http.StatusOK, "Barred organisations", "https://u.example")
	led(t, send(h, http.MethodPost, "/provide/bar/lift", form), "/provide/bar?done=yes&participant=https%3A%2F%2Ft.example")
	if last := a.of("PUT /datasets/ds-1/offer")[1]; !strings.Contains(last.body, `"right":["https://u.example"]`) {
		t.Errorf("%+v", last)
	}
	a.answers["PUT /datasets/ds-1/offer"] = schemas.Errorf(schemas.Precondition, "ds-1", "the dataset is at revision 8, not 7")
	holds(t, send(h, http.MethodPost, "/provide/bar/lift", form), http.StatusPreconditionFailed, "at revision 8, not 7")
}

// TestWithdraw: a dataset or a version is withdrawn once it is said for sure, with the agreements on it or without; what
// the API refuses comes back with what was chosen.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	a := world()
	a.answers["DELETE /datasets/ds-1"] = schemas.Dataset{}
	h := site(t, a)
	holds(t, send(h, http.MethodGet, "/provide/ds-1/withdraw?version=v1", nil), http.StatusOK, `value="v1" checked`, "1 agreement is active", "agr-1",
		`name="revision" value="7"`)
	form := url.Values{"version": {""}, "end": {"yes"}, "revision": {"7"}}
	holds(t, send(h, http.MethodPost, "/provide/ds-1/withdraw/do", form), http.StatusUnprocessableEntity, "say that you know", `name="end" value="yes" checked`)
	if len(a.of("DELETE /datasets/ds-1")) != 0 {
		t.Error("it was withdrawn though nobody was sure")
	}
	form.Set("sure", "yes")
	w := send(h, http.MethodPost, "/provide/ds-1/withdraw/do", form)
	if c := a.of("DELETE /datasets/ds-1"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/provide" || len(c) != 1 || c[0].query != "revoke=true" || c[0].match == "" {
		t.Errorf("%d to %s, %+v", w.Code, w.Header().Get("Location"), c)
	}
	form.Set("version", "v1")
	form.Del("end")
	w = send(h, http.MethodPost, "/provide/ds-1/withdraw/do", form)
	if c := a.of("DELETE /datasets/ds-1/versions/v1"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/datasets/ds-1" || len(c) != 1 || c[0].query != "" {
		t.Errorf("%d to %s, %+v", w.Code, w.Header().Get("Location"), c)
	}
	a.answers["DELETE /datasets/ds-1/versions/v1"] = schemas.Errorf(schemas.Conflict, "v1", "it was withdrawn meanwhile")
	holds(t, send(h, http.MethodPost, "/provide/ds-1/withdraw/do", form), http.StatusConflict, "it was withdrawn meanwhile", `value="v1" checked`)
	a.answers["GET /datasets/ds-1"] = schemas.Dataset{ID: "ds-1", Provider: "https://other.example"}
	holds(t, send(h, http.MethodPost, "/provide/ds-1/withdraw/do", form), http.StatusNotFound)
}
