package saved

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/catalog/saved"
	"guichet/connectors/db/dbtest"
	"guichet/gateway/api"
	"guichet/policy/agreement/refusal"
	"guichet/schemas"
)

// A search is saved, looked at and forgotten by its person alone.
func TestSearches(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, dbtest.SQLite)
	gin.SetMode(gin.TestMode)
	r := gin.New()
	v1 := r.Group("/api/v1", func(c *gin.Context) {
		c.Set(api.PrincipalKey, schemas.Principal{Issuer: "i", Subject: c.GetHeader("Who")})
	})
	api.Register(r, v1, api.Deps{Log: slog.New(slog.DiscardHandler), Refusals: refusal.New(database, nil, time.Now)},
		Operations(&saved.Saved{DB: database, Now: time.Now}))
	want := func(status int, who, call, body string, out any) {
		t.Helper()
		method, path, _ := strings.Cut(call, " ")
		q := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
		q.Header.Set("Who", who)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		if w.Code != status {
			t.Fatalf("%s as %q: %d, want %d\n%s", call, who, w.Code, status, w.Body)
		}
		if out != nil && json.Unmarshal(w.Body.Bytes(), out) != nil {
			t.Fatal(w.Body)
		}
	}
	var one saved.Search
	want(http.StatusCreated, "ada", "POST /searches", `{"name": "wheat", "query": "q=wheat", "total": 3}`, &one)
	var list schemas.Page[saved.Search]
	want(http.StatusOK, "ada", "GET /searches", "", &list)
	if len(list.Items) != 1 || list.Items[0].Total != 3 {
		t.Errorf("%+v", list)
	}
	want(http.StatusOK, "eve", "GET /searches", "", &list)
	if len(list.Items) != 0 {
		t.Errorf("%+v", list)
	}
	want(http.StatusUnprocessableEntity, "ada", "POST /searches", `{"name": "x", "query": "colour=red"}`, nil)
	want(http.StatusOK, "ada", "POST /searches/"+one.ID+"/look", `{"total": 5}`, &one)
	if one.Total != 5 {
		t.Errorf("%+v", one)
	}
	want(http.StatusNotFound, "eve", "DELETE /searches/"+one.ID, "", nil)
	want(http.StatusOK, "ada", "DELETE /searches/"+one.ID, "", nil)
	want(http.StatusNotFound, "ada", "DELETE /searches/"+one.ID, "", nil)
	want(http.StatusUnauthorized, "", "GET /searches", "", nil)
}
