package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"guichet/connectors/db/numbered"
)

// pollEvery is how often Wait looks for commits of other processes; commits of
// this one wake it at once.
const pollEvery = 200 * time.Millisecond

// DB is an open database. Safe for concurrent use.
type DB struct {
	log      *slog.Logger
	name     string
	postgres bool
	w, r     *sql.DB // the writer's connection, and the readers'
	names    *sql.DB // the connection that holds this process's name; PostgreSQL only
	probe    probe
	sealKey  []byte                                    // see seal.go
	opens    *otter.Cache[[sha256.Size]byte, struct{}] // see maxOpenings
	step     func(ctx context.Context, tx *Tx, first int64, leaves [][]byte) error

	slots   chan struct{} // one for each queued job, see maxQueued
	wake    chan struct{} // holds one token when a queue may be non-empty
	stopped chan struct{} // closed when Run has returned

	mu     sync.Mutex
	small  []*job
	bulk   []*job
	closed bool          // Run takes no more jobs
	head   int64         // the highest number of changes seen
	moved  chan struct{} // closed and replaced when head rises
	tail   tail          // its last changes, where this process appended them
	looked time.Time     // when the last question for the head began that Wait asked

	bulkAt time.Time            // the writer's own: the last turn of a bulk group
	crowd  bool                 // and: the last small group had more than one caller
	active atomic.Bool          // Run is running
	stmts  map[string]*sql.Stmt // by query, SQLite only
	wanted []string

	reads     sync.Map // the readers' prepared statements by query, SQLite only
	readsKept atomic.Int64
}

// Querier reads rows: a DB (its last committed state) or a Tx (with what the
// transaction wrote so far). Placeholders are "?" on both databases.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *One
	pending(table, id string) (digest string, ok bool) // see seal.go
	database() *DB
}

var (
	_ Querier = (*DB)(nil)
	_ Querier = (*Tx)(nil)
)

// One is a row to be scanned once.
type One struct {
	db  *DB
	row *sql.Row
	err error
}

// Scan copies the row's columns; database/sql.ErrNoRows when there is none,
// Unavailable when the database does not answer.
func (o *One) Scan(dest ...any) error {
	if o.err != nil {
		return o.err
	}
	return o.db.classify(o.row.Scan(dest...))
}

// Query reads committed rows. Close the rows.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := db.r.QueryContext(ctx, db.bind(query), args...)
	return rows, db.classify(err)
}

// QueryRow reads one committed row.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *One {
	if st := db.reading(ctx, query); st != nil {
		return &One{db: db, row: st.QueryRowContext(ctx, args...)}
	}
	return &One{db: db, row: db.r.QueryRowContext(ctx, db.bind(query), args...)}
}

// reading gives the prepared form of a reader's query on SQLite, where parsing costs more
// than finding a row; nil on PostgreSQL, whose driver keeps its own, and for queries beyond
// the bound.
func (db *DB) reading(ctx context.Context, query string) *sql.Stmt {
	if db.postgres {
		return nil
	}
	if st, ok := db.reads.Load(query); ok {
		return st.(*sql.Stmt) //nolint:forcetypeassert // nothing else is stored
	}
	if db.readsKept.Load() >= maxStmts {
		return nil
	}
	st, err := db.r.PrepareContext(ctx, query)
	if err != nil {
		return nil // the query itself tells
	}
	if have, is := db.reads.LoadOrStore(query, st); is {
		st.Close()
		return have.(*sql.Stmt) //nolint:forcetypeassert // nothing else is stored
	}
	db.readsKept.Add(1)
	return st
}

// bind turns "?" outside of quotes into $1, $2 … on PostgreSQL.
func (db *DB) bind(query string) string {
	if !db.postgres || strings.IndexByte(query, '?') < 0 {
		return query
	}
	return numbered.Arguments(query)
}

// Log is where the database tells what operators should know.
func (db *DB) Log() *slog.Logger { return db.log }

// Ping asks both connections whether the database answers; Unavailable if not.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return db.QueryRow(ctx, "SELECT one FROM change_head WHERE one = 1").Scan(&one)
}

// Head is the number of changes committed: positions 0 to Head−1 exist.
func (db *DB) Head(ctx context.Context) (int64, error) {
	var n int64
	if err := db.QueryRow(ctx, "SELECT next FROM change_head WHERE one = 1").Scan(&n); err != nil {
		return 0, fmt.Errorf("read head of changes: %w", err)
	}
	db.advance(n)
	return n, nil
}

// Newest is Head, asked for only where other processes may have written too.
func (db *DB) Newest(ctx context.Context) (int64, error) {
	if db.postgres {
		return db.Head(ctx)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.head, nil
}

// advance notes that n changes are committed and wakes who waits for them.
func (db *DB) advance(n int64) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if n > db.head {
		db.head = n
		close(db.moved)
		db.moved = make(chan struct{})
	}
}

// Stored is one committed change as followers see it.
type Stored struct {
	Position int64
	Kind     string
	Subject  string
	At       time.Time
	Leaf     []byte
}

// Changes gives up to limit committed changes from position after on, in
// order; fewer than limit means that there are no more now.
func (db *DB) Changes(ctx context.Context, after int64, limit int) ([]Stored, error) {
	rows, err := db.Query(ctx,
		"SELECT position, kind, subject, at, leaf FROM change WHERE position >= ? ORDER BY position LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	defer rows.Close()
	var out []Stored
	for rows.Next() {
		var s Stored
		var at int64
		if err := rows.Scan(&s.Position, &s.Kind, &s.Subject, &at, &s.Leaf); err != nil {
			return nil, fmt.Errorf("read changes: %w", db.classify(err))
		}
		s.At = time.UnixMicro(at).UTC()
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read changes: %w", db.classify(err))
	}
	return out, nil
}

// Wait blocks until more than after changes are committed, by this process or
// another, and returns how many are. It returns early with ctx's error only: a
// database that is away is asked again. All who wait share one question in pollEvery.
func (db *DB) Wait(ctx context.Context, after int64) (head int64, err error) {
	tick := time.NewTimer(pollEvery)
	defer tick.Stop()
	for {
		db.mu.Lock()
		head, moved := db.head, db.moved
		due := time.Until(db.looked.Add(pollEvery))
		if head <= after && due <= 0 {
			db.looked = time.Now()
		}
		db.mu.Unlock()
		if head > after {
			return head, nil
		}
		if due <= 0 {
			if head, err = db.Head(ctx); err == nil && head > after {
				return head, nil
			}
			due = pollEvery
		}
		tick.Reset(due)
		select {
		case <-ctx.Done():
			return head, context.Cause(ctx)
		case <-moved:
		case <-tick.C:
		}
	}
}
