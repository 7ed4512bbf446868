// Package issuer is the rig's OpenID provider: zitadel/oidc's op with a fixed
// list of clients. A URL, a key file and the clients flow in; an http.Handler
// flows out that answers discovery, JWKS and the token endpoint, with the
// client_credentials grant, and for people, who choose on a page which of the
// clients they are: authorization code with PKCE, device authorization, refresh
// tokens that are good once. It always holds that every token is a JWT whose
// key is in the JWKS. It must not know who accepts the tokens, nor what for.
//
// Two more doors exist for tests, and are why this issuer may listen on
// loopback only: POST /rotate makes a new signing key, POST /sign signs
// whatever claims it is given.
package issuer

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Audience is whom the tokens are for.
const Audience = "guichet"

// tokenLife is how long an access token lives.
const tokenLife = time.Hour

// maxSignBytes bounds the claims given to /sign.
const maxSignBytes = 64 << 10

// Config makes an Issuer.
type Config struct {
	URL       string                  // the issuer's identity, without a slash at the end
	Algorithm jose.SignatureAlgorithm // RS256 or ES256
	KeyFile   string                  // keeps the signing keys
	Clients   []Client
}

// Issuer answers for one issuer URL. Safe for concurrent use.
type Issuer struct {
	mux      *http.ServeMux
	keys     *ring
	people   []Client
	store    *storage
	provider *op.Provider
}

// New opens or makes the keys and builds the provider.
func New(cfg Config) (*Issuer, error) {
	keys, err := openRing(cfg.KeyFile, cfg.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("signing keys of %s: %w", cfg.URL, err)
	}
	store := newStorage(keys, cfg.Clients)
	provider, err := op.NewProvider(&op.Config{
		CryptoKey:             sha256.Sum256([]byte(cfg.URL)), // of opaque tokens; none are given out
		AuthMethodPost:        true,
		CodeMethodS256:        true,
		GrantTypeRefreshToken: true,
		DeviceAuthorization: op.DeviceAuthorizationConfig{Lifetime: deviceLife, PollInterval: devicePoll, UserFormPath: "/device",
			UserCode: op.UserCodeBase20},
		SupportedScopes: []string{"openid", "offline_access"},
		SupportedClaims: []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "participant", "roles"},
	}, store, op.StaticIssuer(cfg.URL), op.WithAllowInsecure())
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", cfg.URL, err)
	}
	i := &Issuer{mux: http.NewServeMux(), keys: keys, people: cfg.Clients, store: store, provider: provider}
	guard := http.NewCrossOriginProtection() // a web page must not reach the test doors
	i.mux.Handle("POST /rotate", guard.Handler(http.HandlerFunc(i.rotate)))
	i.mux.Handle("POST /sign", guard.Handler(http.HandlerFunc(i.sign)))
	for at, page := range map[string]http.HandlerFunc{
		"GET /sign-in": i.choose, "POST /sign-in": i.chosen, "GET /device": i.program, "POST /device": i.programLet,
	} {
		i.mux.Handle(at, guard.Handler(local(page)))
	}
	i.mux.Handle("/", provider)
	return i, nil
}

// ServeHTTP implements http.Handler.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

// rotate answers {"kid": …} of the key that signs from now on.
func (i *Issuer) rotate(w http.ResponseWriter, _ *http.Request) {
	kid, err := i.keys.rotate()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, map[string]string{"kid": kid})
}

// sign answers {"access_token": …, "token_type": "Bearer"}: a token with
// exactly the claims of the body. A member "header" is taken out and laid over
// the token's header.
func (i *Issuer) sign(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSignBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(body, &claims); err != nil {
		http.Error(w, "claims: "+err.Error(), http.StatusBadRequest)
		return
	}
	header := map[jose.HeaderKey]any{}
	if raw, ok := claims["header"]; ok {
		if err := json.Unmarshal(raw, &header); err != nil {
			http.Error(w, "header: "+err.Error(), http.StatusBadRequest)
			return
		}
		delete(claims, "header")
	}
	token, err := signed(i.keys.current(), claims, header)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer(w, map[string]string{"access_token": token, "token_type": "Bearer"})
}

func signed(jwk jose.JSONWebKey, claims map[string]json.RawMessage, header map[jose.HeaderKey]any) (string, error) {
	if _, ok := header[jose.HeaderType]; !ok {
		header[jose.HeaderType] = "JWT"
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(jwk.Algorithm), Key: jwk},
		&jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		return "", fmt.Errorf("make signer: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return jws.CompactSerialize()
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // the client went away
}
