package lease

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/terms"
	"guichet/policy/party"
	"guichet/policy/view"
	"guichet/schemas"
)

// catalogue is what Leases need to know of datasets.
type catalogue interface {
	// Get finds a dataset that is in sight. Errors: NotFound.
	Get(ctx context.Context, sight schemas.Sight, id schemas.DatasetID) (schemas.Dataset, error)
	// Manifest finds a published version. Errors: NotFound, Busy while publishing.
	Manifest(ctx context.Context, id schemas.DatasetID, version schemas.VersionID) (schemas.Version, error)
}

// Leases mints the keys to byte doors, and says what each stands for. Safe for concurrent
// use.
type Leases struct {
	db         *db.DB
	parties    *party.Registry
	catalogue  catalogue
	agreements *agreement.Agreements
	brake      *stop.Brake
	key        []byte
	now        func() time.Time
}

// Config is what Leases are made of.
type Config struct {
	Agreements *agreement.Agreements
	Catalogue  catalogue
	Brake      *stop.Brake
	Key        []byte // at least 32 random bytes, the same on every replica
}

// New makes Leases.
func New(c Config) *Leases {
	a := c.Agreements
	return &Leases{db: a.DB, parties: a.Parties, catalogue: c.Catalogue, agreements: a, brake: c.Brake, key: c.Key, now: a.Now}
}

// MaxLease is the longest life of a lease [decisions.md 4].
const MaxLease = 15 * time.Minute

// forgetLeases is how long an expired lease is kept, to be told apart from one that
// never was.
const forgetLeases = 24 * time.Hour

// Mint makes a lease for a signed-in partner of the project. Errors: Invalid,
// Denied (with which agreement and why), NotFound, Conflict as Submit.
func (s *Leases) Mint(ctx context.Context, by schemas.Principal, ask schemas.LeaseAsk) (schemas.LeaseAnswer, error) {
	err := agreement.SignedIn(by, "lease")
	if err != nil {
		return schemas.LeaseAnswer{}, err
	}
	if ask.Copy != "" {
		return s.mintForCopy(ctx, Caller{By: by}, ask)
	}
	if len(ask.Items) == 0 {
		return schemas.LeaseAnswer{}, schemas.BadField("lease", "/items", "name at least one agreement")
	}
	err = ranked(ask.Rank, ask.World)
	if err == nil {
		err = once(ask.Items)
	}
	if err != nil {
		return schemas.LeaseAnswer{}, err
	}
	var out schemas.LeaseAnswer
	err = s.agreements.Settle(ctx, "lease", func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		l := schemas.Lease{
			ID: schemas.NewLeaseID(), Project: ask.Project, Participant: by.Participant, Issuer: by.Issuer, Subject: by.Subject,
			Run: ask.Run, Items: slices.Clone(ask.Items), Rank: ask.Rank, World: ask.World, Order: ask.Order,
		}
		ends, err := s.complete(ctx, by, &l, b)
		if err == nil {
			out, err = s.answer(l, ask.Until, ends)
		}
		return func(ctx context.Context, tx *db.Tx) error {
			err := agreement.CheckMember(ctx, tx, by, schemas.RoleTrainer)
			if err != nil {
				return err
			}
			return s.issue(ctx, tx, by, schemas.ChangeLease, &out.Lease)
		}, err
	})
	return out, err
}

// complete fills in a new lease and checks each of its agreements; it gives when the first of
// them ends.
func (s *Leases) complete(ctx context.Context, by schemas.Principal, l *schemas.Lease, b agreement.Basis) (ends time.Time, err error) {
	for i := range l.Items {
		a, err := s.leasable(ctx, by, l, i, b)
		if err != nil {
			return ends, err
		}
		if ends.IsZero() || a.Until.Before(ends) {
			ends = a.Until
		}
	}
	if l.Run != "" {
		r, err := s.runOf(ctx, l)
		if err != nil {
			return ends, err
		}
		l.Factory = r.Factory
	}
	return ends, nil
}

