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
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"guichet/schemas"
)

// Issuer is one OIDC issuer with what it may speak for.
type Issuer struct {
	Issuer       string                  `json:"iss" yaml:"iss"`
	Audiences    []string                `json:"audiences" yaml:"audiences"`
	Algorithms   []string                `json:"algorithms,omitempty" yaml:"algorithms"` // RS256 and ES256 when left out
	Participants []schemas.ParticipantID `json:"participants,omitempty" yaml:"participants"`
	Roles        []schemas.Role          `json:"roles,omitempty" yaml:"roles"`         // trainer and provider when left out
	Own          bool                    `json:"own,omitempty" yaml:"own"`             // the operator's own: every participant, every role
	Joining      bool                    `json:"joining,omitempty" yaml:"joining"`     // its people join: it speaks for participants that have them as members and no issuer of their own; it need not say roles
	KeysFrom     []string                `json:"keys_from,omitempty" yaml:"keys_from"` // addresses beside its own from which its keys may come
	Clients      []string                `json:"clients,omitempty" yaml:"clients"`     // to whom its tokens may be given (azp or client_id); anybody when left out
	Device       string                  `json:"device,omitempty" yaml:"device"`       // its client for device authorization [RFC 8628], with which the command line signs people in
	Lifetime     string                  `json:"lifetime,omitempty" yaml:"lifetime"`   // of a token at most, like 12h; 24h when left out
	Name         string                  `json:"name,omitempty" yaml:"name"`           // for people who choose where to sign in
	Web          *Web                    `json:"web,omitempty" yaml:"web"`             // how browsers sign in there; not at all when left out
}

// Leeway is how far clocks may differ, either way.
const Leeway = 60 * time.Second

// maxSubject bounds the name of a user at an issuer, in bytes; OpenID Connect allows 255.
const maxSubject = 1024

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
	now     func() time.Time
	keys    []*keyring // one per issuer
}

// New makes an authenticator. Issuers are asked for their keys when their first token
// comes, so that none needs to be up when we start.
func New(issuers []Issuer, m members, now func() time.Time) *Authenticator {
	if now == nil {
		now = time.Now
	}
	a := &Authenticator{issuers: issuers, members: m, now: now}
	for i := range issuers {
		a.keys = append(a.keys, newKeyring(&issuers[i], now))
	}
	return a
}

// Over makes issuers be asked for their keys by another transport: one that believes the
// operator's certificate authorities.
func (a *Authenticator) Over(rt http.RoundTripper) *Authenticator {
	for _, k := range a.keys {
		k.client = k.issuer.HTTP(rt)
	}
	return a
}

// claims are what a token says of its bearer, as far as it is believed.
type claims struct {
	Issuer      string                `json:"iss"`
	Subject     string                `json:"sub"`
	Audience    audience              `json:"aud"`
	Expires     float64               `json:"exp"`
	NotBefore   float64               `json:"nbf"`
	Issued      float64               `json:"iat"`
	Participant schemas.ParticipantID `json:"participant"`
	Roles       []schemas.Role        `json:"roles"`
	Kind        string                `json:"typ"`
	Nonce       string                `json:"nonce"`
	AccessHash  string                `json:"at_hash"`
	CodeHash    string                `json:"c_hash"`
	Party       string                `json:"azp"`
	Client      string                `json:"client_id"`
	Mail        string                `json:"email"`
	MailHolds   verified              `json:"email_verified"`
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

// verified is whether an issuer verified an address; some write it as a text.
type verified bool

func (v *verified) UnmarshalJSON(b []byte) error {
	*v = string(b) == "true" || string(b) == `"true"`
	return nil
}

// maxMail bounds an address of mail, in bytes [RFC 5321 §4.5.3.1].
const maxMail = 254

// mail is the address that the issuer verified; "" for none, and for one that could pass for more.
func (c *claims) mail() string {
	a, err := mail.ParseAddress(c.Mail)
	if !bool(c.MailHolds) || err != nil || a.Address != c.Mail || len(c.Mail) > maxMail || !schemas.IsLine(c.Mail) {
		return ""
	}
	return c.Mail
}

func refuse(format string, args ...any) error {
	return &schemas.Error{
		Kind:    schemas.Unauthenticated,
		Subject: "token",
		Message: fmt.Sprintf(format, args...),
		Remedy:  "get a new token: guichet login",
	}
}

// Principal verifies a token. Errors: Unauthenticated; Unavailable when the issuer
// does not answer.
func (a *Authenticator) Principal(ctx context.Context, token string) (schemas.Principal, error) {
	p, _, err := a.Until(ctx, token)
	return p, err
}

// Until is Principal, with the end that the token says.
func (a *Authenticator) Until(ctx context.Context, token string) (schemas.Principal, time.Time, error) {
	is, c, err := a.believed(ctx, token)
	if err != nil {
		return schemas.Principal{}, time.Time{}, err
	}
	p, err := a.effective(ctx, is, c)
	return p, time.Unix(int64(c.Expires), 0).UTC(), err
}

// believed gives what a token says, once its signature, audience and times hold.
func (a *Authenticator) believed(ctx context.Context, token string) (*Issuer, *claims, error) {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return nil, nil, refuse("this is not a signed token (JWT)")
	}
	iss, typ, err := unverified(token)
	if err != nil {
		return nil, nil, refuse("this is not a signed token (JWT)")
	}
	if !headType(typ) {
		return nil, nil, refuse("the token is of the type %.50q; an access token is needed", typ)
	}
	i := slices.IndexFunc(a.issuers, func(have Issuer) bool { return have.Issuer == iss })
	if i < 0 {
		return nil, nil, &schemas.Error{
			Kind:    schemas.Unauthenticated,
			Subject: "token",
			Message: fmt.Sprintf("tokens of the issuer %s are not accepted here", iss),
			Remedy: "sign in at the issuer that the operator named to you, or ask the operator to add this one to issuers in the gateway's " +
				"settings",
		}
	}
	is := &a.issuers[i]
	payload, err := a.keys[i].verify(ctx, token)
	if errors.Is(err, errKeys) {
		return nil, nil, &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: is.Issuer,
			Message: "the issuer " + is.Issuer + " does not give its keys",
			Remedy:  "try again in a moment",
			Err:     err,
		}
	}
	if err != nil {
		return nil, nil, &schemas.Error{
			Kind:    schemas.Unauthenticated,
			Subject: "token",
			Message: "the token's signature does not hold",
			Remedy:  "get a new token: guichet login",
			Err:     err,
		}
	}
	var c claims
	err = json.Unmarshal(payload, &c)
	if err != nil {
		return nil, nil, refuse("the token's claims cannot be read")
	}
	err = a.check(is, &c)
	if err != nil {
		return nil, nil, err
	}
	return is, &c, nil
}

