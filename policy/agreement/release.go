package agreement

import (
	"context"
	"fmt"
	"time"

	"guichet/connectors/sql"
	"guichet/policy"
	"guichet/schemas"
)

// Begin makes a release durable before its first byte may leave: it checks again,
// in the same transaction, that the agreement stands, reserves budget and appends
// the begin record. MostRows and MostBytes are lowered to what the budget still
// gives. Errors: Denied (revoked meanwhile, budget spent), Unavailable.
func (d *Desk) Begin(ctx context.Context, g policy.Grant, r schemas.Release) (schemas.Release, error) {
	if !g.Valid() {
		return r, fmt.Errorf("begin a release: the grant did not come from policy.Authorize")
	}
	a, l, w := g.Agreement(), g.Lease(), g.Want()
	r.ID, r.State, r.Replica = schemas.NewReleaseID(), schemas.ReleaseOpen, d.replica
	r.Agreement, r.Lease, r.Dataset, r.Version, r.Table, r.Split = a.ID, l.ID, a.Dataset, w.Version, w.Table, w.Split
	r.Participant, r.Project, r.Run, r.Factory, r.Declared, r.Door = l.Participant, a.Project, w.Run, a.Factory, g.Declared(), w.Door
	var pos *sql.Position
	err := d.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now, err := d.agreement(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if now.State != schemas.AgreementActive {
			return denied(string(a.ID), "agreement."+string(now.State), "the agreement", "the agreement was "+string(now.State), "send a new request")
		}
		who, _, err := sql.Get[schemas.Participant](ctx, tx, "participant", string(r.Participant))
		if err != nil {
			return err
		}
		if who.Stopped {
			return denied(string(a.ID), "participant.stopped", "the operator", "your organisation was stopped", "write to the operator")
		}
		r.MostRows, r.MostBytes, err = reserve(&now, r.MostRows, r.MostBytes)
		if err != nil {
			return err
		}
		r.Begun = d.now().UTC()
		err = charge(ctx, tx, a.ID, r.MostRows, r.MostBytes)
		if err != nil {
			return err
		}
		err = sql.Insert(ctx, tx, "release", string(r.ID), r, sql.Columns{"agreement": string(a.ID), "dataset": string(a.Dataset), "provider": string(a.Provider),
			"participant": string(r.Participant), "state": string(r.State), "replica": r.Replica, "begun": r.Begun.UnixMicro()})
		if err != nil {
			return err
		}
		pos, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeReleaseBegin, Subject: string(r.ID), Values: releaseValues(&r, &a),
			Numbers: map[string]int64{"most_rows": r.MostRows, "most_bytes": r.MostBytes, "declared": flag(r.Declared)}})
		return err
	})
	if err != nil {
		return r, err
	}
	r.Begin = pos.Value()
	return r, nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func releaseValues(r *schemas.Release, a *schemas.Agreement) map[string]string {
	v := map[string]string{"release": string(r.ID), "agreement": string(r.Agreement), "dataset": string(r.Dataset), "participant": string(r.Participant),
		"project": string(r.Project), "run": string(r.Run), "version": string(r.Version), "table": r.Table, "split": r.Split, "lease": string(r.Lease),
		"factory": string(r.Factory), "door": r.Door, "ask": r.Ask}
	if a != nil {
		v["provider"], v["purpose"] = string(a.Provider), a.Purpose
	}
	for k, s := range v {
		if s == "" {
			delete(v, k)
		}
	}
	return v
}

// reserve lowers what a release may deliver to what every budget leaves.
func reserve(a *schemas.Agreement, rows, bytes int64) (int64, int64, error) {
	for _, o := range a.Obligations {
		if o.Kind != schemas.DutyBudget {
			continue
		}
		if o.Rows > 0 {
			rows = min(rows, o.Rows-a.RowsUsed)
		}
		if o.Bytes > 0 {
			bytes = min(bytes, o.Bytes-a.BytesUsed)
		}
		if o.Rows > 0 && a.RowsUsed >= o.Rows || o.Bytes > 0 && a.BytesUsed >= o.Bytes {
			return 0, 0, denied(string(a.ID), o.Rule, o.Source, fmt.Sprintf("the budget is spent: %d rows and %d bytes used or reserved", a.RowsUsed, a.BytesUsed), "let running streams end, or ask for more in a new request")
		}
	}
	return rows, bytes, nil
}

