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
		resp, err := http.Get(s.base + "/metrics") // from loopback, as an operator's collector
		must(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", resp.Status, b)
		}
		return string(b)
	}
	metrics() // asking adds lines itself
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
