package catalog

import (
	"context"
	"fmt"

	"guichet/connectors/db"
	"guichet/schemas"
)

// room says whether a provider may register one more dataset; those that sources brought for its
// operators do not count. Errors: TooLarge.
func (c *Catalog) room(ctx context.Context, tx *db.Tx, provider schemas.ParticipantID) error {
	if c.MaxSets == 0 {
		return nil
	}
	n := 0
	err := tx.QueryRow(ctx, `SELECT count(*) FROM dataset WHERE provider = ? AND origin = ? AND withdrawn = 0`,
		string(provider), string(provider)).Scan(&n)
	if err != nil {
		return fmt.Errorf("count datasets: %w", err)
	}
	if n >= c.MaxSets {
		return &schemas.Error{
			Kind:    schemas.TooLarge,
			Subject: "dataset",
			Message: fmt.Sprintf("your organisation has %d datasets, which is the most here", n),
			Remedy:  "withdraw some, or ask the operator for more (limits.datasets_per_provider)",
		}
	}
	return nil
}

// theirs refuses an IRI under which another organisation has a dataset that the caller
// sees: whoever looks it up must find one. A hidden one stands beside the new one, as the
// key is the origin with the IRI: a refusal would say that it exists, and one that is
// registered unseen would keep the IRI from whose it is. What was harvested keeps it from
// nobody [decisions.md 7]. Errors: Conflict.
func theirs(ctx context.Context, tx *db.Tx, by schemas.Principal, d *schemas.Dataset) error {
	sight := schemas.Sight{Everyone: true, SignedIn: by.SignedIn(), Participant: by.Participant}
	for after := ""; ; {
		rows, next, err := db.List[schemas.Dataset](ctx, tx, "dataset", "iri = ? AND provider <> ? AND withdrawn = 0",
			[]any{d.IRI, string(d.Provider)}, after, 100)
		if err != nil {
			return fmt.Errorf("look up an IRI: %w", err)
		}
		for i := range rows {
			if rows[i].Doc.Source == "" && sight.Sees(&rows[i].Doc) { // whose it is leads, not a catalogue that speaks of it
				return &schemas.Error{
					Kind:    schemas.Conflict,
					Subject: d.IRI,
					Message: fmt.Sprintf("another provider has a dataset with the IRI %s", d.IRI),
					Remedy:  "give the dataset an IRI of your own, or leave it out; the operator settles whose it is",
				}
			}
		}
		after = next
		if next == "" {
			return nil
		}
	}
}
