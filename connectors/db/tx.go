package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"guichet/schemas"
)

// Tx is one caller's part of a group's transaction. It is good only inside the
// function it was given to, on that function's goroutine.
type Tx struct {
	db         *DB
	tx         *sql.Tx
	group      *group // nil for the group's own statements
	changes    []appended
	seals      map[nounKey]string // digests of the nouns that the function stored
	unsealed   map[nounKey]bool   // of them, those that no change committed to yet
	distrusted map[nounKey]bool   // see Distrust
	done       bool
}

// appended is a change with its leaf, as it is written when the group commits.
type appended struct {
	sealed   Sealed
	position *Position
}

// Position is the place of an appended change in the one sequence.
type Position struct{ n atomic.Int64 }

// Value is the position, known once the Write that appended has returned nil;
// −1 before.
func (p *Position) Value() int64 { return p.n.Load() - 1 }

var errTxDone = errors.New("transaction used after its function returned")

// Append remembers c as the function's next change; it is stored with the
// group, or not at all when the function fails. A zero At becomes now. It
// commits to the nouns of that subject that the function stored before.
// Invalid or TooLarge as Seal says.
func (tx *Tx) Append(ctx context.Context, c schemas.Change) (*Position, error) {
	if tx.done {
		return nil, errTxDone
	}
	err := tx.seal(ctx, &c)
	if err != nil {
		return nil, err
	}
	s, err := Seal(c)
	if err != nil {
		return nil, err
	}
	p := new(Position)
	tx.changes = append(tx.changes, appended{s, p})
	return p, nil
}

// Exec runs a statement with "?" placeholders. Conflict: a unique key is taken
// (on PostgreSQL the function must then return an error). Unavailable: the
// database or its disk is at fault.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if tx.done {
		return nil, errTxDone
	}
	ctx = tx.unbroken(ctx)
	if st := tx.cached(ctx, query); st != nil {
		res, err := st.ExecContext(ctx, args...)
		return res, tx.db.classify(err)
	}
	res, err := tx.tx.ExecContext(ctx, tx.db.bind(query), args...)
	return res, tx.db.classify(err)
}

// Query reads rows with what the transaction wrote so far. Close the rows
// before the next statement: PostgreSQL has one conversation per connection.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if tx.done {
		return nil, errTxDone
	}
	rows, err := tx.tx.QueryContext(ctx, tx.db.bind(query), args...)
	return rows, tx.db.classify(err)
}

// QueryRow reads one row with what the transaction wrote so far.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *One {
	if tx.done {
		return &One{err: errTxDone}
	}
	ctx = tx.unbroken(ctx)
	if st := tx.cached(ctx, query); st != nil {
		return &One{db: tx.db, row: st.QueryRowContext(ctx, args...)}
	}
	return &One{db: tx.db, row: tx.tx.QueryRowContext(ctx, tx.db.bind(query), args...)}
}

// unbroken is the context of one statement: on SQLite a small one costs less than the goroutine that
// would break it off. One whose time is over is not begun.
func (tx *Tx) unbroken(ctx context.Context) context.Context {
	if tx.db.postgres || ctx.Err() != nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// maxStmts bounds the statements kept prepared on SQLite's write connection;
// PostgreSQL's driver keeps its own.
const maxStmts = 256

// cached gives the prepared form of query on SQLite, where parsing a statement
// costs more than a small insert; nil where there is none yet.
func (tx *Tx) cached(ctx context.Context, query string) *sql.Stmt {
	if tx.db.postgres {
		return nil
	}
	if st, ok := tx.db.stmts[query]; ok {
		return tx.tx.StmtContext(ctx, st)
	}
	if len(tx.db.stmts)+len(tx.db.wanted) < maxStmts {
		tx.db.wanted = append(tx.db.wanted, query)
	}
	return nil
}

// prepareWanted prepares, between two groups, what the last one would have
// liked to find prepared. The writer's goroutine alone uses stmts and wanted.
func (db *DB) prepareWanted(ctx context.Context) {
	for _, query := range db.wanted {
		if _, ok := db.stmts[query]; ok {
			continue
		}
		if st, err := db.w.PrepareContext(ctx, query); err == nil {
			db.stmts[query] = st
		}
	}
	db.wanted = nil
}

// InsertMany inserts rows of int64, string or []byte, each column of one type,
// in one statement on PostgreSQL and many at a time on SQLite. Table and columns are names of
// ours, never input. After an error some may be stored: the function must return it.
func (tx *Tx) InsertMany(ctx context.Context, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if tx.db.postgres {
		return tx.insertArrays(ctx, table, columns, rows)
	}
	// OR FAIL: else SQLite copies each page that it changes, to undo a statement of many rows alone.
	insert, row := "INSERT OR FAIL INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ", "(?"+strings.Repeat(", ?", len(columns)-1)+")"
	// Few sizes, so that each stays prepared: 85 rows are inserted as 64, 16, 4 and 1.
	for _, n := range []int{256, 64, 16, 4, 1} {
		for ; len(rows) >= n; rows = rows[n:] {
			args := slices.Concat(rows[:n]...)
			if _, err := tx.Exec(ctx, insert+row+strings.Repeat(", "+row, n-1), args...); err != nil {
				return fmt.Errorf("insert into %s: %w", table, err)
			}
		}
	}
	return nil
}

func (tx *Tx) insertArrays(ctx context.Context, table string, columns []string, rows [][]any) error {
	args := make([]any, len(columns))
	marks := make([]string, len(columns))
	for c, name := range columns {
		switch rows[0][c].(type) {
		case int64:
			args[c], marks[c] = column[int64](rows, c), "?::bigint[]"
		case string:
			args[c], marks[c] = column[string](rows, c), "?::text[]"
		case []byte:
			args[c], marks[c] = column[[]byte](rows, c), "?::bytea[]"
		default:
			return fmt.Errorf("insert into %s: column %s is a %T", table, name, rows[0][c])
		}
	}
	query := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") SELECT * FROM unnest(" + strings.Join(marks, ", ") + ")"
	if _, err := tx.Exec(ctx, query, args...); err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	return nil
}

func column[T any](rows [][]any, c int) []T {
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i], _ = row[c].(T)
	}
	return out
}
