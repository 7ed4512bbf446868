package db_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

var errMine = errors.New("mine")

func TestManyWriters(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx := context.Background()
		var good, bad atomic.Int64
		var mu sync.Mutex
		at := map[int64]string{} // position to id, as writers were told
		var wg sync.WaitGroup
		for w := range 64 {
			wg.Go(func() {
				for i := range 50 {
					id := fmt.Sprintf("f-%d-%d", w, i)
					var p *db.Position
					err := database.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
						if err := db.Insert(ctx, tx, "factory", id, map[string]string{"id": id}, nil); err != nil {
							return err
						}
						var err error
						if p, err = tx.Append(ctx, schemas.Change{Kind: "party.put", Subject: "factory/" + id, Values: map[string]string{"factory": id}}); err != nil {
							return err
						}
						switch i % 10 {
						case 3:
							return errMine
						case 7:
							panic("boom")
						}
						return nil
					})
					switch i % 10 {
					case 3:
						bad.Add(1)
						if !errors.Is(err, errMine) {
							t.Errorf("%s: %v, want mine", id, err)
						}
					case 7:
						bad.Add(1)
						if err == nil || schemas.KindOf(err) != schemas.Internal {
							t.Errorf("%s: %v, want internal", id, err)
						}
					default:
						good.Add(1)
						if err != nil {
							t.Errorf("%s: %v", id, err)
							continue
						}
						mu.Lock()
						at[p.Value()] = "factory/" + id
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		changes, err := database.Changes(ctx, 0, 10000)
		if err != nil || int64(len(changes)) != good.Load() {
			t.Fatalf("%d changes, %v; want %d", len(changes), err, good.Load())
		}
		for i, c := range changes {
			if c.Position != int64(i) || at[c.Position] != c.Subject {
				t.Fatalf("change %d has position %d and subject %s, its writer was told %s", i, c.Position, c.Subject, at[int64(i)])
			}
		}
		rows, next, err := db.List[map[string]string](ctx, database, "factory", "", nil, "", 10000)
		if err != nil || next != "" || int64(len(rows)) != good.Load() {
			t.Fatalf("%d rows, next %q, %v; want %d", len(rows), next, err, good.Load())
		}
	})
}

// A database file may lie in any folder that a person makes.
func TestFoldersOfAnyName(t *testing.T) {
	for _, name := range []string{"plain", "two words", "50% of it", "c#", "données", "a?b&c=d", "%20"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(path, "guichet.db")
		database, err := db.Open(t.Context(), "sqlite:"+path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if err := database.Close(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		st, err := os.Stat(path)
		if err != nil || st.Size() == 0 {
			t.Errorf("%q: the database lies elsewhere: %v", name, err)
		}
	}
}
