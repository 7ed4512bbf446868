package db_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

func TestWriteInsideWrite(t *testing.T) {
	database := dbtest.Open(t, dbtest.SQLite)
	err := database.Write(context.Background(), func(ctx context.Context, _ *db.Tx) error {
		return database.Write(ctx, func(context.Context, *db.Tx) error { return nil })
	})
	wantKind(t, "nested", err, schemas.Internal)
}

func TestCancelledWhileQueued(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx, cancel := context.WithCancel(context.Background())
		running, release := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			write(t, database, func(fctx context.Context, tx *db.Tx) error {
				close(running)
				<-release
				_, err := tx.Exec(fctx, "SELECT 1")
				return err
			})
		})
		<-running
		done := make(chan error, 1)
		go func() {
			done <- database.Write(ctx, func(context.Context, *db.Tx) error { t.Error("ran"); return nil })
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want cancelled", err)
		}
		close(release)
		wg.Wait()
	})
}

// A caller who goes away while his function runs cuts nobody's transaction.
func TestCancelledWhileRunning(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx, cancel := context.WithCancel(context.Background())
		err := database.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			cancel()
			return insert(ctx, tx, "factory", "f", noun{"f"}, nil)
		})
		if err != nil {
			t.Error(err)
		}
		if _, _, err := db.Get[noun](context.Background(), database, "factory", "f"); err != nil {
			t.Error(err)
		}
	})
}

// A function that hides a statement's error from us loses only its own work.
// A statement of a function whose time is over is not begun, though none is broken off on SQLite.
func TestStatementsAfterTheirTime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx, cancel := context.WithCancelCause(context.Background())
		over := errors.New("its time is over")
		err := database.Write(context.Background(), func(fctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(fctx, "UPDATE write_probe SET at = 7")
			if err != nil {
				return err
			}
			cancel(over)
			var n int
			for _, err := range []error{tx.QueryRow(ctx, "SELECT 1").Scan(&n), second(tx.Exec(ctx, "UPDATE write_probe SET at = 8"))} {
				if !errors.Is(err, over) && !errors.Is(err, context.Canceled) {
					t.Errorf("a statement goes on: %v", err)
				}
			}
			return over
		})
		if !errors.Is(err, over) {
			t.Errorf("got %v", err)
		}
		var at int
		err = database.QueryRow(t.Context(), "SELECT at FROM write_probe").Scan(&at)
		if err != nil || at != 0 {
			t.Errorf("%d was stored: %v", at, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestHiddenError(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				err := database.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
					if err := insert(ctx, tx, "factory", fmt.Sprint(i), noun{}, nil); err != nil {
						return err
					}
					if i == 10 {
						tx.Exec(ctx, "SELECT nonsense FROM nowhere")
					}
					return nil
				})
				if err != nil && i != 10 {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		wg.Wait()
		rows, _, err := db.List[noun](context.Background(), database, "factory", "", nil, "", 100)
		if err != nil || len(rows) < 19 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	})
}

func TestStop(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, _ *db.DB) {
		database := dbtest.OpenURL(t, dbtest.URL(t, dbtest.SQLite))
		stop := dbtest.Run(t, database)
		var wg sync.WaitGroup
		var stored atomic.Int64
		for range 200 {
			wg.Go(func() {
				err := database.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
					_, err := tx.Append(ctx, schemas.Change{Kind: "k"})
					return err
				})
				if err == nil {
					stored.Add(1)
				} else if schemas.KindOf(err) != schemas.Unavailable {
					t.Error(err)
				}
			})
		}
		stop()
		wg.Wait()
		wantKind(t, "after the end", database.Write(context.Background(), func(context.Context, *db.Tx) error { return nil }), schemas.Unavailable)
		if n, err := database.Head(context.Background()); err != nil || n != stored.Load() {
			t.Errorf("head %d, %v; %d were told that it is stored", n, err, stored.Load())
		}
	})
}

