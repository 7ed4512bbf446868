package auth

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guichet/schemas"
)

// registry is the memberships of the tests.
type registry map[string]schemas.Participant

func (r registry) Member(_ context.Context, issuer, subject string) (schemas.ParticipantID, []schemas.Role, error) {
	for _, p := range r {
		for _, m := range p.Members {
			if m.Issuer == issuer && m.Subject == subject {
				return p.ID, m.Roles, nil
			}
		}
	}
	return "", nil, schemas.Errorf(schemas.NotFound, subject, "no participant has this member")
}

// issuer is a small OIDC issuer with one RSA key.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	is := &issuer{key: key}
	is.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/keys" {
			fmt.Fprintf(w, `{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"k","n":%q,"e":"AQAB"}]}`, base64.RawURLEncoding.EncodeToString(key.N.Bytes()))
			return
		}
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, is.URL, is.URL+"/keys")
	}))
	t.Cleanup(is.Close)
	return is
}

// claims are what a good token says; nil values are left out.
func (is *issuer) claims(more map[string]any) map[string]any {
	c := map[string]any{"iss": is.URL, "sub": "ada", "aud": "guichet", "iat": now().Unix(), "exp": now().Add(time.Hour).Unix(), "roles": []string{"trainer", "provider", "officer", "operator"}}
	for k, v := range more {
		c[k] = v
		if v == nil {
			delete(c, k)
		}
	}
	return c
}

func head(header string, claims map[string]any) string {
	b, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(b)
}

func (is *issuer) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	h := head(`{"alg":"RS256","kid":"k"}`, claims)
	sum := sha256.Sum256([]byte(h))
	sig, err := rsa.SignPKCS1v15(rand.Reader, is.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return h + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func now() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

const org = schemas.ParticipantID("https://crop-ai.example")

func (is *issuer) members(roles ...schemas.Role) registry {
	return registry{"a": {ID: org, Members: []schemas.Member{{Issuer: is.URL, Subject: "ada", Roles: roles}}}}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	a := New([]Issuer{{Issuer: is.URL, Audiences: []string{"guichet"}, Own: true}}, is.members(schemas.RoleTrainer), now)
	at := func(d time.Duration) int64 { return now().Add(d).Unix() }
	good := is.sign(t, is.claims(nil))
	parts := strings.Split(good, ".")
	mac := hmac.New(sha256.New, is.key.N.Bytes())
	confused := head(`{"alg":"HS256","kid":"k"}`, is.claims(nil))
	mac.Write([]byte(confused))
	for _, c := range []struct {
		name, token string
		says        string // "" is accepted
	}{
		{"audience as text", is.sign(t, is.claims(map[string]any{"aud": "guichet"})), ""},
		{"audience as list", is.sign(t, is.claims(map[string]any{"aud": []string{"guichet"}})), ""},
		{"audience second of a list", is.sign(t, is.claims(map[string]any{"aud": []string{"other", "guichet"}})), ""},
		{"another's audience", is.sign(t, is.claims(map[string]any{"aud": []string{"other"}})), "audience guichet"},
		{"longer audience", is.sign(t, is.claims(map[string]any{"aud": "guichet2"})), "audience guichet"},
		{"empty audience", is.sign(t, is.claims(map[string]any{"aud": []string{}})), "audience guichet"},
		{"no audience", is.sign(t, is.claims(map[string]any{"aud": nil})), "audience guichet"},
		{"not yet by 3 s", is.sign(t, is.claims(map[string]any{"nbf": at(3 * time.Second), "iat": at(3 * time.Second)})), ""},
		{"not yet by 10 min", is.sign(t, is.claims(map[string]any{"nbf": at(10 * time.Minute)})), "2026-11-25T12:10:00Z; it is 2026-11-25T12:00:00Z"},
		{"issued in 10 min", is.sign(t, is.claims(map[string]any{"iat": at(10 * time.Minute)})), "2026-11-25T12:10:00Z; it is 2026-11-25T12:00:00Z"},
		{"expired by 3 s", is.sign(t, is.claims(map[string]any{"exp": at(-3 * time.Second)})), ""},
		{"expired by 10 min", is.sign(t, is.claims(map[string]any{"exp": at(-10 * time.Minute)})), "expired at 2026-11-25T11:50:00Z; it is 2026-11-25T12:00:00Z"},
		{"no expiry", is.sign(t, is.claims(map[string]any{"exp": nil})), "no end"},
		{"nobody", is.sign(t, is.claims(map[string]any{"sub": nil})), "nobody"},
		{"unlisted issuer", is.sign(t, is.claims(map[string]any{"iss": "https://nowhere.example"})), "issuer https://nowhere.example are not accepted"},
		{"issuer with a slash more", is.sign(t, is.claims(map[string]any{"iss": is.URL + "/"})), "not accepted"},
		{"alg none", head(`{"alg":"none"}`, is.claims(nil)) + ".", "signature"},
		{"alg None", head(`{"alg":"None"}`, is.claims(nil)) + ".", "signature"},
		{"alg HS256 with the public key", confused + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), "signature"},
		{"unknown key id", head(`{"alg":"RS256","kid":"x"}`, is.claims(nil)) + "." + parts[2], "signature"},
		{"other claims under a good signature", head(`{"alg":"RS256","kid":"k"}`, is.claims(map[string]any{"sub": "eve"})) + "." + parts[2], "signature"},
		{"no signature", parts[0] + "." + parts[1] + ".", "signature"},
		{"two parts", parts[0] + "." + parts[1], "not a signed token"},
		{"words", "please", "not a signed token"},
		{"nothing", "", "not a signed token"},
		{"too large", is.sign(t, is.claims(map[string]any{"pad": strings.Repeat("x", 20<<10)})), "not a signed token"},
		{"wrong types", is.sign(t, is.claims(map[string]any{"roles": 7})), "claims"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := a.Principal(t.Context(), c.token)
			if c.says == "" {
				if err != nil || p.Participant != org || p.Subject != "ada" {
					t.Errorf("principal %+v, error %v; want ada of %s", p, err, org)
				}
				return
			}
			if schemas.KindOf(err) != schemas.Unauthenticated || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want Unauthenticated saying %q", err, c.says)
			}
			if p.SignedIn() {
				t.Errorf("a refused token gives the principal %+v", p)
			}
		})
	}
}

