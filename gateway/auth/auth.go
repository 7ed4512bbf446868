// Package auth finds out who calls: it verifies OIDC access tokens and holds them
// against the issuer's binding and the registry's memberships.
//
// In: a bearer token. Out: a schemas.Principal, or Unauthenticated saying what is
// wrong with the token. Always: an issuer speaks only for the participants and
// roles that it is bound to; effective roles = token ∩ binding ∩ membership
// [decisions.md 2]. It must not know what a caller may do.
package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"guichet/schemas"
)

// Issuer is one OIDC issuer with what it may speak for.
type Issuer struct {
	Issuer       string                  `json:"iss" yaml:"iss"`
	Audiences    []string                `json:"audiences" yaml:"audiences"`
	Algorithms   []string                `json:"algorithms,omitempty" yaml:"algorithms"` // RS256 and ES256 when left out
	Participants []schemas.ParticipantID `json:"participants,omitempty" yaml:"participants"`
	Roles        []schemas.Role          `json:"roles,omitempty" yaml:"roles"` // trainer and provider when left out
	Own          bool                    `json:"own,omitempty" yaml:"own"`     // the operator's own: every participant, every role
}

// Leeway is how far clocks may differ, either way.
const Leeway = 60 * time.Second

// maxToken bounds a token: larger ones are refused unread.
const maxToken = 16 << 10

// members is the registry's word on who belongs where.
type members interface {
	Member(ctx context.Context, issuer, subject string) (schemas.ParticipantID, []schemas.Role, error)
}

// Authenticator verifies tokens. Safe for concurrent use.
type Authenticator struct {
	issuers []Issuer
	members members
	client  *http.Client
	now     func() time.Time
	mu      sync.Mutex
	keys    map[string]*oidc.IDTokenVerifier
}

// New makes an authenticator. Issuers are discovered when their first token comes,
// so that none needs to be up when we start.
func New(issuers []Issuer, m members, now func() time.Time) *Authenticator {
	if now == nil {
		now = time.Now
	}
	return &Authenticator{issuers: issuers, members: m, now: now, client: &http.Client{Timeout: 10 * time.Second}, keys: map[string]*oidc.IDTokenVerifier{}}
}

type claims struct {
	Issuer      string                `json:"iss"`
	Subject     string                `json:"sub"`
	Audience    audience              `json:"aud"`
	Expires     float64               `json:"exp"`
	NotBefore   float64               `json:"nbf"`
	Issued      float64               `json:"iat"`
	Participant schemas.ParticipantID `json:"participant"`
	Roles       []schemas.Role        `json:"roles"`
}

// audience is one text or a list of them [RFC 7519 §4.1.3].
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	var many []string
	err := json.Unmarshal(b, &many)
	*a = many
	return err
}

func refuse(format string, args ...any) error {
	return &schemas.Error{Kind: schemas.Unauthenticated, Subject: "token", Message: fmt.Sprintf(format, args...), Remedy: "get a new token: guichet login"}
}

// Principal verifies a token. Errors: Unauthenticated; Unavailable when the issuer
// does not answer.
func (a *Authenticator) Principal(ctx context.Context, token string) (schemas.Principal, error) {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return schemas.Principal{}, refuse("this is no signed token (JWT)")
	}
	iss, err := unverifiedIssuer(token)
	if err != nil {
		return schemas.Principal{}, refuse("this is no signed token (JWT)")
	}
	i := slices.IndexFunc(a.issuers, func(have Issuer) bool { return have.Issuer == iss })
	if i < 0 {
		return schemas.Principal{}, &schemas.Error{Kind: schemas.Unauthenticated, Subject: "token", Message: fmt.Sprintf("tokens of the issuer %s are not accepted here", iss),
			Remedy: "sign in at the issuer that the operator named to you, or ask the operator to add this one to issuers in the gateway's settings"}
	}
	is := &a.issuers[i]
	v, err := a.verifier(ctx, is)
	if err != nil {
		return schemas.Principal{}, err
	}
	t, err := v.Verify(oidc.ClientContext(ctx, a.client), token)
	if err != nil && strings.Contains(err.Error(), "fetching keys") { // go-oidc has no error of its own for it
		return schemas.Principal{}, &schemas.Error{Kind: schemas.Unavailable, Subject: is.Issuer, Message: "the issuer " + is.Issuer + " does not give its keys", Remedy: "try again in a moment", Err: err}
	}
	if err != nil {
		return schemas.Principal{}, &schemas.Error{Kind: schemas.Unauthenticated, Subject: "token", Message: "the token's signature does not hold", Remedy: "get a new token: guichet login", Err: err}
	}
	var c claims
	err = t.Claims(&c)
	if err != nil {
		return schemas.Principal{}, refuse("the token's claims cannot be read")
	}
	err = a.check(is, &c)
	if err != nil {
		return schemas.Principal{}, err
	}
	return a.effective(ctx, is, &c)
}

