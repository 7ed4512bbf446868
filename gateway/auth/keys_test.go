package auth

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guichet/schemas"
)

// odd is an issuer that misbehaves: what it answers is each test's.
type odd struct {
	*issuer
	front   *httptest.Server
	asked   atomic.Int64
	describ func(w http.ResponseWriter, r *http.Request)
	keys    func(w http.ResponseWriter, r *http.Request)
	clock   atomic.Int64 // seconds after now()
}

func newOdd(t *testing.T) *odd {
	t.Helper()
	o := &odd{issuer: newIssuer(t)}
	o.describ = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, o.description(o.front.URL+"/keys")) }
	o.keys = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"keys":[%s]}`, o.good()) }
	o.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.asked.Add(1)
		if r.URL.Path == "/keys" {
			o.keys(w, r)
			return
		}
		o.describ(w, r)
	}))
	t.Cleanup(o.front.Close)
	return o
}

func (o *odd) description(keys string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, o.front.URL, keys)
}

// good is the key with which tokens are signed.
func (o *odd) good() string {
	return fmt.Sprintf(`{"kty":"RSA","alg":"RS256","use":"sig","kid":"k","n":%q,"e":"AQAB"}`, base64.RawURLEncoding.EncodeToString(o.key.N.Bytes()))
}

func (o *odd) gateway(also ...func(is *Issuer)) *Authenticator {
	is := Issuer{Issuer: o.front.URL, Audiences: []string{"guichet"}, Own: true}
	for _, f := range also {
		f(&is)
	}
	members := registry{"a": {ID: org, Members: []schemas.Member{{Issuer: o.front.URL, Subject: "ada", Roles: []schemas.Role{schemas.RoleTrainer}}}}}
	return New([]Issuer{is}, members, o.now)
}

func (o *odd) now() time.Time { return now().Add(time.Duration(o.clock.Load()) * time.Second) }

func (o *odd) later(d time.Duration) { o.clock.Add(int64(d / time.Second)) }

func (o *odd) token(t *testing.T, more map[string]any) string {
	c := map[string]any{"iss": o.front.URL, "iat": o.now().Unix(), "exp": o.now().Add(time.Hour).Unix()}
	for k, v := range more {
		c[k] = v
	}
	return o.sign(t, o.claims(c))
}

func asks(t *testing.T, a *Authenticator, token string) schemas.Kind {
	t.Helper()
	p, err := a.Principal(t.Context(), token)
	if err == nil {
		if !p.Has(schemas.RoleTrainer) {
			t.Errorf("the caller is %+v", p)
		}
		return schemas.Kind(255)
	}
	return schemas.KindOf(err)
}

const accepted = schemas.Kind(255)

// endless writes until the reader goes away.
func endless(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"keys":["`)
	for range 64 << 10 { // 256 MiB, if anybody read on
		_, err := io.WriteString(w, strings.Repeat("x", 4<<10))
		if err != nil {
			return
		}
	}
}

// Documents without an end, keys at another address and redirects to it are no keys:
// nobody is signed in by them, and what was pointed at is not asked.
func TestIssuersThatLie(t *testing.T) {
	t.Parallel()
	var inside atomic.Int64
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { inside.Add(1) }))
	t.Cleanup(private.Close)
	for name, spoil := range map[string]func(o *odd){
		"endless keys":        func(o *odd) { o.keys = endless },
		"endless description": func(o *odd) { o.describ = endless },
		"keys elsewhere": func(o *odd) {
			o.describ = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, o.description(private.URL+"/internal")) }
		},
		"keys in a file": func(o *odd) {
			o.describ = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, o.description("file:///etc/passwd")) }
		},
		"keys redirected": func(o *odd) {
			o.keys = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, private.URL, http.StatusFound) }
		},
		"description redirected": func(o *odd) {
			o.describ = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, private.URL, http.StatusFound) }
		},
		"redirects for ever": func(o *odd) {
			o.keys = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, o.front.URL+"/keys", http.StatusFound)
			}
		},
		"another's description": func(o *odd) {
			o.describ = func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"issuer":"https://other.example","jwks_uri":%q}`, o.front.URL+"/keys")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOdd(t)
			spoil(o)
			if k := asks(t, o.gateway(), o.token(t, nil)); k != schemas.Unavailable {
				t.Errorf("the token is answered %s", k)
			}
			if n := inside.Load(); n != 0 {
				t.Errorf("what the issuer pointed at was asked %d times", n)
			}
		})
	}
}

// Keys at another address are read where the operator named it.
func TestKeysFrom(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.describ = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, o.description(o.issuer.URL+"/keys")) }
	if k := asks(t, o.gateway(), o.token(t, nil)); k != schemas.Unavailable {
		t.Errorf("without the operator's word: %s", k)
	}
	if k := asks(t, o.gateway(func(is *Issuer) { is.KeysFrom = []string{o.issuer.URL} }), o.token(t, nil)); k != accepted {
		t.Errorf("with the operator's word: %s", k)
	}
}

// A key that cannot be read shuts nobody out.
func TestMalformedKeys(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.keys = func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys":[{"kty":"RSA","kid":"k","n":"!","e":"AQAB"},7,{"kty":"new"},{"kty":"EC","crv":"P-256","kid":"k","x":"AA","y":"AA"},{"kty":"oct","kid":"k","k":"AAAA"},%s]}`, o.good())
	}
	if k := asks(t, o.gateway(), o.token(t, nil)); k != accepted {
		t.Errorf("the token is answered %s", k)
	}
}

