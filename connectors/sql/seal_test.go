package sql_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"guichet/connectors/sql"
	"guichet/connectors/sql/sqltest"
	"guichet/schemas"
)

// A noun that rules is what its newest change committed to, or nothing: whoever edits
// the database behind the gateway gives nobody a right.
func TestEditedNounsRuleNothing(t *testing.T) {
	for _, kind := range sqltest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			url := sqltest.URL(t, kind)
			db := sqltest.OpenURL(t, url)
			sqltest.Run(t, db)
			raw := sqltest.Raw(t, url)
			ctx := context.Background()
			write(t, db, func(ctx context.Context, tx *sql.Tx) error {
				return insert(ctx, tx, "factory", "f", noun{"one"}, nil)
			})
			older, _, err := sql.GetStored[noun](ctx, db, "factory", "f")
			if err != nil {
				t.Fatal(err)
			}
			update := func(name string) {
				write(t, db, func(ctx context.Context, tx *sql.Tx) error {
					_, err := sql.Update(ctx, tx, "factory", "f", 0, noun{name}, nil)
					if err != nil {
						return err
					}
					return about(ctx, tx, "factory", "f")
				})
			}
			update("two")
			wantAltered := func(what string, want bool) {
				t.Helper()
				_, _, err := sql.Get[noun](ctx, db, "factory", "f")
				if errors.Is(err, sql.ErrAltered) != want || want && schemas.KindOf(err) != schemas.Unavailable {
					t.Errorf("%s: %v", what, err)
				}
			}
			exec := func(query string) {
				t.Helper()
				_, err := raw.Exec(query)
				if err != nil {
					t.Fatal(err)
				}
			}
			wantAltered("as recorded", false)
			exec(`UPDATE factory SET doc = '{"Name":"mine"}'`)
			wantAltered("another document", true)
			exec(fmt.Sprintf(`UPDATE factory SET doc = '{"Name":%q}'`, older.Name))
			wantAltered("an older one of its own", true)
			update("three") // writing it anew records it anew
			wantAltered("stored anew", false)
			exec(`UPDATE change_value SET value = replace(value, 'f ', 'g ') WHERE name = 'digest.factory'`)
			wantAltered("the value beside the leaf edited", true)
			exec(`DELETE FROM change_value WHERE name = 'digest.factory'`)
			wantAltered("the value beside the leaf gone", true)
			exec(`INSERT INTO factory (id, revision, doc) VALUES ('x', 1, '{"Name":"x"}')`)
			_, _, err = sql.Get[noun](ctx, db, "factory", "x")
			if !errors.Is(err, sql.ErrAltered) {
				t.Errorf("a noun that no change is about: %v", err)
			}
			if stored, _, err := sql.GetStored[noun](ctx, db, "factory", "x"); err != nil || stored.Name != "x" {
				t.Errorf("for taking rights away: %+v, %v", stored, err)
			}
		})
	}
}

// Whoever stores a noun that rules and says so nowhere stores nothing.
func TestRulingNounsNeedAChange(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sql.DB) {
		ctx := context.Background()
		for name, fn := range map[string]func(ctx context.Context, tx *sql.Tx) error{
			"no change": func(ctx context.Context, tx *sql.Tx) error { return sql.Insert(ctx, tx, "factory", "f", noun{}, nil) },
			"a change about another": func(ctx context.Context, tx *sql.Tx) error {
				return errors.Join(sql.Insert(ctx, tx, "factory", "f", noun{}, nil), about(ctx, tx, "factory", "g"))
			},
			"stored after its change": func(ctx context.Context, tx *sql.Tx) error {
				err := insert(ctx, tx, "factory", "f", noun{}, nil)
				if err != nil {
					return err
				}
				_, err = sql.Update(ctx, tx, "factory", "f", 0, noun{"late"}, nil)
				return err
			},
		} {
			err := db.Write(ctx, fn)
			if schemas.KindOf(err) != schemas.Internal {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, _, err := sql.Get[noun](ctx, db, "factory", "f")
		wantKind(t, "nothing is stored", err, schemas.NotFound)
	})
}

