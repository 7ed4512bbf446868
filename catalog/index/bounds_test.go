package index

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// A word that is too long for stems is not one that says nothing, and may not be missing.
func TestLongWordsAreNotLeftOut(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"ds-1": "windmill"})
	if got := found(t, x, strings.Repeat("w", 400)+" windmill"); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// Fractions become a slash, which stands in no word: it would be taken for a stem.
func TestFractionsAreFound(t *testing.T) {
	x := titled(t, "ja", map[schemas.DatasetID]string{"ds-1": "Map 1⁄2", "ds-2": "Map"})
	if got := found(t, x, "1⁄2"); len(got) != 1 || got[0] != "ds-1" {
		t.Errorf("%v", got)
	}
}

// What one description costs grows with its bytes: columns with descriptions of their own and
// keywords of known languages are gathered in one pass.
func TestLargeDescriptions(t *testing.T) {
	if testing.Short() {
		t.Skip("under the race detector all takes ten times as long")
	}
	x := opened(t)
	var fields []schemas.Field
	for i := range 12_000 {
		fields = append(fields, schemas.Field{Name: fmt.Sprint("c", i), Description: schemas.Text{"en": strings.Repeat("a", 250) + " " + strings.Repeat("b", 250)}})
	}
	keywords := make([]string, 100_000)
	for i := range keywords {
		keywords[i] = fmt.Sprint("keyword ", i%100, " ", i)
	}
	for _, d := range []schemas.Dataset{
		{ID: "columns", Title: schemas.Text{"en": "a"}, Tables: []schemas.TableInfo{{Fields: fields}}},
		{ID: "keywords", Title: schemas.Text{"en": "a"}, Keywords: keywords, KeywordsIn: schemas.KeywordsIn{"en": keywords}},
	} {
		begun := time.Now()
		err := x.apply(t.Context(), []schemas.Dataset{d}, 1)
		if took := time.Since(begun); err != nil || took > 4*time.Second {
			t.Errorf("%s: %s, %v", d.ID, took, err)
		}
		t.Log(d.ID, time.Since(begun))
	}
}
