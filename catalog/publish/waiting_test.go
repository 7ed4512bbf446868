package publish

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"guichet/catalog"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// TestWaiting: a publication that does not go on says why, for all who look, rests
// longer each time, and fails with the reason when that lasts.
func TestWaiting(t *testing.T) {
	database := dbtest.Open(t, dbtest.SQLite)
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	registry := catalog.New(catalog.Config{DB: database, Now: clock})
	c := New(Config{Catalog: registry, DB: database, Log: slog.New(slog.DiscardHandler), Now: clock})
	d := schemas.Dataset{ID: "ds-a", IRI: "urn:a", Provider: "https://a.example"}
	v := schemas.Version{Dataset: d.ID, VersionSummary: schemas.VersionSummary{Version: "v1", State: schemas.VersionPublishing, Started: now}}
	err := database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		err := db.Insert(ctx, tx, "dataset", string(d.ID), d, catalog.Columns(&d))
		if err == nil {
			err = db.Insert(
				ctx,
				tx,
				"version",
				"ds-a/v1",
				v,
				db.Columns{"dataset": "ds-a", "state": "publishing", "started": 1, "ask": "{}", "shards": "{}"},
			)
		}
		if err != nil {
			return err
		}
		return registry.Changed(ctx, tx, schemas.Principal{}, schemas.ChangeDatasetPut, &d, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.wait(t.Context(), v, &schemas.Error{Kind: schemas.Unavailable, Message: "the store is away", Remedy: "look after it"})
	}
	got, err := registry.Version(t.Context(), d.ID, "v1")
	if err != nil || got.State != schemas.VersionPublishing || got.Waiting == nil ||
		*got.Waiting != (schemas.Waiting{Why: "the store is away; look after it", Since: now, Tries: 3}) {
		t.Fatalf("%+v, %v", got.Waiting, err)
	}
	n, since, err := c.Waiting(t.Context())
	if err != nil || n != 1 || !since.Equal(now) || !c.resting("ds-a/v1") {
		t.Errorf("%d wait since %s, %v", n, since, err)
	}
	now = now.Add(2 * time.Hour)
	c.wait(t.Context(), v, errors.New("a word for the log alone"))
	got, err = registry.Version(t.Context(), d.ID, "v1")
	if err != nil || got.State != schemas.VersionFailed || got.Waiting != nil || len(got.Failures) != 1 ||
		!strings.Contains(got.Failures[0].Message, "did not go on for 2h0m0s, in 4 tries: the gateway met a fault of its own") {
		t.Errorf("%+v, %v", got.VersionSummary, err)
	}
	n, _, err = c.Waiting(t.Context())
	if err != nil || n != 0 {
		t.Errorf("%d wait, %v", n, err)
	}
}
