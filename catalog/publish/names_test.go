package publish

import (
	"testing"

	"guichet/schemas"
)

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
