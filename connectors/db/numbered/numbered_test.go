package numbered_test

import (
	"strings"
	"testing"

	"guichet/connectors/db/numbered"
)

// Arguments are numbered in their order; a question mark in quotes is text.
func TestArguments(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                             "",
		"SELECT 1":                     "SELECT 1",
		"SELECT ? FROM a WHERE b = ?":  "SELECT $1 FROM a WHERE b = $2",
		"SELECT '?' || ? || 'it''s ?'": "SELECT '?' || $1 || 'it''s ?'",
		`SELECT "?" FROM "a""?" WHERE b IN (?,?)`: `SELECT "?" FROM "a""?" WHERE b IN ($1,$2)`,
		`'"?' ?`:      `'"?' $1`,
		"?::bigint[]": "$1::bigint[]",
	} {
		if got := numbered.Arguments(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if got := numbered.Arguments(strings.Repeat("?", 12)); !strings.HasSuffix(got, "$9$10$11$12") {
		t.Error(got)
	}
}
