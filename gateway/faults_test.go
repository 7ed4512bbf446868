package gateway_test

import (
	"context"
	"fmt"
	"testing"

	"guichet/connectors/db"
	"guichet/schemas"
)

// A fault of the database is no no: whoever may do something is answered 5xx while a
// part of it cannot be read, nothing is recorded as a refusal, and afterwards all is as
// it was.
func TestFaultsAreNoRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", map[string]any{"template": "open-with-attribution"})
	s.publish(d.ID)
	ask := map[string]any{"project": "crops", "items": []map[string]any{{"dataset": d.ID}}}
	var r schemas.Request
	s.want(201, "trainer", "POST", "/requests", ask).as(t, &r)
	id := string(r.Items[0].Agreement)
	var run schemas.Run
	s.want(201, "trainer", "POST", "/runs", map[string]any{"project": "crops"}).as(t, &run)
	lease := map[string]any{"run": run.ID, "items": []map[string]any{{"agreement": id}}}
	project := schemas.Project{ID: "crops", Title: "Crops", Factory: "leonardo", Partners: []schemas.ParticipantID{trainerOrg}, Purposes: []string{"train-model"}}
	store := schemas.Store{ID: "local", Endpoint: "https://s3.example", Region: "eu", CredentialRef: "local", Prefixes: []schemas.Prefix{{Participant: providerOrg, Bucket: "b", Prefix: "agronomy/"}}}
	publication := schemas.Publication{Store: "local", Bucket: "b", Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{{Name: "all", Keys: []string{"agronomy/a.csv"}}}}}}
	calls := []struct {
		who, method, path string
		in                any
	}{
		{"trainer", "GET", "/me", nil}, {"agronomy", "POST", "/datasets", wheat("Another")}, {"agronomy", "GET", "/datasets/" + string(d.ID), nil},
		{"agronomy", "PUT", "/datasets/" + string(d.ID), wheat("Changed")}, {"agronomy", "PUT", "/datasets/" + string(d.ID) + "/offer", map[string]any{"template": "open-with-attribution"}},
		{"agronomy", "POST", "/datasets/" + string(d.ID) + "/versions", publication}, {"agronomy", "GET", "/datasets/" + string(d.ID) + "/versions", nil},
		{"agronomy", "GET", "/datasets/" + string(d.ID) + "/versions/v1", nil}, {"agronomy", "GET", "/datasets/" + string(d.ID) + "/versions/v1/manifest", nil},
		{"agronomy", "GET", "/stores", nil}, {"operator", "GET", "/participants", nil}, {"operator", "POST", "/stores", store}, {"operator", "POST", "/projects", project},
		{"trainer", "GET", "/projects", nil}, {"trainer", "POST", "/requests", ask}, {"trainer", "GET", "/requests", nil}, {"trainer", "GET", "/requests/" + string(r.ID), nil},
		{"trainer", "GET", "/agreements", nil}, {"trainer", "GET", "/agreements/" + id, nil}, {"agronomy", "GET", "/agreements/" + id, nil}, {"trainer", "POST", "/leases", lease},
		{"trainer", "POST", "/runs", map[string]any{"project": "crops"}}, {"trainer", "GET", "/runs", nil}, {"trainer", "GET", "/runs/" + string(run.ID), nil},
		{"trainer", "POST", "/runs/" + string(run.ID) + "/outputs", map[string]any{"kind": "model", "name": "m", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}},
		{"trainer", "POST", "/decisions", map[string]any{"dataset": d.ID, "project": "crops", "purpose": "train-model"}}, {"trainer", "GET", "/streams", nil}, {"officer", "GET", "/audit/records", nil},
		{"officer", "GET", "/audit/records?agreement=" + id, nil}, {"trainer", "GET", "/audit/records", nil}, {"", "GET", "/factories", nil}, {"", "GET", "/audit/checkpoint", nil},
	}
	before := len(s.refusals())
	for _, table := range []string{"participant", "member", "factory", "project", "store", "dataset", "version", "request", "agreement", "lease", "run", "release", "change_value"} {
		rename := func(from, to string) {
			must(t, s.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, fmt.Sprintf("ALTER TABLE %s RENAME TO %s", from, to))
				return err
			}))
		}
		rename(table, table+"_away")
		for _, c := range calls {
			a := s.call(c.who, c.method, c.path, c.in)
			if a.status >= 400 && a.status < 500 && a.status != 409 && a.status != 412 {
				t.Errorf("without the table %s, %s %s of %q: %d %s", table, c.method, c.path, c.who, a.status, a.body)
			}
		}
		rename(table+"_away", table)
	}
	if n := len(s.refusals()); n != before {
		t.Errorf("%d refusals are recorded that never were: %+v", n-before, s.refusals()[before:])
	}
}
