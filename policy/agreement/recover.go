package agreement

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Recover closes, as unknown, the releases that a crash left open: they may have
// sent at most what they had reserved [decisions.md 18], and that is charged, with
// its rows paid for. It also carries budgets over from an earlier version. Call it before
// serving. It gives how many there were.
func (d *Desk) Recover(ctx context.Context) (int, error) {
	n, err := d.closeOpen(ctx, "state = 'open' AND (replica = ? OR ?)", []any{d.replica, d.alone})
	if err == nil {
		err = d.openAccounts(ctx)
	}
	return n, err
}

// closeOpen closes the open releases that a condition picks.
func (d *Desk) closeOpen(ctx context.Context, where string, args []any) (int, error) {
	n := 0
	for {
		open, _, err := db.List[schemas.Release](ctx, d.db, "release", where, args, "", 500)
		if err != nil || len(open) == 0 {
			return n, err
		}
		err = d.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, row := range open {
				r := row.Doc
				r.State = schemas.ReleaseUnknown
				if r.Rows == 0 && r.Bytes == 0 { // begun by a version that reserved all at once
					r.Rows, r.Bytes = r.MostRows, r.MostBytes
				}
				r.Cause = fmt.Sprintf("the gateway stopped while it ran: at most %d rows, %d bytes", r.Rows, r.Bytes)
				err := d.end(ctx, tx, r, nil)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += len(open)
	}
}

// abandonedAfter is how long nobody must hold a process's name before others close its
// releases: one that lost the database sends nothing after ten seconds, and a restart
// takes its name again sooner.
const abandonedAfter = time.Minute

// CloseAbandoned closes the releases of processes that do not come back under their name,
// which would hold their budgets for ever, until ctx ends.
func (d *Desk) CloseAbandoned(ctx context.Context, log *slog.Logger) error {
	free := map[string]time.Time{}
	for ctx.Err() == nil {
		n, err := d.lookForAbandoned(ctx, free)
		if n > 0 {
			log.Warn("releases of gateways that are gone are closed as unknown", "releases", n)
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("releases of gateways that are gone are looked for again", "err", err)
		}
		wait(ctx, abandonedAfter/3)
	}
	return nil
}

// lookForAbandoned is one look; free keeps since when nobody holds a name.
func (d *Desk) lookForAbandoned(ctx context.Context, free map[string]time.Time) (closed int, err error) {
	names, err := d.openReplicas(ctx)
	if err != nil {
		return 0, err
	}
	for name := range free {
		if !names[name] {
			delete(free, name)
		}
	}
	for name := range names {
		held, err := d.db.NameIsHeld(ctx, name)
		if err != nil {
			return closed, err
		}
		since, known := free[name]
		switch {
		case held:
			delete(free, name)
		case !known:
			free[name] = d.now()
		case d.now().Sub(since) >= abandonedAfter:
			n, err := d.closeOpen(ctx, "state = 'open' AND replica = ? AND begun <= ?", []any{name, since.UnixMicro()})
			closed += n
			if err != nil {
				return closed, err
			}
		}
	}
	return closed, nil
}

// openReplicas names the other processes that have open releases.
func (d *Desk) openReplicas(ctx context.Context) (map[string]bool, error) {
	rows, err := d.db.Query(ctx, `SELECT DISTINCT replica FROM release WHERE state = 'open' AND replica <> ?`, d.replica)
	if err != nil {
		return nil, fmt.Errorf("look for open releases: %w", err)
	}
	defer rows.Close()
	out := map[string]bool{}
	for rows.Next() {
		var name string
		err := rows.Scan(&name)
		if err != nil {
			return nil, fmt.Errorf("look for open releases: %w", err)
		}
		out[name] = true
	}
	return out, rows.Err()
}
