package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/newest"
	"guichet/connectors/db/sums"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/budget"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/usage"
	"guichet/schemas"
)

// Releases writes what goes out: durable before its first byte, bounded while it runs,
// ended once. Safe for concurrent use.
type Releases struct {
	db         *db.DB
	agreements *agreement.Agreements
	brake      *stop.Brake
	replica    string
	alone      bool
	now        func() time.Time
}

// Config is what Releases are made of.
type Config struct {
	Agreements *agreement.Agreements
	Brake      *stop.Brake
	Replica    string // name of this process, for the releases it opens
	Alone      bool   // no other process opens releases on this database
}

// New makes Releases.
func New(c Config) *Releases {
	a := c.Agreements
	return &Releases{db: a.DB, agreements: a, brake: c.Brake, replica: c.Replica, alone: c.Alone, now: a.Now}
}

// Begin makes a release durable before its first byte may leave: it checks again,
// in the same transaction, that the agreement stands, reserves a first slice of its
// budget and appends the begin record. MostRows and MostBytes are lowered to what the
// budget still gives beside rows that are paid for already. The reservation is what Pay and
// More go on with. Errors: Denied (revoked meanwhile, budget spent), Unavailable.
func (s *Releases) Begin(ctx context.Context, g policy.Grant, r schemas.Release, of ReadPlan) (schemas.Release, *Reservation, error) {
	if !g.Valid() {
		return r, nil, fmt.Errorf("begin a release: the grant did not come from policy.Authorize")
	}
	a, l, w := g.Agreement(), g.Lease(), g.Asked()
	r.ID, r.State, r.Replica = schemas.NewReleaseID(), schemas.ReleaseOpen, s.replica
	r.Agreement, r.Lease, r.Dataset, r.Version, r.Table, r.Split = a.ID, l.ID, a.Dataset, w.Version, w.Table, w.Split
	r.Provider, r.Purpose, r.Action = a.Provider, a.Purpose, a.Action
	r.Participant, r.Project, r.Run, r.Factory, r.Declared, r.Door = l.Participant, a.Project, w.Run, a.Factory, g.Declared(), w.Door
	r.Copy = l.CopyFilled()
	err := s.checkRun(ctx, &r, l.Run)
	if err != nil {
		return r, nil, err
	}
	plan, stretches, err := s.unpaid(ctx, &a, &r, of)
	if err != nil {
		return r, nil, err
	}
	t := newReservation(stretches, r.MostRows, r.MostBytes)
	// What the grant read is looked at once more in the transaction that begins: a
	// revocation that came in between refuses, however short the time was.
	t.lease, t.terms, t.basis = l, a, agreement.Basis(g.Read())
	var pos *db.Position
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, asGranted, err := s.standing(ctx, tx, t)
		if err == nil {
			err = sameFactory(ctx, tx, g, asGranted)
		}
		if err != nil {
			return err
		}
		p, err := budget.Of(ctx, tx, &now)
		if err == nil {
			err = p.CheckRecord(ctx, tx)
		}
		if err == nil {
			err = limit(&now, p, &r, t)
		}
		if err != nil {
			return err
		}
		r.Begun, r.Accounts = s.now().UTC(), p.IDs()
		err = reserve(ctx, tx, &now, p, &r, t, 0, 0)
		if err != nil {
			return err
		}
		err = db.Insert(
			ctx, tx, "release", string(r.ID), r,
			db.Columns{"agreement": string(a.ID), "dataset": string(a.Dataset), "provider": string(a.Provider),
				"participant": string(r.Participant), "state": string(r.State), "replica": r.Replica, "begun": r.Begun.UnixMicro()},
		)
		if err == nil {
			err = usage.Read(ctx, tx, r.Dataset, r.Run)
		}
		if err == nil && plan != nil {
			err = keepPlan(ctx, tx, r.ID, plan)
		}
		if err != nil {
			return err
		}
		c := schemas.Change{Kind: schemas.ChangeReleaseBegin, Subject: string(r.ID), Values: releaseValues(&r),
			Numbers: map[string]int64{"most_rows": r.MostRows, "most_bytes": r.MostBytes, "declared": flag(r.Declared)}}
		p.Record(&c)
		pos, err = tx.Append(ctx, c)
		return err
	})
	if err != nil {
		return r, nil, err
	}
	r.Begin, r.Rows, r.Bytes, r.ChargedRows, r.ChargedBytes = pos.Value(), 0, 0, 0, 0 // from now on: what is sent
	return r, t, nil
}

