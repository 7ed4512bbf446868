package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"guichet/schemas"
)

// Name is a name that no other process on the same database has while it is held. On
// PostgreSQL a lock of the server holds it, on a connection of its own; on SQLite there
// is one process on the file, which the wiring sees to.
type Name struct {
	db   *DB
	name string
	mark string    // of this process's session, so that a lost one of its own is known
	conn *sql.Conn // nil on SQLite
}

// nameKey is the key of a name's lock on the server; $1 is the name.
const nameKey = "hashtextextended('guichet process ' || current_schema() || ' ' || $1, 0)"

// nameHolders are the sessions of this database that hold it, as a.
const nameHolders = "pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid, (SELECT " + nameKey + " AS k) t " +
	"WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() AND l.database = a.datid " +
	"AND l.classid = ((t.k >> 32) & 4294967295)::oid AND l.objid = (t.k & 4294967295)::oid"

const (
	nameEvery  = time.Second     // how often the connection that holds a name is asked
	nameWithin = 5 * time.Second // how long a process that is ending is waited for
	nameAnswer = 2 * time.Second // a connection that takes longer is given up
)

// TakeName takes a name for this process. Errors: Conflict when another process has it,
// Unavailable.
func (db *DB) TakeName(ctx context.Context, name string) (*Name, error) {
	n := &Name{db: db, name: name, mark: "guichet " + rand.Text()}
	if !db.postgres {
		return n, nil
	}
	late := time.Now().Add(nameWithin)
	for {
		err := n.take(ctx)
		if err == nil || schemas.KindOf(err) != schemas.Conflict || time.Now().After(late) {
			return n, err
		}
		t := time.NewTimer(100 * time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, context.Cause(ctx)
		case <-t.C:
		}
	}
}

// take asks the server for the lock, once.
func (n *Name) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, nameWithin)
	defer cancel()
	c, err := n.db.names.Conn(ctx)
	if err != nil {
		return n.db.classify(fmt.Errorf("take the name %s: %w", n.name, err))
	}
	var ok, own, held bool
	// A machine that died without a word must not keep its name for hours.
	_, err = c.ExecContext(ctx,
		"SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET application_name = '"+n.mark+"'")
	for try := 0; err == nil && !held && try < 3; try++ { // whoever had it may let it go between the two questions
		err = c.QueryRowContext(ctx, "SELECT pg_try_advisory_lock("+nameKey+")", n.name).Scan(&ok)
		if err == nil && ok {
			n.conn = c
			return nil
		}
		if err != nil {
			break
		}
		err = c.QueryRowContext(ctx,
			"SELECT EXISTS (SELECT FROM "+nameHolders+" AND a.application_name = $2), EXISTS (SELECT FROM "+nameHolders+")", n.name, n.mark).
			Scan(&own, &held)
	}
	c.Close()
	if err != nil {
		return n.db.classify(fmt.Errorf("take the name %s: %w", n.name, err))
	}
	if !held {
		return unavailable("The name of this gateway goes from hand to hand.", "It is taken again in a moment.", nil)
	}
	if own { // the server has not seen yet that this process left its old session
		return unavailable("The name of this gateway is held by a session that it lost.",
			"It is taken again when the server ends that session.", nil)
	}
	return &schemas.Error{
		Kind:    schemas.Conflict,
		Subject: n.name,
		Message: fmt.Sprintf("another gateway named %s runs on this database", n.name),
		Remedy:  "give each gateway a name of its own (setting replica); the name of one whose machine died is free within half a minute",
	}
}

// NameIsHeld says whether some process has a name. On SQLite there is this one alone, and
// no other name to ask for.
func (db *DB) NameIsHeld(ctx context.Context, name string) (bool, error) {
	if !db.postgres {
		return true, nil
	}
	var held bool
	err := db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+nameHolders+")", name).Scan(&held)
	if err != nil {
		return true, fmt.Errorf("look who holds the name %s: %w", name, err)
	}
	return held, nil
}

// Run keeps the name until ctx ends: when its connection is lost it takes it again. It
// returns early only with Conflict: another process took it meanwhile, and closes our
// releases.
func (n *Name) Run(ctx context.Context) error {
	if !n.db.postgres {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(nameEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if n.conn != nil {
			short, cancel := context.WithTimeout(ctx, nameAnswer)
			err := n.conn.PingContext(short)
			cancel()
			if err == nil || ctx.Err() != nil {
				continue
			}
			n.Close()
		}
		err := n.take(ctx)
		if schemas.KindOf(err) == schemas.Conflict {
			return err
		}
		if err != nil && ctx.Err() == nil {
			n.db.log.Warn("the name of this gateway is not held while the database is away", "replica", n.name, "err", err)
		}
	}
}

// Close gives the name up.
func (n *Name) Close() {
	if n.conn == nil {
		return
	}
	_ = n.conn.Raw(func(any) error { return driver.ErrBadConn }) // not back into the pool: the lock ends with the connection
	_ = n.conn.Close()
	n.conn = nil
}
