package doortest

import (
	"net/url"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/connectors/client"
	"guichet/schemas"
)

// columnsRecorded: the record of a release tells which columns left, whatever the door;
// of very many it tells their number and a digest.
func columnsRecorded(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "columns-recorded", Open(schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"word"}}), FileOf(t, numbers(0, 20)))
	for _, d := range doors {
		all(t, d, lease, id, nil)
		all(t, d, lease, id, url.Values{"columns": {"n"}})
	}
	got := map[string]int{}
	for _, rec := range begun(t, r, id) {
		got[rec.Values["columns"]]++
	}
	equal(t, "columns of releases", map[string]int{`["n","colour"]`: len(doors), `["n"]`: len(doors)}, got)
	var fields []arrow.Field
	for i := range 300 {
		fields = append(fields, arrow.Field{Name: "measurement" + strings.Repeat("x", i), Type: arrow.PrimitiveTypes.Int8})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range fields {
		b.Field(i).(*array.Int8Builder).Append(1)
	}
	id, lease = r.Ready(t, "columns-many", Open(), FileOf(t, b.NewRecord()))
	all(t, doors[0], lease, id, nil)
	if said := begun(t, r, id)[0].Values["columns"]; !strings.HasPrefix(said, "300 columns, sha256:") {
		t.Errorf("many columns are told as %.100s", said)
	}
}

// begun gives the begin records of an agreement's releases.
func begun(t *testing.T, r *Rig, id schemas.AgreementID) []schemas.Record {
	t.Helper()
	out, err := client.All[schemas.Record](t.Context(), r.As(t, "officer"), "/audit/records?kind=release.begin&agreement="+string(id))
	must(t, err)
	return out
}