// CheckRun says whether the run that a grant is for is one of its project, before a stream
// is opened under it. Errors: Invalid, Denied where it is over.
func (s *Releases) CheckRun(ctx context.Context, g policy.Grant) error {
	if g.Asked().Run == "" {
		return nil
	}
	return s.checkRun(ctx, &schemas.Release{Run: g.Asked().Run, Project: g.Agreement().Project}, g.Lease().Run)
}

// checkRun says whether the run that a release names is one of its project. That of the
// lease was looked at when the lease was made, but may have been ended since.
func (s *Releases) checkRun(ctx context.Context, r *schemas.Release, leased schemas.RunID) error {
	if r.Run == "" {
		return nil
	}
	run, _, err := db.Get[schemas.Run](ctx, s.db, "run", string(r.Run))
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return err
	}
	if err == nil && run.Project == r.Project {
		return agreement.CheckRunning(&run)
	}
	if r.Run == leased {
		return nil
	}
	ids, err := agreement.RunsNamed(ctx, s.db, r.Project, string(r.Run))
	switch {
	case err != nil:
		return err
	case ids != "":
		return schemas.BadField("stream", "run",
			"project %s has no run %q: give the id of the one that goes by that name, %s", r.Project, r.Run, ids)
	}
	return schemas.BadField("stream", "run", "project %s has no run %q", r.Project, r.Run)
}

// sameFactory refuses a grant whose factory, by whose networks the place was proven, has changed.
// looked: all that the grant read was looked at again.
func sameFactory(ctx context.Context, tx *db.Tx, g policy.Grant, looked bool) error {
	factory := policy.Noun{Table: "factory", ID: string(g.Agreement().Factory)}
	was, noted := g.Read()[factory]
	if looked && noted || factory.ID == "" {
		return nil
	}
	err := agreement.Basis{factory: was}.Check(ctx, tx)
	if _, changed := errors.AsType[*agreement.Moved](err); changed {
		return agreement.ChangedMeanwhile(string(g.Agreement().ID), err)
	}
	return err
}

// standing gives the agreement of a release with what was used of it, if it may go on.
// What it was granted by is looked at again, and where something moved all is read anew, but the
// factory; asGranted: nothing moved.
func (s *Releases) standing(ctx context.Context, tx *db.Tx, t *Reservation) (a schemas.Agreement, asGranted bool, err error) {
	err = s.brake.Check(t.terms.ID, &t.lease)
	if err != nil {
		return t.terms, false, err
	}
	// The short way, which most slices take: nothing moved since the grant, so one look at
	// some revisions stands for reading agreement, lease, person and project again.
	err = t.basis.Check(ctx, tx)
	if _, changed := errors.AsType[*agreement.Moved](err); err != nil && !changed {
		return t.terms, false, err
	}
	if err == nil && len(t.basis) > 0 && s.now().Before(t.terms.Until) {
		if !slices.ContainsFunc(t.terms.Obligations, func(o schemas.Duty) bool { return o.Rule == budget.RuleOfRequest }) {
			return t.terms, true, nil
		}
		a, err = s.agreements.InForce(ctx, tx, t.terms, t.terms.Revision)
		return a, true, err
	}
	a, err = s.agreements.Read(ctx, tx, t.terms.ID)
	if err != nil {
		return a, false, err
	}
	if a.State != schemas.AgreementActive {
		return a, false, schemas.Refuse(
			string(a.ID), "agreement."+string(a.State), "the agreement", "the agreement was "+string(a.State), "send a new request",
		)
	}
	err = agreement.CheckUse(t.lease.Participant, &a)
	if err != nil {
		return a, false, err
	}
	b := agreement.Basis{}
	b.Note("agreement", string(a.ID), a.Revision)
	t.terms, t.basis = a, b
	return a, false, agreement.CheckHolder(ctx, tx, &t.lease, b)
}

