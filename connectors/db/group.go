package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"guichet/schemas"
)

// maxHold bounds one group altogether: a connection that hangs is given up.
const maxHold = 30 * time.Second

var (
	errNested   = errors.New("Write inside a Write's function")
	errRunTwice = errors.New("Run called twice")
)

// OnGroup sets the step that is called in each group's transaction once the
// positions of its changes are known: leaves[i] is at position first+i. An
// error of step fails the group. Call it once, before Run.
func (db *DB) OnGroup(step func(ctx context.Context, tx *Tx, first int64, leaves [][]byte) error) {
	db.step = step
}

// group is one transaction and the callers who wait for it.
type group struct {
	db      *DB
	tx      *sql.Tx
	jobs    []*job
	errs    []error // one for each job: what its own function said
	changes []appended
	seals   map[nounKey]string // what functions of this group stored, whose changes have no position yet
}

// serve runs one group, answers all its callers and says how many they were.
func (db *DB) serve(base context.Context, bulk bool) (callers int) {
	ctx, cancel := context.WithTimeout(base, maxHold)
	defer cancel()
	g := &group{db: db}
	next, err := g.run(ctx, bulk)
	if err != nil {
		g.abort()
		db.log.Error("writes fail", "callers", len(g.jobs), "error", err)
	} else if next > 0 {
		db.committed(next-int64(len(g.changes)), g.changes)
	}
	for i, j := range g.jobs {
		if err != nil {
			j.done <- err
		} else {
			j.done <- g.errs[i]
		}
	}
	if err == nil {
		db.prepareWanted(ctx)
	}
	return len(g.jobs)
}

// run fills and commits the group; next is the number of changes after it, 0
// when it appended none. An error is every caller's.
func (g *group) run(ctx context.Context, bulk bool) (next int64, err error) {
	start := time.Now()
	j, more := g.db.pop(bulk)
	if j == nil {
		return 0, nil
	}
	g.jobs = append(g.jobs, j)
	if err := g.begin(ctx); err != nil {
		g.takeRest(bulk)
		return 0, g.fault(err, "begin")
	}
	alone := !more // nobody to protect from: no savepoint
	for {
		ferr := g.one(ctx, j, alone)
		if g.tx == nil {
			return 0, ferr
		}
		g.errs = append(g.errs, ferr)
		if alone || g.full(time.Since(start), bulk) {
			break
		}
		if j, _ = g.db.pop(bulk); j == nil {
			break
		}
		g.jobs = append(g.jobs, j)
	}
	if alone && g.errs[0] != nil {
		return 0, g.undo(g.errs[0])
	}
	if len(g.changes) > 0 {
		if next, err = g.append(ctx); err != nil {
			return 0, g.fault(err, "append")
		}
	}
	if err := g.tx.Commit(); err != nil {
		return 0, g.fault(err, "commit")
	}
	for i, c := range g.changes {
		c.position.n.Store(next - int64(len(g.changes)) + int64(i) + 1)
	}
	return next, nil
}

func (g *group) full(elapsed time.Duration, bulk bool) bool {
	if !bulk {
		return len(g.jobs) >= maxGroup || elapsed >= groupTime
	}
	small, _ := g.db.queued()
	return small > 0 || elapsed >= bulkTime
}

// takeRest adds those who wait to a group that cannot begin, so that they hear
// at once and need not fail one by one.
func (g *group) takeRest(bulk bool) {
	for len(g.jobs) < maxGroup {
		j, _ := g.db.pop(bulk)
		if j == nil {
			return
		}
		g.jobs = append(g.jobs, j)
	}
}

// begin opens the transaction as the only writer of all replicas: by BEGIN
// IMMEDIATE on SQLite, by the lock on the head of the sequence on PostgreSQL.
func (g *group) begin(ctx context.Context) (err error) {
	if g.tx, err = g.db.w.BeginTx(ctx, nil); err != nil || !g.db.postgres {
		return err
	}
	var next int64
	return g.tx.QueryRowContext(ctx, "SELECT next FROM change_head WHERE one = 1 FOR UPDATE").Scan(&next)
}