// runOf finds the run that a lease names. Errors: Invalid where its project has none
// such, Denied where it is over.
func (s *Leases) runOf(ctx context.Context, l *schemas.Lease) (schemas.Run, error) {
	r, _, err := db.Get[schemas.Run](ctx, s.db, "run", string(l.Run))
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return r, err
	}
	if err == nil && r.Project == l.Project {
		return r, agreement.CheckRunning(&r)
	}
	ids, err := agreement.RunsNamed(ctx, s.db, l.Project, string(l.Run))
	switch {
	case err != nil:
		return r, err
	case ids != "":
		return r, schemas.BadField("lease", "/run", "the project has no run %q: give the id of the one that goes by that name, %s", l.Run, ids)
	}
	return r, schemas.BadField("lease", "/run", "the project has no run %q", l.Run)
}

// leasable fills in item i and checks that its agreement may be leased by by.
func (s *Leases) leasable(
	ctx context.Context, by schemas.Principal, l *schemas.Lease, i int, b agreement.Basis,
) (schemas.Agreement, error) {
	it := &l.Items[i]
	at := fmt.Sprintf("/items/%d", i)
	a, err := s.agreements.Read(ctx, s.db, it.Agreement)
	if err != nil || !agreement.MaySee(by, &a) {
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return a, err
		}
		return a, schemas.Errorf(schemas.NotFound, string(it.Agreement), "there is no agreement %s", it.Agreement)
	}
	b.Note("agreement", string(a.ID), a.Revision)
	if l.Project == "" {
		l.Project = a.Project
	}
	if a.Project != l.Project {
		return a, schemas.BadField("lease", at+"/agreement", "the agreement is of project %s; a lease is for one project", a.Project)
	}
	err = agreement.CheckUse(by.Participant, &a)
	if err != nil {
		return a, err
	}
	p, err := s.parties.Project(ctx, a.Project)
	if err != nil {
		return a, err
	}
	b.Note("project", string(p.ID), p.Revision)
	if !party.IsPartner(p, by.Participant) || !by.Has(schemas.RoleTrainer) {
		return a, schemas.Refuse(
			string(a.ID), "lease.partner", "roles", "only trainers of the project's partners lease its agreements", "ask the lead partner",
		)
	}
	if l.Factory == "" {
		l.Factory = a.Factory
	}
	// The newest version is named now and not at each open: the lease of a job says the same
	// to all its ranks, also when a version is published while they start.
	if it.Version == "" {
		it.Version, err = s.newest(ctx, by, &a)
		if err != nil {
			return a, err
		}
	}
	// The same judge as at the byte doors, so that a lease is never worth nothing.
	look := func(context.Context, string, schemas.AgreementID) (policy.Entitlement, error) {
		me, err := s.parties.Participant(ctx, by.Participant)
		b.Note("participant", string(by.Participant), me.Revision)
		probe := schemas.Lease{Items: []schemas.LeaseItem{{Agreement: a.ID}}}
		return policy.Entitlement{Lease: probe, Agreement: a, Stopped: me.Stopped}, err
	}
	whole := *it
	whole.Columns = nil // checkItem says which of them is wrong
	err = policy.Leasable(ctx, look, whole, s.now())
	if err != nil {
		return a, err
	}
	return a, s.checkItem(ctx, &a, it, at)
}

// once refuses an agreement that is given twice: a lease is a set of rights, and each of its
// items an entry of the record.
func once(items []schemas.LeaseItem) error {
	for i := range items {
		if slices.ContainsFunc(items[:i], func(o schemas.LeaseItem) bool { return o.Agreement == items[i].Agreement }) {
			return schemas.BadField("lease", fmt.Sprintf("/items/%d/agreement", i), "the agreement %s is given twice", items[i].Agreement)
		}
	}
	return nil
}

// ranked says whether a rank is one of its world. Without a world it would be a rank of
// any: also the only one, which has all the rows.
func ranked(rank, world *int) error {
	// Rank 0 of no world would open rank 0 of 1, which is every row.
	if rank != nil && world == nil {
		return schemas.BadField("lease", "/world", "a rank is one of a world: say how many ranks there are")
	}
	if rank != nil && world != nil && *rank >= *world {
		return schemas.BadField("lease", "/rank", "a world of %d has the ranks 0 to %d", *world, *world-1)
	}
	return nil
}