// Readers between writers never see a noun without its change, nor do functions of one
// group, whose changes have no positions yet.
func TestSealsAreSeenWithTheirNouns(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sql.DB) {
		ctx, stop := context.WithCancel(context.Background())
		long := "https://" + strings.Repeat("l", 490) + ".example" // longer than a change's subject is with its table
		write(t, db, func(ctx context.Context, tx *sql.Tx) error {
			return insert(ctx, tx, "participant", long, noun{"0"}, nil)
		})
		var readers, writers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				for ctx.Err() == nil {
					_, _, err := sql.Get[noun](context.Background(), db, "participant", long)
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for w := range 8 {
			writers.Go(func() {
				for i := range 20 {
					err := db.Write(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
						_, revision, err := sql.Get[noun](ctx, tx, "participant", long)
						if err != nil {
							return err
						}
						_, err = sql.Update(ctx, tx, "participant", long, revision, noun{fmt.Sprint(w, i)}, nil)
						if err != nil {
							return err
						}
						err = about(ctx, tx, "participant", long)
						if err == nil { // a change about it that commits to nothing, as the begin of a publication
							err = about(ctx, tx, "participant", long)
						}
						return err
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		writers.Wait()
		stop()
		readers.Wait()
	})
}

// Who has the database and this very code, but not the key, makes no noun that rules; nor
// does an edited look-up column.
func TestNounsNeedTheKey(t *testing.T) {
	for _, kind := range sqltest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			url := sqltest.URL(t, kind)
			ours, theirs := sqltest.OpenURL(t, url), sqltest.OpenURL(t, url)
			ours.SealWith([]byte("ours"))
			theirs.SealWith([]byte("theirs"))
			sqltest.Run(t, ours)
			sqltest.Run(t, theirs)
			ctx := context.Background()
			write(t, ours, func(ctx context.Context, tx *sql.Tx) error {
				return insert(ctx, tx, "project", "p", noun{"one"}, sql.Columns{"lead": "a"})
			})
			get := func(want bool) {
				t.Helper()
				_, _, err := sql.Get[noun](ctx, ours, "project", "p")
				if errors.Is(err, sql.ErrAltered) == want {
					t.Errorf("as recorded is %t, and %v", want, err)
				}
			}
			get(true)
			_, err := sqltest.Raw(t, url).Exec("UPDATE project SET lead = 'b'")
			if err != nil {
				t.Fatal(err)
			}
			get(false)
			_, err = sqltest.Raw(t, url).Exec("UPDATE project SET lead = 'a'")
			if err != nil {
				t.Fatal(err)
			}
			get(true)
			write(t, theirs, func(ctx context.Context, tx *sql.Tx) error {
				_, err := sql.Update(ctx, tx, "project", "p", 0, noun{"forged"}, nil)
				if err != nil {
					return err
				}
				return about(ctx, tx, "project", "p")
			})
			get(false)
		})
	}
}

// What is taken away from an edited noun stays refused: that makes no edit good.
func TestDistrustedNounsStayRefused(t *testing.T) {
	for _, kind := range sqltest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			url := sqltest.URL(t, kind)
			db := sqltest.OpenURL(t, url)
			sqltest.Run(t, db)
			ctx := context.Background()
			write(t, db, func(ctx context.Context, tx *sql.Tx) error { return insert(ctx, tx, "factory", "f", noun{"one"}, nil) })
			_, err := sqltest.Raw(t, url).Exec(`UPDATE factory SET doc = '{"Name":"mine"}'`)
			if err != nil {
				t.Fatal(err)
			}
			write(t, db, func(ctx context.Context, tx *sql.Tx) error {
				doc, revision, altered, err := sql.GetToEnd[noun](ctx, tx, "factory", "f")
				if err != nil || !altered || doc.Name != "mine" {
					t.Errorf("%+v, altered %t, %v", doc, altered, err)
				}
				tx.Distrust("factory", "f")
				_, err = sql.Update(ctx, tx, "factory", "f", revision, noun{"ended"}, nil)
				if err != nil {
					return err
				}
				return about(ctx, tx, "factory", "f")
			})
			_, _, err = sql.Get[noun](ctx, db, "factory", "f")
			if !errors.Is(err, sql.ErrAltered) {
				t.Errorf("after it was ended: %v", err)
			}
		})
	}
}
