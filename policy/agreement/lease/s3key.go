package lease

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"guichet/schemas"
)

// S3KeyOf is the key by which the S3 face knows a lease: its id, and a secret that its token
// gives and that does not give the token.
func (s *Leases) S3KeyOf(id schemas.LeaseID) (accessKeyID, secret string) {
	m := hmac.New(sha256.New, s.mac(id))
	m.Write([]byte("guichet s3 secret 1"))
	return string(id), hex.EncodeToString(m.Sum(nil))
}

// S3Key gives the secret that requests under an access key id are signed with, and the token
// that they stand for. Nothing is looked up: that there is such a lease, and that it stands,
// LookUp says of the token. ok is false for what is no access key id of this site.
func (s *Leases) S3Key(accessKeyID string) (secret, token string, ok bool) {
	if !strings.HasPrefix(accessKeyID, "lease-") || len(accessKeyID) > 64 {
		return "", "", false
	}
	id := schemas.LeaseID(accessKeyID)
	_, secret = s.S3KeyOf(id)
	return secret, s.token(id), true
}
