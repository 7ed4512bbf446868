// Package newest lists nouns of the database in the order in which they were made, the newest first.
//
// In: a table with its column of the time, and a condition. Out: rows, page by page. Always: each row stands on one page,
// whatever is made meanwhile; nouns of one moment are in the order of their ids. It must not know what the nouns are.
package newest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Row is one noun of a list.
type Row[T any] struct {
	db.Row[T]
	Made int64 // Unix microseconds
}

// cursor is the place after a row, as an opaque text.
func (r *Row[T]) cursor() string { return strconv.FormatInt(r.Made, 10) + "_" + r.ID }

// Before compares two rows by their order: negative where a stands before b.
func Before[T any](a, b Row[T]) int {
	return cmp.Or(cmp.Compare(b.Made, a.Made), cmp.Compare(b.ID, a.ID))
}

// Cut is the first rows of some that are in order, with the cursor of what follows; "" at the end.
func Cut[T any](rows []Row[T], limit int) ([]Row[T], string) {
	if len(rows) <= limit {
		return rows, ""
	}
	return rows[:limit], rows[limit-1].cursor()
}

// List reads up to limit nouns of table after a cursor, "" for the first. column is that of the time when they were made,
// where SQL over the table's columns with "?" for args. Errors: Invalid: it is no cursor.
func List[T any](
	ctx context.Context, q db.Querier, table, column, where string, args []any, after string, limit int,
) (rows []Row[T], next string, err error) {
	query := "SELECT id, revision, doc, " + column + ` FROM "` + table + `" WHERE (` + where + ")"
	if after != "" {
		at, id, _ := strings.Cut(after, "_")
		made, err := strconv.ParseInt(at, 10, 64)
		if err != nil || id == "" {
			return nil, "", schemas.BadField(table, "cursor", "%.40q is no cursor of this list", after)
		}
		query += " AND (" + column + " < ? OR " + column + " = ? AND id < ?)"
		args = append(append([]any{}, args...), made, made, id)
	}
	found, err := q.Query(ctx, query+" ORDER BY "+column+" DESC, id DESC LIMIT "+strconv.Itoa(limit+1), args...)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", table, err)
	}
	defer found.Close()
	for found.Next() {
		var r Row[T]
		var text string
		err := found.Scan(&r.ID, &r.Revision, &text, &r.Made)
		if err == nil {
			err = json.Unmarshal([]byte(text), &r.Doc)
		}
		if err != nil {
			return nil, "", fmt.Errorf("list %s %s: %w", table, r.ID, err)
		}
		rows = append(rows, r)
	}
	err = found.Err()
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", table, err)
	}
	rows, next = Cut(rows, limit)
	return rows, next, nil
}
