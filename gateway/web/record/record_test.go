package record

import (
	"context"
	"encoding/json"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/gateway/problem"
	"guichet/gateway/web/page"
	"guichet/policy/audit"
	"guichet/schemas"
)

// recorded is a log of its own with an API before it, as far as these pages ask it.
type recorded struct {
	t   *testing.T
	log *audit.Log
	db  *db.DB
}

// began is when its records begin.
var began = time.Date(2026, 11, 28, 23, 59, 58, 0, time.UTC)

// newRecorded has n records, one a second: of a lease, then beginnings and ends of releases in turn.
func newRecorded(t *testing.T, n int) *recorded {
	t.Helper()
	r := &recorded{t, nil, dbtest.Open(t, dbtest.SQLite)}
	skey, _, err := audit.NewKey("record.example")
	if err != nil {
		t.Fatal(err)
	}
	r.log, err = audit.New(r.db, skey, t.TempDir()+"/checkpoint", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r.db.OnGroup(r.log.Step) // grows the tree
	err = r.log.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.append(n)
	return r
}

func (r *recorded) append(n int) {
	r.t.Helper()
	for i := range n {
		release := "rel-" + strconv.Itoa(i/2)
		c := schemas.Change{Kind: schemas.ChangeReleaseBegin, Subject: release, At: began.Add(time.Duration(i) * time.Second),
			Numbers: map[string]int64{"most_rows": 100}, Values: map[string]string{"release": release, "agreement": "agr-1", "lease": "lease-1",
				"dataset": "ds-1", "participant": "https://crop.example", "run": "run-1"}}
		if i%2 == 1 {
			c.Kind, c.Numbers, c.Values["state"] = schemas.ChangeReleaseEnd, map[string]int64{"rows": 0, "bytes": 512}, "complete"
		}
		err := r.db.Write(r.t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Append(ctx, c)
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// ServeHTTP is the API of the record for an officer.
func (r *recorded) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	answer := func(v any, err error) {
		if err != nil {
			problem.Write(w, problem.Of(err, slog.New(slog.DiscardHandler)))
			return
		}
		if b, is := v.([]byte); is {
			_, _ = w.Write(b)
			return
		}
		_ = json.NewEncoder(w).Encode(v)
	}
	q, path := req.URL.Query(), strings.TrimPrefix(req.URL.Path, "/api/v1")
	number := func(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }
	switch {
	case path == "/me":
		answer(schemas.Identity{Participant: "https://office.example", Roles: []schemas.Role{schemas.RoleOfficer}}, nil)
	case path == "/audit/key":
		answer([]byte(r.log.VKey()+"\n"), nil)
	case path == "/audit/checkpoint":
		answer(r.log.Checkpoint(req.Context()))
	case strings.HasPrefix(path, "/audit/proofs/"):
		answer(r.log.Proof(req.Context(), number(strings.TrimPrefix(path, "/audit/proofs/"))))
	case path == "/audit/consistency":
		hashes, err := r.log.Consistency(req.Context(), number(q.Get("from")), number(q.Get("to")))
		c := map[string][][]byte{}
		for _, h := range hashes {
			c["hashes"] = append(c["hashes"], slices.Clone(h[:]))
		}
		answer(c, err)
	case path == "/audit/records":
		ask := audit.Query{Limit: int(number(q.Get("limit"))), Newest: q.Get("order") == "newest", Values: map[string]string{}}
		if q.Get("kind") != "" {
			ask.Kinds = strings.Split(q.Get("kind"), ",")
		}
		if q.Get("agreement") != "" {
			ask.Values["agreement"] = q.Get("agreement")
		}
		if ask.Newest {
			ask.At = number(q.Get("cursor"))
		} else {
			ask.After = number(q.Get("cursor"))
		}
		records, err := r.log.Records(req.Context(), ask)
		answer(schemas.Page[schemas.Record]{Items: records}, err)
	case path == "/audit/export" && q.Get("dataset") != "":
		answer(nil, schemas.Errorf(schemas.NotFound, "dataset", "there is no dataset %s", q.Get("dataset")))
	case path == "/audit/export":
		answer([]byte("PK "+req.URL.RawQuery), nil)
	case path == "/runs/run-1":
		answer(schemas.Run{ID: "run-1", Outputs: []schemas.Output{{Kind: "model", Name: "yield-7b", Digest: "sha256:00"}}}, nil)
	case path == "/datasets":
		answer(schemas.Found{}, nil)
	default:
		answer(nil, schemas.Errorf(schemas.NotFound, path, "there is nothing at %s", path))
	}
}

// sees asks for a page.
func (r *recorded) sees(target string) (status int, body string) {
	r.t.Helper()
	w := r.gets(target)
	return w.Code, w.Body.String()
}

// gets asks for a page or a file.
func (r *recorded) gets(target string) *httptest.ResponseRecorder {
	r.t.Helper()
	gin.SetMode(gin.TestMode)
	s, err := page.New(page.Config{API: r, Public: "https://guichet.example", Log: slog.New(slog.DiscardHandler),
		Token: func(http.ResponseWriter, *http.Request) (string, bool, error) { return "token", true, nil }}, Part())
	if err != nil {
		r.t.Fatal(err)
	}
	e := gin.New()
	s.Mount(e)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://guichet.example"+target, http.NoBody))
	return w
}

// TestBundle: the bundle comes as the API gives it, browsers keep it nowhere, and a refusal is a page.
func TestBundle(t *testing.T) {
	t.Parallel()
	r := newRecorded(t, 1)
	w := r.gets("/record/bundle?project=p")
	if w.Code != http.StatusOK || w.Body.String() != "PK project=p" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v: %s", w.Code, w.Header(), w.Body)
	}
	w = r.gets("/record/bundle?dataset=nope")
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "<html") || !strings.Contains(w.Body.String(), "there is no dataset nope") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// TestList: newest first, day by day, each with its number.
func TestList(t *testing.T) {
	t.Parallel()
	r := newRecorded(t, 4)
	status, body := r.sees("/record")
	first, last := strings.Index(body, `/record/4"`), strings.Index(body, `/record/1"`)
	if status != http.StatusOK || first < 0 || last < first {
		t.Errorf("%d: %s", status, body)
	}
	for _, want := range []string{"29 November 2026", "28 November 2026", "data released", "at most 100 rows", "0 rows, 512"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in %s", want, body)
		}
	}
}

// TestEntry: one record with the other end of its release, its run's outputs and its place in the tree.
func TestEntry(t *testing.T) {
	t.Parallel()
	r := newRecorded(t, 6)
	status, body := r.sees("/record/3")
	if status != http.StatusOK {
		t.Fatalf("%d: %s", status, body)
	}
	for _, want := range []string{`href="/record/4"`, "yield-7b", "lease-1", "https://crop.example", "signed head of 7 records", "/record/3/proof"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in %s", want, body)
		}
	}
	if strings.Contains(body, `href="/record/5"`) {
		t.Error("a step of another release is shown")
	}
	for target, want := range map[string]int{"/record/7": http.StatusNotFound, "/record/-1": http.StatusNotFound, "/record/x": http.StatusNotFound,
		"/record/99999999999999999999": http.StatusNotFound, "/record/3/proof": http.StatusOK, "/record/9/proof": http.StatusNotFound} {
		if status, _ := r.sees(target); status != want {
			t.Errorf("%s: %d, want %d", target, status, want)
		}
	}
	_, leaf := r.sees("/record/3/leaf")
	_, proof := r.sees("/record/3/proof")
	index, head, err := audit.VerifyProof([]byte(proof), []byte(leaf), r.log.VKey())
	if err != nil || index != 3 || head.Size != 7 {
		t.Errorf("%d under %d: %v", index, head.Size, err)
	}
}