// one runs a job's function. It sets g.tx to nil when the transaction is lost
// and the error is everybody's.
func (g *group) one(ctx context.Context, j *job, alone bool) error {
	tx := &Tx{db: g.db, tx: g.tx, group: g}
	if !alone {
		if _, err := tx.Exec(ctx, "SAVEPOINT caller"); err != nil {
			return g.lost(err)
		}
	}
	deadline, _ := ctx.Deadline()
	fctx, cancel := context.WithDeadline(context.WithValue(context.WithoutCancel(j.ctx), insideWrite{}, true), deadline)
	err := g.db.classify(call(fctx, j.fn, tx))
	if err == nil {
		err = tx.sealed()
	}
	cancel()
	tx.done = true
	if !alone && err == nil {
		// fails on PostgreSQL when fn swallowed an error of a statement
		_, err = g.exec(ctx, "RELEASE SAVEPOINT caller")
		if err != nil {
			err = &schemas.Error{Kind: schemas.Internal, Subject: "database", Err: fmt.Errorf("function hid an error: %w", err)}
		}
	}
	if err == nil {
		g.changes = append(g.changes, tx.changes...)
		for k, d := range tx.seals {
			g.keep(k, d)
		}
		return nil
	}
	if !alone {
		_, rerr := g.exec(ctx, "ROLLBACK TO SAVEPOINT caller")
		if rerr == nil {
			_, rerr = g.exec(ctx, "RELEASE SAVEPOINT caller")
		}
		if rerr != nil {
			// the fault that broke the transaction says more than its echo
			if schemas.KindOf(err) == schemas.Unavailable {
				return g.lost(err)
			}
			return g.lost(rerr)
		}
	}
	return err
}

func (g *group) keep(k nounKey, digest string) {
	if g.seals == nil {
		g.seals = map[nounKey]string{}
	}
	g.seals[k] = digest
}

func (g *group) exec(ctx context.Context, query string) (sql.Result, error) {
	return (&Tx{db: g.db, tx: g.tx}).Exec(ctx, query)
}

func (g *group) lost(err error) error {
	err = g.fault(err, "go on")
	g.tx.Rollback()
	g.tx = nil
	return err
}

// call runs fn and turns a panic into Internal.
func call(ctx context.Context, fn func(context.Context, *Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &schemas.Error{Kind: schemas.Internal, Subject: "database", Err: fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())}
		}
	}()
	return fn(ctx, tx)
}

// append takes the group's positions, stores its changes and steps the tree;
// next is the head after it.
func (g *group) append(ctx context.Context) (next int64, err error) {
	tx := &Tx{db: g.db, tx: g.tx}
	n := int64(len(g.changes))
	if err := tx.QueryRow(ctx, "UPDATE change_head SET next = next + ? WHERE one = 1 RETURNING next", n).Scan(&next); err != nil {
		return 0, fmt.Errorf("take positions: %w", err)
	}
	first := next - n
	leaves := make([][]byte, n)
	changes := make([][]any, n)
	var values [][]any
	for i, c := range g.changes {
		pos := first + int64(i)
		leaves[i] = c.sealed.Leaf
		changes[i] = []any{pos, c.sealed.Change.Kind, c.sealed.Change.Subject, c.sealed.Change.At.UnixMicro(), c.sealed.Leaf}
		for name, v := range c.sealed.Change.Values {
			values = append(values, []any{pos, name, c.sealed.Salts[name], v})
		}
	}
	if err := tx.InsertMany(ctx, "change", []string{"position", "kind", "subject", "at", "leaf"}, changes); err != nil {
		return 0, err
	}
	if err := tx.InsertMany(ctx, "change_value", []string{"position", "name", "salt", "value"}, values); err != nil {
		return 0, err
	}
	if g.db.step == nil {
		return next, nil
	}
	if err := g.db.step(ctx, tx, first, leaves); err != nil {
		return 0, fmt.Errorf("step the tree: %w", err)
	}
	return next, nil
}

// fault makes the error that all callers of a failed group get.
func (g *group) fault(err error, during string) error {
	c := g.db.classify(fmt.Errorf("%s: %w", during, err))
	if schemas.KindOf(c) == schemas.Unavailable {
		if during == "commit" && g.db.postgres {
			return unavailable("The database did not confirm the write; it may or may not be stored.",
				"Look whether it is there, or repeat it with the same Idempotency-Key.", c)
		}
		return c
	}
	return unavailable("The write could not be recorded; nothing was stored.", "Try again; the operator finds the cause in the log.", c)
}

// undo ends a group of one whose function failed.
func (g *group) undo(cause error) error {
	err := g.tx.Rollback()
	switch {
	case err == nil, g.db.postgres: // there the connection is gone, and with it the transaction
		return nil
	case schemas.KindOf(cause) == schemas.Unavailable: // SQLite rolled back by itself, and cause says why
		return cause
	}
	return g.fault(err, "roll back")
}

// abort leaves no transaction behind after a failed group: SQLite may keep one
// open when COMMIT fails, so its connection is thrown away.
func (g *group) abort() {
	if g.tx != nil {
		g.tx.Rollback()
	}
	if g.db.postgres {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := g.db.w.Conn(ctx)
	if err != nil {
		return // there is none to throw away
	}
	c.Raw(func(any) error { return driver.ErrBadConn })
	c.Close()
}