// More reserves another slice of the budget for a release that wants to send a
// message of rows and bytes. Errors: Denied (revoked meanwhile, budget spent),
// Unavailable.
func (s *Releases) More(ctx context.Context, r schemas.Release, t *Reservation, rows, bytes int64) error {
	was := *t // a write that fails reserves nothing
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		*t = was
		stored, revision, err := db.Get[schemas.Release](ctx, tx, "release", string(r.ID))
		if err != nil {
			return err
		}
		if stored.State != schemas.ReleaseOpen {
			return schemas.Errorf(schemas.Conflict, string(r.ID), "the release has ended already: %s", stored.State)
		}
		now, _, err := s.standing(ctx, tx, t)
		if err != nil {
			return err
		}
		p, err := budget.Of(ctx, tx, &now)
		if err != nil {
			return err
		}
		// What it was not begun under, it would not be taken out of: the lead was another.
		p = slices.DeleteFunc(p, func(c budget.Account) bool { return c.ID != "" && !slices.Contains(stored.Accounts, c.ID) })
		needRows, needBytes := t.price(rows, bytes)
		err = reserve(ctx, tx, &now, p, &stored, t, needRows, needBytes)
		if err != nil {
			return err
		}
		_, err = db.Update(ctx, tx, "release", string(r.ID), revision, stored, nil)
		return err
	})
	if err != nil {
		*t = was
	}
	return err
}

// flag is a truth as the record's numbers have it.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// releaseValues says of a release who gave what to whom and what for: at its begin and at
// its end, so that each reads whole for provider and receiver.
func releaseValues(r *schemas.Release) map[string]string {
	v := map[string]string{
		"release":     string(r.ID),
		"agreement":   string(r.Agreement),
		"dataset":     string(r.Dataset),
		"participant": string(r.Participant),
		"project":     string(r.Project),
		"run":         string(r.Run),
		"version":     string(r.Version),
		"table":       r.Table,
		"split":       r.Split,
		"lease":       string(r.Lease),
		"factory":     string(r.Factory),
		"door":        r.Door,
		"ask":         r.Ask,
		"provider":    string(r.Provider),
		"purpose":     r.Purpose,
		"action":      r.Action,
		"columns":     r.Columns,
		"copy":        string(r.Copy),
	}
	for k, s := range v {
		if s == "" {
			delete(v, k)
		}
	}
	return v
}

// limit lowers what a release may deliver to what the budgets leave, beside what is
// paid for. Only a release that could send nothing at all is refused.
func limit(a *schemas.Agreement, p budget.Purse, r *schemas.Release, t *Reservation) error {
	rows, bytes, tight := p.Left()
	if tight == nil {
		return nil
	}
	// Of 50 rows, 20 of them paid for, under a budget that leaves 10: MostRows is 30, and
	// the stream is cut where the eleventh row that costs would go out.
	paid := r.MostRows - t.unpaidRows
	if t.unpaidRows > 0 && paid == 0 && (rows == 0 || bytes == 0) {
		return spent(a, tight)
	}
	t.unpaidRows, t.maxBytes = min(t.unpaidRows, rows), min(t.maxBytes, bytes)
	r.MostRows = paid + t.unpaidRows
	if paid == 0 && t.unpaidRows > 0 { // a part without rows still has a schema
		r.MostBytes = t.maxBytes
	}
	return nil
}

// spent refuses rows that a budget no longer covers, by the rule that set it.
func spent(a *schemas.Agreement, c *budget.Account) error {
	return schemas.Refuse(string(a.ID), c.Duty.Rule, c.Duty.Source, c.Used(), c.Remedy())
}

// reserve charges a slice of the budgets that covers what is needed now to their accounts
// and to the agreement, and says in r what is reserved and how far it reaches. Without a
// budget the slice is all.
func reserve(
	ctx context.Context, tx *db.Tx, a *schemas.Agreement, p budget.Purse, r *schemas.Release, t *Reservation, needRows, needBytes int64,
) error {
	leftRows, leftBytes, tight := p.Left()
	moreRows, moreBytes := t.unpaidRows-t.rows, t.maxBytes-t.bytes
	if tight != nil {
		var enoughRows, enoughBytes bool
		moreRows, enoughRows = nextSlice(t.unpaidRows, t.rows, leftRows, needRows, sliceRows)
		moreBytes, enoughBytes = nextSlice(t.maxBytes, t.bytes, leftBytes, needBytes, sliceBytes)
		if !enoughRows || !enoughBytes {
			return spent(a, tight)
		}
	}
	t.rows, t.bytes = t.rows+moreRows, t.bytes+moreBytes
	r.ChargedRows, r.ChargedBytes = r.ChargedRows+moreRows, r.ChargedBytes+moreBytes
	// The bound of what may have been sent: rows that cost nothing may go out without
	// another reservation, and nobody counts their bytes before they do.
	var free bool
	r.Rows, free = t.reach()
	r.Bytes = r.ChargedBytes
	if free {
		r.Bytes = r.MostBytes
	}
	err := p.Reserve(ctx, tx, a, moreRows, moreBytes)
	if err != nil {
		return err
	}
	return charge(ctx, tx, a.ID, moreRows, moreBytes)
}

