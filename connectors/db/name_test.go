package db_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// Two processes of one name: the second is refused while the first lives, takes the name
// when it is gone, and the first one, cut off from the database meanwhile, ends.
func TestNameIsHeldByOne(t *testing.T) {
	url := dbtest.URL(t, dbtest.Postgres)
	first, second := dbtest.OpenURL(t, url), dbtest.OpenURL(t, url)
	ctx := t.Context()
	held, err := first.TakeName(ctx, "gw")
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	_, err = second.TakeName(short, "gw")
	cancel()
	if err == nil {
		t.Error("a second process took the name")
	}
	other, err := second.TakeName(ctx, "gw-2")
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	ended := make(chan error, 1)
	go func() { ended <- held.Run(ctx) }()
	raw := dbtest.Raw(t, url)
	_, err = raw.Exec("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()")
	if err != nil {
		t.Fatal(err)
	}
	taken, err := second.TakeName(ctx, "gw") // before the first one looks
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := <-ended; schemas.KindOf(err) != schemas.Conflict {
		t.Errorf("the first one goes on: %v", err)
	}
}

// A server that was stopped and goes on has not ended the session that its client gave up:
// the process goes on under its own name.
func TestNameOutlivesALostSession(t *testing.T) {
	url := dbtest.URL(t, dbtest.Postgres)
	first, second := dbtest.OpenURL(t, url), dbtest.OpenURL(t, url)
	ctx, stop := context.WithCancel(t.Context())
	held, err := first.TakeName(ctx, "gw-frozen")
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	err = dbtest.Raw(t, url).QueryRow("SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND a.application_name LIKE 'guichet %' AND a.query LIKE '%pg_try_advisory_lock%' AND l.objid = (hashtextextended('guichet process ' || current_schema() || ' gw-frozen', 0) & 4294967295)::oid").Scan(&pid)
	if err != nil {
		t.Fatal(err)
	}
	err = syscall.Kill(pid, syscall.SIGSTOP)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		time.Sleep(5 * time.Second) // longer than a connection may take to answer
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}()
	ended := make(chan error, 1)
	go func() { ended <- held.Run(ctx) }()
	select {
	case err := <-ended:
		t.Fatalf("the process gave up: %v", err)
	case <-time.After(8 * time.Second):
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = second.TakeName(short, "gw-frozen")
	if err == nil {
		t.Error("the name is not held any more")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Whether the database takes writes is known though reading goes on.
func TestWritable(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, kind)
			db := dbtest.OpenURL(t, url)
			dbtest.Run(t, db)
			ctx := t.Context()
			if err := db.Writable(ctx); err != nil {
				t.Fatal(err)
			}
			conn, err := dbtest.Raw(t, url).Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			hold := map[string][]string{dbtest.SQLite: {"BEGIN IMMEDIATE"}, dbtest.Postgres: {"BEGIN", "SELECT next FROM change_head FOR UPDATE"}}
			for _, q := range hold[kind] {
				_, err = conn.ExecContext(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(1100 * time.Millisecond) // the last look is forgotten
			short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			err = db.Writable(short)
			cancel()
			if err == nil {
				t.Error("another process holds the head, and writes are said to go on")
			}
			if err := db.Ping(ctx); err != nil {
				t.Errorf("reading does not go on: %v", err)
			}
			_, err = conn.ExecContext(ctx, "ROLLBACK")
			if err != nil {
				t.Fatal(err)
			}
			long, cancel := context.WithTimeout(ctx, 20*time.Second)
			defer cancel()
			for db.Writable(long) != nil && long.Err() == nil {
				time.Sleep(50 * time.Millisecond)
			}
			if err := db.Writable(long); err != nil {
				t.Errorf("free again: %v", err)
			}
		})
	}
}
