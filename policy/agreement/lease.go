package agreement

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/party"
	"guichet/policy/view"
	"guichet/schemas"
)

// MaxLease is the longest life of a lease [decisions.md 4].
const MaxLease = 15 * time.Minute

// forgetLeases is how long an expired lease is kept, to be told apart from one that
// never was.
const forgetLeases = 24 * time.Hour

// LeaseAsk is what POST /leases takes.
type LeaseAsk struct {
	Project schemas.ProjectID   `json:"project,omitempty" doc:"needed unless a lease is narrowed"`
	Run     schemas.RunID       `json:"run,omitempty"`
	Items   []schemas.LeaseItem `json:"items,omitempty" maxItems:"100" doc:"needed unless a lease is narrowed"`
	Rank    *int                `json:"rank,omitempty" minimum:"0"`
	World   *int                `json:"world,omitempty" minimum:"1" doc:"needed with a rank"`
	Order   *schemas.Order      `json:"order,omitempty"`
	Until   time.Time           `json:"until,omitzero" doc:"at most 15 minutes from now"`
}

// LeaseAnswer is a lease with its bearer token, which is shown once.
type LeaseAnswer struct {
	Token   string        `json:"token" doc:"bearer token for byte doors"`
	Until   time.Time     `json:"until"`
	EndsAt  time.Time     `json:"ends_at" doc:"when the first of its agreements ends"`
	OnePart bool          `json:"one_part" doc:"it opens one part of the rows and no other: rank, world and order are bound"`
	Lease   schemas.Lease `json:"lease"`
}

// Mint makes a lease for a signed-in partner of the project. Errors: Invalid,
// Denied (with which agreement and why), NotFound, Conflict as Submit.
func (d *Desk) Mint(ctx context.Context, by schemas.Principal, ask LeaseAsk) (LeaseAnswer, error) {
	err := signedIn(by, "lease")
	if err != nil {
		return LeaseAnswer{}, err
	}
	if len(ask.Items) == 0 {
		return LeaseAnswer{}, schemas.BadField("lease", "/items", "name at least one agreement")
	}
	err = ranked(ask.Rank, ask.World)
	if err == nil {
		err = once(ask.Items)
	}
	if err != nil {
		return LeaseAnswer{}, err
	}
	var out LeaseAnswer
	err = d.settled(ctx, "lease", func(b basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		l := schemas.Lease{ID: schemas.NewLeaseID(), Project: ask.Project, Participant: by.Participant, Issuer: by.Issuer, Subject: by.Subject, Run: ask.Run, Items: slices.Clone(ask.Items), Rank: ask.Rank, World: ask.World, Order: ask.Order}
		ends, err := d.draw(ctx, by, &l, b)
		if err == nil {
			out, err = d.answerLease(l, ask.Until, ends)
		}
		return func(ctx context.Context, tx *db.Tx) error {
			err := acts(ctx, tx, by, schemas.RoleTrainer)
			if err != nil {
				return err
			}
			return d.seal(ctx, tx, by, &out.Lease)
		}, err
	})
	return out, err
}

// draw fills in a new lease and checks each of its agreements; it gives when the first of
// them ends.
func (d *Desk) draw(ctx context.Context, by schemas.Principal, l *schemas.Lease, b basis) (ends time.Time, err error) {
	for i := range l.Items {
		a, err := d.leasable(ctx, by, l, i, b)
		if err != nil {
			return ends, err
		}
		if ends.IsZero() || a.Until.Before(ends) {
			ends = a.Until
		}
	}
	if l.Run != "" {
		r, _, err := db.Get[schemas.Run](ctx, d.db, "run", string(l.Run))
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return ends, err
		}
		if err != nil || r.Project != l.Project {
			return ends, schemas.BadField("lease", "/run", "the project has no run %q", l.Run)
		}
		l.Factory = r.Factory
	}
	return ends, nil
}

