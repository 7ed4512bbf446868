package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// A noun that rules is what its newest change committed to, or nothing: whoever edits
// the database behind the gateway gives nobody a right.
func TestEditedNounsRuleNothing(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			url := dbtest.URL(t, kind)
			database := dbtest.OpenURL(t, url)
			dbtest.Run(t, database)
			raw := dbtest.Raw(t, url)
			ctx := context.Background()
			write(t, database, func(ctx context.Context, tx *db.Tx) error {
				return insert(ctx, tx, "factory", "f", noun{"one"}, nil)
			})
			older, _, err := db.GetStored[noun](ctx, database, "factory", "f")
			if err != nil {
				t.Fatal(err)
			}
			update := func(name string) {
				write(t, database, func(ctx context.Context, tx *db.Tx) error {
					_, err := db.Update(ctx, tx, "factory", "f", 0, noun{name}, nil)
					if err != nil {
						return err
					}
					return about(ctx, tx, "factory", "f")
				})
			}
			update("two")
			wantAltered := func(what string, want bool) {
				t.Helper()
				_, _, err := db.Get[noun](ctx, database, "factory", "f")
				if errors.Is(err, db.ErrAltered) != want || want && schemas.KindOf(err) != schemas.Unavailable {
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
			_, _, err = db.Get[noun](ctx, database, "factory", "x")
			if !errors.Is(err, db.ErrAltered) {
				t.Errorf("a noun that no change is about: %v", err)
			}
			if stored, _, err := db.GetStored[noun](ctx, database, "factory", "x"); err != nil || stored.Name != "x" {
				t.Errorf("for taking rights away: %+v, %v", stored, err)
			}
		})
	}
}

// Whoever stores a noun that rules and says so nowhere stores nothing.
func TestRulingNounsNeedAChange(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx := context.Background()
		for name, fn := range map[string]func(ctx context.Context, tx *db.Tx) error{
			"no change": func(ctx context.Context, tx *db.Tx) error { return db.Insert(ctx, tx, "factory", "f", noun{}, nil) },
			"a change about another": func(ctx context.Context, tx *db.Tx) error {
				return errors.Join(db.Insert(ctx, tx, "factory", "f", noun{}, nil), about(ctx, tx, "factory", "g"))
			},
			"stored after its change": func(ctx context.Context, tx *db.Tx) error {
				err := insert(ctx, tx, "factory", "f", noun{}, nil)
				if err != nil {
					return err
				}
				_, err = db.Update(ctx, tx, "factory", "f", 0, noun{"late"}, nil)
				return err
			},
		} {
			err := database.Write(ctx, fn)
			if schemas.KindOf(err) != schemas.Internal {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, _, err := db.Get[noun](ctx, database, "factory", "f")
		wantKind(t, "nothing is stored", err, schemas.NotFound)
	})
}