// checkItem refuses what no stream could ever open: a table, split or column that the
// version has not, that the agreement does not cover, or that its terms hide.
func (s *Leases) checkItem(ctx context.Context, a *schemas.Agreement, it *schemas.LeaseItem, at string) error {
	if it.Table == "" && it.Split == "" && len(it.Columns) == 0 {
		return nil
	}
	m, err := s.catalogue.Manifest(ctx, a.Dataset, it.Version)
	if schemas.KindOf(err) == schemas.NotFound {
		return schemas.BadField("lease", at+"/version", "the dataset has no published version %q", it.Version)
	}
	if err != nil {
		return err
	}
	// From here on only the table that was named is looked at, if one was.
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
		if !slices.ContainsFunc(m.Data, func(t schemas.Table) bool { return terms.HasColumn(&t, c) }) {
			return schemas.BadField("lease", pointer, "version %s has no column %q%s", m.Version, c, inTable(it.Table))
		}
		duty, hidden := hides(c)
		if hidden {
			return schemas.BadField("lease", pointer, "column %q is hidden by the agreement (%s)", c, duty.Rule)
		}
	}
	return nil
}

// inTable names the table in a message, where one is named at all.
func inTable(table string) string {
	if table == "" {
		return ""
	}
	return " in table " + table
}

// newest is the newest version that an agreement covers.
func (s *Leases) newest(ctx context.Context, by schemas.Principal, a *schemas.Agreement) (schemas.VersionID, error) {
	// An agreement that follows covers what is published after it, as far as its caller may
	// see the dataset by now; any other one covers the last of the versions that it names.
	if a.Follow {
		ds, err := s.catalogue.Get(ctx, policy.SightOf(by), a.Dataset)
		if err == nil && ds.Latest != nil {
			return ds.Latest.Version, nil
		}
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return "", err
		}
	}
	return a.Versions[len(a.Versions)-1], nil
}

// answer bounds a lease's life: at most MaxLease, and never beyond ends.
func (s *Leases) answer(l schemas.Lease, until, ends time.Time) (schemas.LeaseAnswer, error) {
	now := s.now().UTC()
	// Asked at 10:00 for an hour: Invalid, so that nobody plans with it. Asked for nothing, of
	// an agreement that ends at 10:05: until 10:05.
	latest := now.Add(MaxLease)
	if until.IsZero() {
		until = latest
	}
	if until.After(latest) {
		return schemas.LeaseAnswer{}, schemas.BadField("lease", "/until", "a lease lasts at most %s", MaxLease)
	}
	if !until.After(now) {
		return schemas.LeaseAnswer{}, schemas.BadField("lease", "/until", "the end lies in the past")
	}
	if ends.Before(until) {
		until = ends
	}
	l.Until = until.UTC()
	return schemas.LeaseAnswer{
		Token: s.token(l.ID), Until: l.Until, EndsAt: ends, OnePart: l.Rank != nil && l.World != nil && l.Order != nil, Lease: l,
	}, nil
}

// issue stores a lease with its changes, which are of a kind.
func (s *Leases) issue(ctx context.Context, tx *db.Tx, by schemas.Principal, kind string, l *schemas.Lease) error {
	// Whoever makes leases sweeps them: a site without jobs keeps the last few, and needs no
	// clock of its own for them. Staged copies stay: what was read of them is handed back later, and looked at.
	_, err := tx.Exec(ctx, `DELETE FROM lease WHERE until < ? AND id NOT LIKE ?`,
		s.now().Add(-forgetLeases).UnixMicro(), schemas.CopyPrefix+"%")
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
		_, err = tx.Append(
			ctx,
			schemas.Change{
				Kind: kind, Subject: string(l.ID), Numbers: map[string]int64{"until": l.Until.Unix()},
				Values: agreement.WithCaller(v, by),
			},
		)
		if err != nil {
			return err
		}
	}
	return nil
}
