package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"guichet/schemas"
)

// classify gives a database's error its Kind: Unavailable where the database
// or its disk is at fault, Conflict for a taken unique key. Errors that have a
// Kind, context errors and ErrNoRows pass as they are.
func (db *DB) classify(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*schemas.Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return fromSQLite(e.Code(), err)
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fromPostgres(e.Code, err)
	}
	_, isNet := errors.AsType[net.Error](err)
	_, isConnect := errors.AsType[*pgconn.ConnectError](err)
	if isNet || isConnect || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, net.ErrClosed) {
		return unavailable("The database does not answer.", "Try again in a moment; the operator should look at the database server.", err)
	}
	return err
}

func unavailable(message, remedy string, err error) error {
	return &schemas.Error{Kind: schemas.Unavailable, Subject: "database", Message: message, Remedy: remedy, Err: err}
}

func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

func fromSQLite(code int, err error) error {
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return unavailable("The database's disk is full; nothing was stored.",
			"Free space on the disk that holds the database; writes go on by themselves.", err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
		return unavailable("The database's disk refuses to read or write.",
			"Check space, permissions and health of the disk that holds the database.", err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return unavailable("Another process holds the database.",
			"Try again; if it stays, stop the other process that uses the database file.", err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return unavailable("The database file is damaged.", "Stop the server and restore the last backup.", err)
	case sqlite3.SQLITE_CONSTRAINT:
		if code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
			return taken(err)
		}
	}
	return err
}

func fromPostgres(code string, err error) error {
	switch code[:2] {
	case "08", "57", "F0", "XX":
		return unavailable("The database does not answer.", "Try again in a moment; the operator should look at the database server.", err)
	case "53", "58":
		return unavailable("The database server lacks disk, memory or connections.",
			"The operator should look at the database server; writes go on by themselves.", err)
	case "40", "55", "25":
		return unavailable("The database was held by another process.", "Try again.", err)
	}
	switch code {
	case "23505":
		return taken(err)
	case "22021", "22P05", "54000": // bytes that are no text of its encoding, a key too long for an index
		return &schemas.Error{
			Kind:    schemas.Invalid,
			Subject: "database",
			Message: "A text has bytes that cannot be stored, or is too long to be looked up by.",
			Err:     err,
		}
	}
	return err
}

func taken(err error) error {
	return &schemas.Error{Kind: schemas.Conflict, Subject: "database", Message: "Something with the same key is stored already.", Err: err}
}
