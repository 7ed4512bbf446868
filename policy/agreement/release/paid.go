package release

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"guichet/connectors/db"
	"guichet/schemas"
)

// unpaid says which rows of a reading were paid for before, and gives its plan as it
// is stored; nothing where every row costs: without a budget nobody asks, without a
// run nothing is read again. It looks before the transaction that reserves: rows that
// are paid for in between are only reserved once too often, until the end settles.
func (s *Releases) unpaid(
	ctx context.Context, a *schemas.Agreement, r *schemas.Release, of ReadPlan,
) (plan []byte, all []stretch, err error) {
	if !slices.ContainsFunc(a.Obligations, func(o schemas.Duty) bool { return o.Kind == schemas.DutyBudget }) || r.Run == "" ||
		len(of.Segments) == 0 {
		return nil, nil, nil
	}
	r.Reading = of.name()
	had, err := paid(ctx, s.db, r)
	if err != nil {
		return nil, nil, err
	}
	return appendSegments(nil, of.Segments), stretches(had, of.Segments), nil
}

// paid gives the rows that a release's run has paid for in its reading.
func paid(ctx context.Context, q db.Querier, r *schemas.Release) (schemas.Segments, error) {
	var b []byte
	err := q.QueryRow(ctx, `SELECT segments FROM paid
		WHERE agreement = ? AND run = ? AND version = ? AND of_table = ? AND split = ? AND reading = ?`,
		string(r.Agreement), string(r.Run), string(r.Version), r.Table, r.Split, r.Reading).
		Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var set schemas.Segments
	if err == nil {
		set, err = readSegments(b)
	}
	if err != nil {
		return nil, fmt.Errorf("read what run %s has paid for: %w", r.Run, err)
	}
	return set, nil
}

// pay stores the rows that a release's run has paid for.
func pay(ctx context.Context, tx *db.Tx, r *schemas.Release, set schemas.Segments) error {
	_, err := tx.Exec(ctx, `INSERT INTO paid (agreement, run, version, of_table, split, reading, segments) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (agreement, run, version, of_table, split, reading) DO UPDATE SET segments = excluded.segments`,
		string(r.Agreement), string(r.Run), string(r.Version), r.Table, r.Split, r.Reading, appendSegments(nil, set))
	if err != nil {
		return fmt.Errorf("store what run %s has paid for: %w", r.Run, err)
	}
	return nil
}

// keepPlan stores what a release is going to send.
func keepPlan(ctx context.Context, tx *db.Tx, id schemas.ReleaseID, plan []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO release_plan (release, segments) VALUES (?, ?)`, string(id), plan)
	if err != nil {
		return fmt.Errorf("store the plan of release %s: %w", id, err)
	}
	return nil
}

// reconcile takes the rows that a release sent as paid for from now on, and charges only
// those that were not. A release outside of any reading is charged as it says, and one
// whose reservation died with the gateway for all the bytes that it had reserved.
func reconcile(ctx context.Context, tx *db.Tx, r *schemas.Release, t *Reservation) error {
	if r.Reading == "" {
		return nil
	}
	var b []byte
	var plan []schemas.Segment
	err := tx.QueryRow(ctx, `SELECT segments FROM release_plan WHERE release = ?`, string(r.ID)).Scan(&b)
	if err == nil {
		plan, err = readSegments(b)
	}
	if err != nil {
		return fmt.Errorf("read the plan of release %s: %w", r.ID, err)
	}
	had, err := paid(ctx, tx, r)
	if err != nil {
		return err
	}
	// What the run had paid for when this release ends, not when it began: two streams that
	// read the same rows at the same time both reserve them, and the second to end pays for
	// none of them.
	now := had.Union(schemas.Segments(plan).Cut(0, r.Rows).Set())
	fresh := now.Rows() - had.Rows()
	if fresh < r.ChargedRows && t != nil { // others have paid for the rest
		r.ChargedBytes = t.chargeFor(plan, had)
	}
	r.ChargedRows = fresh
	if fresh > 0 {
		err = pay(ctx, tx, r, now)
	}
	if err == nil {
		_, err = tx.Exec(ctx, `DELETE FROM release_plan WHERE release = ?`, string(r.ID))
	}
	if err != nil {
		return fmt.Errorf("settle release %s: %w", r.ID, err)
	}
	return nil
}
