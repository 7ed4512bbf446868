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

// TestDescribed: what the provider described and a version has not is said, with the
// column that reads like it.
func TestDescribed(t *testing.T) {
	p := publication{
		dataset: schemas.Dataset{Tables: []schemas.TableInfo{
			{Name: "plots", Fields: []schemas.Field{
				{
					Name: "Yield",
					Unit: "t/ha",
				}, {Name: "area", Type: "float64"}, {Name: "place.lat", Unit: "deg"}, {Name: "old"}, {Name: "soil", Sensitivity: schemas.SensitivityQuasi},
			}},
			{Name: "yields", Title: schemas.Text{"en": "Yields"}},
			{Name: "former", Fields: []schemas.Field{{Name: "x"}}}, // added by a version, described by nobody
		}},
		version: schemas.Version{Data: []schemas.Table{
			{
				Name:    "plots",
				Columns: []schemas.TableColumn{{Name: "yield", Type: "float64"}, {Name: "place", Type: "struct"}, {Name: "soil", Type: "utf8"}},
			},
			{Name: "yield", Columns: []schemas.TableColumn{{Name: "x", Type: "int64"}}},
		}},
	}
	want := `yield: the table "yield" is not in the description, which has yields: what stands there (types, units, sensitivities, how CSV is read) does not apply to it
plots: column "Yield" is described and not in the table; "yield" is, which is written otherwise (capitals, spaces, or the form of accents)
plots: column "area" is described and not in the table
`
	if got := said(p.described()); got != want {
		t.Errorf("got\n%s", got)
	}
}

// Names that read alike are told to the provider, others are not.
func TestNamesThatReadAlike(t *testing.T) {
	p := publication{
		ask: asked{Publication: schemas.Publication{Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{
			{
				Name: "a",
				Keys: []string{"café.csv", "cafe\u0301.csv", "A.csv", "a.csv", "x.csv", "x.csv.", "y.csv", "z.csv"},
			}, {Name: "b", Keys: []string{"a.csv"}}}}}}},
	}
	p.alike()
	var about []string
	for _, n := range p.version.Notes {
		about = append(about, n.Pointer)
	}
	if len(about) != 3 || about[0] != "cafe\u0301.csv" || about[1] != "a.csv" || about[2] != "x.csv." {
		t.Errorf("noted are %q", about)
	}
}
