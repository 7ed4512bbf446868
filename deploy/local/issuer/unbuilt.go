package issuer

import (
	"context"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// unbuilt answers the parts of op.Storage that nobody here needs: userinfo, introspection, JWT
// profile, the end of a session.
type unbuilt struct{}

func refuse() *oidc.Error {
	return oidc.ErrUnsupportedGrantType().WithDescription("this issuer does not do that")
}

func (unbuilt) TerminateSession(context.Context, string, string) error { return refuse() }

// SetUserinfoFromScopes adds nothing to ID tokens; op takes their sub from here.
func (unbuilt) SetUserinfoFromScopes(_ context.Context, u *oidc.UserInfo, subject, _ string, _ []string) error {
	u.Subject = subject
	return nil
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
