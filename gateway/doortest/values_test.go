package doortest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

// persons is a record whose every row has a name of its own, in a dictionary.
func persons(rows int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "of", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}},
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "name", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}},
	}, nil))
	for i := range rows {
		_ = b.Field(0).(*array.BinaryDictionaryBuilder).AppendString([]string{"x", "y"}[i%2])
		b.Field(1).(*array.Int64Builder).Append(int64(i))
		_ = b.Field(2).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprintf("person %06d", i))
	}
	return b.NewRecord()
}

var aName = regexp.MustCompile(`person \d{6}`)

// valuesWithRows: under a budget of rows no more values leave than rows are charged,
// whichever door and view, and those that leave are right.
func valuesWithRows(t *testing.T, r *Rig, doors []Door) {
	const rows = 100_000
	file := FileOf(t, persons(rows))
	for name, c := range map[string]struct {
		budget int64
		duties []schemas.Duty
	}{
		"one": {1, nil}, "some": {70_000, nil}, "hidden": {70_000, []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"of"}}}},
		"generalised": {70_000, []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{"n"}, To: "10"}}},
		"filtered":    {70_000, []schemas.Duty{filterOn("n", "gteq", "50")}},
	} {
		offer := Open(append(c.duties, schemas.Duty{Kind: schemas.DutyBudget, Rows: c.budget})...)
		for _, door := range doors {
			d := r.Publish(t, "values-"+name+"-"+strings.ReplaceAll(door.Name(), "/", ""), offer, file) // of its own: a project has one budget of a dataset
			id := r.Agree(t, time.Time{}, d)[0].ID
			lease := r.Lease(t, id)
			batch := r.Manifest(t, id, lease).Tables[0].Shards[0].Batches[0]
			var raw []byte
			got := map[string]bool{}
			rd, err := door.Open(t.Context(), lease, id, url.Values{})
			if err == nil {
				for {
					rec, err := rd.Next()
					if err != nil {
						break
					}
					col := rec.Schema().FieldIndices("name")[0]
					for i := range int(rec.NumRows()) {
						got[rec.Column(col).ValueStr(i)] = true
					}
				}
				raw = rd.Raw()
				rd.Close()
			}
			names := map[string]bool{}
			for _, n := range aName.FindAll(raw, -1) {
				names[string(n)] = true
			}
			rel := last(t, r, id)
			if charged := used(t, r, id)[0]; int64(len(names)) > charged || rel.ChargedRows != charged || charged > c.budget {
				t.Errorf("%s, %s: %d values left, %d rows are charged of %d", name, door.Name(), len(names), charged, c.budget)
			}
			if door.Name() == "flight" && c.budget > batch && len(got) != int(batch) { // HTTP's reset may take what was not read yet
				t.Errorf("%s, %s: %d of %d rows came", name, door.Name(), len(got), batch)
			}
		}
		id, lease := r.Ready(t, "values-"+name+"-range", offer, file)
		resp, err := part(t, doors[1].(*fileDoor), lease, id, 0, 400_000)
		if err == nil {
			b, _ := io.ReadAll(resp.Body) // it may be cut
			resp.Body.Close()
			err = fmt.Errorf("%s: %d names", resp.Status, len(aName.FindAll(b, -1)))
		}
		if !strings.Contains(err.Error(), "values of all") {
			t.Errorf("%s: a range of the dictionary: %v", name, err)
		}
	}
	id, lease := r.Ready(t, "values-free", Open(), file)
	resp, err := part(t, doors[1].(*fileDoor), lease, id, 20_000, 10)
	must(t, err)
	resp.Body.Close()
	equal(t, "status", http.StatusPartialContent, resp.StatusCode)
	if all := settled(t, r, id); all[0].Rows != rows {
		t.Errorf("ten bytes of a dictionary are recorded as %d rows", all[0].Rows)
	}
}
