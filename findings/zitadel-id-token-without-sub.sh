#!/usr/bin/env bash
# zitadel/oidc 3.51.17 (op): the comment on Storage.SetUserinfoFromScopes says "deprecated and
# should have an empty implementation for now". With one, every ID token of a request that has a
# scope comes without sub, which OpenID Connect Core 1.0 §2 requires: CreateIDToken sets sub from
# the request, and then SetUserInfo overwrites it with the userinfo's, which is empty. Nothing
# says so; a client that looks for sub refuses the issuer.
#
# Good sense: the request's subject stays where the storage says nothing else.
# Seen: without scopes sub is "ada", with openid it is gone.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
export GOFLAGS=-mod=mod
cd "$dir"
printf 'module seen\n\ngo 1.26\n\nrequire github.com/zitadel/oidc/v3 v3.51.17\n' > go.mod
cat > main.go <<'GO'
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

type storage struct {
	op.Storage
	key *rsa.PrivateKey
}

func (s storage) SigningKey(context.Context) (op.SigningKey, error) { return s, nil }
func (s storage) SignatureAlgorithm() jose.SignatureAlgorithm       { return jose.RS256 }
func (s storage) Key() any                                          { return s.key }
func (s storage) ID() string                                        { return "k" }
func (s storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

type client struct{ op.Client }

func (client) ClockSkew() time.Duration { return 0 }
func (client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (client) RestrictAdditionalIdTokenScopes() func([]string) []string { return func(s []string) []string { return s } }

type request struct{ scopes []string }

func (request) GetAMR() []string       { return nil }
func (request) GetAudience() []string  { return []string{"pages"} }
func (request) GetAuthTime() time.Time { return time.Now() }
func (request) GetClientID() string    { return "pages" }
func (r request) GetScopes() []string  { return r.scopes }
func (request) GetSubject() string     { return "ada" }

func main() {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	for _, scopes := range [][]string{nil, {"openid"}} {
		token, err := op.CreateIDToken(context.Background(), "https://login.example", request{scopes}, time.Hour, "", "", storage{key: key}, client{})
		if err != nil {
			fmt.Println(err)
			return
		}
		payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		var claims map[string]any
		_ = json.Unmarshal(payload, &claims)
		fmt.Println(scopes, claims["sub"])
	}
}
GO
seen=$(go run . 2>/dev/null)
echo "$seen"
[ "$seen" = "[] ada
[openid] <nil>" ]