// Tokens that anybody can make do not make us ask the issuer: once, whatever comes.
func TestGarbageTokens(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	a := o.gateway()
	var all sync.WaitGroup
	for i := range 200 {
		token := head(fmt.Sprintf(`{"alg":"RS256","kid":"x%d"}`, i), o.claims(map[string]any{"iss": o.front.URL})) + ".AAAA"
		all.Go(func() {
			if k := asks(t, a, token); k != schemas.Unauthenticated {
				t.Errorf("garbage is answered %s", k)
			}
		})
	}
	all.Wait()
	if n := o.asked.Load(); n > 2 {
		t.Errorf("200 tokens with unknown keys made %d fetches", n)
	}
	if k := asks(t, a, o.token(t, nil)); k != accepted {
		t.Errorf("a good token after them: %s", k)
	}
}

// A key that the issuer withdrew is good until keys are fetched anew, and no longer;
// while the issuer is away, its last keys are good for a bounded time.
func TestWithdrawnKeys(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	a := o.gateway()
	if k := asks(t, a, o.token(t, nil)); k != accepted {
		t.Fatalf("a good token: %s", k)
	}
	o.keys = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "away", http.StatusBadGateway) }
	o.later(keysFresh)
	if k := asks(t, a, o.token(t, nil)); k != accepted {
		t.Errorf("while the issuer is away: %s", k)
	}
	o.later(keysOldest)
	if k := asks(t, a, o.token(t, nil)); k != schemas.Unavailable {
		t.Errorf("when it is away for long: %s", k)
	}
	o.keys = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"keys":[%s]}`, o.good()) }
	o.later(fetchEvery)
	if k := asks(t, a, o.token(t, nil)); k != accepted {
		t.Errorf("when it is back: %s", k)
	}
	o.keys = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) }
	o.later(keysFresh)
	if k := asks(t, a, o.token(t, nil)); k != schemas.Unauthenticated {
		t.Errorf("a withdrawn key: %s", k)
	}
}

// What is no access token for us is refused where it can be told.
func TestTokensOfOtherKinds(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	clients := func(is *Issuer) { is.Clients = []string{"site", "cluster"} }
	short := func(is *Issuer) { is.Lifetime = "1h" }
	none := func(*Issuer) {}
	at := func(d time.Duration) int64 { return o.now().Add(d).Unix() }
	for _, c := range []struct {
		name   string
		with   func(*Issuer)
		claims map[string]any
		want   schemas.Kind
	}{
		{"plain", none, nil, accepted},
		{"Keycloak's access token", none, map[string]any{"typ": "Bearer", "nonce": "n"}, accepted},
		{"an ID token", none, map[string]any{"nonce": "n"}, schemas.Unauthenticated},
		{"an ID token with the access token's hash", none, map[string]any{"at_hash": "x"}, schemas.Unauthenticated},
		{"Keycloak's ID token", none, map[string]any{"typ": "ID"}, schemas.Unauthenticated},
		{"a refresh token", none, map[string]any{"typ": "Refresh"}, schemas.Unauthenticated},
		{"any client", none, map[string]any{"azp": "other"}, accepted},
		{"a listed client", clients, map[string]any{"azp": "cluster"}, accepted},
		{"a listed client by another name", clients, map[string]any{"client_id": "cluster"}, accepted},
		{"another client", clients, map[string]any{"azp": "other", "client_id": "site"}, schemas.Unauthenticated},
		{"no client", clients, nil, schemas.Unauthenticated},
		{"a day", none, map[string]any{"exp": at(24 * time.Hour)}, accepted},
		{"a hundred years", none, map[string]any{"exp": at(876_000 * time.Hour)}, schemas.Unauthenticated},
		{"a hundred years of no beginning", none, map[string]any{"exp": at(876_000 * time.Hour), "iat": 0}, schemas.Unauthenticated},
		{"two hours where one is the most", short, map[string]any{"exp": at(2 * time.Hour)}, schemas.Unauthenticated},
		{"the rest of two hours", short, map[string]any{"iat": at(-90 * time.Minute), "exp": at(30 * time.Minute)}, schemas.Unauthenticated},
		{"a long name", none, map[string]any{"sub": strings.Repeat("a", 9000)}, schemas.Unauthenticated},
		{"a name with NUL", none, map[string]any{"sub": "a\x00b"}, schemas.Unauthenticated},
	} {
		if k := asks(t, o.gateway(c.with), o.token(t, c.claims)); k != c.want {
			t.Errorf("%s: answered %s, want %s", c.name, k, c.want)
		}
	}
	logout := head(`{"alg":"RS256","kid":"k","typ":"logout+jwt"}`, o.claims(map[string]any{"iss": o.front.URL})) + ".AAAA"
	if _, err := o.gateway().Principal(t.Context(), logout); err == nil || !strings.Contains(err.Error(), "logout+jwt") {
		t.Errorf("a logout token: %v", err)
	}
}

// Settings that would open a door by a slip are refused.
func TestIssuerSettings(t *testing.T) {
	t.Parallel()
	for _, is := range []Issuer{{Issuer: "login.example"}, {Issuer: "https://a.example", Lifetime: "long"}, {Issuer: "https://a.example", Lifetime: "-1h"},
		{Issuer: "https://a.example", KeysFrom: []string{"keys"}}, {Issuer: "https://a.example", Algorithms: []string{"HS256"}}, {Issuer: "https://a.example", Algorithms: []string{"none"}}} {
		if err := is.Check(); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%+v: %v", is, err)
		}
	}
}
