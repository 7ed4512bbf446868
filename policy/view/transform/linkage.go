package transform

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"guichet/schemas"
)

// Linkage is where equal values get equal pseudonyms.
type Linkage struct {
	Derivation int // of the agreement; 0 is 1, by the permit alone, which is kept for what was given out
	Permit     schemas.RequestID
	Provider   schemas.ParticipantID
	Dataset    schemas.DatasetID
	Column     string
	Domain     string   // the joint domain in place of provider, dataset and column; "" is none
	Parties    []string // all of the joint domain's; they are part of it, so that nobody joins without being named by the others
}

// Key makes the pseudonyms of one linkage.
type Key struct {
	derivation int
	secret     []byte
}

// PseudonymKey derives the key of a linkage from the site's master key: pseudonyms join
// inside it and nowhere else [decisions.md 14].
func PseudonymKey(master []byte, l Linkage) (Key, error) {
	// The label is the key's name for ever: another one would part pseudonyms that a trainer
	// has from those of tomorrow. It names the derivation, so no key serves two functions.
	info := "guichet pseudonym 1\x00" + string(l.Permit)
	switch {
	case l.Derivation > schemas.Pseudonyms:
		return Key{}, fmt.Errorf("pseudonyms of derivation %d are not known to this version", l.Derivation)
	case l.Derivation > schemas.PseudonymsByPermit:
		label := fmt.Sprintf("guichet pseudonym %d", l.Derivation)
		parts := []any{label, l.Permit, "column", l.Provider, l.Dataset, l.Column}
		if l.Domain != "" {
			parties := append(slices.Clone(l.Parties), string(l.Provider))
			slices.Sort(parties)
			parts = []any{label, l.Permit, "joint", l.Domain, slices.Compact(parties)}
		}
		b, err := json.Marshal(parts) // where one part ends and the next begins is unmistakable
		if err != nil {
			return Key{}, fmt.Errorf("name the linkage: %w", err)
		}
		info = string(b)
	}
	k, err := hkdf.Key(sha256.New, master, nil, info, sha256.Size)
	if err != nil {
		return Key{}, fmt.Errorf("derive the pseudonym key: %w", err)
	}
	return Key{l.Derivation, k}, nil
}
