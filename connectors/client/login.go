package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"guichet/connectors/trust"
	"guichet/schemas"
)

func issuerFault(issuer string, err error) error {
	return trust.Fault("the issuer", issuer,
		"check its address (guichet login --issuer) and that it runs; whoever has a token gives it by --token FILE meanwhile",
		err)
}

// ClientCredentials gets tokens of an issuer for a client and renews them before
// they expire [RFC 6749 §4.4].
func ClientCredentials(ctx context.Context, issuer, id, secret string, list ...Setting) (TokenSource, error) {
	ctx = oidc.ClientContext(ctx, &http.Client{Transport: trust.Transport(settled(list).roots)})
	p, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, issuerFault(issuer, err)
	}
	c := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: p.Endpoint().TokenURL}
	s := c.TokenSource(context.WithoutCancel(ctx))
	return func(context.Context) (string, error) {
		t, err := s.Token()
		if _, refused := errors.AsType[*oauth2.RetrieveError](err); err != nil && !refused {
			return "", issuerFault(issuer, err)
		}
		if err != nil {
			return "", &schemas.Error{
				Kind:    schemas.Unauthenticated,
				Subject: id,
				Message: fmt.Sprintf("the issuer %s gave no token for the client %s", issuer, id),
				Remedy:  "check the client's id and secret",
				Err:     err,
			}
		}
		return t.AccessToken, nil
	}, nil
}
