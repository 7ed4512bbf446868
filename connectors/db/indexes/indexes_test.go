package indexes_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
	"go.uber.org/goleak"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/db/indexes"
	"guichet/schemas"
)

// What is said to be looked up is found by an index, on both databases: the conditions are
// those of the migration, word for word, and hold for the same names as FindsValues.
func TestWhatIsLookedUpHasAnIndex(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		explain := "EXPLAIN QUERY PLAN "
		if strings.Contains(t.Name(), dbtest.Postgres) {
			explain = "EXPLAIN "
		}
		var plan strings.Builder
		// A table without rows is read whole unless that is forbidden, on PostgreSQL.
		err := database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if explain == "EXPLAIN " {
				_, err := tx.Exec(ctx, "SET LOCAL enable_seqscan = off")
				if err != nil {
					return err
				}
			}
			for _, q := range []string{
				"SELECT position FROM change WHERE subject = 'x' AND " + indexes.LookedUpSubjects,
				"SELECT position FROM change WHERE kind IN ('review') AND " + indexes.LookedUpSubjects,
				"SELECT position FROM change_value WHERE name = 'run' AND substr(value, 1, 200) = 'x' AND " + indexes.LookedUpValues,
				"SELECT DISTINCT replica FROM release WHERE state = 'open'",
				"SELECT coalesce(max(position), -1) FROM change_value WHERE " + indexes.VisibleChanges,
				"SELECT id FROM dataset WHERE id > 'x' AND " + indexes.GivenDatasets + " ORDER BY id LIMIT 10",
			} {
				rows, err := tx.Query(ctx, explain+q)
				if err != nil {
					return err
				}
				for rows.Next() {
					var a, b, c, line any
					dest := []any{&a, &b, &c, &line}
					if explain == "EXPLAIN " {
						dest = dest[3:]
					}
					err = errors.Join(err, rows.Scan(dest...))
					fmt.Fprintln(&plan, line)
				}
				err = errors.Join(err, rows.Err(), rows.Close())
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, index := range []string{"change_subject", "change_kind", "change_value_value", "release_open", "change_value_visible", "dataset_given"} {
			if !strings.Contains(plan.String(), index) {
				t.Errorf("%s is not used:\n%s", index, plan.String())
			}
		}
		for _, c := range []struct{ stored, asked string }{
			{"x", "x"}, {"x", "y"}, {strings.Repeat("é", 199), strings.Repeat("é", 199)}, {strings.Repeat("é", 300), strings.Repeat("é", 199)},
			{strings.Repeat("é", 300), strings.Repeat("é", 300)}, {strings.Repeat("é", 300), strings.Repeat("é", 301)}, {"x%", "x_"}, {"", ""},
		} {
			where, args := indexes.IsValue(c.asked)
			var is bool
			err := database.QueryRow(t.Context(), "SELECT "+where+" FROM (SELECT CAST(? AS TEXT) AS value) v", append(args, c.stored)...).Scan(&is)
			if err != nil || is != (c.stored == c.asked) {
				t.Errorf("%.9s of %d is %.9s of %d: %t: %v", c.stored, len(c.stored), c.asked, len(c.asked), is, err)
			}
		}
		for _, kind := range []string{"refusal", "release.begin", "release.end", "review", "", "Refusal"} {
			var is bool
			err := database.QueryRow(t.Context(), "SELECT "+indexes.LookedUpSubjects+" FROM (SELECT CAST(? AS TEXT) AS kind) v", kind).Scan(&is)
			if err != nil || is == indexes.IsFrequent(kind) {
				t.Errorf("of the kind %q the database says %t: %v", kind, is, err)
			}
		}
		for _, name := range []string{"agreement", "by", "run", "account", "account.2", "of", "columns", "digest.lease", "provider", "Run", "accent"} {
			var has bool
			err := database.QueryRow(t.Context(), "SELECT "+indexes.LookedUpValues+" FROM (SELECT CAST(? AS TEXT) AS name) v", name).Scan(&has)
			if err != nil || has != indexes.FindsValues(name) {
				t.Errorf("of %s the database says %t: %v", name, has, err)
			}
		}
	})
}

// A database that the version before left is carried over: the same changes and values stand in
// it, and it takes more.
func TestOlderDatabasesAreCarriedOver(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, kind)
			raw := dbtest.Raw(t, url)
			migrateTo(t, raw, kind, 16)
			const n = 300
			for i := range n {
				_, err := raw.ExecContext(t.Context(), fmt.Sprintf(
					"INSERT INTO change (position, kind, subject, at, leaf) VALUES (%d, 'k', 's%d', %d, 'leaf%d')", i, i%7, i, i))
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"run", "columns"} {
					_, err = raw.ExecContext(t.Context(), fmt.Sprintf(
						"INSERT INTO change_value (position, name, salt, value) VALUES (%d, '%s', 'salt', '%s %d')", i, name, strings.Repeat("v", 250*(i%3)), i))
					if err != nil {
						t.Fatal(err)
					}
				}
				_, err = raw.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO tree_hash (place, hash) VALUES (%d, 'h%d')", 2*i, i))
				if err != nil {
					t.Fatal(err)
				}
			}
			_, err := raw.ExecContext(t.Context(), fmt.Sprintf("UPDATE change_head SET next = %d", n))
			if err != nil {
				t.Fatal(err)
			}
			want := everything(t, raw)
			for range 2 { // what was carried over is opened as it is
				database := dbtest.OpenURL(t, url)
				stop := dbtest.Run(t, database)
				if got := everything(t, raw); !slices.Equal(got, want) {
					t.Fatalf("%d rows became %d, or others", len(want), len(got))
				}
				var last *db.Position
				err = database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
					last, err = tx.Append(ctx, schemas.Change{Kind: "k", Subject: "more", Values: map[string]string{"run": "more"}})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				var at int64
				err = database.QueryRow(t.Context(), "SELECT position FROM change_value WHERE name = 'run' AND value = 'more' AND "+indexes.LookedUpValues+
					" ORDER BY position DESC LIMIT 1").Scan(&at)
				if err != nil || at != last.Value() {
					t.Errorf("the change %d is found at %d: %v", last.Value(), at, err)
				}
				stop()
				want = everything(t, raw)
			}
		})
	}
}

// migrateTo brings an empty database to the schema of an earlier version.
func migrateTo(t *testing.T, raw *sql.DB, kind string, version int64) {
	t.Helper()
	dialect := map[string]goose.Dialect{dbtest.SQLite: goose.DialectSQLite3, dbtest.Postgres: goose.DialectPostgres}[kind]
	files, err := fs.Sub(schemas.SQL, "sql")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(dialect, raw, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.UpTo(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
}

// everything gives the rows of the record.
func everything(t *testing.T, raw *sql.DB) (out []string) {
	t.Helper()
	for _, q := range []string{
		"SELECT position, kind, subject, at, leaf FROM change ORDER BY 1",
		"SELECT position, name, salt, value FROM change_value ORDER BY 1, 2",
		"SELECT place, hash FROM tree_hash ORDER BY 1",
	} {
		rows, err := raw.QueryContext(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		names, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			row := make([]sql.RawBytes, len(names))
			dest := make([]any, len(names))
			for i := range row {
				dest[i] = &row[i]
			}
			err := rows.Scan(dest...)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprintf("%s", row))
		}
		err = errors.Join(rows.Err(), rows.Close())
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