// Effective roles are token ∩ binding ∩ membership, and an issuer speaks only for
// its own.
func TestEffectiveRoles(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	all := []schemas.Role{schemas.RoleProvider, schemas.RoleTrainer, schemas.RoleOfficer, schemas.RoleOperator}
	bound := func(roles ...schemas.Role) Issuer {
		return Issuer{Participants: []schemas.ParticipantID{org}, Roles: roles}
	}
	for _, c := range []struct {
		name    string
		issuer  Issuer
		members registry
		claims  map[string]any
		want    []schemas.Role
		org     schemas.ParticipantID
		denied  bool
	}{
		{"own issuer, all roles", Issuer{Own: true}, is.members(all...), nil, all, org, false},
		{"token says less", Issuer{Own: true}, is.members(all...), map[string]any{"roles": []string{"trainer"}}, []schemas.Role{schemas.RoleTrainer}, org, false},
		{"membership says less", Issuer{Own: true}, is.members(schemas.RoleTrainer), nil, []schemas.Role{schemas.RoleTrainer}, org, false},
		{"binding says less", bound(schemas.RoleTrainer), is.members(all...), nil, []schemas.Role{schemas.RoleTrainer}, org, false},
		{"no binding of roles: never officer or operator", bound(), is.members(all...), nil, []schemas.Role{schemas.RoleProvider, schemas.RoleTrainer}, org, false},
		{"no roles in the token", Issuer{Own: true}, is.members(all...), map[string]any{"roles": nil}, nil, org, false},
		{"a role that is none", Issuer{Own: true}, is.members(all...), map[string]any{"roles": []string{"root"}}, nil, org, false},
		{"speaks for another", bound(), is.members(all...), map[string]any{"participant": "https://hospital.example"}, nil, "", true},
		{"says nothing, member of another", Issuer{Participants: []schemas.ParticipantID{"https://other.example"}}, is.members(all...), nil, nil, "", false},
		{"bound to nobody", Issuer{}, is.members(all...), nil, nil, "", false},
		{"own issuer, wrong participant", Issuer{Own: true}, is.members(all...), map[string]any{"participant": "https://hospital.example"}, nil, "", false},
		{"of no participant", Issuer{Own: true}, registry{}, nil, nil, "", false},
		{"its people join", Issuer{Joining: true}, is.members(all...), map[string]any{"roles": nil}, []schemas.Role{schemas.RoleProvider, schemas.RoleTrainer}, org, false},
		{"its people join, the token says less", Issuer{Joining: true}, is.members(all...), map[string]any{"roles": []string{"trainer"}}, []schemas.Role{schemas.RoleTrainer}, org, false},
		{"its people join, the token says none", Issuer{Joining: true}, is.members(all...), map[string]any{"roles": []string{}}, nil, org, false},
		{"its people join, the membership says less", Issuer{Joining: true}, is.members(schemas.RoleTrainer), map[string]any{"roles": nil}, []schemas.Role{schemas.RoleTrainer}, org, false},
		{"its people join, of none", Issuer{Joining: true}, registry{}, nil, nil, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.issuer.Issuer, c.issuer.Audiences = is.URL, []string{"guichet"}
			p, err := New([]Issuer{c.issuer}, c.members, now).Principal(t.Context(), is.sign(t, is.claims(c.claims)))
			if (schemas.KindOf(err) == schemas.Denied) != c.denied || !c.denied && err != nil {
				t.Fatalf("error %v, want denied %t", err, c.denied)
			}
			want := slices.Clone(c.want) // shared by parallel cases
			slices.Sort(p.Roles)
			slices.Sort(want)
			if !slices.Equal(p.Roles, want) || p.Participant != c.org {
				t.Errorf("roles %v of %q, want %v of %q", p.Roles, p.Participant, want, c.org)
			}
		})
	}
}

