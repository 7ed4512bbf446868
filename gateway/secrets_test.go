package gateway_test

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"guichet/gateway"
)

// written is what a log holds.
type written struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

// A link of an invitation lets its holder in: no log has it, as it has the ids of other addresses.
func TestSecretsOfLinksAreNotLogged(t *testing.T) {
	t.Parallel()
	var log written
	s := newSite(t, func(d *gateway.Deps) { d.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, path := range []string{"/join/SECRETOFALINK", "/join/SECRETOFALINK/membership", "/requests/req-known"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(s.base, "/api/v1")+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if said := log.text.String(); strings.Contains(said, "SECRETOFALINK") || !strings.Contains(said, "about=req-known") {
		t.Errorf("the log says %s", said)
	}
}
