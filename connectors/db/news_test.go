package db_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// follow gives the changes that a follower of database is told of, until there are n.
func follow(ctx context.Context, database *db.DB, n int64) ([]db.News, error) {
	var out []db.News
	for int64(len(out)) < n {
		head, err := database.Wait(ctx, int64(len(out)))
		for err == nil && int64(len(out)) < head {
			var some []db.News
			some, err = database.News(ctx, int64(len(out)), 7)
			if err == nil && len(some) == 0 {
				err = fmt.Errorf("%d changes, and none after %d", head, len(out))
			}
			out = append(out, some...)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// appendFor appends one change, and then says what the function says.
func appendFor(database *db.DB, subject string, then func() error) error {
	return database.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Append(ctx, schemas.Change{Kind: "k", Subject: subject})
		if err != nil {
			return err
		}
		return then()
	})
}

// Followers are told of every change in order, whoever appended it, and of nothing that
// was rolled back: two replicas write side by side, some of their functions fail or panic,
// and a follower of each sees what stands in the database.
func TestFollowersAreToldAll(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, kind)
			var dbs []*db.DB
			for range 2 {
				database := dbtest.OpenURL(t, url)
				dbtest.Run(t, database)
				dbs = append(dbs, database)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			const writers, each = 16, 30
			told := make([][]db.News, len(dbs))
			var followers, all sync.WaitGroup
			for i := range dbs {
				followers.Go(func() {
					var err error
					told[i], err = follow(ctx, dbs[i], writers*each/3)
					if err != nil {
						t.Error(err)
					}
				})
			}
			for w := range writers {
				all.Go(func() {
					for i := range each {
						err := appendFor(dbs[w%2], fmt.Sprintf("%d-%d", w, i), func() error {
							switch i % 3 {
							case 1:
								return errMine
							case 2:
								panic("boom")
							}
							return nil
						})
						if (err == nil) != (i%3 == 0) {
							t.Errorf("%d-%d: %v", w, i, err)
						}
					}
				})
			}
			all.Wait()
			followers.Wait()
			for i := range dbs {
				sameAsStored(t, dbs[i], told[i])
			}
		})
	}
}

// sameAsStored holds what a follower was told against what is stored.
func sameAsStored(t *testing.T, database *db.DB, told []db.News) {
	t.Helper()
	stored, err := database.Changes(context.Background(), 0, len(told)+1)
	if err != nil || len(stored) != len(told) {
		t.Fatalf("%d changes are stored, %v; the follower was told of %d", len(stored), err, len(told))
	}
	for i, c := range stored {
		if want := (db.News{Position: c.Position, Kind: c.Kind, Subject: c.Subject}); told[i] != want {
			t.Fatalf("change %d: told %+v, stored %+v", i, told[i], want)
		}
	}
}

// A follower is told of each change once and in order while PostgreSQL cuts all connections
// again and again, commits of which nobody knows whether they were made included.
func TestFollowersOfADatabaseThatGoesAway(t *testing.T) {
	url := dbtest.URL(t, dbtest.Postgres)
	database := dbtest.OpenURL(t, url)
	dbtest.Run(t, database)
	raw := dbtest.Raw(t, url)
	raw.SetMaxOpenConns(1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var told atomic.Int64
	enough := make(chan struct{})
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
				}
				err := appendFor(database, "s", func() error { return nil })
				if err == nil {
					told.Add(1)
				} else if schemas.KindOf(err) != schemas.Unavailable {
					t.Error(err)
				}
			}
		})
	}
	for range 5 {
		if _, err := database.Wait(ctx, told.Load()+20); err != nil {
			t.Fatal(err)
		}
		_, err := raw.Exec(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'change_head'::regclass AND pid <> pg_backend_pid()`)
		if err != nil {
			t.Fatal(err)
		}
	}
	close(enough)
	writers.Wait()
	head, err := database.Head(ctx)
	for err != nil && ctx.Err() == nil { // a reader's connection was cut
		head, err = database.Head(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := follow(ctx, database, head)
	if err != nil {
		t.Fatal(err)
	}
	sameAsStored(t, database, list)
}

// What is kept in memory is bounded: a follower that comes late reads what is not.
func TestAFollowerThatComesLate(t *testing.T) {
	database := dbtest.Open(t, dbtest.SQLite)
	const groups, each = 30, 500
	for g := range groups {
		write(t, database, func(ctx context.Context, tx *db.Tx) error {
			for i := range each {
				_, err := tx.Append(ctx, schemas.Change{Kind: "k", Subject: fmt.Sprint(g*each + i)})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	late, err := follow(t.Context(), database, groups*each)
	if err != nil {
		t.Fatal(err)
	}
	sameAsStored(t, database, late)
	if more, err := database.News(t.Context(), groups*each, 10); err != nil || len(more) != 0 {
		t.Errorf("beyond the end: %v, %v", more, err)
	}
}

// Rows are stored whole and in their columns, however many are inserted at once.
func TestInsertMany(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		stored := 0
		for _, n := range []int{0, 1, 3, 4, 21, 64, 85, 341, 600} {
			write(t, database, func(ctx context.Context, tx *db.Tx) error {
				rows := make([][]any, n)
				for i := range rows {
					rows[i] = []any{int64(stored + i), []byte(fmt.Sprint("hash ", stored+i))}
				}
				return tx.InsertMany(ctx, "tree_hash", []string{"place", "hash"}, rows)
			})
			stored += n
			var have, right int
			err := database.QueryRow(t.Context(), "SELECT count(*), count(CASE WHEN place < ? THEN 1 END) FROM tree_hash", stored).Scan(&have, &right)
			if err != nil || have != stored || right != stored {
				t.Fatalf("after %d more: %d and %d rows, %v; want %d", n, have, right, err, stored)
			}
		}
		for _, place := range []int{0, 5, 400, stored - 1} {
			var hash []byte
			err := database.QueryRow(t.Context(), "SELECT hash FROM tree_hash WHERE place = ?", place).Scan(&hash)
			if err != nil || string(hash) != fmt.Sprint("hash ", place) {
				t.Errorf("place %d: %q, %v", place, hash, err)
			}
		}
	})
}
