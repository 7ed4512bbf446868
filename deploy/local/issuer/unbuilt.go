package issuer

import (
	"context"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// unbuilt answers the parts of op.Storage that only flows with a person need:
// authorization code with PKCE, refresh, userinfo, introspection, JWT profile.
// Device code joins when storage implements op.DeviceAuthorizationStorage.
type unbuilt struct{}

func refuse() *oidc.Error {
	return oidc.ErrUnsupportedGrantType().WithDescription("this issuer knows client_credentials only")
}

func (unbuilt) CreateAuthRequest(context.Context, *oidc.AuthRequest, string) (op.AuthRequest, error) {
	return nil, refuse()
}

func (unbuilt) AuthRequestByID(context.Context, string) (op.AuthRequest, error) {
	return nil, refuse()
}

func (unbuilt) AuthRequestByCode(context.Context, string) (op.AuthRequest, error) {
	return nil, refuse()
}

func (unbuilt) SaveAuthCode(context.Context, string, string) error { return refuse() }

func (unbuilt) DeleteAuthRequest(context.Context, string) error { return refuse() }

func (unbuilt) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, refuse()
}

func (unbuilt) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, refuse()
}

func (unbuilt) TerminateSession(context.Context, string, string) error { return refuse() }

func (unbuilt) RevokeToken(context.Context, string, string, string) *oidc.Error { return refuse() }

func (unbuilt) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (unbuilt) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return refuse()
}

func (unbuilt) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return refuse()
}

func (unbuilt) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return refuse()
}

func (unbuilt) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, refuse()
}

func (unbuilt) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, refuse()
}
