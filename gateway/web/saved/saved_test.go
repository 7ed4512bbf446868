package saved

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/catalog/saved"
	"guichet/gateway/problem"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// Somebody sees what changed in her searches, opens one, which is noted by a form, and forgets it.
func TestSearchesPage(t *testing.T) {
	t.Parallel()
	looked := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	answers := map[string]any{
		"GET /me":                    schemas.Identity{Issuer: "i", Subject: "ada"},
		"GET /searches":              schemas.Page[saved.Search]{Items: []saved.Search{{ID: "s1", Name: "my wheat", Query: "q=wheat", Looked: looked, Total: 2}}},
		"GET /datasets":              schemas.Found{Total: 3, Items: []schemas.Hit{{Facts: schemas.Facts{Updated: looked.Add(time.Hour)}}}},
		"POST /searches":             saved.Search{},
		"POST /searches/s1/look":     saved.Search{},
		"DELETE /searches/s1":        saved.Search{},
		"POST /searches/unsaid/look": schemas.Errorf(schemas.NotFound, "x", "none"),
	}
	sent := map[string]string{}
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1")
		b, _ := io.ReadAll(r.Body)
		sent[call] = string(b)
		v, is := answers[call]
		if !is {
			v = schemas.Errorf(schemas.NotFound, call, "there is nothing at %s", call)
		}
		if err, is := v.(error); is {
			problem.Write(w, problem.Of(err, slog.New(slog.DiscardHandler)))
			return
		}
		_ = json.NewEncoder(w).Encode(v)
	})
	s, err := page.New(page.Config{API: api, Public: "https://guichet.example", Log: slog.New(slog.DiscardHandler),
		Token: func(http.ResponseWriter, *http.Request) (string, bool, error) { return "token", true, nil }}, Part())
	if err != nil {
		t.Fatal(err)
	}
	gin.SetMode(gin.TestMode)
	h := gin.New()
	s.Mount(h)
	shows := func(status int, call string, form url.Values, words ...string) {
		t.Helper()
		method, path, _ := strings.Cut(call, " ")
		r := httptest.NewRequest(method, "https://guichet.example"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Accept", "text/html")
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body := w.Body.String() + w.Header().Get("Location")
		if w.Code != status {
			t.Errorf("%s: %d, want %d\n%s", call, w.Code, status, body)
		}
		for _, want := range words {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q: %s", call, want, body)
			}
		}
	}
	shows(200, "GET /searches", nil, "my wheat", "3 datasets", "1 changed", "2 fitted when you last looked", "Remove my wheat")
	shows(303, "POST /searches/look", url.Values{"search": {"s1"}}, "/datasets?q=wheat")
	if sent["POST /searches/s1/look"] != `{"total":3}` {
		t.Errorf("%v", sent)
	}
	shows(303, "POST /searches/look", url.Values{"search": {"s2"}}, "/searches")
	shows(303, "POST /searches/new", url.Values{"name": {"rye"}, "query": {"q=rye"}}, "/searches")
	if sent["POST /searches"] != `{"name":"rye","query":"q=rye","total":3}` {
		t.Errorf("%v", sent)
	}
	answers["POST /searches"] = schemas.BadField("search", "/name", "one line")
	shows(422, "POST /searches/new", url.Values{"name": {"r y e"}, "query": {"q=rye"}}, "one line", `value="r y e"`, `value="q=rye"`)
	shows(303, "POST /searches/removal", url.Values{"search": {"s1"}}, "/searches")
	shows(303, "POST /searches/removal", url.Values{"search": {"gone"}}, "/searches")
	answers["GET /datasets"] = schemas.BadField("search", "project", "there is no such project")
	shows(200, "GET /searches", nil, "cannot be searched now", "there is no such project")
	answers["GET /searches"] = schemas.Page[saved.Search]{}
	shows(200, "GET /searches", nil, "You saved none")
	answers["GET /searches"] = schemas.Errorf(schemas.Unavailable, "database", "away")
	shows(503, "GET /searches", nil)
}