// Readers between writers never see a noun without its change, nor do functions of one
// group, whose changes have no positions yet.
func TestSealsAreSeenWithTheirNouns(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx, stop := context.WithCancel(context.Background())
		long := "https://" + strings.Repeat("l", 490) + ".example" // longer than a change's subject is with its table
		write(t, database, func(ctx context.Context, tx *db.Tx) error {
			return insert(ctx, tx, "participant", long, noun{"0"}, nil)
		})
		var readers, writers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				for ctx.Err() == nil {
					_, _, err := db.Get[noun](context.Background(), database, "participant", long)
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
					err := database.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
						_, revision, err := db.Get[noun](ctx, tx, "participant", long)
						if err != nil {
							return err
						}
						_, err = db.Update(ctx, tx, "participant", long, revision, noun{fmt.Sprint(w, i)}, nil)
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
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			url := dbtest.URL(t, kind)
			ours, theirs := dbtest.OpenURL(t, url), dbtest.OpenURL(t, url)
			ours.SealWith([]byte("ours"))
			theirs.SealWith([]byte("theirs"))
			dbtest.Run(t, ours)
			dbtest.Run(t, theirs)
			ctx := context.Background()
			write(t, ours, func(ctx context.Context, tx *db.Tx) error {
				return insert(ctx, tx, "project", "p", noun{"one"}, db.Columns{"lead": "a"})
			})
			get := func(want bool) {
				t.Helper()
				_, _, err := db.Get[noun](ctx, ours, "project", "p")
				if errors.Is(err, db.ErrAltered) == want {
					t.Errorf("as recorded is %t, and %v", want, err)
				}
			}
			get(true)
			_, err := dbtest.Raw(t, url).Exec("UPDATE project SET lead = 'b'")
			if err != nil {
				t.Fatal(err)
			}
			get(false)
			_, err = dbtest.Raw(t, url).Exec("UPDATE project SET lead = 'a'")
			if err != nil {
				t.Fatal(err)
			}
			get(true)
			write(t, theirs, func(ctx context.Context, tx *db.Tx) error {
				_, err := db.Update(ctx, tx, "project", "p", 0, noun{"forged"}, nil)
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
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			url := dbtest.URL(t, kind)
			database := dbtest.OpenURL(t, url)
			dbtest.Run(t, database)
			ctx := context.Background()
			write(t, database, func(ctx context.Context, tx *db.Tx) error { return insert(ctx, tx, "factory", "f", noun{"one"}, nil) })
			_, err := dbtest.Raw(t, url).Exec(`UPDATE factory SET doc = '{"Name":"mine"}'`)
			if err != nil {
				t.Fatal(err)
			}
			write(t, database, func(ctx context.Context, tx *db.Tx) error {
				doc, revision, altered, err := db.GetToEnd[noun](ctx, tx, "factory", "f")
				if err != nil || !altered || doc.Name != "mine" {
					t.Errorf("%+v, altered %t, %v", doc, altered, err)
				}
				tx.Distrust("factory", "f")
				_, err = db.Update(ctx, tx, "factory", "f", revision, noun{"ended"}, nil)
				if err != nil {
					return err
				}
				return about(ctx, tx, "factory", "f")
			})
			_, _, err = db.Get[noun](ctx, database, "factory", "f")
			if !errors.Is(err, db.ErrAltered) {
				t.Errorf("after it was ended: %v", err)
			}
		})
	}
}

// Nouns that are read together are each what Get gives for it: one that was edited, is gone or has
// a name that no database takes keeps the others from nothing.
func TestTogetherIsGetOfEach(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			url := dbtest.URL(t, kind)
			database := dbtest.OpenURL(t, url)
			dbtest.Run(t, database)
			ids := []string{"a", "edited", "b", "none", "n\x00ne", "n\xffne"}
			write(t, database, func(ctx context.Context, tx *db.Tx) error {
				var errs []error
				for _, id := range []string{"a", "edited", "b"} {
					errs = append(errs, insert(ctx, tx, "factory", id, noun{"factory " + id}, nil))
				}
				return errors.Join(append(errs, insert(ctx, tx, "participant", "a", noun{"participant a"}, nil))...)
			})
			_, err := dbtest.Raw(t, url).Exec(`UPDATE factory SET doc = '{"Name":"mine"}' WHERE id = 'edited'`)
			if err != nil {
				t.Fatal(err)
			}
			docs := make([]noun, len(ids)+1)
			wanted := []*db.Wanted{{Table: "participant", ID: "a", Doc: &docs[len(ids)]}}
			for i, id := range ids {
				wanted = append(wanted, &db.Wanted{Table: "factory", ID: id, Doc: &docs[i]})
			}
			db.Together(context.Background(), database, wanted...)
			for i, w := range wanted {
				doc, revision, err := db.Get[noun](context.Background(), database, w.Table, w.ID)
				got := docs[(i+len(ids))%len(docs)]
				if got != doc || w.Revision != revision || fmt.Sprint(w.Err) != fmt.Sprint(err) || schemas.KindOf(w.Err) != schemas.KindOf(err) {
					t.Errorf("%s %q: %+v at %d, %v; Get gives %+v at %d, %v", w.Table, w.ID, got, w.Revision, w.Err, doc, revision, err)
				}
			}
			if docs[0].Name != "factory a" || docs[2].Name != "factory b" || docs[len(ids)].Name != "participant a" ||
				!errors.Is(wanted[2].Err, db.ErrAltered) || docs[1].Name != "" || schemas.KindOf(wanted[5].Err) != schemas.NotFound {
				t.Errorf("%+v, %v, %v", docs, wanted[2].Err, wanted[5].Err)
			}
		})
	}
}