// An issuer whose people join speaks for no organisation that the settings bind to another one.
func TestJoiningIssuersKeepToTheirOwn(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	a := New([]Issuer{{Issuer: is.URL, Audiences: []string{"guichet"}, Joining: true},
		{Issuer: "https://login.crop-ai.example", Participants: []schemas.ParticipantID{org}}}, is.members(schemas.RoleTrainer), now)
	p, err := a.Principal(t.Context(), is.sign(t, is.claims(nil)))
	if err != nil || p.Participant != "" || len(p.Roles) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, c := range []struct {
		issuer string
		id     schemas.ParticipantID
		want   string
	}{
		{is.URL, org, SpeaksNot}, {is.URL, "https://acme.example", SpeaksAny}, {"https://login.crop-ai.example", org, SpeaksNamed},
		{"https://login.crop-ai.example", "https://acme.example", SpeaksNot}, {"https://nowhere.example", org, SpeaksNot},
	} {
		if got := a.Speaks(c.issuer, c.id); got != c.want {
			t.Errorf("%s for %s: %s, want %s", c.issuer, c.id, got, c.want)
		}
	}
	for _, bad := range []Issuer{{Joining: true, Own: true}, {Joining: true, Participants: []schemas.ParticipantID{org}}} {
		bad.Issuer = "https://login.example"
		if err := bad.Check(); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// Mail is what the issuer says and verified, and could be an address.
func TestVerifiedMail(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	a := New([]Issuer{{Issuer: is.URL, Audiences: []string{"guichet"}, Own: true}}, registry{}, now)
	for _, c := range []struct {
		mail     string
		verified any
		want     string
	}{
		{"ada@crop-ai.example", true, "ada@crop-ai.example"}, {"ada@crop-ai.example", "true", "ada@crop-ai.example"},
		{"ada@crop-ai.example", false, ""}, {"ada@crop-ai.example", nil, ""}, {"ada@crop-ai.example", 1, ""}, {"ada", true, ""},
		{"Ada <ada@crop-ai.example>", true, ""}, {"ada@crop-ai.example, eve@x.example", true, ""}, {"ada\u202e@crop-ai.example", true, ""},
		{strings.Repeat("a", 300) + "@crop-ai.example", true, ""}, {"", true, ""},
	} {
		p, err := a.Principal(t.Context(), is.sign(t, is.claims(map[string]any{"email": c.mail, "email_verified": c.verified})))
		if err != nil || p.Mail != c.want {
			t.Errorf("%q, %v: %q, %v", c.mail, c.verified, p.Mail, err)
		}
	}
}

// An issuer that is away is not the caller's fault, and its return is noticed.
func TestIssuerAway(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	var up atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":"http://%s","jwks_uri":%q}`, r.Host, is.URL+"/keys")
	}))
	t.Cleanup(front.Close)
	members := registry{"a": {ID: org, Members: []schemas.Member{{Issuer: front.URL, Subject: "ada", Roles: []schemas.Role{schemas.RoleTrainer}}}}}
	clock := now()
	a := New([]Issuer{{Issuer: front.URL, Audiences: []string{"guichet"}, Own: true, KeysFrom: []string{is.URL}}}, members, func() time.Time { return clock })
	token := is.sign(t, is.claims(map[string]any{"iss": front.URL}))
	_, err := a.Principal(t.Context(), token)
	if schemas.KindOf(err) != schemas.Unavailable {
		t.Errorf("while the issuer is away: %v, want Unavailable", err)
	}
	up.Store(true)
	clock = clock.Add(fetchEvery)
	p, err := a.Principal(t.Context(), token)
	if err != nil || !p.Has(schemas.RoleTrainer) {
		t.Errorf("after it came back: %+v, %v", p, err)
	}
}