// leasable fills in item i and checks that its agreement may be leased by by.
func (d *Desk) leasable(ctx context.Context, by schemas.Principal, l *schemas.Lease, i int, b basis) (schemas.Agreement, error) {
	it := &l.Items[i]
	at := fmt.Sprintf("/items/%d", i)
	a, err := d.agreement(ctx, d.db, it.Agreement)
	if err != nil || !maySee(by, &a) {
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return a, err
		}
		return a, schemas.Errorf(schemas.NotFound, string(it.Agreement), "there is no agreement %s", it.Agreement)
	}
	b.on("agreement", string(a.ID), a.Revision)
	if l.Project == "" {
		l.Project = a.Project
	}
	if a.Project != l.Project {
		return a, schemas.BadField("lease", at+"/agreement", "the agreement is of project %s; a lease is for one project", a.Project)
	}
	err = usable(by.Participant, &a)
	if err != nil {
		return a, err
	}
	p, err := d.parties.Project(ctx, a.Project)
	if err != nil {
		return a, err
	}
	b.on("project", string(p.ID), p.Revision)
	if !party.IsPartner(p, by.Participant) || !by.Has(schemas.RoleTrainer) {
		return a, denied(string(a.ID), "lease.partner", "roles", "only trainers of the project's partners lease its agreements", "ask the lead partner")
	}
	if l.Factory == "" {
		l.Factory = a.Factory
	}
	if it.Version == "" {
		it.Version, err = d.newest(ctx, by, &a)
		if err != nil {
			return a, err
		}
	}
	// The same judge as at the byte doors, so that a lease is never worth nothing.
	look := func(context.Context, string, schemas.AgreementID) (policy.Entitlement, error) {
		me, err := d.parties.Participant(ctx, by.Participant)
		b.on("participant", string(by.Participant), me.Revision)
		probe := schemas.Lease{Items: []schemas.LeaseItem{{Agreement: a.ID}}}
		return policy.Entitlement{Lease: probe, Agreement: a, Stopped: me.Stopped}, err
	}
	whole := *it
	whole.Columns = nil // worth says which of them is wrong
	err = policy.Leasable(ctx, look, whole, d.now())
	if err != nil {
		return a, err
	}
	return a, d.worth(ctx, &a, it, at)
}

// once refuses an agreement that stands twice: a lease is a set of rights, and each of its
// items an entry of the record.
func once(items []schemas.LeaseItem) error {
	for i := range items {
		if slices.ContainsFunc(items[:i], func(o schemas.LeaseItem) bool { return o.Agreement == items[i].Agreement }) {
			return schemas.BadField("lease", fmt.Sprintf("/items/%d/agreement", i), "the agreement %s stands twice in the lease", items[i].Agreement)
		}
	}
	return nil
}

// ranked says whether a rank is one of its world. Without a world it would be a rank of
// any: also the only one, which has all the rows.
func ranked(rank, world *int) error {
	if rank != nil && world == nil {
		return schemas.BadField("lease", "/world", "a rank is one of a world: say how many ranks there are")
	}
	if rank != nil && world != nil && *rank >= *world {
		return schemas.BadField("lease", "/rank", "a world of %d has the ranks 0 to %d", *world, *world-1)
	}
	return nil
}

