package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"guichet/connectors/db"
	"guichet/schemas"
)

// room says whether a provider may register one more dataset. Errors: TooLarge.
func (c *Catalog) room(ctx context.Context, tx *db.Tx, provider schemas.ParticipantID) error {
	if c.MaxSets == 0 {
		return nil
	}
	n := 0
	err := tx.QueryRow(ctx, `SELECT count(*) FROM dataset WHERE provider = ? AND withdrawn = 0`, string(provider)).Scan(&n)
	if err != nil {
		return fmt.Errorf("count datasets: %w", err)
	}
	if n >= c.MaxSets {
		return &schemas.Error{Kind: schemas.TooLarge, Subject: "dataset", Message: fmt.Sprintf("your organisation has %d datasets, which is the most here", n),
			Remedy: "withdraw some, or ask the operator for more (limits.datasets_per_provider)"}
	}
	return nil
}

// theirs refuses an IRI under which another organisation has a dataset that the caller
// sees: whoever looks it up must find one. A hidden one stands beside the new one, as the
// key is the origin with the IRI: a refusal would say that it exists, and one that is
// registered unseen would keep the IRI from whose it is. Errors: Conflict.
func theirs(ctx context.Context, tx *db.Tx, by schemas.Principal, d *schemas.Dataset) error {
	sight := schemas.Sight{Everyone: true, SignedIn: by.SignedIn(), Participant: by.Participant}
	for after := ""; ; {
		rows, next, err := db.List[schemas.Dataset](ctx, tx, "dataset", "iri = ? AND provider <> ? AND withdrawn = 0", []any{d.IRI, string(d.Provider)}, after, 100)
		if err != nil {
			return fmt.Errorf("look up an IRI: %w", err)
		}
		for i := range rows {
			if sight.Sees(&rows[i].Doc) {
				return &schemas.Error{Kind: schemas.Conflict, Subject: d.IRI, Message: fmt.Sprintf("another provider has a dataset with the IRI %s", d.IRI), Remedy: "give the dataset an IRI of your own, or leave it out; the operator settles whose it is"}
			}
		}
		after = next
		if next == "" {
			return nil
		}
	}
}

// reserve counts an upload before its bytes come, so that uploads at the same time
// do not exceed together what each may alone; undo counts what was there before.
// Errors: TooLarge.
func (c *Catalog) reserve(ctx context.Context, provider schemas.ParticipantID, key string, size int64) (undo func(), err error) {
	if c.MaxUploads == 0 {
		return func() {}, nil
	}
	before := int64(-1)
	err = c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		before = -1
		err := tx.QueryRow(ctx, `SELECT bytes FROM upload WHERE key = ?`, key).Scan(&before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look up an upload: %w", err)
		}
		var others int64
		err = tx.QueryRow(ctx, `SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM upload WHERE provider = ? AND key <> ?`, string(provider), key).Scan(&others)
		if err != nil {
			return fmt.Errorf("add up uploads: %w", err)
		}
		if others+size > c.MaxUploads {
			return &schemas.Error{Kind: schemas.TooLarge, Subject: "upload", Message: fmt.Sprintf("your organisation's uploaded files have %d bytes, and with this one more than the %d that it may have here", others, c.MaxUploads),
				Remedy: "put large data into a store of your own, or ask the operator for more (limits.uploads_gib_per_provider)"}
		}
		return count(ctx, tx, provider, key, max(size, before))
	})
	if err != nil {
		return nil, err
	}
	late := context.WithoutCancel(ctx)
	return func() {
		err := c.DB.Write(late, func(ctx context.Context, tx *db.Tx) error { return count(ctx, tx, provider, key, before) })
		if err != nil {
			c.Log.Warn("an upload that broke off is counted as a whole one", "err", err)
		}
	}, nil
}

// count keeps the size of an uploaded file; -1 is none.
func count(ctx context.Context, tx *db.Tx, provider schemas.ParticipantID, key string, size int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM upload WHERE key = ?`, key)
	if err == nil && size >= 0 {
		_, err = tx.Exec(ctx, `INSERT INTO upload (key, provider, bytes) VALUES (?, ?, ?)`, key, string(provider), size)
	}
	if err != nil {
		return fmt.Errorf("count an upload: %w", err)
	}
	return nil
}
