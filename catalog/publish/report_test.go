package publish

import (
	"fmt"
	"testing"

	"guichet/schemas"
)

// TestReport: what is the same of many objects is said once, and what asks for something
// first.
func TestReport(t *testing.T) {
	var r report
	for i := range 9 {
		notes := []string{"CSV: encoding utf-8", `int64 (every value is a whole number): column "id"`}
		if i%4 == 1 {
			notes = append(notes, `column "v": utf8 (numbers with a decimal comma; declare csv.decimalChar)`)
		}
		if i == 3 {
			notes = append(notes, `column "w": duration became int64`)
		}
		r.add("yields", fmt.Sprintf("part-%d.csv", i), notes)
	}
	r.add("plots", "plots.csv", []string{"CSV: encoding utf-8"})
	got := ""
	for _, n := range r.notes([]schemas.FieldError{{Pointer: "data/", Message: "left out: README.md"}}) {
		got += n.Pointer + ": " + n.Message + "\n"
	}
	want := `part-1.csv and 1 more of yields: column "v": utf8 (numbers with a decimal comma; declare csv.decimalChar)
data/: left out: README.md
part-3.csv: column "w": duration became int64
yields (all 9 files): CSV: encoding utf-8
yields (all 9 files): int64 (every value is a whole number): column "id"
plots.csv: CSV: encoding utf-8
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	var many report
	for i := range 300 {
		many.add("t", "k", []string{fmt.Sprint(i)})
	}
	if n := many.notes(nil); len(n) != maxNotes+1 || n[maxNotes].Message != "100 more remarks are left out" {
		t.Errorf("%d notes", len(n))
	}
}