// worth refuses what no stream could ever open: a table, split or column that the
// version has not, that the agreement does not cover, or that its terms hide.
func (d *Desk) worth(ctx context.Context, a *schemas.Agreement, it *schemas.LeaseItem, at string) error {
	if it.Table == "" && it.Split == "" && len(it.Columns) == 0 {
		return nil
	}
	m, err := d.catalogue.Manifest(ctx, a.Dataset, it.Version)
	if schemas.KindOf(err) == schemas.NotFound {
		return schemas.BadField("lease", at+"/version", "the dataset has no published version %q", it.Version)
	}
	if err != nil {
		return err
	}
	m.Data = slices.DeleteFunc(slices.Clone(m.Data), func(t schemas.Table) bool { return it.Table != "" && t.Name != it.Table })
	if len(m.Data) == 0 {
		return schemas.BadField("lease", at+"/table", "version %s has no table %q", m.Version, it.Table)
	}
	if it.Split != "" && !slices.ContainsFunc(m.Data, func(t schemas.Table) bool {
		return slices.ContainsFunc(t.Splits, func(s schemas.Split) bool { return s.Name == it.Split })
	}) {
		return schemas.BadField("lease", at+"/split", "version %s has no split %q%s", m.Version, it.Split, inTable(it.Table))
	}
	hides, err := view.HiddenIn(&m, a)
	if err != nil {
		return err
	}
	for j, c := range it.Columns {
		pointer := fmt.Sprintf("%s/columns/%d", at, j)
		if len(a.Columns) > 0 && !slices.Contains(a.Columns, c) {
			return schemas.BadField("lease", pointer, "column %q is outside the agreement; ask for it in a new request", c)
		}
		if !slices.ContainsFunc(m.Data, func(t schemas.Table) bool { return has(&t, c) }) {
			return schemas.BadField("lease", pointer, "version %s has no column %q%s", m.Version, c, inTable(it.Table))
		}
		duty, hidden := hides(c)
		if hidden {
			return schemas.BadField("lease", pointer, "column %q is hidden by the agreement (%s)", c, duty.Rule)
		}
	}
	return nil
}

func inTable(table string) string {
	if table == "" {
		return ""
	}
	return " in table " + table
}

// newest is the newest version that an agreement covers.
func (d *Desk) newest(ctx context.Context, by schemas.Principal, a *schemas.Agreement) (schemas.VersionID, error) {
	if a.Follow {
		ds, err := d.catalogue.Get(ctx, policy.SightOf(by), a.Dataset)
		if err == nil && ds.Latest != nil {
			return ds.Latest.Version, nil
		}
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return "", err
		}
	}
	return a.Versions[len(a.Versions)-1], nil
}

// Narrow makes a child of a lease: a part of its items, one rank, a shorter life;
// never more. The child dies with its parent. Errors: Unauthenticated, Denied.
func (d *Desk) Narrow(ctx context.Context, parentToken string, ask LeaseAsk) (LeaseAnswer, error) {
	var out LeaseAnswer
	err := d.settled(ctx, "lease", func(b basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		parent, err := d.lease(ctx, parentToken)
		if err != nil {
			return nil, err
		}
		l, err := d.narrower(ctx, parent, ask, b)
		until := ask.Until
		if err == nil && until.After(parent.Until) {
			err = wider(parent.ID, "a longer life")
		}
		if until.IsZero() {
			until = parent.Until
		}
		if err == nil {
			out, err = d.answerLease(l, until, parent.Until)
		}
		return func(ctx context.Context, tx *db.Tx) error {
			err := holds(ctx, tx, &parent, basis{})
			if err != nil {
				return err
			}
			return d.seal(ctx, tx, schemas.Principal{Issuer: parent.Issuer, Subject: parent.Subject, Participant: parent.Participant}, &out.Lease)
		}, err
	})
	return out, err
}

func wider(id schemas.LeaseID, what string) error {
	return denied(string(id), "lease.wider", "the lease", "a lease can be narrowed, never widened: "+what, "ask with your own token")
}