// TestMissing: erased values are named, and those that were changed.
func TestMissing(t *testing.T) {
	t.Parallel()
	leaf := []byte(`{"at":"2026-11-25T00:02:03Z","kind":"lease","numbers":{},"v":1,"values":{"a":"AA==","b":"AA==","c":"AA=="}}`)
	erased, unproven := missing(schemas.Record{Leaf: leaf, Values: map[string]string{"a": "x"}, Salts: map[string][]byte{"a": {1}, "b": {1}}})
	if !slices.Equal(erased, []string{"c"}) || !slices.Equal(unproven, []string{"b"}) {
		t.Errorf("erased %v, unproven %v", erased, unproven)
	}
	if erased, unproven = missing(schemas.Record{Leaf: []byte("no leaf")}); erased != nil || unproven != nil {
		t.Error("something is known of what is no leaf")
	}
}

// TestVerify: every step holds of a record that is whole; of one that is not, the step says so.
func TestVerify(t *testing.T) {
	t.Parallel()
	r := newRecorded(t, 3)
	kept, err := r.log.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.append(5)
	other := newRecorded(t, 3)
	foreign, err := other.log.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(kept), "\n4\n", "\n3\n", 1)
	at := func(index, kept string) string {
		return "/record/verify?" + url.Values{"index": {index}, "kept": {kept}}.Encode()
	}
	for i, c := range []struct {
		target string
		status int
		holds  int // steps
		fails  int
	}{
		{"/record/verify", http.StatusOK, 1, 0},
		{at("2", ""), http.StatusOK, 3, 0},
		{at("2", string(kept)), http.StatusOK, 5, 0},
		{at("", strings.TrimSpace(string(kept))), http.StatusOK, 3, 0},
		{at("", strings.ReplaceAll(string(kept), "\n", "\r\n")), http.StatusOK, 3, 0},
		{at("", string(foreign)), http.StatusOK, 1, 1},
		{at("", forged), http.StatusOK, 1, 1},
		{at("", "no head"), http.StatusUnprocessableEntity, 1, 0},
		{at("", strings.Repeat("x", maxKept+1)), http.StatusUnprocessableEntity, 1, 0},
		{at("100", ""), http.StatusUnprocessableEntity, 1, 0},
		{at("soon", ""), http.StatusUnprocessableEntity, 1, 0},
	} {
		status, body := r.sees(c.target)
		holds, fails := strings.Count(body, `" class="holds"><strong>`), strings.Count(body, `" class="fails"><strong>`)
		if whole := strings.Contains(body, "Every step holds"); whole {
			holds--
		} else if strings.Contains(body, `id="computed"`) { // of what was typed and cannot be read nothing is said to hold
			fails--
		}
		if status != c.status || holds != c.holds || fails != c.fails {
			t.Errorf("%d: %d with %d and %d steps, want %d, %d, %d", i, status, holds, fails, c.status, c.holds, c.fails)
		}
	}
}

