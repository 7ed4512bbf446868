package release

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"guichet/connectors/db"
	"guichet/policy/agreement/budget"
	"guichet/schemas"
)

// Recover closes, as unknown, the releases that a crash left open: they may have
// sent at most what they had reserved [decisions.md 18], and that is charged, with
// its rows paid for. It also carries budgets over from an earlier version. Call it before
// serving. It gives how many there were.
func (s *Releases) Recover(ctx context.Context) (int, error) {
	n, err := s.closeOpen(ctx, "state = 'open' AND (replica = ? OR ?)", []any{s.replica, s.alone})
	if err == nil {
		err = s.openAccounts(ctx)
	}
	return n, err
}

// closeOpen closes the open releases that a condition picks.
func (s *Releases) closeOpen(ctx context.Context, where string, args []any) (int, error) {
	n := 0
	for {
		open, _, err := db.List[schemas.Release](ctx, s.db, "release", where, args, "", 500)
		if err != nil || len(open) == 0 {
			return n, err
		}
		err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, row := range open {
				r := row.Doc
				r.State = schemas.ReleaseUnknown
				if r.Rows == 0 && r.Bytes == 0 { // begun by a version that reserved all at once
					r.Rows, r.Bytes = r.MostRows, r.MostBytes
				}
				r.Cause = fmt.Sprintf("the gateway stopped while it ran: at most %d rows, %d bytes", r.Rows, r.Bytes)
				err := s.end(ctx, tx, r, nil)
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
func (s *Releases) CloseAbandoned(ctx context.Context, log *slog.Logger) error {
	free := map[string]time.Time{}
	again := time.NewTicker(abandonedAfter / 3)
	defer again.Stop()
	for ctx.Err() == nil {
		n, err := s.lookForAbandoned(ctx, free)
		if n > 0 {
			log.Warn("releases of gateways that are gone are closed as unknown", "releases", n)
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("releases of gateways that are gone are looked for again", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
	return nil
}

// lookForAbandoned is one look; free keeps since when nobody holds a name.
func (s *Releases) lookForAbandoned(ctx context.Context, free map[string]time.Time) (closed int, err error) {
	names, err := s.openReplicas(ctx)
	if err != nil {
		return 0, err
	}
	for name := range free { // whoever has nothing open is no concern
		if !names[name] {
			delete(free, name)
		}
	}
	for name := range names {
		held, err := s.db.NameIsHeld(ctx, name)
		if err != nil {
			return closed, err
		}
		since, known := free[name]
		// A name is seen free at t, t+20 s, t+40 s and t+60 s before its releases are closed;
		// whoever takes it again in between keeps them. What began after t is of somebody who
		// took it unseen, and waits for a minute of its own.
		switch {
		case held:
			delete(free, name)
		case !known:
			free[name] = s.now()
		case s.now().Sub(since) >= abandonedAfter:
			n, err := s.closeOpen(ctx, "state = 'open' AND replica = ? AND begun <= ?", []any{name, since.UnixMicro()})
			closed += n
			if err != nil {
				return closed, err
			}
		}
	}
	return closed, nil
}

// openReplicas names the other processes that have open releases.
func (s *Releases) openReplicas(ctx context.Context) (map[string]bool, error) {
	rows, err := s.db.Query(ctx, `SELECT DISTINCT replica FROM release WHERE state = 'open' AND replica <> ?`, s.replica)
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

// openAccounts carries over what agreements of an earlier version used, which counted by
// themselves. It is done once, before anything is served.
func (s *Releases) openAccounts(ctx context.Context) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n := 0
		err := tx.QueryRow(ctx, `SELECT count(*) FROM account`).Scan(&n)
		if err != nil || n > 0 {
			return err
		}
		for after := ""; ; {
			rows, next, err := db.List[schemas.Agreement](ctx, tx, "agreement", "rows_used > 0 OR bytes_used > 0", nil, after, 1000)
			if err != nil {
				return err
			}
			for _, row := range rows {
				err := s.carryOver(ctx, tx, row.Doc)
				if err != nil {
					return err
				}
			}
			after = next
			if next == "" {
				return nil
			}
		}
	})
}

// carryOver reserves in a budget's account what an agreement of an earlier version of
// the gateway had used, so that its rows are not given a second time.
func (s *Releases) carryOver(ctx context.Context, tx *db.Tx, a schemas.Agreement) error {
	a, err := s.agreements.InForce(ctx, tx, a, 0)
	if err != nil {
		return err
	}
	p, err := budget.Of(ctx, tx, &a)
	if err == nil {
		err = p.Reserve(ctx, tx, &a, a.RowsUsed, a.BytesUsed)
	}
	if err == nil {
		_, err = budget.Charge(ctx, tx, p.IDs(), a.RowsUsed, a.BytesUsed, a.RowsUsed, a.BytesUsed)
	}
	return err
}
