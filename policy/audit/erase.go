package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"guichet/connectors/db"
	"guichet/connectors/db/indexes"
	"guichet/schemas"
)

// What an erasure's own entry says: which record, in the clear, and which of its values.
const (
	erasedRecord = "record"
	erasedNames  = "names"
)

// erasureOf is the subject of erasures of a record's values.
func erasureOf(index int64) string { return "record/" + strconv.FormatInt(index, 10) }

// Erase takes values of a record away, as the law may demand for personal data, and says
// so in an entry of its own: a value that is missing without one is a fault of the
// record. The leaf and its proofs stay. What binds a record to its subject and to stored
// nouns cannot be erased, nor can erasures themselves. It gives the position of the
// entry. Errors: NotFound, Invalid.
func (l *Log) Erase(ctx context.Context, by schemas.Principal, index int64, names []string, reason string) (int64, error) {
	if len(reason) < 3 {
		return 0, schemas.BadField("erasure", "/reason", "say why, in at least 3 characters")
	}
	if len(names) == 0 {
		return 0, schemas.BadField("erasure", "/names", "name the values to erase")
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	var at *db.Position
	err := l.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var b []byte
		err := tx.QueryRow(ctx, "SELECT leaf FROM change WHERE position = ?", index).Scan(&b)
		if errors.Is(err, sql.ErrNoRows) {
			return schemas.Errorf(schemas.NotFound, "record", "There is no record %d.", index)
		}
		if err != nil {
			return fmt.Errorf("read record %d: %w", index, err)
		}
		leaf, err := db.ParseLeaf(b)
		if err != nil {
			return err
		}
		for i, name := range names {
			// What says which noun a record is about, or what an account gave out, is how an edit
			// behind the gateway is found: without it, erasing would be a way to hide one.
			_, committed := leaf.Values[name]
			if name == db.SubjectValue || strings.HasPrefix(name, digestPrefix) || strings.HasPrefix(name, accountPrefix) ||
				leaf.Kind == schemas.ChangeErasure {
				return schemas.BadField("erasure", fmt.Sprintf("/names/%d", i), "%q binds the record and cannot be erased", name)
			}
			res, err := tx.Exec(ctx, "DELETE FROM change_value WHERE position = ? AND name = ?", index, name)
			if err != nil {
				return fmt.Errorf("erase: %w", err)
			}
			n, err := res.RowsAffected()
			if err != nil || n == 0 || !committed {
				return schemas.BadField("erasure", fmt.Sprintf("/names/%d", i), "record %d has no value %q", index, name)
			}
		}
		at, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeErasure, Subject: erasureOf(index),
			Numbers: map[string]int64{erasedRecord: index}, Values: map[string]string{erasedNames: strings.Join(names, ","),
				"reason": reason, "by": string(by.Participant), "subject": by.Issuer + "#" + by.Subject}})
		return err
	})
	if err != nil {
		return 0, err
	}
	return at.Value(), nil
}

// erasures gives the positions of the erasures of a record's values.
func (l *Log) erasures(ctx context.Context, index int64) ([]int64, error) {
	rows, err := l.db.Query(ctx,
		"SELECT position FROM change WHERE subject = ? AND kind = ? AND "+indexes.LookedUpSubjects+" ORDER BY position",
		erasureOf(index), schemas.ChangeErasure)
	if err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var at int64
		err := rows.Scan(&at)
		if err != nil {
			return nil, fmt.Errorf("read erasures: %w", err)
		}
		out = append(out, at)
	}
	return out, rows.Err()
}
