package flow

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/gateway/problem"
	"guichet/gateway/web/chart"
	"guichet/gateway/web/page"
	"guichet/policy/agreement/throughput"
	"guichet/schemas"
)

// drawn asks for the picture at an address whose API answers so, and gives what the API was asked.
func drawn(t *testing.T, target string, answer any, until time.Time) (p *chart.Flow, asked url.Values, failed error) {
	t.Helper()
	gin.SetMode(gin.TestMode)
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query()
		if err, is := answer.(error); is {
			problem.Write(w, problem.Of(err, slog.New(slog.DiscardHandler)))
			return
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
	s, err := page.New(page.Config{API: api, Log: slog.New(slog.DiscardHandler)}, page.Part{
		Templates: fstest.MapFS{}, Pages: map[string]func(v *page.Visit) error{"/x": func(v *page.Visit) error {
			p, failed = Of(v, "/x/1", url.Values{"agreement": {"agr-1"}}, until)
			v.To("/x/%s", "1")
			return nil
		}}})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	s.Mount(r)
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "https://guichet.example"+target, nil))
	return p, asked, failed
}

// The picture is of the time that the address says, of those that there are, and leads to the others; what the reader may
// not see is not drawn, and another fault is told.
func TestOf(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	for target, c := range map[string]struct {
		from  string
		taken int
	}{
		"/x":             {"2026-02-08T09:00:00Z", 1},
		"/x?flow=3":      {"2026-03-07T09:00:00Z", 0},
		"/x?flow=366":    {"2025-03-09T09:00:00Z", 2},
		"/x?flow=367":    {"2026-02-08T09:00:00Z", 1},
		"/x?flow=%3Cb%3": {"2026-02-08T09:00:00Z", 1},
	} {
		p, asked, err := drawn(t, target, throughput.Throughput{By: "day"}, until)
		if err != nil || asked.Get("from") != c.from || asked.Get("to") != "2026-03-10T09:00:00Z" || asked.Get("agreement") != "agr-1" {
			t.Fatalf("%s: %v is asked, %v", target, asked, err)
		}
		for i, span := range p.Spans {
			if span.Taken != (i == c.taken) || !strings.HasPrefix(span.To, "/x/1?flow=") || !strings.HasSuffix(span.To, "#flow") || span.Label == "" {
				t.Errorf("%s: %+v", target, span)
			}
		}
	}
	_, asked, err := drawn(t, "/x", throughput.Throughput{By: "day"}, time.Time{})
	to, wrong := time.Parse(time.RFC3339, asked.Get("to"))
	if err != nil || wrong != nil || to.Before(until) {
		t.Errorf("without an end it is asked until %s: %v, %v", to, err, wrong)
	}
	for _, unseen := range []error{schemas.Errorf(schemas.NotFound, "agr-1", "there is no agreement"), schemas.Refuse("throughput", "r", "s", "t", "")} {
		p, _, err := drawn(t, "/x", unseen, until)
		if p != nil || err != nil {
			t.Errorf("%v: %+v, %v", unseen, p, err)
		}
	}
	_, _, err = drawn(t, "/x", schemas.Errorf(schemas.Unavailable, "database", "the database is away"), until)
	if schemas.KindOf(err) != schemas.Unavailable {
		t.Errorf("a fault is told as %v", err)
	}
}
