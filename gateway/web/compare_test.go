package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"guichet/schemas"
)

// TestCompare: datasets stand side by side, columns of one name in one row, those of most datasets first; what is not
// there is counted, and too many are refused.
func TestCompare(t *testing.T) {
	t.Parallel()
	a := everything()
	dataset := func(id string, columns ...schemas.Field) {
		a.answers["GET /datasets/"+id] = schemas.Dataset{ID: schemas.DatasetID(id), Title: schemas.Text{"en": "Data of " + id}, Space: "energy",
			Tables: []schemas.TableInfo{{Name: "t", Fields: columns}}}
	}
	dataset("ds-a", schemas.Field{Name: "only", Type: "int64"}, schemas.Field{Name: "Yield", Type: "float64", Unit: "t/ha"})
	dataset("ds-b", schemas.Field{Name: "yield", Type: "int32", Unit: "kg"})
	a.answers["GET /datasets"] = func(r *http.Request) any {
		id := schemas.DatasetID(r.URL.Query().Get("id"))
		return schemas.Found{Items: []schemas.Hit{{ID: id, Access: "ask", Reasons: []schemas.Reason{{Text: "why of " + string(id)}}}}}
	}
	h := site(t, a, "token")
	body := visited(h, http.MethodGet, "/compare?id-2=ds-a&id=ds-a,ds-b,&id-7=gone&purpose=statistics", nil).Body.String()
	for _, want := range []string{"Data of ds-a", "Data of ds-b", "why of ds-a", "why of ds-b", "(t/ha)", "(kg)", "no such column", "1 dataset is not there",
		`href="/datasets/ds-b?project=`} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing:\n%s", want, body)
		}
	}
	if both, one := strings.Index(body, ">Yield<"), strings.Index(body, ">only<"); both < 0 || both > one || strings.Contains(body, ">yield<") {
		t.Errorf("the columns do not stand together:\n%s", body)
	}
	if body := visited(h, http.MethodGet, "/compare", nil).Body.String(); !strings.Contains(body, `href="/datasets"`) {
		t.Errorf("nothing leads to a search:\n%s", body)
	}
	if w := visited(h, http.MethodGet, "/compare?id="+strings.Repeat("ds-a,", 9)+"ds-b", nil); w.Code != http.StatusOK {
		t.Errorf("one that is named often counts often: %d", w.Code)
	}
	many := ""
	for i := range mostCompared + 1 {
		many += fmt.Sprintf("id-%d=ds-%d&", i, i)
	}
	if w := visited(h, http.MethodGet, "/compare?"+many, nil); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("too many: %d", w.Code)
	}
}

// TestLine: no more columns stand there than anybody reads.
func TestLine(t *testing.T) {
	t.Parallel()
	var fields []schemas.Field
	for i := range mostColumns + 5 {
		fields = append(fields, schemas.Field{Name: fmt.Sprint("c", i)})
	}
	c := comparison{Sets: []beside{{datasetPage: datasetPage{Tables: []tableShown{{Columns: fields}, {Columns: fields[:2]}}}},
		{datasetPage: datasetPage{Tables: []tableShown{{Columns: fields[60:61]}}}}}}
	c.line()
	if len(c.Columns) != mostColumns || c.More != 5 || c.Columns[0].Name != "c60" || slices.Contains(c.Columns[0].In, nil) || c.Columns[1].In[1] != nil {
		t.Errorf("%d columns, %d more; first %+v", len(c.Columns), c.More, c.Columns[0])
	}
}