// narrower gives the child of a lease that an ask describes.
func (d *Desk) narrower(ctx context.Context, parent schemas.Lease, ask LeaseAsk, b basis) (schemas.Lease, error) {
	l := parent
	l.ID, l.Parent, l.Line = schemas.NewLeaseID(), parent.ID, append(slices.Clone(parent.Line), parent.ID)
	if len(l.Line) > maxNarrowings {
		return l, denied(string(parent.ID), "lease.line", "the lease", fmt.Sprintf("a lease is narrowed at most %d times one after another", maxNarrowings), "narrow an earlier one")
	}
	if ask.Project != "" && ask.Project != parent.Project {
		return l, wider(parent.ID, "another project")
	}
	if ask.Run != "" && ask.Run != parent.Run {
		return l, wider(parent.ID, "another run")
	}
	l.Items = slices.Clone(parent.Items)
	if len(ask.Items) > 0 {
		l.Items = slices.Clone(ask.Items)
	}
	err := once(l.Items)
	if err != nil {
		return l, err
	}
	for i := range l.Items {
		j := slices.IndexFunc(parent.Items, func(p schemas.LeaseItem) bool { return p.Agreement == l.Items[i].Agreement })
		if j < 0 {
			return l, wider(parent.ID, "agreement "+string(l.Items[i].Agreement))
		}
		what := narrowItem(&l.Items[i], parent.Items[j])
		if what != "" {
			return l, wider(parent.ID, what)
		}
		a, err := d.agreement(ctx, d.db, l.Items[i].Agreement)
		if err == nil {
			b.on("agreement", string(a.ID), a.Revision)
			err = usable(l.Participant, &a)
		}
		if err == nil {
			err = d.worth(ctx, &a, &l.Items[i], fmt.Sprintf("/items/%d", i))
		}
		if err != nil {
			return l, err
		}
	}
	for _, n := range []struct {
		have, want **int
		what       string
	}{{&l.Rank, &ask.Rank, "rank"}, {&l.World, &ask.World, "world"}} {
		if *n.have != nil && *n.want != nil && **n.have != **n.want {
			return l, wider(parent.ID, n.what)
		}
		if *n.want != nil {
			*n.have = *n.want
		}
	}
	if l.Order != nil && ask.Order != nil && *l.Order != *ask.Order {
		return l, wider(parent.ID, "another order")
	}
	if ask.Order != nil {
		l.Order = ask.Order
	}
	return l, ranked(l.Rank, l.World)
}

func narrowItem(child *schemas.LeaseItem, parent schemas.LeaseItem) (wider string) {
	for _, m := range []struct {
		parent string
		child  *string
		what   string
	}{{string(parent.Version), (*string)(&child.Version), "another version"}, {parent.Table, &child.Table, "another table"}, {parent.Split, &child.Split, "another split"}} {
		if m.parent != "" && *m.child != "" && *m.child != m.parent {
			return m.what
		}
		if *m.child == "" {
			*m.child = m.parent
		}
	}
	if len(child.Columns) == 0 {
		child.Columns = parent.Columns
	}
	if len(parent.Columns) > 0 {
		for _, c := range child.Columns {
			if !slices.Contains(parent.Columns, c) {
				return "column " + c
			}
		}
	}
	return ""
}

// answerLease bounds a lease's life: at most MaxLease, and never beyond ends.
func (d *Desk) answerLease(l schemas.Lease, until, ends time.Time) (LeaseAnswer, error) {
	now := d.now().UTC()
	latest := now.Add(MaxLease)
	if until.IsZero() {
		until = latest
	}
	if until.After(latest) {
		return LeaseAnswer{}, schemas.BadField("lease", "/until", "a lease lasts at most %s", MaxLease)
	}
	if !until.After(now) {
		return LeaseAnswer{}, schemas.BadField("lease", "/until", "the end lies in the past")
	}
	if ends.Before(until) {
		until = ends
	}
	l.Until = until.UTC()
	return LeaseAnswer{Token: d.token(l.ID), Until: l.Until, EndsAt: ends, OnePart: l.Rank != nil && l.World != nil && l.Order != nil, Lease: l}, nil
}

// seal stores a lease with its changes.
func (d *Desk) seal(ctx context.Context, tx *db.Tx, by schemas.Principal, l *schemas.Lease) error {
	_, err := tx.Exec(ctx, `DELETE FROM lease WHERE until < ?`, d.now().Add(-forgetLeases).UnixMicro())
	if err != nil {
		return fmt.Errorf("forget old leases: %w", err)
	}
	err = db.Insert(ctx, tx, "lease", string(l.ID), l, db.Columns{"project": string(l.Project), "until": l.Until.UnixMicro()})
	if err != nil {
		return err
	}
	for _, it := range l.Items {
		v, err := leaseValues(ctx, tx, l, it)
		if err != nil {
			return err
		}
		_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeLease, Subject: string(l.ID), Numbers: map[string]int64{"until": l.Until.Unix()}, Values: withCaller(v, by)})
		if err != nil {
			return err
		}
	}
	return nil
}
