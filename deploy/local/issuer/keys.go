package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"

	"guichet/deploy/local/state"
)

// keptKeys is how many signing keys stay published: the current one and those
// whose tokens may still live.
const keptKeys = 4

// ring holds an issuer's signing keys, newest first, and keeps them in a file.
// Safe for concurrent use.
type ring struct {
	path string
	alg  jose.SignatureAlgorithm

	mu  sync.Mutex
	set jose.JSONWebKeySet // private keys; replaced whole, never changed in place
}

// openRing reads the keys at path, or makes the first one.
func openRing(path string, alg jose.SignatureAlgorithm) (*ring, error) {
	set, err := state.Load[jose.JSONWebKeySet](path)
	if err != nil {
		return nil, err
	}
	r := &ring{path: path, alg: alg, set: set}
	if len(set.Keys) == 0 {
		_, err = r.rotate()
	}
	return r, err
}

// rotate makes a new signing key and returns its id. The older ones stay
// published.
func (r *ring) rotate() (string, error) {
	key, err := newKey(r.alg)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := append([]jose.JSONWebKey{key}, r.set.Keys...)
	next := jose.JSONWebKeySet{Keys: keys[:min(len(keys), keptKeys)]}
	if err := state.Save(r.path, next); err != nil {
		return "", err
	}
	r.set = next
	return key.KeyID, nil
}

func newKey(alg jose.SignatureAlgorithm) (jose.JSONWebKey, error) {
	var private crypto.PrivateKey
	var err error
	switch alg {
	case jose.RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = fmt.Errorf("no keys of algorithm %s", alg)
	}
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("make signing key: %w", err)
	}
	return jose.JSONWebKey{Key: private, KeyID: state.Secret()[:12], Algorithm: string(alg), Use: "sig"}, nil
}

func (r *ring) keys() []jose.JSONWebKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set.Keys
}

func (r *ring) current() jose.JSONWebKey { return r.keys()[0] }

// key shows a JSON Web Key in the shape that package op wants.
type key struct{ jwk jose.JSONWebKey }

var (
	_ op.Key        = key{}
	_ op.SigningKey = key{}
)

func (k key) ID() string                                  { return k.jwk.KeyID }
func (k key) Use() string                                 { return k.jwk.Use }
func (k key) Key() any                                    { return k.jwk.Key }
func (k key) Algorithm() jose.SignatureAlgorithm          { return jose.SignatureAlgorithm(k.jwk.Algorithm) }
func (k key) SignatureAlgorithm() jose.SignatureAlgorithm { return k.Algorithm() }
