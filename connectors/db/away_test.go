package db_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// PostgreSQL cuts all our connections again and again: callers hear
// Unavailable, later ones are served, and what was acknowledged is there.
func TestDatabaseGoesAway(t *testing.T) {
	url := dbtest.URL(t, dbtest.Postgres)
	database := dbtest.OpenURL(t, url)
	dbtest.Run(t, database)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var told, refused atomic.Int64
	var wg sync.WaitGroup
	enough := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
				}
				err := database.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					_, err := tx.Append(ctx, schemas.Change{Kind: "k"})
					return err
				})
				switch {
				case err == nil:
					told.Add(1)
				case schemas.KindOf(err) == schemas.Unavailable:
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	raw := dbtest.Raw(t, url)
	raw.SetMaxOpenConns(1)
	for cuts := int64(1); cuts <= 10; cuts++ {
		if _, err := database.Wait(ctx, told.Load()+20); err != nil {
			t.Fatal(err)
		}
		// other tests share the server: ours alone are cut, known by their schema
		if _, err := raw.Exec(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'change_head'::regclass AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := database.Wait(ctx, told.Load()+20); err != nil {
		t.Fatal(err)
	}
	close(enough)
	wg.Wait()
	n, err := database.Head(ctx)
	if err != nil || n < told.Load() || n > told.Load()+refused.Load() {
		t.Errorf("head %d, %v; %d acknowledged, %d refused", n, err, told.Load(), refused.Load())
	}
	all, err := database.Changes(ctx, 0, int(n)+1)
	if err != nil || int64(len(all)) != n {
		t.Errorf("%d changes, %v; head %d", len(all), err, n)
	}
	t.Logf("%d acknowledged, %d refused", told.Load(), refused.Load())
}
