package plan

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"guichet/schemas"
)

// maxNamed is the longest list of columns that a release names.
const maxNamed = 2000

// NameColumns says which columns a release shows, for Release.Columns.
func NameColumns(columns []schemas.TableColumn) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	b, err := json.Marshal(names)
	if err != nil { // strings always have a form
		return ""
	}
	if len(b) <= maxNamed {
		return string(b)
	}
	return fmt.Sprintf("%d columns, sha256:%x", len(names), sha256.Sum256(b))
}
