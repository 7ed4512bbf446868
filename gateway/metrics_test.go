package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Strangers choose no labels of the metrics: each would stay in memory for ever.
func TestStrangersMakeNoMetrics(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	metrics := func() string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/metrics", nil)
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+token(t, s.issuer, "operator", nil))
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", resp.Status, b)
		}
		return string(b)
	}
	if first := metrics(); !strings.Contains(first, "\nguichet_streams_waiting 0\n") { // asking adds lines itself
		t.Errorf("nothing tells how many streams wait: %s", first)
	}
	lines := 0
	for i := range 20 {
		s.call("", fmt.Sprintf("MADE-UP-%d", i), fmt.Sprintf("/nowhere/%d", i), nil)
		if i == 0 {
			lines = strings.Count(metrics(), "\n")
		}
	}
	after := metrics()
	if strings.Contains(after, "MADE-UP") || strings.Count(after, "\n") > lines+5 || !strings.Contains(after, `method="other"`) {
		t.Errorf("%d lines became %d; made-up methods stand there: %t", lines, strings.Count(after, "\n"), strings.Contains(after, "MADE-UP"))
	}
}

// The figures are for operators: where a request comes from makes nobody one.
func TestMetricsAreForOperators(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for who, want := range map[string]int{"": 401, "trainer": 403, "agronomy": 403, "officer": 403, "operator": 200} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/metrics", nil)
		must(t, err)
		if who != "" {
			r.Header.Set("Authorization", "Bearer "+token(t, s.issuer, who, nil))
		}
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: %s, want %d", who, resp.Status, want)
		}
	}
}

// What a caller must come from to be believed is read by those who set or judge it.
func TestEgressIsNotForEverybody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.want(201, "operator", "POST", "/factories", map[string]any{"id": "proven", "name": "P", "country": "FI", "egress": []string{"203.0.113.0/24"}})
	for who, sees := range map[string]bool{"": false, "trainer": false, "agronomy": true, "officer": true, "operator": true} {
		r := s.want(200, who, "GET", "/factories", nil)
		if strings.Contains(r.body, "203.0.113.0") != sees || !strings.Contains(r.body, `"proven":true`) {
			t.Errorf("%q reads %s", who, r.body)
		}
	}
}
