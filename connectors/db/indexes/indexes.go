// Package indexes says what the database finds by an index, to the migrations that make them and
// to the queries that use them.
//
// In: nothing. Out: conditions that queries repeat, and the migration that gives SQLite's record
// keys of its own. Always: a query with a condition reads rows by its index, and finds what
// it would find without.
package indexes

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pressly/goose/v3"
)

// What is found by an index that holds a part of its table: a query must have the same text
// as schemas/sql/00018_looked_up.sql, else it reads the whole table.
const (
	// LookedUpSubjects are the changes that are found by their subject, or by their kind (schemas/sql/00040_kinds.sql).
	// Releases and refusals are too many, and found by their values.
	LookedUpSubjects = "kind NOT IN ('refusal', 'release.begin', 'release.end')"
	// LookedUpValues are those that are found by what they are (FindsValues).
	LookedUpValues = "(name IN ('agreement', 'by', 'dataset', 'participant', 'project', 'provider', 'run') OR name LIKE 'account%')"
	// VisibleChanges are the values that say that everybody may know of a change (schemas/sql/00023_given.sql).
	VisibleChanges = "name = 'visible'"
	// GivenDatasets are those that harvesters of others may have. A document holds that member once,
	// at most, and no text in it the bare quotes.
	GivenDatasets = `withdrawn = 0 AND origin NOT LIKE 'source:%' AND (doc NOT LIKE '%"visibility":%' OR doc LIKE '%"visibility":"everyone"%')`
)

// IsFrequent says of a kind that LookedUpSubjects does not hold for it.
func IsFrequent(kind string) bool {
	return slices.Contains([]string{"refusal", "release.begin", "release.end"}, kind)
}

// FindsValues says whether LookedUpValues holds for a name.
func FindsValues(name string) bool {
	return slices.Contains([]string{"agreement", "by", "dataset", "participant", "project", "provider", "run"}, name) ||
		strings.HasPrefix(name, "account")
}

// IsValue is the condition that a value is this one. The index is over the first 200 characters of values, since
// PostgreSQL's take no long ones: of one that is shorter it says all, and the value itself is not read.
func IsValue(s string) (where string, args []any) {
	const indexed = 200
	if utf8.RuneCountInString(s) < indexed {
		return "substr(value, 1, 200) = ?", []any{s}
	}
	return "substr(value, 1, 200) = substr(?, 1, 200) AND value = ?", []any{s, s}
}

// rowidsVersion is the place of Rowids among the migrations.
const rowidsVersion = 17

// Rowids makes the keys of the record SQLite's own: a BIGINT PRIMARY KEY is an index beside
// the table there, so that each change, value and hash was put into two trees. PostgreSQL
// has no such difference. It copies the record once, in one transaction.
func Rowids() *goose.Migration {
	return goose.NewGoMigration(rowidsVersion, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		for _, q := range []string{
			`CREATE TABLE change_rowid (
				position INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, at BIGINT NOT NULL, leaf BYTEA NOT NULL)`,
			`INSERT INTO change_rowid SELECT position, kind, subject, at, leaf FROM change ORDER BY position`,
			`DROP TABLE change`,
			`ALTER TABLE change_rowid RENAME TO change`,
			`CREATE INDEX change_at ON change (at)`,
			`CREATE TABLE change_value_rowid (
				position BIGINT NOT NULL, name TEXT NOT NULL, salt BYTEA NOT NULL, value TEXT NOT NULL,
				PRIMARY KEY (position, name)) WITHOUT ROWID`,
			`INSERT INTO change_value_rowid SELECT position, name, salt, value FROM change_value ORDER BY position, name`,
			`DROP TABLE change_value`,
			`ALTER TABLE change_value_rowid RENAME TO change_value`,
			`CREATE TABLE tree_hash_rowid (place INTEGER PRIMARY KEY, hash BYTEA NOT NULL)`,
			`INSERT INTO tree_hash_rowid SELECT place, hash FROM tree_hash ORDER BY place`,
			`DROP TABLE tree_hash`,
			`ALTER TABLE tree_hash_rowid RENAME TO tree_hash`,
		} {
			_, err := tx.ExecContext(ctx, q)
			if err != nil {
				return fmt.Errorf("%.40s: %w", q, err)
			}
		}
		return nil
	}}, nil)
}
