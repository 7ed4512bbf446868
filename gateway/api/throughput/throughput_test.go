package throughput_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/connectors/db/dbtest"
	"guichet/gateway/api"
	flows "guichet/gateway/api/throughput"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/run"
	"guichet/policy/agreement/throughput"
	"guichet/schemas"
)

// What is asked goes down whole, and what is wrong comes back at its field.
func TestThroughput(t *testing.T) {
	t.Parallel()
	gin.SetMode(gin.TestMode)
	w := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	router := gin.New()
	group := router.Group("/api/v1", func(c *gin.Context) { c.Set(api.PrincipalKey, agreementtest.Officer()) })
	api.Register(router, group, api.Deps{Log: slog.New(slog.DiscardHandler)}, flows.Operations(&throughput.Throughputs{
		Agreements: w.Agreements, Runs: run.New(w.Agreements, 0), Now: func() time.Time { return noon }}))
	get := func(q url.Values, into any) int {
		t.Helper()
		r := httptest.NewRecorder()
		router.ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/api/v1/throughput?"+q.Encode(), nil))
		agreementtest.Must(t, json.Unmarshal(r.Body.Bytes(), into))
		return r.Code
	}
	for name, c := range map[string]struct {
		q    url.Values
		by   string
		bins int
	}{
		"nothing":     {url.Values{}, "day", 31},
		"a time":      {url.Values{"from": {"2026-03-09T00:00:00Z"}, "to": {"2026-03-10T00:00:00+01:00"}}, "hour", 23},
		"all of them": {url.Values{"dataset": {"ds-0"}, "project": {"p"}, "run": {"run-a"}, "provider": {string(agreementtest.Holder)}}, "day", 31},
	} {
		var out throughput.Throughput
		if status := get(c.q, &out); status != http.StatusOK || out.By != c.by || len(out.Bins) != c.bins || out.Note == "" {
			t.Errorf("%s: %d, %d bins by the %s", name, status, len(out.Bins), out.By)
		}
	}
	for name, c := range map[string]struct {
		q      url.Values
		status int
		says   string
	}{
		"backwards":      {url.Values{"from": {"2026-03-11T00:00:00Z"}}, http.StatusUnprocessableEntity, "from must lie before to"},
		"no time":        {url.Values{"from": {"yesterday"}}, http.StatusUnprocessableEntity, "from"},
		"another filter": {url.Values{"dataset_id": {"ds-0"}}, http.StatusUnprocessableEntity, "dataset_id"},
		"no agreement":   {url.Values{"agreement": {"agr-x"}}, http.StatusNotFound, "agr-x"},
		"no run":         {url.Values{"run": {"run-x"}}, http.StatusNotFound, "run-x"},
	} {
		var out schemas.Problem
		status := get(c.q, &out)
		b, err := json.Marshal(out)
		if agreementtest.Must(t, err); status != c.status || !strings.Contains(string(b), c.says) {
			t.Errorf("%s: %d %s", name, status, b)
		}
	}
}
