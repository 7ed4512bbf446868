package kept_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/db/kept"
	"guichet/schemas"
)

var errMine = errors.New("mine")

func write(t *testing.T, database *db.DB, fn func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	if err := database.Write(context.Background(), fn); err != nil {
		t.Error(err)
	}
}

func about(ctx context.Context, tx *db.Tx, table, id string) error {
	_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: table + "/" + id})
	return err
}

// insert stores a noun with its change.
func insert[T any](ctx context.Context, tx *db.Tx, table, id string, doc T) error {
	return errors.Join(db.Insert(ctx, tx, table, id, doc, nil), about(ctx, tx, table, id))
}

// What is kept is never older than a change that was acknowledged before the question,
// whichever replica made it, also while it is read, and while other changes are many.
func TestKeptNounsAreTheNewest(t *testing.T) {
	for _, c := range []struct{ kind, table string }{{dbtest.SQLite, "store"}, {dbtest.SQLite, "participant"}, {dbtest.Postgres, "store"}} {
		t.Run(c.kind+" "+c.table, func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, c.kind)
			replicas := 1
			if c.kind == dbtest.Postgres { // on SQLite there is one process
				replicas = 2
			}
			var dbs []*db.DB
			var memories []*kept.Nouns[int]
			for range replicas {
				database := dbtest.OpenURL(t, url)
				dbtest.Run(t, database)
				dbs, memories = append(dbs, database), append(memories, kept.Of[int](database, c.table))
			}
			write(t, dbs[0], func(ctx context.Context, tx *db.Tx) error { return insert(ctx, tx, c.table, "a", 0) })
			var acknowledged atomic.Int64
			done := make(chan struct{})
			var readers, others, writers sync.WaitGroup
			for r := range 4 {
				readers.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
						}
						least := acknowledged.Load()
						got, revision, err := memories[r%replicas].Get(t.Context(), "a")
						if err != nil || int64(got) < least || revision != int64(got)+1 {
							t.Errorf("%d at revision %d, %v; %d was acknowledged before", got, revision, err, least)
							return
						}
					}
				})
			}
			for range 2 { // changes about nothing here
				others.Go(func() {
					for acknowledged.Load() < 60 {
						_ = dbs[0].Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
							_, err := tx.Append(ctx, schemas.Change{Kind: "k", Subject: "s"})
							return err
						})
					}
				})
			}
			writers.Go(func() {
				for i := range 60 {
					write(t, dbs[i%replicas], func(ctx context.Context, tx *db.Tx) error {
						_, err := db.Update(ctx, tx, c.table, "a", 0, i+1, nil)
						if err != nil {
							return err
						}
						subject := c.table + "/a"
						if c.table == "participant" && i%2 == 0 { // as a stop is recorded
							subject = "a"
						}
						_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: subject})
						return err
					})
					acknowledged.Store(int64(i + 1))
				}
			})
			writers.Wait()
			close(done)
			readers.Wait()
			others.Wait()
		})
	}
}

// Nothing is kept of what is not there or was edited, an edit of what is kept does not come
// in and is noticed, and what was rolled back is nowhere.
func TestKeptNounsRule(t *testing.T) {
	url := dbtest.URL(t, dbtest.SQLite)
	database := dbtest.OpenURL(t, url)
	dbtest.Run(t, database)
	memory, ctx := kept.Of[string](database, "store"), t.Context()
	want := func(what, doc string, kind schemas.Kind) {
		t.Helper()
		got, _, err := memory.Get(ctx, "a")
		if got != doc || err != nil && schemas.KindOf(err) != kind || err == nil && kind != 0 {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	want("none", "", schemas.NotFound)
	write(t, database, func(ctx context.Context, tx *db.Tx) error { return insert(ctx, tx, "store", "a", "one") })
	want("there", "one", 0)
	err := database.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := db.Update(ctx, tx, "store", "a", 0, "two", nil)
		return errors.Join(err, about(ctx, tx, "store", "a"), errMine)
	})
	if !errors.Is(err, errMine) {
		t.Fatal(err)
	}
	want("rolled back", "one", 0)
	if _, err := dbtest.Raw(t, url).Exec(`UPDATE store SET doc = '"mine"' WHERE id = 'a'`); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(10 * time.Second); ; <-tick.C {
		got, _, err := memory.Get(ctx, "a")
		if errors.Is(err, db.ErrAltered) {
			break
		}
		if err != nil || got != "one" || time.Now().After(late) {
			t.Fatalf("edited: %q, %v", got, err)
		}
	}
	if _, err := dbtest.Raw(t, url).Exec(`UPDATE store SET doc = '"one"' WHERE id = 'a'`); err != nil {
		t.Fatal(err)
	}
	want("put back", "one", 0)
}

// However many nouns are asked for and however long none is, the memory is bounded and right.
func TestKeptNounsAreBounded(t *testing.T) {
	database := dbtest.Open(t, dbtest.SQLite)
	memory := kept.Of[int](database, "factory")
	const nouns = 4500
	for from := 0; from < nouns; from += 500 {
		write(t, database, func(ctx context.Context, tx *db.Tx) error {
			for i := from; i < from+500; i++ {
				if err := insert(ctx, tx, "factory", fmt.Sprint(i), i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range nouns {
		got, _, err := memory.Get(t.Context(), fmt.Sprint(i))
		if err != nil || got != i {
			t.Fatalf("noun %d is %d, %v", i, got, err)
		}
	}
}
