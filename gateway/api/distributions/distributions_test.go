package distributions

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/catalog"
	"guichet/catalog/publish/distribution"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/gateway/api"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/refusal"
	"guichet/schemas"
	"guichet/schemas/values"
)

// What a version's provider consented to is told to who may see the dataset, and taken back by her alone.
func TestDistributions(t *testing.T) {
	t.Parallel()
	must := func(err error) { t.Helper(); agreementtest.Must(t, err) }
	database := dbtest.Open(t, dbtest.SQLite)
	c := catalog.New(catalog.Config{DB: database,
		CheckOffer: func(context.Context, *schemas.Offer, []schemas.TableInfo) error { return nil }})
	ada := agreementtest.Person("ada", "https://agronomy.example", schemas.RoleProvider)
	gin.SetMode(gin.TestMode)
	r := gin.New()
	who := map[string]schemas.Principal{"ada": ada, "eve": agreementtest.Person("eve", "https://eve.example", schemas.RoleProvider),
		"tom": agreementtest.Person("tom", "https://agronomy.example", schemas.RoleTrainer)}
	v1 := r.Group("/api/v1", func(g *gin.Context) { g.Set(api.PrincipalKey, who[g.GetHeader("Who")]) })
	api.Register(r, v1, api.Deps{Log: slog.New(slog.DiscardHandler), Refusals: refusal.New(database, nil, time.Now)}, Operations(c))
	want := func(status int, who, method, path string) (out values.Distributions) {
		t.Helper()
		q := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(""))
		q.Header.Set("Who", who)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		if w.Code != status {
			t.Fatalf("%s %s as %q: %d, want %d\n%s", method, path, who, w.Code, status, w.Body)
		}
		if status == http.StatusOK {
			must(json.Unmarshal(w.Body.Bytes(), &out))
		}
		return out
	}
	kept := func(id schemas.DatasetID, visible schemas.Visibility) string {
		d := schemas.Dataset{ID: id, IRI: "urn:" + string(id), Provider: ada.Participant, Visibility: visible,
			Offer: &schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}}}}}
		v := schemas.Version{Dataset: id, VersionSummary: schemas.VersionSummary{Version: "v1", State: schemas.VersionPublished},
			Data: []schemas.Table{{Name: "plots", Columns: []schemas.TableColumn{{Name: "yield"}}}}}
		must(database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			err := db.Insert(ctx, tx, "dataset", string(id), d, catalog.Columns(&d))
			if err == nil {
				err = db.Insert(ctx, tx, "version", catalog.VersionKey(id, "v1"), v,
					db.Columns{"dataset": string(id), "state": "published", "started": 1, "ask": "{}", "shards": "{}"})
			}
			if err == nil {
				err = distribution.Put(ctx, tx, &values.Distributions{Dataset: id, Version: "v1", Asked: []string{"*"},
					Columns: []values.Distribution{{Table: "plots", Column: "yield", Kind: "category"}}})
			}
			if err == nil {
				err = c.Changed(ctx, tx, ada, schemas.ChangeVersion, &d, map[string]string{"state": "published"})
			}
			return err
		}))
		return "/datasets/" + string(id) + "/versions/v1/distributions"
	}
	open, own := kept("ds-open", schemas.VisibleToEveryone), kept("ds-own", schemas.VisibleToOwn)
	for _, name := range []string{"", "eve", "tom", "ada"} {
		if got := want(http.StatusOK, name, "GET", open); len(got.Columns) != 1 || got.Asked[0] != "*" {
			t.Errorf("%q is told %+v", name, got)
		}
	}
	want(http.StatusNotFound, "", "GET", own)
	want(http.StatusNotFound, "eve", "GET", own)
	want(http.StatusOK, "tom", "GET", own)
	want(http.StatusNotFound, "ada", "GET", strings.Replace(open, "v1", "v2", 1))
	want(http.StatusUnauthorized, "", "DELETE", open)
	want(http.StatusForbidden, "tom", "DELETE", open)
	want(http.StatusNotFound, "eve", "DELETE", own)
	want(http.StatusOK, "ada", "DELETE", open)
	if got := want(http.StatusOK, "", "GET", open); len(got.Columns)+len(got.Asked) != 0 {
		t.Errorf("after it was taken back %+v", got)
	}
}