func charge(ctx context.Context, tx *sql.Tx, id schemas.AgreementID, rows, bytes int64) error {
	_, err := tx.Exec(ctx, `UPDATE agreement SET rows_used = rows_used + ?, bytes_used = bytes_used + ? WHERE id = ?`, rows, bytes, string(id))
	if err != nil {
		return fmt.Errorf("charge agreement %s: %w", id, err)
	}
	return nil
}

// End records how a release ended, what it sent, and gives back the rest of its
// reservation. The first end written stands: a second one changes nothing.
func (d *Desk) End(ctx context.Context, r schemas.Release) error {
	return d.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error { return d.end(ctx, tx, r) })
}

func (d *Desk) end(ctx context.Context, tx *sql.Tx, r schemas.Release) error {
	stored, revision, err := sql.Get[schemas.Release](ctx, tx, "release", string(r.ID))
	if err != nil {
		return err
	}
	if stored.State != schemas.ReleaseOpen {
		return nil
	}
	stored.State, stored.Cause, stored.Rows, stored.Bytes, stored.Batches, stored.Ended = r.State, r.Cause, r.Rows, r.Bytes, r.Batches, d.now().UTC()
	_, err = sql.Update(ctx, tx, "release", string(r.ID), revision, stored, sql.Columns{"state": string(stored.State)})
	if err != nil {
		return err
	}
	err = charge(ctx, tx, stored.Agreement, stored.Rows-stored.MostRows, stored.Bytes-stored.MostBytes)
	if err != nil {
		return err
	}
	v := releaseValues(&stored, nil)
	v["state"] = string(stored.State)
	if stored.Cause != "" {
		v["cause"] = stored.Cause
	}
	_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeReleaseEnd, Subject: string(r.ID), Values: v,
		Numbers: map[string]int64{"rows": stored.Rows, "bytes": stored.Bytes, "batches": stored.Batches, "ms": stored.Ended.Sub(stored.Begun).Milliseconds()}})
	return err
}

// Recover closes, as unknown, the releases that a crash left open: they may have
// sent at most what their begin record says [decisions.md 18]. Call it before
// serving. It gives how many there were.
func (d *Desk) Recover(ctx context.Context) (int, error) {
	n := 0
	for {
		open, _, err := sql.List[schemas.Release](ctx, d.db, "release", "state = 'open' AND (replica = ? OR ?)", []any{d.replica, d.alone}, "", 500)
		if err != nil || len(open) == 0 {
			return n, err
		}
		err = d.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
			for _, row := range open {
				r := row.Doc
				r.State, r.Rows, r.Bytes = schemas.ReleaseUnknown, r.MostRows, r.MostBytes
				r.Cause = fmt.Sprintf("the gateway stopped while it ran: at most %d rows, %d bytes", r.MostRows, r.MostBytes)
				err := d.end(ctx, tx, r)
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

// ReleaseQuery picks releases.
type ReleaseQuery struct {
	State     schemas.ReleaseState
	Agreement schemas.AgreementID
	Since     time.Time
}

// Releases lists what the caller may see: her own, those of her datasets, all for
// officers and operators.
func (d *Desk) Releases(ctx context.Context, by schemas.Principal, q ReleaseQuery, after string, limit int) ([]schemas.Release, string, error) {
	err := signedIn(by, "streams")
	if err != nil {
		return nil, "", err
	}
	where, args := "(? = '' OR state = ?) AND (? = '' OR agreement = ?) AND begun >= ?", []any{string(q.State), string(q.State), string(q.Agreement), string(q.Agreement), q.Since.UnixMicro()}
	if !oversees(by) {
		where += " AND (participant = ? OR provider = ?)"
		args = append(args, string(by.Participant), string(by.Participant))
	}
	rows, next, err := sql.List[schemas.Release](ctx, d.db, "release", where, args, after, limit)
	out := make([]schemas.Release, len(rows))
	for i, row := range rows {
		out[i] = row.Doc
	}
	return out, next, err
}
