package lease

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"

	"filippo.io/age"

	"guichet/connectors/db"
	"guichet/schemas"
)

// newIdentity makes the key of a staged copy, and its form for the database, from which nothing is
// read without this site's own key.
func (s *Leases) newIdentity() (*age.HybridIdentity, string, error) {
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, "", fmt.Errorf("make the key of a copy: %w", err)
	}
	box, err := s.box()
	if err != nil {
		return nil, "", err
	}
	return identity, base64.StdEncoding.EncodeToString(box.Seal(nil, nil, []byte(identity.String()), nil)), nil
}

// unseal gives the key of a staged copy. Errors: Denied where it was destroyed.
func (s *Leases) unseal(ctx context.Context, q db.Querier, id schemas.LeaseID) (string, error) {
	var sealed string
	err := q.QueryRow(ctx, `SELECT sealed FROM copy WHERE id = ?`, string(id)).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) || err == nil && sealed == "" {
		return "", schemas.Refuse(string(id), "copy.ended", "the gateway", "the key of the staged copy was destroyed", "stage the data again")
	}
	if err != nil {
		return "", fmt.Errorf("read the key of %s: %w", id, err)
	}
	box, err := s.box()
	if err != nil {
		return "", err
	}
	text, err := base64.StdEncoding.DecodeString(sealed)
	if err == nil {
		text, err = box.Open(nil, nil, text, nil)
	}
	if err != nil {
		return "", schemas.Errorf(schemas.Unavailable, string(id),
			"the key of the staged copy cannot be read: this gateway has another key than the one that made it, or the database was edited")
	}
	return string(text), nil
}

// box seals keys of copies.
func (s *Leases) box() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s.key, nil, "guichet keys of copies 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of keys: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive the key of keys: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
