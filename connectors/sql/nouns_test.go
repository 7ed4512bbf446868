package sql_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/sql"
	"guichet/connectors/sql/sqltest"
	"guichet/schemas"
)

type noun struct {
	Name string `json:"name"`
}

// write runs fn and fails the test when it does.
func write(t *testing.T, db *sql.DB, fn func(ctx context.Context, tx *sql.Tx) error) {
	t.Helper()
	if err := db.Write(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, what string, err error, kind schemas.Kind) {
	t.Helper()
	if err == nil || schemas.KindOf(err) != kind {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

// about appends the change that a noun which rules is bound to the record by.
func about(ctx context.Context, tx *sql.Tx, table, id string) error {
	_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: table + "/" + id})
	return err
}

// insert stores a noun with its change.
func insert[T any](ctx context.Context, tx *sql.Tx, table, id string, doc T, cols sql.Columns) error {
	err := sql.Insert(ctx, tx, table, id, doc, cols)
	if err != nil {
		return err
	}
	return about(ctx, tx, table, id)
}

func TestNouns(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sql.DB) {
		ctx := context.Background()
		cols := sql.Columns{"lead": "https://lead.example"}
		write(t, db, func(ctx context.Context, tx *sql.Tx) error {
			if err := sql.Insert(ctx, tx, "project", "p1", noun{"one"}, cols); err != nil {
				return err
			}
			// a taken id is the caller's to judge: the function may go on
			wantKind(t, "second insert", sql.Insert(ctx, tx, "project", "p1", noun{"two"}, cols), schemas.Conflict)
			rev, err := sql.Update(ctx, tx, "project", "p1", 1, noun{"uno"}, sql.Columns{"lead": "https://other.example"})
			if err != nil || rev != 2 {
				t.Errorf("update: %d, %v", rev, err)
			}
			_, err = sql.Update(ctx, tx, "project", "p1", 1, noun{"eins"}, nil)
			wantKind(t, "stale update", err, schemas.Precondition)
			_, err = sql.Update(ctx, tx, "project", "p2", 0, noun{"eins"}, nil)
			wantKind(t, "update of none", err, schemas.NotFound)
			doc, _, err := sql.Get[noun](ctx, tx, "project", "p1")
			if err != nil || doc.Name != "uno" {
				t.Errorf("its own write: %+v, %v", doc, err)
			}
			_, _, err = sql.Get[noun](ctx, db, "project", "p1")
			wantKind(t, "read from outside", err, schemas.NotFound)
			return about(ctx, tx, "project", "p1")
		})
		doc, rev, err := sql.Get[noun](ctx, db, "project", "p1")
		if err != nil || rev != 2 || doc.Name != "uno" {
			t.Errorf("get: %+v, %d, %v", doc, rev, err)
		}
		var lead string
		if err := db.QueryRow(ctx, `SELECT lead FROM project WHERE id = ? AND '?' = '?'`, "p1").Scan(&lead); err != nil || lead != "https://other.example" {
			t.Errorf("lead %q, %v", lead, err)
		}
		wantKind(t, "get of none", func() error { _, _, err := sql.Get[noun](ctx, db, "project", "p9"); return err }(), schemas.NotFound)
	})
}

func TestListPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sql.DB) {
		ctx := context.Background()
		var want []string
		write(t, db, func(ctx context.Context, tx *sql.Tx) error {
			for i := range 25 {
				id := fmt.Sprintf("p-%02d", (i*7)%25)
				lead := "a"
				if i%2 == 1 {
					lead = "b"
				} else {
					want = append(want, id)
				}
				if err := insert(ctx, tx, "project", id, noun{id}, sql.Columns{"lead": lead}); err != nil {
					return err
				}
			}
			return nil
		})
		slices.Sort(want)
		for _, limit := range []int{1, 4, 13, 100} {
			var got []string
			for after := ""; ; {
				rows, next, err := sql.List[noun](ctx, db, "project", "lead = ? OR lead = ?", []any{"a", "c"}, after, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range rows {
					got = append(got, r.ID)
				}
				if next == "" {
					break
				}
				after = next
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("limit %d (-want +got):\n%s", limit, d)
			}
		}
	})
}

// Every table of the schema takes a noun, whatever its name means to a parser.
func TestEveryNounTable(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sql.DB) {
		for _, table := range []string{"participant", "factory", "store"} {
			write(t, db, func(ctx context.Context, tx *sql.Tx) error {
				return insert(ctx, tx, table, "x", noun{"x"}, nil)
			})
		}
		write(t, db, func(ctx context.Context, tx *sql.Tx) error {
			return sql.Insert(ctx, tx, "release", "x", noun{"x"}, sql.Columns{"agreement": "a", "dataset": "d", "provider": "p", "participant": "q", "state": "open", "replica": "r", "begun": int64(1)})
		})
	})
}

// What strangers send reaches the record whole, or marked, but it does.
func TestHostileValues(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sql.DB) {
		long := strings.Repeat("0123456789abcdefghij", 3000) // fits no index row
		write(t, db, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRefusal, Subject: "a\x00b\xff" + long,
				Values: map[string]string{"asked": "x\x00y\xffz", "long": long, "quote": `"\<>` + "\u2028"}})
			return err
		})
		var got string
		if err := db.QueryRow(context.Background(), "SELECT value FROM change_value WHERE name = 'asked'").Scan(&got); err != nil || got != "x\uFFFDy\uFFFDz" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestAppendRefuses(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite)
	for _, c := range []struct {
		name   string
		change schemas.Change
		kind   schemas.Kind
	}{
		{"no kind", schemas.Change{}, schemas.Invalid},
		{"kind with quote", schemas.Change{Kind: `a"b`}, schemas.Invalid},
		{"name with space", schemas.Change{Kind: "k", Values: map[string]string{"a b": ""}}, schemas.Invalid},
		{"number too large", schemas.Change{Kind: "k", Numbers: map[string]int64{"n": 1 << 53}}, schemas.Invalid},
		{"value too long", schemas.Change{Kind: "k", Values: map[string]string{"a": strings.Repeat("x", 64<<10+1)}}, schemas.TooLarge},
	} {
		err := db.Write(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.Append(ctx, c.change)
			return err
		})
		wantKind(t, c.name, err, c.kind)
	}
}
