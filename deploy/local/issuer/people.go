package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"guichet/deploy/local/state"
)

const (
	signInLife = 10 * time.Minute // until somebody has chosen who she is
	deviceLife = 5 * time.Minute  // likewise, for a program
	devicePoll = time.Second      // between two of a program's questions
	mostWait   = 1000             // sign-ins at once; the oldest go
)

// people are the sign-ins in which a person takes part, in memory: a restart forgets them. Safe
// for concurrent use.
type people struct {
	mu      sync.Mutex
	signIns map[string]*signIn // by id
	codes   map[string]string  // id by code
	devices map[string]*device // by user code
	grants  map[string]*grant  // by each refresh token that was given for it
}

func newPeople() *people {
	return &people{signIns: map[string]*signIn{}, codes: map[string]string{}, devices: map[string]*device{}, grants: map[string]*grant{}}
}

// signIn is a browser's, from the client's request to the client's code.
type signIn struct {
	id      string
	asked   *oidc.AuthRequest
	subject string // "" until somebody has chosen
	at      time.Time
}

var _ op.AuthRequest = (*signIn)(nil)

func (s *signIn) GetID() string                      { return s.id }
func (s *signIn) GetACR() string                     { return "" }
func (s *signIn) GetAMR() []string                   { return nil }
func (s *signIn) GetAudience() []string              { return []string{Audience} }
func (s *signIn) GetAuthTime() time.Time             { return s.at }
func (s *signIn) GetClientID() string                { return s.asked.ClientID }
func (s *signIn) GetNonce() string                   { return s.asked.Nonce }
func (s *signIn) GetRedirectURI() string             { return s.asked.RedirectURI }
func (s *signIn) GetResponseType() oidc.ResponseType { return s.asked.ResponseType }
func (s *signIn) GetResponseMode() oidc.ResponseMode { return s.asked.ResponseMode }
func (s *signIn) GetScopes() []string                { return s.asked.Scopes }
func (s *signIn) GetState() string                   { return s.asked.State }
func (s *signIn) GetSubject() string                 { return s.subject }
func (s *signIn) Done() bool                         { return s.subject != "" }

func (s *signIn) GetCodeChallenge() *oidc.CodeChallenge {
	if s.asked.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: s.asked.CodeChallenge, Method: s.asked.CodeChallengeMethod}
}

// device is a program's sign-in, which a person grants elsewhere.
type device struct {
	code   string
	polled time.Time
	op.DeviceAuthorizationState
}

// grant is what refresh tokens stand for; the last one given is good once, and an older one
// that comes again ends it.
type grant struct {
	client, subject, current string
	scopes                   []string
	at                       time.Time
}

var _ op.RefreshTokenRequest = (*grant)(nil)

func (g *grant) GetAMR() []string                 { return nil }
func (g *grant) GetAudience() []string            { return []string{Audience} }
func (g *grant) GetAuthTime() time.Time           { return g.at }
func (g *grant) GetClientID() string              { return g.client }
func (g *grant) GetScopes() []string              { return g.scopes }
func (g *grant) GetSubject() string               { return g.subject }
func (g *grant) SetCurrentScopes(scopes []string) {}

func (p *people) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if slices.Contains(asked.Prompt, oidc.PromptNone) {
		return nil, oidc.ErrLoginRequired()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for id, s := range p.signIns {
		if now.Sub(s.at) > signInLife || len(p.signIns) >= mostWait {
			delete(p.signIns, id)
		}
	}
	s := &signIn{id: state.Secret(), asked: asked, at: now}
	p.signIns[s.id] = s
	return s, nil
}

func (p *people) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.signIns[id]
	if !ok {
		return nil, errors.New("there is no such sign-in, or it took too long")
	}
	return s, nil
}

// choose says who signs in.
func (p *people) choose(id, subject string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.signIns[id]
	if !ok {
		return errors.New("there is no such sign-in, or it took too long")
	}
	chosen := *s
	chosen.subject, chosen.at = subject, time.Now()
	p.signIns[id] = &chosen
	return nil
}

func (p *people) SaveAuthCode(_ context.Context, id, code string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = id
	return nil
}

func (p *people) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	p.mu.Lock()
	id := p.codes[code]
	delete(p.codes, code) // it is good once, whatever comes of it
	p.mu.Unlock()
	return p.AuthRequestByID(ctx, id)
}

func (p *people) DeleteAuthRequest(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.signIns, id)
	return nil
}

func (p *people) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	by, ok := r.(interface{ GetClientID() string })
	if !ok {
		return "", "", time.Time{}, refuse()
	}
	g := &grant{client: by.GetClientID(), subject: r.GetSubject(), scopes: r.GetScopes(), at: time.Now()}
	if current != "" {
		g = p.grants[current]
		if g == nil || g.current != current {
			return "", "", time.Time{}, p.again(g)
		}
	}
	g.current = state.Secret()
	p.grants[g.current] = g
	return state.Secret(), g.current, time.Now().Add(tokenLife), nil
}

// again ends a grant whose refresh token came twice: one of the two was stolen.
func (p *people) again(g *grant) error {
	if g != nil {
		g.current = ""
	}
	return oidc.ErrInvalidGrant().WithDescription("this refresh token was used before")
}

func (p *people) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[token]
	if g == nil || g.current != token {
		return nil, p.again(g)
	}
	return g, nil
}

func (p *people) GetRefreshTokenInfo(_ context.Context, _, token string) (subject, id string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grants[token]
	if g == nil {
		return "", "", op.ErrInvalidRefreshToken
	}
	return g.subject, token, nil
}

func (p *people) RevokeToken(_ context.Context, token, _, client string) *oidc.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.grants[token]; g != nil && g.client == client {
		g.current = ""
	}
	return nil
}

func (p *people) StoreDeviceAuthorization(_ context.Context, client, code, userCode string, expires time.Time, scopes []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, d := range p.devices {
		if time.Now().After(d.Expires) || len(p.devices) >= mostWait {
			delete(p.devices, c)
		}
	}
	if p.devices[userCode] != nil {
		return op.ErrDuplicateUserCode
	}
	p.devices[userCode] = &device{code: code,
		DeviceAuthorizationState: op.DeviceAuthorizationState{ClientID: client, Audience: []string{Audience}, Scopes: scopes, Expires: expires}}
	return nil
}

func (p *people) GetDeviceAuthorizatonState(_ context.Context, client, code string) (*op.DeviceAuthorizationState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for userCode, d := range p.devices {
		if d.code != code || d.ClientID != client {
			continue
		}
		soon := time.Since(d.polled) < devicePoll/2
		d.polled = time.Now()
		if soon {
			return nil, fmt.Errorf("asked too often: %w", context.DeadlineExceeded) // op answers slow_down
		}
		if d.Done || d.Denied {
			delete(p.devices, userCode)
		}
		said := d.DeviceAuthorizationState
		return &said, nil
	}
	return nil, errors.New("there is no such program")
}

// let says what a person said to a program that shows a code; subject is "" for a no.
func (p *people) let(userCode, subject string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.devices[userCode]
	if d == nil || time.Now().After(d.Expires) || d.Done || d.Denied {
		return fmt.Errorf("no program waits with the code %q", userCode)
	}
	d.Subject, d.Done, d.Denied, d.AuthTime = subject, subject != "", subject == "", time.Now()
	return nil
}