// charge adds to what an agreement used, in one statement: releases of one agreement may
// end at the same time on two replicas.
func charge(ctx context.Context, tx *db.Tx, id schemas.AgreementID, rows, bytes int64) error {
	if rows == 0 && bytes == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE agreement SET rows_used = rows_used + ?, bytes_used = bytes_used + ? WHERE id = ?`, rows, bytes, string(id))
	if err != nil {
		return fmt.Errorf("charge agreement %s: %w", id, err)
	}
	return nil
}

// End records how a release ended, what it sent, and gives back the rest of its
// reservation: charged are the rows that it sent and nobody paid for in between, and
// they are paid for from now on. The first end written stands: a second one changes
// nothing.
func (s *Releases) End(ctx context.Context, r schemas.Release, t *Reservation) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.end(ctx, tx, r, t) })
}

// end writes the end of a release once. The first end stands: a second one, of a slow
// stream that a stop already closed as unknown, changes nothing.
func (s *Releases) end(ctx context.Context, tx *db.Tx, r schemas.Release, t *Reservation) error {
	stored, revision, err := db.Get[schemas.Release](ctx, tx, "release", string(r.ID))
	if err != nil {
		return err
	}
	if stored.State != schemas.ReleaseOpen {
		return nil
	}
	// Until here the charge was a reservation; what it was too much goes back below.
	reservedRows, reservedBytes := stored.ChargedRows, stored.ChargedBytes
	stored.State, stored.Cause, stored.Ended = r.State, r.Cause, s.now().UTC()
	stored.Rows, stored.Bytes, stored.Batches = r.Rows, r.Bytes, r.Batches
	stored.ChargedRows, stored.ChargedBytes = r.ChargedRows, r.ChargedBytes
	if r.Ask != "" { // of objects it says which of them, once that is known
		stored.Ask = r.Ask
	}
	err = reconcile(ctx, tx, &stored, t)
	if err != nil {
		return err
	}
	_, err = db.Update(ctx, tx, "release", string(r.ID), revision, stored, db.Columns{"state": string(stored.State)})
	if err != nil {
		return err
	}
	err = sums.Add(ctx, tx, &stored)
	if err == nil {
		err = charge(ctx, tx, stored.Agreement, stored.ChargedRows-reservedRows, stored.ChargedBytes-reservedBytes)
	}
	if err != nil {
		return err
	}
	p, err := budget.Charge(ctx, tx, stored.Accounts, reservedRows, reservedBytes, stored.ChargedRows, stored.ChargedBytes)
	if err != nil {
		return err
	}
	v := releaseValues(&stored)
	delete(v, "columns") // they stand in the begin record
	v["state"] = string(stored.State)
	if stored.Cause != "" {
		v["cause"] = stored.Cause
	}
	c := schemas.Change{Kind: schemas.ChangeReleaseEnd, Subject: string(r.ID), Values: v,
		Numbers: map[string]int64{
			"rows":    stored.Rows,
			"bytes":   stored.Bytes,
			"batches": stored.Batches,
			"ms":      stored.Ended.Sub(stored.Begun).Milliseconds(),
		}}
	p.Record(&c)
	_, err = tx.Append(ctx, c)
	return err
}

// Query picks releases.
type Query struct {
	State     schemas.ReleaseState
	Agreement schemas.AgreementID
	Since     time.Time
}

// List lists what the caller may see: its own, those of its datasets, all for
// officers and operators.
func (s *Releases) List(ctx context.Context, by schemas.Principal, q Query, after string, limit int) ([]schemas.Release, string, error) {
	err := agreement.SignedIn(by, "streams")
	if err != nil {
		return nil, "", err
	}
	where, args := "(? = '' OR state = ?) AND (? = '' OR agreement = ?) AND begun >= ?", []any{
		string(q.State), string(q.State), string(q.Agreement), string(q.Agreement), q.Since.UnixMicro(),
	}
	if !agreement.Oversees(by) {
		where += " AND (participant = ? OR provider = ?)"
		args = append(args, string(by.Participant), string(by.Participant))
	}
	rows, next, err := newest.List[schemas.Release](ctx, s.db, "release", "begun", where, args, after, limit)
	out := make([]schemas.Release, len(rows))
	for i, row := range rows {
		out[i] = row.Doc
	}
	return out, next, err
}
