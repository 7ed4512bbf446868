package publish

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"guichet/connectors/db"
	"guichet/schemas"
)

// reserve counts an upload before its bytes come, so that uploads at the same time
// do not exceed together what each may alone: the larger of the file and of what it
// replaces, until it is known which of them is there. done says which: the file when it was
// stored, else what was there before. Errors: TooLarge.
func (pub *Publisher) reserve(
	ctx context.Context, provider schemas.ParticipantID, key string, size int64,
) (done func(stored bool), err error) {
	if pub.MaxUploads == 0 {
		return func(bool) {}, nil
	}
	before := int64(-1)
	err = pub.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		before = -1
		err := tx.QueryRow(ctx, `SELECT bytes FROM upload WHERE key = ?`, key).Scan(&before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look up an upload: %w", err)
		}
		var others int64
		err = tx.QueryRow(ctx, `SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM upload WHERE provider = ? AND key <> ?`, string(provider), key).
			Scan(&others)
		if err != nil {
			return fmt.Errorf("add up uploads: %w", err)
		}
		if others+size > pub.MaxUploads {
			return &schemas.Error{
				Kind:    schemas.TooLarge,
				Subject: "upload",
				Message: fmt.Sprintf(
					"your organisation's uploaded files have %d bytes, and with this one more than the %d that it may have here",
					others, pub.MaxUploads),
				Remedy: "put large data into a store of your own, or ask the operator for more (limits.uploads_gib_per_provider)",
			}
		}
		return count(ctx, tx, provider, key, max(size, before))
	})
	if err != nil {
		return nil, err
	}
	late := context.WithoutCancel(ctx)
	return func(stored bool) {
		is := before
		if stored {
			is = size
		}
		if is == max(size, before) {
			return // as it is counted
		}
		err := pub.DB.Write(late, func(ctx context.Context, tx *db.Tx) error { return count(ctx, tx, provider, key, is) })
		if err != nil {
			pub.Log.Warn("an upload is counted as larger than it is", "err", err)
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
