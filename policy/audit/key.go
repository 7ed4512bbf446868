package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"guichet/schemas"
)

// NewKey makes an Ed25519 key for the log named origin, a URL without its
// scheme such as "record.example.eu/2026" (no spaces, no "+"). skey is secret;
// vkey is what verifiers need [C2SP signed-note]. Invalid: a bad origin.
func NewKey(origin string) (skey, vkey string, err error) {
	if origin == "" || len(origin) > 255 || strings.ContainsFunc(origin, func(r rune) bool { return r <= ' ' || r == '+' || r == 0x7f }) {
		return "", "", schemas.Errorf(schemas.Invalid, "origin", "The log's origin %q must be a name without spaces and +.", origin)
	}
	if skey, vkey, err = note.GenerateKey(rand.Reader, origin); err != nil {
		return "", "", schemas.Errorf(schemas.Invalid, "origin", "The log's origin %q is not fit for a key: %w", origin, err)
	}
	return skey, vkey, nil
}

// key is a signing key with its public half, which note.Signer does not give.
type key struct {
	note.Signer
	vkey     string
	verifier note.Verifier
}

func parseKey(skey string) (*key, error) {
	bad := func(err error) (*key, error) {
		return nil, &schemas.Error{Kind: schemas.Invalid, Subject: "log key", Message: "The log's signing key cannot be read.",
			Remedy: "Use the key that guichet init made.", Err: err}
	}
	skey = strings.TrimSpace(skey)
	s, err := note.NewSigner(skey)
	if err != nil {
		return bad(err)
	}
	// PRIVATE+KEY+<name>+<hash>+<base64 of type and seed>, as NewSigner checked
	parts := strings.SplitN(skey, "+", 5)
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return bad(err)
	}
	public := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	k := &key{Signer: s}
	if k.vkey, err = note.NewEd25519VerifierKey(s.Name(), public); err != nil {
		return bad(err)
	}
	if k.verifier, err = note.NewVerifier(k.vkey); err != nil {
		return bad(err)
	}
	return k, nil
}
