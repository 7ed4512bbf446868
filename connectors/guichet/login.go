package guichet

import (
	"context"
	"fmt"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2/clientcredentials"

	"guichet/schemas"
)

// ClientCredentials gets tokens of an issuer for a client and renews them before
// they expire [RFC 6749 §4.4].
func ClientCredentials(ctx context.Context, issuer, id, secret string) (TokenSource, error) {
	p, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, &schemas.Error{Kind: schemas.Unavailable, Subject: issuer, Message: "the issuer " + issuer + " does not answer", Remedy: "check its address (--issuer)", Err: err}
	}
	c := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: p.Endpoint().TokenURL}
	s := c.TokenSource(context.WithoutCancel(ctx))
	return func(context.Context) (string, error) {
		t, err := s.Token()
		if err != nil {
			return "", &schemas.Error{Kind: schemas.Unauthenticated, Subject: id, Message: fmt.Sprintf("the issuer %s gave no token for the client %s", issuer, id), Remedy: "check the client's id and secret", Err: err}
		}
		return t.AccessToken, nil
	}, nil
}
