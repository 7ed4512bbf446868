package newest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// filled is a database with runs, of which several were made at one moment.
func filled(t *testing.T, database *db.DB, n int) (ids []string) {
	t.Helper()
	var all []Row[string]
	for i := range n {
		all = append(all, Row[string]{Row: db.Row[string]{ID: fmt.Sprintf("run-%03d", rand.IntN(900)*1000+i)}, Made: int64(i / 3)})
	}
	err := database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, r := range all {
			err := db.Insert(ctx, tx, "run", r.ID, r.ID, db.Columns{"project": fmt.Sprint(r.Made % 2), "made": r.Made})
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRun, Subject: r.ID, Values: map[string]string{"run": r.ID}})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, Before[string])
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids
}

// Each stands on one page, the newest first, also those of one moment.
func TestList(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		want := filled(t, database, 50)
		for _, limit := range []int{1, 7, 50, 100} {
			var got []string
			for after, first := "", true; first || after != ""; first = false {
				rows, next, err := List[string](t.Context(), database, "run", "made", "1 = ?", []any{1}, after, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range rows {
					got = append(got, r.Doc)
				}
				after = next
			}
			if !slices.Equal(got, want) {
				t.Errorf("by %d: %v, want %v", limit, got, want)
			}
		}
		rows, _, err := List[string](t.Context(), database, "run", "made", "project = ?", []any{"1"}, "", 100)
		if err != nil || len(rows) != 24 {
			t.Errorf("%d of one project, %v", len(rows), err)
		}
		for _, after := range []string{"x", "run-7", "12_", "_run-7", "1.5_run"} {
			_, _, err := List[string](t.Context(), database, "run", "made", "1 = 1", nil, after, 10)
			if schemas.KindOf(err) != schemas.Invalid {
				t.Errorf("after %q: %v", after, err)
			}
		}
	})
}

// What was stored before there was the column is as old as the record says.
func TestMigration(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		filled(t, database, 5)
		text, err := schemas.SQL.ReadFile("sql/00044_made.sql")
		if err != nil {
			t.Fatal(err)
		}
		fills := 0
		err = database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			for statement := range strings.SplitSeq(string(text), ";\n") {
				if !strings.HasPrefix(statement, "UPDATE") {
					continue
				}
				fills++
				_, err := tx.Exec(ctx, statement)
				if err != nil {
					return err
				}
			}
			return nil
		})
		var other int
		if err == nil {
			err = database.QueryRow(t.Context(), "SELECT count(*) FROM run r WHERE made <> (SELECT at FROM change c WHERE c.subject = r.id)").Scan(&other)
		}
		if err != nil || fills != 3 || other != 0 {
			t.Errorf("%d tables are filled, %d runs are of another time, %v", fills, other, err)
		}
	})
}
