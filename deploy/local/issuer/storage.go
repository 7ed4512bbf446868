package issuer

import (
	"context"
	"crypto/subtle"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"guichet/deploy/local/state"
)

// storage is what package op asks: clients, claims and keys, and of people.
type storage struct {
	unbuilt
	*people
	keys    *ring
	clients map[string]Client
}

var (
	_ op.Storage                        = (*storage)(nil)
	_ op.ClientCredentialsStorage       = (*storage)(nil)
	_ op.DeviceAuthorizationStorage     = (*storage)(nil)
	_ op.CanGetPrivateClaimsFromRequest = (*storage)(nil)
)

func newStorage(keys *ring, clients []Client) *storage {
	s := &storage{people: newPeople(), keys: keys, clients: make(map[string]Client, len(clients))}
	for _, c := range clients {
		s.clients[c.ID] = c
	}
	return s
}

// request is a granted ask for a token.
type request struct {
	client Client
	scopes []string
}

func (r request) GetSubject() string    { return r.client.ID }
func (r request) GetAudience() []string { return []string{Audience} }
func (r request) GetScopes() []string   { return r.scopes }

func (s *storage) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	if err := s.AuthorizeClientIDSecret(ctx, id, secret); err != nil {
		return nil, err
	}
	return s.GetClientByClientID(ctx, id)
}

func (s *storage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	c, ok := s.clients[id]
	if !ok {
		return nil, oidc.ErrInvalidClient()
	}
	return request{client: c, scopes: scopes}, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	c, ok := s.clients[id]
	if !ok || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1 {
		return oidc.ErrInvalidClient()
	}
	return nil
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id == WebClient || id == DeviceClient {
		return client{Client{ID: id}}, nil
	}
	c, ok := s.clients[id]
	if !ok {
		return nil, oidc.ErrInvalidClient()
	}
	return client{c}, nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return state.Secret(), time.Now().Add(tokenLife), nil
}

func (s *storage) GetPrivateClaimsFromRequest(ctx context.Context, r op.TokenRequest, scopes []string) (map[string]any, error) {
	return s.GetPrivateClaimsFromScopes(ctx, r.GetSubject(), r.GetSubject(), scopes)
}

func (s *storage) GetPrivateClaimsFromScopes(_ context.Context, _, id string, _ []string) (map[string]any, error) {
	c, ok := s.clients[id]
	if !ok {
		return nil, oidc.ErrInvalidClient()
	}
	said := map[string]any{"participant": c.Participant, "roles": c.Roles}
	if c.Mail != "" {
		said["email"], said["email_verified"] = c.Mail, true
	}
	return said, nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	return key{s.keys.current()}, nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.keys.alg}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	var public []op.Key
	for _, jwk := range s.keys.keys() {
		public = append(public, key{jwk.Public()})
	}
	return public, nil
}

func (s *storage) Health(context.Context) error { return nil }

// client shows a Client in the shape that package op wants.
type client struct{ c Client }

var _ op.Client = client{}

func (c client) GetID() string                    { return c.c.ID }
func (c client) PostLogoutRedirectURIs() []string { return nil }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) LoginURL(id string) string            { return "/sign-in?id=" + url.QueryEscape(id) }
func (c client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (c client) IDTokenLifetime() time.Duration       { return tokenLife }
func (c client) DevMode() bool                        { return false }
func (c client) IsScopeAllowed(string) bool           { return false }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (c client) ClockSkew() time.Duration             { return 0 }

// people says whether it is a client of people, which keeps no secret.
func (c client) people() bool { return c.c.ID == WebClient || c.c.ID == DeviceClient }

// RedirectURIs lead to a gateway of this machine: its port does not matter for a native client [RFC 8252 §7.3].
func (c client) RedirectURIs() []string {
	if c.c.ID != WebClient {
		return nil
	}
	return []string{"http://127.0.0.1/signin/answer", "http://localhost/signin/answer", "http://[::1]/signin/answer"}
}

func (c client) ApplicationType() op.ApplicationType {
	if c.people() {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeWeb
}

func (c client) AuthMethod() oidc.AuthMethod {
	if c.people() {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func (c client) GrantTypes() []oidc.GrantType {
	switch c.c.ID {
	case WebClient:
		return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
	case DeviceClient:
		return []oidc.GrantType{oidc.GrantTypeDeviceCode, oidc.GrantTypeRefreshToken}
	}
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}

func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string     { return same }
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return same }

func same(scopes []string) []string { return scopes }