// TestVerifyWithOwnKey: all is held against the key that was kept, and it is said which one that was, and where it differs.
func TestVerifyWithOwnKey(t *testing.T) {
	t.Parallel()
	r, other := newRecorded(t, 3), newRecorded(t, 3)
	kept, err := r.log.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.log.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		key, kept string
		status    int
		says      []string
	}{
		{"", "", http.StatusOK, []string{"Held against the key that the site gives now", "Every step holds"}},
		{r.log.VKey() + "\r\n", string(kept), http.StatusOK, []string{"Held against the key that you kept", "Every step holds", "The key is the one that you kept"}},
		{other.log.VKey(), "", http.StatusOK, []string{"Held against the key that you kept", "Not every step holds",
			"the site gives another key than the one that you kept", "The key that the site gives now", r.log.VKey()}},
		{other.log.VKey(), string(foreign), http.StatusOK, []string{"Not every step holds", `data-step="kept" class="holds"`, `data-step="signature" class="fails"`}},
		{"no key", "", http.StatusUnprocessableEntity, []string{"this is no key of a record", "Held against the key that the site gives now"}},
	} {
		status, body := r.sees("/record/verify?" + url.Values{"key": {c.key}, "kept": {c.kept}, "index": {"1"}}.Encode())
		for _, want := range c.says {
			if status != c.status || !strings.Contains(html.UnescapeString(body), want) {
				t.Errorf("%d: %d lacks %q", i, status, want)
			}
		}
	}
}

// TestVerifyRestored: a record that does not begin with what was kept says so.
func TestVerifyRestored(t *testing.T) {
	t.Parallel()
	r := newRecorded(t, 6)
	kept, err := r.log.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := verifyPage{Kept: string(kept), Key: r.log.VKey()}
	v := &page.Visit{}
	err = p.consistent(v, audit.Head{Origin: "record.example", Size: 3})
	if err != nil || p.Whole() {
		t.Errorf("a shorter record begins with what was kept: %v, %+v", err, p.Steps)
	}
}
