package db_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

type noun struct {
	Name string `json:"name"`
}

// write runs fn and fails the test when it does.
func write(t *testing.T, db *db.DB, fn func(ctx context.Context, tx *db.Tx) error) {
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
func about(ctx context.Context, tx *db.Tx, table, id string) error {
	_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: table + "/" + id})
	return err
}

// insert stores a noun with its change.
func insert[T any](ctx context.Context, tx *db.Tx, table, id string, doc T, cols db.Columns) error {
	err := db.Insert(ctx, tx, table, id, doc, cols)
	if err != nil {
		return err
	}
	return about(ctx, tx, table, id)
}

func TestNouns(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx := context.Background()
		cols := db.Columns{"lead": "https://lead.example"}
		write(t, database, func(ctx context.Context, tx *db.Tx) error {
			if err := db.Insert(ctx, tx, "project", "p1", noun{"one"}, cols); err != nil {
				return err
			}
			// a taken id is the caller's to judge: the function may go on
			wantKind(t, "second insert", db.Insert(ctx, tx, "project", "p1", noun{"two"}, cols), schemas.Conflict)
			rev, err := db.Update(ctx, tx, "project", "p1", 1, noun{"uno"}, db.Columns{"lead": "https://other.example"})
			if err != nil || rev != 2 {
				t.Errorf("update: %d, %v", rev, err)
			}
			_, err = db.Update(ctx, tx, "project", "p1", 1, noun{"eins"}, nil)
			wantKind(t, "stale update", err, schemas.Precondition)
			_, err = db.Update(ctx, tx, "project", "p2", 0, noun{"eins"}, nil)
			wantKind(t, "update of none", err, schemas.NotFound)
			doc, _, err := db.Get[noun](ctx, tx, "project", "p1")
			if err != nil || doc.Name != "uno" {
				t.Errorf("its own write: %+v, %v", doc, err)
			}
			_, _, err = db.Get[noun](ctx, database, "project", "p1")
			wantKind(t, "read from outside", err, schemas.NotFound)
			return about(ctx, tx, "project", "p1")
		})
		doc, rev, err := db.Get[noun](ctx, database, "project", "p1")
		if err != nil || rev != 2 || doc.Name != "uno" {
			t.Errorf("get: %+v, %d, %v", doc, rev, err)
		}
		var lead string
		if err := database.QueryRow(ctx, `SELECT lead FROM project WHERE id = ? AND '?' = '?'`, "p1").Scan(&lead); err != nil || lead != "https://other.example" {
			t.Errorf("lead %q, %v", lead, err)
		}
		wantKind(t, "get of none", func() error { _, _, err := db.Get[noun](ctx, database, "project", "p9"); return err }(), schemas.NotFound)
	})
}

func TestListPages(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx := context.Background()
		var want []string
		write(t, database, func(ctx context.Context, tx *db.Tx) error {
			for i := range 25 {
				id := fmt.Sprintf("p-%02d", (i*7)%25)
				lead := "a"
				if i%2 == 1 {
					lead = "b"
				} else {
					want = append(want, id)
				}
				if err := insert(ctx, tx, "project", id, noun{id}, db.Columns{"lead": lead}); err != nil {
					return err
				}
			}
			return nil
		})
		slices.Sort(want)
		for _, limit := range []int{1, 4, 13, 100} {
			var got []string
			for after := ""; ; {
				rows, next, err := db.List[noun](ctx, database, "project", "lead = ? OR lead = ?", []any{"a", "c"}, after, limit)
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
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		for _, table := range []string{"participant", "factory", "store"} {
			write(t, database, func(ctx context.Context, tx *db.Tx) error {
				return insert(ctx, tx, table, "x", noun{"x"}, nil)
			})
		}
		write(t, database, func(ctx context.Context, tx *db.Tx) error {
			return db.Insert(ctx, tx, "release", "x", noun{"x"}, db.Columns{"agreement": "a", "dataset": "d", "provider": "p", "participant": "q", "state": "open", "replica": "r", "begun": int64(1)})
		})
	})
}

// What strangers send reaches the record whole, or marked, but it does.
func TestHostileValues(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		long := strings.Repeat("0123456789abcdefghij", 3000) // fits no index row
		write(t, database, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRefusal, Subject: "a\x00b\xff" + long,
				Values: map[string]string{"asked": "x\x00y\xffz", "long": long, "quote": `"\<>` + "\u2028"}})
			return err
		})
		var got string
		if err := database.QueryRow(context.Background(), "SELECT value FROM change_value WHERE name = 'asked'").Scan(&got); err != nil || got != "x\uFFFDy\uFFFDz" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestAppendRefuses(t *testing.T) {
	database := dbtest.Open(t, dbtest.SQLite)
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
		err := database.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Append(ctx, c.change)
			return err
		})
		wantKind(t, c.name, err, c.kind)
	}
}
