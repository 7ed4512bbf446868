package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"guichet/schemas"
)

// Leaf gives the leaf's bytes of record index; NotFound beyond the end.
func (l *Log) Leaf(ctx context.Context, index int64) ([]byte, error) {
	var leaf []byte
	err := l.db.QueryRow(ctx, "SELECT leaf FROM change WHERE position = ?", index).Scan(&leaf)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, schemas.Errorf(schemas.NotFound, "record", "There is no record %d.", index)
	}
	if err != nil {
		return nil, fmt.Errorf("read record %d: %w", index, err)
	}
	return leaf, nil
}
