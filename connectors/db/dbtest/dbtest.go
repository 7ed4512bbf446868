// Package dbtest gives tests real databases: a fresh SQLite file, or a fresh
// schema in a throw-away PostgreSQL cluster that this test process starts on
// a unix socket and that ends with it, however it ends.
//
// Where PostgreSQL is not installed its tests are skipped with the reason,
// unless CI=true or SETUP=1, where that is fatal.
package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"guichet/connectors/db"
)

// The kinds of database.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Kinds lists both.
func Kinds() []string { return []string{SQLite, Postgres} }

// Each runs f on a fresh database of each kind, with Run running, both in
// parallel.
func Each(t *testing.T, f func(t *testing.T, db *db.DB)) {
	t.Helper()
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f(t, Open(t, kind))
		})
	}
}

// Open gives a fresh database with Run running; both end with the test.
func Open(t testing.TB, kind string) *db.DB {
	t.Helper()
	db := OpenURL(t, URL(t, kind))
	Run(t, db)
	return db
}

// OpenURL opens the database at url without running it, for OnGroup or for a
// second opening of the same one; it is closed with the test.
func OpenURL(t testing.TB, url string) *db.DB {
	t.Helper()
	db, err := db.Open(context.Background(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Run starts db.Run and gives the function that ends it, waits for it, and may
// be called again; the end of the test calls it too.
func Run(t testing.TB, db *db.DB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- db.Run(ctx) }()
	var stopped atomic.Bool
	stop = func() {
		cancel()
		if stopped.CompareAndSwap(false, true) {
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

// URL gives the address of a fresh, empty database of the kind.
func URL(t testing.TB, kind string) string {
	t.Helper()
	if kind == SQLite {
		return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	}
	return newSchema(t)
}

// Raw opens the database at url behind the product's back, to tamper with it.
func Raw(t testing.TB, url string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", url
	if path, ok := cutSQLite(url); ok {
		driver, dsn = "sqlite", "file:"+path+"?_busy_timeout=10000"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func cutSQLite(url string) (string, bool) {
	const prefix = SQLite + ":"
	if len(url) > len(prefix) && url[:len(prefix)] == prefix {
		return url[len(prefix):], true
	}
	return url, false
}

// newSchema creates an empty schema in this process's cluster: as good as a
// database of its own to who connects, and made in a tenth of the time.
func newSchema(t testing.TB) string {
	t.Helper()
	c := cluster(t)
	name := fmt.Sprintf("t%d", c.count.Add(1))
	admin, err := sql.Open("pgx", c.url("public"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	statements := []string{"CREATE SCHEMA " + name}
	if _, bench := t.(*testing.B); bench { // figures count only with durable commits
		statements = append(statements, "ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()")
	}
	for _, q := range statements {
		if _, err := admin.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	return c.url(name)
}
