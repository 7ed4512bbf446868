package view

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"guichet/schemas"
)

// setDigest digests what the view shows.
func (v *View) setDigest(t *schemas.Table, a *schemas.Agreement) error {
	filters := []schemas.Duty{}
	for _, d := range a.Obligations {
		if d.Kind == schemas.DutyFilter || d.Kind == schemas.DutyPseudonymise || d.Kind == schemas.DutyGeneralise || d.Kind == schemas.DutyHide {
			filters = append(filters, schemas.Duty{Kind: d.Kind, Table: d.Table, Columns: d.Columns, Domain: d.Domain, With: d.With, To: d.To,
				Filter: d.Filter})
		}
	}
	b, err := json.Marshal(struct { // what is new here is left out where it is empty: the digests of old agreements stay
		Table      string
		Duties     []schemas.Duty
		Keep       []int
		Permit     schemas.RequestID
		Instant    time.Time
		Derivation int                          `json:",omitempty"`
		About      map[string]map[string]string `json:",omitempty"`
		WholeDays  bool                         `json:",omitempty"`
	}{t.Name, filters, v.keep, a.Permit, a.From, a.Pseudonyms, v.about, v.Filter != nil && v.Filter.Whole()})
	if err != nil {
		return fmt.Errorf("digest the view: %w", err)
	}
	sum := sha256.Sum256(b)
	v.Digest = hex.EncodeToString(sum[:])
	return nil
}
