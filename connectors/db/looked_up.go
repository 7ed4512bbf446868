package db

import (
	"slices"
	"strings"
)

// What is found by an index that holds a part of its table: a query must have the same text
// as schemas/sql/00018_looked_up.sql, else it reads the whole table.
const (
	// LookedUpSubjects are the changes that are found by their subject. Releases and refusals
	// are too many, and found by their values.
	LookedUpSubjects = "kind NOT IN ('refusal', 'release.begin', 'release.end')"
	// LookedUpValues are those that are found by what they are (FindsValues).
	LookedUpValues = "(name IN ('agreement', 'by', 'dataset', 'participant', 'project', 'provider', 'run') OR name LIKE 'account%')"
)

// FindsValues says whether LookedUpValues holds for a name.
func FindsValues(name string) bool {
	return slices.Contains([]string{"agreement", "by", "dataset", "participant", "project", "provider", "run"}, name) ||
		strings.HasPrefix(name, "account")
}
