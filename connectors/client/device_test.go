package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/schemas"
)

// asked is an issuer with device authorization, whose token endpoint answers in turn.
type asked struct {
	*httptest.Server
	mu      sync.Mutex
	answers []string // errors of the token endpoint; "" gives tokens
	at      []time.Time
	about   map[string]any
	forgot  string
}

func newAsked(t *testing.T, answers ...string) *asked {
	t.Helper()
	is := &asked{answers: answers}
	say := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { say(w, 200, is.about) })
	mux.HandleFunc("POST /device", func(w http.ResponseWriter, _ *http.Request) {
		say(w, 200, map[string]any{"device_code": "d", "user_code": "AB-\x1b[2J", "verification_uri": is.URL + "/go", "expires_in": 60, "interval": 1})
	})
	mux.HandleFunc("POST /forget", func(_ http.ResponseWriter, r *http.Request) {
		is.forgot = r.FormValue("token") + r.FormValue("client_id")
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		is.mu.Lock()
		defer is.mu.Unlock()
		is.at = append(is.at, time.Now())
		next := is.answers[0]
		is.answers = is.answers[1:]
		if next != "" {
			say(w, 400, map[string]string{"error": next, "error_description": "foreign words"})
			return
		}
		say(w, 200, map[string]any{"access_token": "a", "refresh_token": "r", "token_type": "Bearer", "expires_in": 3600})
	})
	is.Server = httptest.NewServer(mux)
	t.Cleanup(is.Close)
	is.about = map[string]any{"issuer": is.URL, "jwks_uri": is.URL, "authorization_endpoint": is.URL, "token_endpoint": is.URL + "/token",
		"device_authorization_endpoint": is.URL + "/device", "revocation_endpoint": is.URL + "/forget"}
	return is
}

func quietly(Prompt) error { return nil }

// A program waits for its person, and slower where the issuer says so [RFC 8628 §3.5].
func TestSlowDown(t *testing.T) {
	t.Parallel()
	is := newAsked(t, "authorization_pending", "slow_down", "")
	p := People{Issuer: is.URL, Client: "cli"}
	var told Prompt
	got, err := p.SignIn(t.Context(), func(p Prompt) error { told = p; return nil })
	if err != nil || got.Access != "a" || got.Refresh != "r" || time.Until(got.Until) < 50*time.Minute {
		t.Fatalf("%+v, %v", got, err)
	}
	if told.Address != is.URL+"/go" || told.Code != "AB-\x1b[2J" {
		t.Errorf("%+v", told)
	}
	if len(is.at) != 3 || is.at[2].Sub(is.at[1]) < 5*time.Second {
		t.Errorf("asked at %v", is.at)
	}
	if err := p.Forget(t.Context(), "r"); err != nil || is.forgot != "rcli" {
		t.Errorf("%q, %v", is.forgot, err)
	}
}

// What goes wrong is said in our words, by its kind.
func TestSignInsThatFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer string
		change func(is *asked)
		kind   schemas.Kind
		says   string
	}{
		{"a no", "access_denied", nil, schemas.Denied, "was refused"},
		{"too late", "expired_token", nil, schemas.Unauthenticated, "nobody signed in in time"},
		{"a client that may not", "unauthorized_client", nil, schemas.Unauthenticated, "lets no program sign in as the client cli"},
		{"no such sign-in", "", func(is *asked) { delete(is.about, "device_authorization_endpoint") }, schemas.Invalid, "does not let programs sign in"},
		{"nobody there", "", func(is *asked) { is.Close() }, schemas.Unavailable, "does not answer"},
		{"another issuer", "", func(is *asked) { is.about["issuer"] = "https://evil.example" }, schemas.Unavailable, "does not answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			is := newAsked(t, c.answer)
			if c.change != nil {
				c.change(is)
			}
			_, err := People{Issuer: is.URL, Client: "cli"}.SignIn(t.Context(), quietly)
			e, _ := errors.AsType[*schemas.Error](err)
			if e == nil || e.Kind != c.kind || !strings.Contains(e.Message, c.says) || strings.Contains(e.Message+e.Remedy, "foreign") {
				t.Errorf("%v", err)
			}
		})
	}
	is := newAsked(t, "invalid_grant")
	_, err := People{Issuer: is.URL, Client: "cli"}.Renew(t.Context(), "r")
	if schemas.KindOf(err) != schemas.Unauthenticated || !strings.Contains(err.Error(), "no longer signed in") {
		t.Errorf("a refresh token that is over: %v", err)
	}
}

// TestIssuersThatSayTooMuch: what an issuer answers is bounded, and how long it makes a program wait.
func TestIssuersThatSayTooMuch(t *testing.T) {
	t.Parallel()
	is := newAsked(t, "")
	is.about["note"] = strings.Repeat("x", mostSaid)
	_, err := People{Issuer: is.URL, Client: "c"}.SignIn(t.Context(), func(Prompt) error { return nil })
	if schemas.KindOf(err) != schemas.Unavailable {
		t.Errorf("an endless answer: %v", err)
	}
	for wanted, want := range map[int64]int64{0: 5, 1: 1, 10: 10, 86400: 600} {
		if got := every(wanted); got != want {
			t.Errorf("every %d s: %d", wanted, got)
		}
	}
}
