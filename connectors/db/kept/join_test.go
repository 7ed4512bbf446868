package kept

import (
	"context"
	"errors"
	"sync"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// stored is a database with the store a, and a memory of its stores.
func stored(t *testing.T) (*db.DB, *Nouns[*string]) {
	t.Helper()
	database := dbtest.Open(t, dbtest.SQLite)
	put(t, database, func(ctx context.Context, tx *db.Tx) error { return db.Insert(ctx, tx, "store", "a", "one", nil) })
	return database, upToDate(t, database)
}

// upToDate is a memory that has heeded all changes so far, and has nothing.
func upToDate(t *testing.T, database *db.DB) *Nouns[*string] {
	t.Helper()
	memory := Of[*string](database, "store")
	if _, _, err := memory.Get(t.Context(), "none"); schemas.KindOf(err) != schemas.NotFound {
		t.Fatal(err)
	}
	return memory
}

// put writes with a change about the store a.
func put(t *testing.T, database *db.DB, fn func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	err := database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		err := fn(ctx, tx)
		if err == nil {
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: "store/a"})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// asks has many ask for the store a at once, and says how many answers of reads came.
func asks(t *testing.T, memory *Nouns[*string], meanwhile func()) map[*string]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	got := map[*string]int{}
	for range 50 {
		all.Go(func() {
			doc, revision, err := memory.Get(t.Context(), "a")
			if err != nil || *doc != "one" || revision != 1 {
				t.Errorf("%d, %v", revision, err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[doc]++
		})
	}
	meanwhile()
	all.Wait()
	return got
}

// Who asks for a noun that is being read waits for it, and does not read it too; where that
// question is given up, one of those who wait reads it for the others.
func TestManyAskAndOneReads(t *testing.T) {
	database, memory := stored(t)
	subjects := db.Subjects("store", "a")
	n, mine := memory.find("a", subjects)
	if !mine {
		t.Fatal("it is in memory already")
	}
	if got := asks(t, memory, func() { memory.read(t.Context(), n, subjects) }); len(got) != 1 || got[n.doc] != 50 {
		t.Errorf("%d reads", len(got))
	}
	memory = upToDate(t, database)
	n, _ = memory.find("a", subjects)
	gone, end := context.WithCancel(t.Context())
	end()
	if got := asks(t, memory, func() { memory.read(gone, n, subjects) }); len(got) != 1 || n.err == nil {
		t.Errorf("%d reads after one that was given up: %v", len(got), n.err)
	}
	n, mine = memory.find("b", db.Subjects("store", "b"))
	memory.read(t.Context(), n, db.Subjects("store", "b"))
	if _, _, err := memory.Get(t.Context(), "b"); !mine || schemas.KindOf(err) != schemas.NotFound || schemas.KindOf(n.err) != schemas.NotFound {
		t.Errorf("what is not there: %v, %v", n.err, err)
	}
	late, _ := memory.find("b", db.Subjects("store", "b"))
	if _, _, err := memory.Get(gone, "b"); !errors.Is(err, context.Canceled) {
		t.Errorf("who goes away waits for the read: %v", err)
	}
	memory.read(t.Context(), late, db.Subjects("store", "b"))
}

// Who asks after a change does not wait for a read that began before it, and that one's word
// is not kept.
func TestNobodyJoinsAnOlderRead(t *testing.T) {
	database, memory := stored(t)
	subjects := db.Subjects("store", "a")
	older, _ := memory.find("a", subjects)
	put(t, database, func(ctx context.Context, tx *db.Tx) error {
		_, err := db.Update(ctx, tx, "store", "a", 0, "two", nil)
		return err
	})
	for range 2 {
		if doc, revision, err := memory.Get(t.Context(), "a"); err != nil || *doc != "two" || revision != 2 {
			t.Errorf("%v at revision %d, %v", doc, revision, err)
		}
		one := "one"
		older.doc, older.revision, older.err = &one, 1, nil // as it was read
		select {
		case <-older.ready:
		default:
			close(older.ready)
		}
	}
}
