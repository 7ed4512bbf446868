package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/schemas"
)

// Columns are a noun's look-up columns beside id, revision and doc. Names are
// ours, never input; values are what database/sql takes.
type Columns map[string]any

// Row is one noun of a List.
type Row[T any] struct {
	ID       string
	Revision int64
	Doc      T
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func notFound(table, id string) error {
	return schemas.Errorf(schemas.NotFound, id, "There is no %s %q.", table, id)
}

// Get reads the noun id of table; one that rules is held against the record. NotFound
// when there is none, ErrAltered (Unavailable) when it is not the recorded one.
func Get[T any](ctx context.Context, q Querier, table, id string) (doc T, revision int64, err error) {
	if rules(table) {
		w := Wanted{Table: table, ID: id, Doc: &doc}
		Together(ctx, q, &w)
		return doc, w.Revision, w.Err
	}
	return GetStored[T](ctx, q, table, id)
}

// GetToEnd is Get for what takes rights away: it reads also a noun that is not stored as it
// was recorded, and says so. Whoever stores such a noun calls tx.Distrust.
func GetToEnd[T any](ctx context.Context, q Querier, table, id string) (doc T, revision int64, altered bool, err error) {
	doc, revision, err = Get[T](ctx, q, table, id)
	if errors.Is(err, ErrAltered) {
		doc, revision, err = GetStored[T](ctx, q, table, id)
		return doc, revision, true, err
	}
	return doc, revision, false, err
}

// GetStored reads a noun as it is stored, whatever the record says of it. NotFound when
// there is none.
func GetStored[T any](ctx context.Context, q Querier, table, id string) (doc T, revision int64, err error) {
	var text string
	err = q.QueryRow(ctx, "SELECT revision, doc FROM "+quoted(table)+" WHERE id = ?", id).Scan(&revision, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return doc, 0, notFound(table, id)
	}
	if err != nil {
		return doc, 0, fmt.Errorf("read %s %s: %w", table, id, err)
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return doc, 0, fmt.Errorf("read %s %s: %w", table, id, err)
	}
	return doc, revision, nil
}

// Insert stores a new noun with revision 1. Conflict when its id, or another
// unique key of the table, is taken; the function may then go on.
func Insert[T any](ctx context.Context, tx *Tx, table, id string, doc T, cols Columns) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("write %s %s: %w", table, id, err)
	}
	names := slices.Sorted(maps.Keys(cols))
	var q strings.Builder
	q.WriteString("INSERT INTO " + quoted(table) + " (id, revision, doc")
	args := []any{id, string(text)}
	for _, name := range names {
		q.WriteString(", " + quoted(name))
		args = append(args, cols[name])
	}
	q.WriteString(") VALUES (?, 1, ?" + strings.Repeat(", ?", len(names)) + ") ON CONFLICT DO NOTHING")
	res, err := tx.Exec(ctx, q.String(), args...)
	if err != nil {
		return fmt.Errorf("write %s %s: %w", table, id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return schemas.Errorf(schemas.Conflict, id, "There is already a %s %q, or one with the same key.", table, id)
	}
	tx.wrote(table, id)
	return nil
}

// Update replaces the noun id, and of its columns those that are given, and
// returns its new revision. Revision 0 takes whatever is there; otherwise
// Precondition when another one is stored. NotFound when there is none.
func Update[T any](ctx context.Context, tx *Tx, table, id string, revision int64, doc T, cols Columns) (int64, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return 0, fmt.Errorf("write %s %s: %w", table, id, err)
	}
	var q strings.Builder
	q.WriteString("UPDATE " + quoted(table) + " SET revision = revision + 1, doc = ?")
	args := []any{string(text)}
	for _, name := range slices.Sorted(maps.Keys(cols)) {
		q.WriteString(", " + quoted(name) + " = ?")
		args = append(args, cols[name])
	}
	q.WriteString(" WHERE id = ?")
	args = append(args, id)
	if revision != 0 {
		q.WriteString(" AND revision = ?")
		args = append(args, revision)
	}
	var now int64
	err = tx.QueryRow(ctx, q.String()+" RETURNING revision", args...).Scan(&now)
	if err == nil {
		tx.wrote(table, id)
		return now, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("write %s %s: %w", table, id, err)
	}
	err = tx.QueryRow(ctx, "SELECT revision FROM "+quoted(table)+" WHERE id = ?", id).Scan(&now)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, notFound(table, id)
	case err != nil:
		return 0, fmt.Errorf("write %s %s: %w", table, id, err)
	}
	return 0, schemas.Errorf(schemas.Precondition, id, "The %s %q has changed: its revision is %d, not %d.", table, id, now, revision)
}

// List reads up to limit nouns of table in the order of their ids, from the
// first after the id after; next goes into after for the next page, "" at the
// end. where is SQL over the table's columns with "?" for args, "" for all.
// The order is the database's own collation, the same from page to page.
func List[T any](
	ctx context.Context, q Querier, table, where string, args []any, after string, limit int,
) (rows []Row[T], next string, err error) {
	query := "SELECT id, revision, doc FROM " + quoted(table) + " WHERE id > ?"
	all := append([]any{after}, args...)
	if where != "" {
		query += " AND (" + where + ")"
	}
	all = append(all, limit+1)
	found, err := q.Query(ctx, query+" ORDER BY id LIMIT ?", all...)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", table, err)
	}
	defer found.Close()
	for found.Next() {
		if len(rows) == limit {
			return rows, rows[limit-1].ID, nil
		}
		var r Row[T]
		var text string
		if err := found.Scan(&r.ID, &r.Revision, &text); err != nil {
			return nil, "", fmt.Errorf("list %s: %w", table, err)
		}
		if err := json.Unmarshal([]byte(text), &r.Doc); err != nil {
			return nil, "", fmt.Errorf("list %s %s: %w", table, r.ID, err)
		}
		rows = append(rows, r)
	}
	if err := found.Err(); err != nil {
		return nil, "", fmt.Errorf("list %s: %w", table, err)
	}
	return rows, "", nil
}
