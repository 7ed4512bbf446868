package search

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/catalog/index"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// Words of closed lists are written as the index has them, whatever the reader wrote.
func TestClosedFilters(t *testing.T) {
	t.Parallel()
	q := &index.Query{Filters: map[string][]string{"country": {"Italy", "fr", "nowhere"}, "language": {"German", "de", "xx-unknown"},
		"licence": {"https://creativecommons.org/licenses/by/4.0/"}, "format": {"CSV"}, "theme": {"ener"}}}
	agreementtest.Must(t, closedFilters(q.Filters, nil))
	want := map[string][]string{"country": {"IT", "FR", "NOWHERE"}, "language": q.Filters["language"], "licence": {"CC-BY-4.0"}, "format": {"csv"}, "theme": {"ENER"}}
	if d := cmp.Diff(want, q.Filters); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for from, to := range map[string]string{"2026": "2025", "2026-02": "2026-01", "2026-01-02": "2026-01-01"} {
		err := inOrder(&index.Query{From: from, To: to})
		agreementtest.Refused(t, from, err, schemas.Invalid, "from "+from+" is after to "+to)
	}
	for from, to := range map[string]string{"2026": "2026-01", "2026-05": "2026", "": "2020", "2020": "", "next": "last"} {
		agreementtest.Must(t, inOrder(&index.Query{From: from, To: to}))
	}
}

// Datasets are named by their ids, up to a number.
func TestNamedDatasets(t *testing.T) {
	t.Parallel()
	in := Parameters{ID: "ds-1,ds-2"}
	q, err := in.Query(nil)
	agreementtest.Must(t, err)
	if d := cmp.Diff([]schemas.DatasetID{"ds-1", "ds-2"}, q.Only); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !q.Apart {
		t.Error("two of the same data would be one hit")
	}
	in.ID = strings.Repeat("ds-1,", maxIDs)
	_, err = in.Query(nil)
	agreementtest.Refused(t, "too many", err, schemas.Invalid, "at most 1000")
}

// What is typed is read as parameters are; both hold.
func TestParameters(t *testing.T) {
	t.Parallel()
	in := Parameters{Q: `wind column:feed_in country:Belgium publisher:"A, b"`, Country: "FR,Germany", Unit: "kWh", From: "2020", Updated: "2024", Sort: "size", Limit: 7}
	q, err := in.Query([]schemas.SpaceProfile{{ID: "energy"}})
	agreementtest.Must(t, err)
	if d := cmp.Diff(map[string][]string{"country": {"FR", "DE"}, "unit": {"kWh"}}, q.Filters); d != "" {
		t.Errorf("filters (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string][]string{"country": {"BE"}, "column": {"feed_in"}, "publisher": {"A, b"}}, q.Typed); d != "" {
		t.Errorf("typed (-want +got):\n%s", d)
	}
	if q.From != "2020" || q.Updated != "2024" || q.Sort != "size" || q.Limit != 7 {
		t.Errorf("%+v", q)
	}
	for words, wants := range map[string]string{
		"space:farms": `"farms" is not a data space; there are energy`, "from:2021 to:2020": "from 2021 is after to 2020", "ab*": "a word is looked for by its first 3 letters or more",
	} {
		_, err := (&Parameters{Q: words}).Query([]schemas.SpaceProfile{{ID: "energy"}})
		agreementtest.Refused(t, words, err, schemas.Invalid, wants)
	}
}

// Themes that are addresses stand as they are, whatever the case of codes.
func TestThemes(t *testing.T) {
	t.Parallel()
	filters := map[string][]string{"theme": {"https://x.example/Themes/a", "op_datpro"}}
	agreementtest.Must(t, closedFilters(filters, nil))
	if d := cmp.Diff([]string{"https://x.example/Themes/a", "OP_DATPRO"}, filters["theme"]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Marks are counted in their order, those that no hit has left out.
func TestMarkFacet(t *testing.T) {
	t.Parallel()
	f := MarkFacet(map[schemas.Mark]int{schemas.MarkElsewhere: 2, schemas.MarkNow: 1})
	if d := cmp.Diff([]schemas.FacetValue{{Value: "now", Count: 1}, {Value: "elsewhere", Count: 2}}, f.Values); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if f := MarkFacet(nil); f.Values == nil || len(f.Values) > 0 {
		t.Errorf("%+v", f)
	}
}
