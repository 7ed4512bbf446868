package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/maypok86/otter/v2"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"guichet/connectors/db/indexes"
	"guichet/connectors/db/sums"
	"guichet/schemas"
)

const (
	readConns = 8 // readers at once: more than cores, since PostgreSQL's wait on the network

	// lockTimeout bounds the wait for another process's transaction, and how
	// long a stalled process may hold the head of the sequence (1.5 s was seen,
	// measurements.md 7b).
	lockTimeout = 10 * time.Second
)

// Open opens "sqlite:PATH" or "postgres://…", and brings the schema up to
// date. A nil log is silent. It starts nothing: call Run to serve writes, and Close at the end.
// Invalid: an address of neither form. Unavailable: no such server or file, or
// a file that another process holds locked; the message says which.
func Open(ctx context.Context, address string, log *slog.Logger) (*DB, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db := &DB{log: log, slots: make(chan struct{}, maxQueued), wake: make(chan struct{}, 1),
		stopped: make(chan struct{}), moved: make(chan struct{}), stmts: map[string]*sql.Stmt{},
		opens: otter.Must(&otter.Options[[sha256.Size]byte, struct{}]{MaximumSize: maxOpenings})}
	var err error
	switch {
	case strings.HasPrefix(address, "sqlite:"):
		err = db.openSQLite(ctx, strings.TrimPrefix(address, "sqlite:"))
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		err = db.openPostgres(ctx, address)
	default:
		scheme, _, _ := strings.Cut(address, ":")
		err = schemas.Errorf(schemas.Invalid, "database",
			"the database address begins with %q; it must begin with sqlite: or postgres://", scheme)
	}
	if err == nil {
		err = db.migrate(ctx)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func (db *DB) openSQLite(ctx context.Context, path string) error {
	db.name = path
	if path == "" || strings.Contains(path, ":memory:") {
		return schemas.Errorf(schemas.Invalid, "database", "sqlite: needs the path of a file")
	}
	// Salts and member subjects stand in it: for its owner alone. SQLite gives
	// the -wal and -shm files the mode of the database file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: path,
			Message: "The database file cannot be opened for writing: " + err.Error() + ".",
			Err:     err,
		}
	}
	f.Close()
	file := "file:" + (&url.URL{Path: path}).EscapedPath() // may hold percent signs, so it is no format
	dsn := func(patience time.Duration, more string) string {
		return fmt.Sprintf("%s?_busy_timeout=%d&_journal_mode=WAL&_synchronous=FULL&_dqs=0&%s", file, patience.Milliseconds(), more)
	}
	if db.w, err = sql.Open("sqlite", dsn(lockTimeout, "_txlock=immediate")); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	db.w.SetMaxOpenConns(1)
	if db.r, err = sql.Open("sqlite", dsn(lockTimeout, "_query_only=1")); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	db.r.SetMaxOpenConns(readConns)
	db.r.SetMaxIdleConns(readConns)
	// A first look with little patience: is the file a database, and free?
	probe, err := sql.Open("sqlite", dsn(time.Second, "_txlock=immediate"))
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer probe.Close()
	tx, err := probe.BeginTx(ctx, nil)
	if err != nil {
		if isBusy(err) {
			return &schemas.Error{Kind: schemas.Unavailable, Subject: path, Message: "The database file is locked by another process.",
				Remedy: "Stop the other process that uses it, or give this one a file of its own.", Err: err}
		}
		return &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: path,
			Message: "The database file cannot be used: " + err.Error() + ".",
			Err:     err,
		}
	}
	return tx.Rollback()
}

func (db *DB) openPostgres(ctx context.Context, address string) error {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		// pgx's text may quote the address with its password
		return &schemas.Error{
			Kind:    schemas.Invalid,
			Subject: "database",
			Message: "The postgres:// address cannot be read.",
			Err:     errors.New("parse address"),
		}
	}
	db.postgres, db.name = true, cfg.Database
	set := func(key, value string) {
		if _, ok := cfg.RuntimeParams[key]; !ok {
			cfg.RuntimeParams[key] = value
		}
	}
	ms := fmt.Sprint(lockTimeout.Milliseconds())
	set("lock_timeout", ms)
	set("idle_in_transaction_session_timeout", ms)
	set("application_name", "guichet")
	set("default_transaction_isolation", "read committed") // REPEATABLE READ fails with 40001
	db.w = stdlib.OpenDB(*cfg)
	db.w.SetMaxOpenConns(2) // the writer's, and one for lockSchema beside the migrations
	db.r = stdlib.OpenDB(*cfg)
	db.r.SetMaxOpenConns(readConns)
	db.r.SetMaxIdleConns(readConns)
	db.names = stdlib.OpenDB(*cfg)
	db.names.SetMaxOpenConns(1)
	if err := db.w.PingContext(ctx); err != nil {
		return &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: "database",
			Message: "PostgreSQL does not answer.",
			Remedy:  "Check the address, the server and the password.",
			Err:     err,
		}
	}
	return nil
}

func (db *DB) migrate(ctx context.Context) error {
	files, err := fs.Sub(schemas.SQL, "sql")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	dialect, written := goose.DialectSQLite3, []*goose.Migration{sums.Migration(db.postgres)}
	if !db.postgres {
		written = append(written, indexes.Rowids())
	} else {
		dialect = goose.DialectPostgres
		unlock, err := db.lockSchema(ctx)
		if err != nil {
			return fmt.Errorf("migrate: %w", db.classify(err))
		}
		defer unlock()
	}
	p, err := goose.NewProvider(dialect, db.w, files, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(written...))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", db.classify(err))
	}
	return nil
}

// lockSchema lets one replica at a time migrate. Goose's own locker looks only
// every five seconds; this one waits in the server.
func (db *DB) lockSchema(ctx context.Context) (unlock func(), err error) {
	c, err := db.w.Conn(ctx)
	if err != nil {
		return nil, err
	}
	const key = "hashtext('guichet schema ' || current_schema())"
	for _, q := range []string{"SET lock_timeout = '120s'", "SELECT pg_advisory_lock(" + key + ")", "RESET lock_timeout"} {
		if _, err := c.ExecContext(ctx, q); err != nil {
			c.Close()
			return nil, err
		}
	}
	return func() {
		c.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock("+key+")")
		c.Close()
	}, nil
}

// Close closes all connections. Run must have returned.
func (db *DB) Close() error {
	var errs []error
	for _, st := range db.stmts {
		errs = append(errs, st.Close())
	}
	db.reads.Range(func(_, st any) bool {
		errs = append(errs, st.(*sql.Stmt).Close()) //nolint:forcetypeassert // nothing else is stored
		return true
	})
	for _, p := range []*sql.DB{db.w, db.r, db.names} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}