func TestWait(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		got := make(chan int64, 1)
		go func() {
			n, err := database.Wait(context.Background(), 1)
			if err != nil {
				t.Error(err)
			}
			got <- n
		}()
		for range 2 {
			write(t, database, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Append(ctx, schemas.Change{Kind: "k"})
				return err
			})
		}
		if n := <-got; n != 2 {
			t.Errorf("head %d, want 2", n)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := database.Wait(ctx, 2); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// Two replicas write to one database: one sequence, and each sees the other's
// commits.
func TestTwoReplicas(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			url := dbtest.URL(t, kind)
			var dbs []*db.DB
			for range 2 {
				db := dbtest.OpenURL(t, url)
				dbtest.Run(t, db)
				dbs = append(dbs, db)
			}
			write(t, dbs[0], func(ctx context.Context, tx *db.Tx) error {
				for _, id := range []string{"a", "b"} {
					if err := insert(ctx, tx, "factory", id, 0, nil); err != nil {
						return err
					}
				}
				return nil
			})
			var wg sync.WaitGroup
			for w := range 16 {
				wg.Go(func() {
					for range 20 {
						write(t, dbs[w%2], func(ctx context.Context, tx *db.Tx) error {
							ids := []string{"a", "b"}
							if w%2 == 1 { // the other way round would deadlock
								ids = []string{"b", "a"}
							}
							for _, id := range ids { // read, judge, write without a lock
								n, _, err := db.Get[int](ctx, tx, "factory", id)
								if err != nil {
									return err
								}
								if _, err := db.Update(ctx, tx, "factory", id, 0, n+1, nil); err != nil {
									return err
								}
								if err := about(ctx, tx, "factory", id); err != nil {
									return err
								}
							}
							return nil
						})
					}
				})
			}
			wg.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			for _, id := range []string{"a", "b"} {
				if n, _, err := db.Get[int](ctx, dbs[0], "factory", id); err != nil || n != 320 {
					t.Errorf("%s: %d, %v; want 320", id, n, err)
				}
			}
			for _, db := range dbs {
				if n, err := db.Wait(ctx, 641); err != nil || n != 642 {
					t.Errorf("head %d, %v", n, err)
				}
			}
		})
	}
}

// Bulk writers do not hold small ones back, and are not starved themselves.
func TestBulkYields(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx, cancel := context.WithCancel(context.Background())
		var bulk atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for ctx.Err() == nil {
					err := database.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
						for range 20 {
							if _, err := tx.Append(ctx, schemas.Change{Kind: "bulk"}); err != nil {
								return err
							}
						}
						return nil
					})
					if err == nil {
						bulk.Add(1)
					} else if ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
		var small sync.WaitGroup
		for range 8 {
			small.Go(func() {
				for range 50 {
					write(t, database, func(ctx context.Context, tx *db.Tx) error {
						_, err := tx.Append(ctx, schemas.Change{Kind: "small"})
						return err
					})
				}
			})
		}
		small.Wait()
		cancel()
		wg.Wait()
		if bulk.Load() == 0 {
			t.Error("bulk writers were starved")
		}
		if n, err := database.Head(context.Background()); err != nil || n != 400+20*bulk.Load() {
			t.Errorf("head %d, %v; want %d", n, err, 400+20*bulk.Load())
		}
	})
}

func TestOpenErrors(t *testing.T) {
	locked := dbtest.URL(t, dbtest.SQLite)
	holder := dbtest.Raw(t, locked)
	holder.SetMaxOpenConns(1)
	for _, q := range []string{"PRAGMA locking_mode = EXCLUSIVE", "CREATE TABLE x (y)"} {
		if _, err := holder.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, url, says string
		kind            schemas.Kind
	}{
		{"locked", locked, "locked by another process", schemas.Unavailable},
		{"no folder", "sqlite:" + filepath.Join(t.TempDir(), "no", "where.db"), "cannot be opened", schemas.Unavailable},
		{"no scheme", "guichet.db", "must begin with", schemas.Invalid},
		{"in memory", "sqlite::memory:", "path of a file", schemas.Invalid},
		{"no server", "postgres:///x?host=" + t.TempDir() + "&user=u&password=secret", "does not answer", schemas.Unavailable},
		{"bad address", "postgres://u:secret@[::1", "cannot be read", schemas.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			_, err := db.Open(ctx, c.url, nil)
			wantKind(t, c.url, err, c.kind)
			if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("%v; want %q and no secret", err, c.says)
			}
		})
	}
}

func TestMain(m *testing.M) {
	if childMain() {
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).watchCtx"))
}
