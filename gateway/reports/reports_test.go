package reports

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/gateway/problem"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/audit"
	"guichet/policy/report"
	"guichet/policy/report/dossier"
	"guichet/schemas"
)

// door is one over a record with a use of ds-a by the Lab; who calls stands in a header.
func door(t *testing.T) http.Handler {
	t.Helper()
	database := dbtest.OpenURL(t, dbtest.URL(t, dbtest.SQLite))
	skey, _, err := audit.NewKey("guichet-test")
	agreementtest.Must(t, err)
	record, err := audit.New(database, skey, filepath.Join(t.TempDir(), "head"), nil)
	agreementtest.Must(t, err)
	database.OnGroup(record.Step)
	dbtest.Run(t, database)
	agreementtest.Must(t, record.Start(t.Context()))
	agreementtest.Must(t, database.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeAgreement, Subject: "agr-1", Values: map[string]string{
			"agreement": "agr-1", "dataset": "ds-a", "project": "=p", "participant": string(agreementtest.Lab), "provider": string(agreementtest.Holder)}})
		return err
	}))
	made := report.New(database, record)
	dossiers, err := dossier.New(made, record)
	agreementtest.Must(t, err)
	people := map[string]schemas.Principal{"ada": agreementtest.Trainer(), "olga": agreementtest.Officer(), "boss": agreementtest.Operator(),
		"eve": agreementtest.Person("eve", "https://two.example", schemas.RoleTrainer)}
	d := &Door{Reports: made, Dossier: dossiers,
		Dataset: func(_ context.Context, by schemas.Principal, id schemas.DatasetID) (schemas.Dataset, error) {
			return schemas.Dataset{ID: id, Title: schemas.Text{"en": "as " + by.Subject + " sees it"}}, nil
		},
		Sought: func(context.Context) ([]report.Sought, error) { return []report.Sought{{Words: "soil moisture"}}, nil },
		Known: func(_ context.Context, by schemas.Principal, q audit.Query) error {
			if by.Has(schemas.RoleOfficer) && len(q.Values) > 0 && q.Values["dataset"] != "ds-quiet" {
				return schemas.Errorf(schemas.NotFound, "x", "there is no such thing")
			}
			return nil
		},
		By: func(c *gin.Context) schemas.Principal { return people[c.GetHeader("Who")] },
		Refuse: func(c *gin.Context, _ schemas.Principal, err error) {
			problem.Write(c.Writer, problem.Of(err, nil))
			c.Abort()
		}}
	gin.SetMode(gin.TestMode)
	r := gin.New()
	d.Mount(r.Group("/"))
	return r
}

func get(h http.Handler, who, path string, heads ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Who", who)
	for i := 0; i+1 < len(heads); i += 2 {
		r.Header.Set(heads[i], heads[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// What is asked comes as it is asked for, or is refused with the parameter that is wrong.
func TestDoor(t *testing.T) {
	t.Parallel()
	h := door(t)
	for _, c := range []struct {
		who, path string
		status    int
		text      string
	}{
		{"", "/reports", 200, `"name":"uses"`},
		{"olga", "/reports/uses?dataset=ds-a", 200, `"agr-1"`},
		{"olga", "/reports/uses?dataset=ds-a&format=json&table=uses", 200, `"agr-1"`},
		{"olga", "/reports/uses?dataset=ds-quiet", 200, `"count": 0`},
		{"olga", "/reports/uses?dataset=ds-none", 404, "there is no such thing"},
		{"olga", "/reports/permits?beside=true", 200, "as olga sees it"},
		{"ada", "/reports/permits?beside=true", 200, "as ada sees it"},
		{"olga", "/reports/demand?beside=true", 200, "soil moisture"},
		{"ada", "/reports/permits?beside=false", 200, `"for": "https://lab.example"`},
		{"eve", "/reports/uses?dataset=ds-a", 200, `"count": 0`},
		{"olga", "/reports/permits?beside=perhaps", 422, "beside"},
		{"olga", "/reports/uses", 422, "the report uses needs it"},
		{"olga", "/reports/uses?dataset=ds-a&colour=red", 422, "has no parameter"},
		{"olga", "/reports/uses?dataset=ds-a&dataset=ds-b", 422, "it is given twice"},
		{"olga", "/reports/uses?dataset=ds-a&at=0", 422, "no whole number from 1"},
		{"olga", "/reports/uses?dataset=ds-a&at=soon", 422, "no whole number from 1"},
		{"olga", "/reports/uses?dataset=ds-a&at=99", 422, "no head of 99 records"},
		{"olga", "/reports/uses?dataset=ds-a&rows=0", 422, "no whole number from 1"},
		{"olga", "/reports/uses?dataset=ds-a&format=xml", 422, "json or csv"},
		{"olga", "/reports/uses?dataset=ds-a&table=none", 422, "there is no table"},
		{"olga", "/reports/none", 404, "there is no report"},
		{"boss", "/reports/demand", 403, "officer"},
		{"", "/reports/uses?dataset=ds-a", 401, "signed-in"},
		{"", "/reports/dossier?project==p", 401, "signed-in"},
		{"olga", "/reports/dossier", 422, "project"},
		{"olga", "/reports/dossier?project=q", 404, "there is no such thing"},
		{"eve", "/reports/dossier?project=%3Dp", 404, "nothing of that project"},
		{"olga", "/reports/dossier?project=%3Dp&at=x", 422, "no whole number"},
		{"olga", "/reports/dossier?project=%3Dp", 200, "PK"},
	} {
		w := get(h, c.who, c.path)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%q %s: %d, want %d with %q: %.600s", c.who, c.path, w.Code, c.status, c.text, w.Body)
		}
	}
}

// CSV comes by Accept or format, safe for spreadsheets, under the name of report, table and size; the same
// bytes each time.
func TestCSV(t *testing.T) {
	t.Parallel()
	h := door(t)
	for _, w := range []*httptest.ResponseRecorder{
		get(h, "olga", "/reports/uses?dataset=ds-a&format=csv"),
		get(h, "olga", "/reports/uses?dataset=ds-a", "Accept", CSV),
		get(h, "olga", "/reports/uses?dataset=ds-a&table=uses&format=csv&at=2"),
	} {
		rows, err := csv.NewReader(w.Body).ReadAll()
		agreementtest.Must(t, err)
		if len(rows) != 2 || rows[1][1] != "'=p" || rows[0][0] != "participant" {
			t.Errorf("%v", rows)
		}
		if head := w.Header(); head.Get("Content-Disposition") != `attachment; filename="uses-uses-at-2.csv"` || !strings.HasPrefix(head.Get("Content-Type"), CSV) {
			t.Errorf("%v", head)
		}
	}
	first, again := get(h, "olga", "/reports/uses?dataset=ds-a"), get(h, "olga", "/reports/uses?dataset=ds-a&at=2")
	if first.Body.String() != again.Body.String() {
		t.Error("the same report is another one")
	}
	var doc report.Document
	agreementtest.Must(t, json.Unmarshal(get(h, "olga", "/reports/uses?dataset=ds-a&rows=1").Body.Bytes(), &doc))
	if len(doc.Tables) != 2 || doc.Checkpoint.Size != 2 {
		t.Errorf("%+v", doc)
	}
}
