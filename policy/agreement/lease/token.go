package lease

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"guichet/policy"
	"guichet/schemas"
)

// token is a lease's bearer token: its id and a MAC over it, nothing else; what it
// allows stands in the registry.
func (s *Leases) token(id schemas.LeaseID) string {
	return string(id) + "." + hex.EncodeToString(s.mac(id))
}

// mac is the second half of a token. The label keeps it from being a MAC of anything
// else under the same key.
func (s *Leases) mac(id schemas.LeaseID) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte("guichet lease 1\x00" + string(id)))
	return m.Sum(nil)
}

// parseToken checks a token's MAC. ok is false for anything not minted here.
func (s *Leases) parseToken(token string) (schemas.LeaseID, bool) {
	// lease-4kq….9f3a…: what comes before the point is looked up, so it has to be an id that
	// was made here, and the MAC says so without a look into the database.
	id, sum, found := strings.Cut(token, ".")
	if !found || !strings.HasPrefix(id, "lease-") || len(token) > 200 {
		return "", false
	}
	have, err := hex.DecodeString(sum)
	if err != nil || !hmac.Equal(have, s.mac(schemas.LeaseID(id))) {
		return "", false
	}
	return schemas.LeaseID(id), true
}

// Minted says whether a token is a lease of this site, whatever became of it.
func (s *Leases) Minted(token string) bool {
	_, ok := s.parseToken(token)
	return ok
}

// None is the refusal of who bears no lease.
func None() error {
	return &schemas.Error{
		Kind:    schemas.Unauthenticated,
		Subject: "lease",
		Message: "a byte door opens with a lease as bearer token only",
		Remedy:  "get a lease: POST /api/v1/leases",
	}
}

// IsLease says whether a bearer token looks like a lease rather than a JWT.
func IsLease(token string) bool { return strings.HasPrefix(token, "lease-") }

// Reissue gives the token of a lease that was made before, for whoever made it and lost the
// answer: tokens are kept nowhere. Errors: as at a door, for a lease that would open
// nothing by now.
func (s *Leases) Reissue(ctx context.Context, id schemas.LeaseID) (string, error) {
	token := s.token(id)
	l, err := s.Find(ctx, token)
	if err != nil {
		return "", err
	}
	for _, it := range l.Items {
		look := func(ctx context.Context, _ string, a schemas.AgreementID) (policy.Entitlement, error) {
			return s.LookUp(ctx, token, a)
		}
		err := policy.Leasable(ctx, look, it, s.now())
		if err != nil {
			return "", err
		}
	}
	return token, nil
}
