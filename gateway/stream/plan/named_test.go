package plan

import (
	"fmt"
	"strings"
	"testing"

	"guichet/schemas"
)

// TestNameColumns: a release names its columns, or says how many there are of very many.
func TestNameColumns(t *testing.T) {
	t.Parallel()
	few := []schemas.TableColumn{{Name: "a"}, {Name: "b \"c\""}}
	if got := NameColumns(few); got != `["a","b \"c\""]` {
		t.Errorf("%s", got)
	}
	many := make([]schemas.TableColumn, 1000)
	for i := range many {
		many[i].Name = fmt.Sprint("column ", i)
	}
	got := NameColumns(many)
	if !strings.HasPrefix(got, "1000 columns, sha256:") || len(got) > maxNamed {
		t.Errorf("%s", got)
	}
	many[999].Name = "another"
	if NameColumns(many) == got {
		t.Error("other columns have the same sum")
	}
}