func unverifiedIssuer(token string) (string, error) {
	part := strings.Split(token, ".")[1]
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return "", err
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	err = json.Unmarshal(b, &c)
	return c.Issuer, err
}

func (a *Authenticator) verifier(ctx context.Context, is *Issuer) (*oidc.IDTokenVerifier, error) {
	a.mu.Lock()
	v := a.keys[is.Issuer]
	a.mu.Unlock()
	if v != nil {
		return v, nil
	}
	// The key set outlives this request, so its context must too.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), a.client), is.Issuer)
	if err != nil {
		return nil, &schemas.Error{Kind: schemas.Unavailable, Subject: is.Issuer, Message: "the issuer " + is.Issuer + " does not answer", Remedy: "try again in a moment", Err: err}
	}
	algorithms := is.Algorithms
	if len(algorithms) == 0 {
		algorithms = []string{oidc.RS256, oidc.ES256}
	}
	v = p.Verifier(&oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true, SupportedSigningAlgs: algorithms, Now: a.now})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[is.Issuer] = v
	return v, nil
}

// check holds audience and times against ours; it tells both times, since clocks
// are wrong more often than tokens.
func (a *Authenticator) check(is *Issuer, c *claims) error {
	if !slices.ContainsFunc(is.Audiences, func(want string) bool { return slices.Contains(c.Audience, want) }) {
		return refuse("the token is for %q; it must be for the audience %s", []string(c.Audience), strings.Join(is.Audiences, " or "))
	}
	now := a.now()
	at := func(f float64) time.Time { return time.Unix(int64(f), 0).UTC() }
	if c.Expires == 0 {
		return refuse("the token says no end (exp)")
	}
	if now.After(at(c.Expires).Add(Leeway)) {
		return refuse("the token expired at %s; it is %s now", at(c.Expires).Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	for _, from := range []float64{c.NotBefore, c.Issued} {
		if from != 0 && now.Add(Leeway).Before(at(from)) {
			return refuse("the token is not valid before %s; it is %s now", at(from).Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		}
	}
	if c.Subject == "" {
		return refuse("the token names nobody (sub)")
	}
	return nil
}

// effective is the caller as the issuer's binding and the registry see her.
func (a *Authenticator) effective(ctx context.Context, is *Issuer, c *claims) (schemas.Principal, error) {
	p := schemas.Principal{Issuer: is.Issuer, Subject: c.Subject}
	if c.Participant != "" && !is.Own && !slices.Contains(is.Participants, c.Participant) {
		text := fmt.Sprintf("the issuer %s may not speak for %s", is.Issuer, c.Participant)
		return p, &schemas.Error{Kind: schemas.Denied, Subject: "token", Message: text, Remedy: "sign in with your organisation's own issuer",
			Reasons: []schemas.Reason{{Rule: "issuer.participant", Source: "bindings of issuers", Text: text, Remedy: "sign in with your organisation's own issuer"}}}
	}
	id, roles, err := a.members.Member(ctx, is.Issuer, c.Subject)
	if schemas.KindOf(err) == schemas.NotFound {
		return p, nil // signed in, but of no participant yet
	}
	if err != nil {
		return p, err
	}
	if c.Participant != "" && c.Participant != id || !is.Own && !slices.Contains(is.Participants, id) {
		return p, nil
	}
	p.Participant = id
	bound := is.Roles
	if len(bound) == 0 {
		bound = []schemas.Role{schemas.RoleTrainer, schemas.RoleProvider}
	}
	for _, r := range roles {
		if slices.Contains(c.Roles, r) && (is.Own || slices.Contains(bound, r)) {
			p.Roles = append(p.Roles, r)
		}
	}
	return p, nil
}