// unverified reads what says how to verify: the issuer, and the header's type.
func unverified(token string) (issuer, typ string, err error) {
	parts := strings.Split(token, ".")
	var head struct {
		Type string `json:"typ"`
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	for i, into := range []any{&head, &c} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return "", "", err
		}
		err = json.Unmarshal(b, into)
		if err != nil {
			return "", "", err
		}
	}
	return c.Issuer, head.Type, nil
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
	if len(c.Subject) > maxSubject || strings.ContainsRune(c.Subject, 0) {
		return refuse("the token's sub has %d bytes; at most %d without NUL are read", len(c.Subject), maxSubject)
	}
	from, most := now, is.lifetime()
	if c.Issued != 0 {
		from = at(c.Issued)
	}
	if at(c.Expires).Sub(from) > most || at(c.Expires).Sub(now) > most+Leeway {
		return refuse("the token is good until %s; at most %s are accepted of this issuer", at(c.Expires).Format(time.RFC3339), most)
	}
	if !c.access() {
		return refuse("this is an ID token, which says who signed in; an access token is needed")
	}
	if len(is.Clients) > 0 && !slices.Contains(is.Clients, c.client()) {
		return refuse("the token was given to the client %.100q, which is none of those that this site accepts", c.client())
	}
	return nil
}

// How an issuer may speak for a participant.
const (
	SpeaksNot   = "no"    // its people act for the participant in nothing
	SpeaksOwn   = "own"   // it is the operator's own
	SpeaksNamed = "named" // the settings name the participant beside it
	SpeaksAny   = "any"   // the settings let its people join, and name no other issuer beside the participant
)

// speaks says how an issuer may speak for a participant.
func (a *Authenticator) speaks(is *Issuer, id schemas.ParticipantID) string {
	bound := func(o Issuer) bool { return slices.Contains(o.Participants, id) }
	switch {
	case is.Own:
		return SpeaksOwn
	case bound(*is):
		return SpeaksNamed
	case is.Joining && !slices.ContainsFunc(a.issuers, bound):
		return SpeaksAny
	}
	return SpeaksNot
}

// Speaks says how an issuer may speak for a participant: SpeaksNot for one that is not accepted.
func (a *Authenticator) Speaks(issuer string, id schemas.ParticipantID) string {
	i := slices.IndexFunc(a.issuers, func(have Issuer) bool { return have.Issuer == issuer })
	if i < 0 {
		return SpeaksNot
	}
	return a.speaks(&a.issuers[i], id)
}

// effective is the caller as the issuer's binding and the registry see it.
func (a *Authenticator) effective(ctx context.Context, is *Issuer, c *claims) (schemas.Principal, error) {
	p := schemas.Principal{Issuer: is.Issuer, Subject: c.Subject, Mail: c.mail()}
	if c.Participant != "" && a.speaks(is, c.Participant) == SpeaksNot {
		text := fmt.Sprintf("the issuer %s may not speak for %s", is.Issuer, c.Participant)
		return p, schemas.Refuse("token", "issuer.participant", "bindings of issuers", text, "sign in with your organisation's own issuer")
	}
	id, roles, err := a.members.Member(ctx, is.Issuer, c.Subject)
	if schemas.KindOf(err) == schemas.NotFound {
		return p, nil // signed in, but of no participant yet
	}
	if err != nil {
		return p, err
	}
	if c.Participant != "" && c.Participant != id || a.speaks(is, id) == SpeaksNot {
		return p, nil
	}
	p.Participant = id
	bound := is.Roles
	if len(bound) == 0 {
		bound = []schemas.Role{schemas.RoleTrainer, schemas.RoleProvider}
	}
	for _, r := range roles {
		said := slices.Contains(c.Roles, r) || is.Joining && c.Roles == nil
		if said && (is.Own || slices.Contains(bound, r)) {
			p.Roles = append(p.Roles, r)
		}
	}
	return p, nil
}
