package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// A slow batch is told and waited for; only what never ends is given up.
func TestSlowIsNotDamaged(t *testing.T) {
	told := make(chan struct{})
	err := patient(t.Context(), time.Nanosecond, time.Hour, func() { close(told) }, func() error {
		<-told // so it takes longer than slow
		return nil
	})
	if err != nil {
		t.Errorf("a slow batch is %v", err)
	}
	never := make(chan struct{})
	defer close(never)
	hang := func() error { <-never; return nil }
	if err := patient(t.Context(), time.Hour, time.Nanosecond, func() {}, hang); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("one that never ends is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := patient(ctx, time.Nanosecond, time.Hour, func() {}, hang); !errors.Is(err, context.Canceled) {
		t.Errorf("at the gateway's end it is %v", err)
	}
}

// Batches of changes become small where they take long, and large again.
func TestBatchesAreQuick(t *testing.T) {
	for _, c := range []struct {
		changes int
		took    time.Duration
		want    int
	}{{1000, 250 * time.Millisecond, 1000}, {1000, time.Second, 250}, {250, 250 * time.Millisecond, 250}, {250, 125 * time.Millisecond, 500}, {1000, time.Minute, leastBatch}, {7, 0, 1000}, {1, time.Second, leastBatch}} {
		if got := quick(c.changes, c.took); got != c.want {
			t.Errorf("%d in %s: then %d, want %d", c.changes, c.took, got, c.want)
		}
	}
}

// Large descriptions go in several batches, and an index that ends between two of them is
// at the position before.
func TestBatchesAreBounded(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"first": "Small"})
	x.position.Store(1)
	x.most = 1000
	var docs []schemas.Dataset
	for _, id := range []schemas.DatasetID{"a", "b", "c", "d"} {
		docs = append(docs, schemas.Dataset{ID: id, Title: schemas.Text{"en": "Large"}, Description: schemas.Text{"de": strings.Repeat("x ", 300)}})
	}
	if n := chunk(docs, x.most); n != 2 {
		t.Errorf("%d of them are one batch", n)
	}
	if err := x.apply(t.Context(), docs, 7); err != nil {
		t.Fatal(err)
	}
	if got := found(t, x, "large"); len(got) != 4 || positionOf(x.public.b) != 7 || positionOf(x.closed.b) != 7 {
		t.Errorf("%v, at %d and %d", got, positionOf(x.public.b), positionOf(x.closed.b))
	}
}

// A rebuild on a machine where every batch takes longer than a batch should ends all the
// same: it is told of, never begun anew, and everything is found.
func TestASlowRebuildEnds(t *testing.T) {
	database := dbtest.Open(t, dbtest.SQLite)
	const many = 3*batchSize + 7
	err := database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for i := range many {
			d := schemas.Dataset{ID: schemas.DatasetID(fmt.Sprintf("ds-%05d", i)), Space: "energy", Title: schemas.Text{"en": "Slow"}}
			err := db.Insert(ctx, tx, "dataset", string(d.ID), d, db.Columns{"provider": "https://p.example", "iri": string(d.ID), "origin": "", "withdrawn": 0})
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeDatasetPut, Subject: string(d.ID)})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	x, err := Open(filepath.Join(t.TempDir(), "index"), &spaces.Set{}, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	batches := 0
	x.slow = time.Nanosecond
	x.written = func(docs []schemas.Dataset, groups Groups, position int64) error {
		batches++
		time.Sleep(20 * time.Millisecond) // the disk
		return x.write(docs, groups, position)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var follows sync.WaitGroup
	follows.Go(func() { _ = x.Follow(ctx, database) })
	for !x.Ready() && ctx.Err() == nil {
		runtime.Gosched()
	}
	r, err := x.Search(t.Context(), Query{Words: "slow"}, schemas.Sight{Everyone: true})
	cancel()
	follows.Wait()
	if err != nil || r.Total != many {
		t.Errorf("%d of %d are found: %v", r.Total, many, err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	if batches > 6 || strings.Contains(said.String(), "damaged") || strings.Count(said.String(), "slow to write") < 4 {
		t.Errorf("%d batches:\n%s", batches, said.String())
	}
}
