package session

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

// renewing is an issuer whose refresh tokens are good once: r0, r1 and so on.
func renewing(t *testing.T) (address string, renewed *atomic.Int64) {
	t.Helper()
	renewed = &atomic.Int64{}
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		said := map[string]any{"issuer": srv.URL, "token_endpoint": srv.URL + "/token", "authorization_endpoint": srv.URL, "jwks_uri": srv.URL}
		if r.URL.Path == "/token" {
			n := renewed.Load()
			if r.FormValue("refresh_token") != "r"+string(rune('0'+n)) || r.FormValue("client_id") != "cli" {
				w.WriteHeader(http.StatusBadRequest)
				said = map[string]any{"error": "invalid_grant"}
			} else {
				n = renewed.Add(1)
				said = map[string]any{"access_token": "a" + string(rune('0'+n)), "refresh_token": "r" + string(rune('0'+n)), "token_type": "Bearer", "expires_in": 600}
			}
		}
		_ = json.NewEncoder(w).Encode(said)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, renewed
}

// A person's tokens are given while they last, and renewed by one of all who need them.
func TestTokensOfAPerson(t *testing.T) {
	t.Setenv("GUICHET_HOME", filepath.Join(t.TempDir(), "home"))
	t.Setenv("GUICHET_TOKEN", "")
	issuer, renewed := renewing(t)
	s := Session{Server: "https://guichet.example", Issuer: issuer, ClientID: "cli"}
	keep := func(left time.Duration, refresh string) {
		t.Helper()
		err := s.KeepTokens(client.Tokens{Access: "a", Refresh: refresh, Until: time.Now().Add(left)})
		if err == nil {
			_, err = s.Keep()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	get := func() string {
		token, err := Token(t.Context(), Session{}, "")
		if err != nil {
			return err.Error()
		}
		return token
	}
	keep(time.Hour, "r0")
	if got := get(); got != "a" || renewed.Load() != 0 {
		t.Errorf("while it lasts: %s, %d renewals", got, renewed.Load())
	}
	keep(renewEarly/2, "r0")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := get(); got != "a1" {
				t.Errorf("near its end: %s", got)
			}
		})
	}
	all.Wait()
	if renewed.Load() != 1 {
		t.Errorf("%d renewals", renewed.Load())
	}
	path, err := tokensFile()
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	keep(-time.Second, "r0") // one that was used
	if got := get(); !strings.Contains(got, "you are no longer signed in") {
		t.Errorf("refused: %s", got)
	}
	keep(renewEarly/2, "")
	if got := get(); got != "a" {
		t.Errorf("without a refresh token, while it lasts: %s", got)
	}
	keep(-time.Second, "")
	if got := get(); !strings.Contains(got, "is over") {
		t.Errorf("without a refresh token: %s", got)
	}
	other := s
	other.ClientID = "another"
	if _, err := other.personal(t.Context()); schemas.KindOf(err) != schemas.Unauthenticated {
		t.Errorf("another sign-in's: %v", err)
	}
	keep(time.Hour, "r1")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := get(); strings.Contains(got, "a") && len(got) < 3 {
		t.Errorf("tokens that others may read: %s", got)
	}
	if _, err := End(t.Context()); err != nil {
		t.Error(err)
	}
	for _, gone := range []string{path, filepath.Join(filepath.Dir(path), "session.json")} {
		if _, err := os.Stat(gone); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", gone, err)
		}
	}
}
