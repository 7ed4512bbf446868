package lease

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// maxAttenuations bounds how often a lease is narrowed one after another: each open looks
// at the whole line.
const maxAttenuations = 8

// Attenuate makes a child of a lease: a part of its items, one rank, a shorter life;
// never more. The child dies with its parent. Errors: Unauthenticated, Denied.
func (s *Leases) Attenuate(ctx context.Context, parentToken string, ask schemas.LeaseAsk) (schemas.LeaseAnswer, error) {
	if ask.Copy != "" {
		return schemas.LeaseAnswer{}, schemas.BadField("lease", "/copy", "a lease on a staged copy is made with your own token or a job key")
	}
	return s.child(ctx, ask, func(ctx context.Context, _ agreement.Basis) (schemas.Lease, error) { return s.Find(ctx, parentToken) })
}

// child makes a lease that is no wider than its parent, which find finds.
func (s *Leases) child(
	ctx context.Context, ask schemas.LeaseAsk, find func(context.Context, agreement.Basis) (schemas.Lease, error),
) (schemas.LeaseAnswer, error) {
	var out schemas.LeaseAnswer
	err := s.agreements.Settle(ctx, "lease", func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		parent, err := find(ctx, b)
		if err != nil {
			return nil, err
		}
		l, ends, err := s.attenuated(ctx, parent, ask, b)
		until := ask.Until
		if err == nil && until.After(parent.Until) {
			err = wider(parent.ID, "a longer life")
		}
		if until.IsZero() && !parent.IsJobKey() && !parent.IsCopy() { // which last longer than any lease
			until = parent.Until
		}
		if err == nil {
			out, err = s.answer(l, until, ends)
		}
		return func(ctx context.Context, tx *db.Tx) error {
			err := agreement.CheckHolder(ctx, tx, &parent, agreement.Basis{})
			if err != nil {
				return err
			}
			return s.issue(ctx, tx, principalOf(&parent), schemas.ChangeLease, &out.Lease)
		}, err
	})
	return out, err
}

// wider refuses what a narrowed lease would allow beyond the one that it is made of.
func wider(id schemas.LeaseID, what string) error {
	if isJobKey(string(id)) {
		return schemas.Refuse(
			string(id), "lease.wider", "the job key", "the job key is not for "+what+": what is made with it can be narrowed, never widened",
			"make another key for it: guichet job-key",
		)
	}
	return schemas.Refuse(string(id), "lease.wider", "the lease", "a lease can be narrowed, never widened: "+what, "ask with your own token")
}

// attenuated gives the child of a lease that an ask describes, and when its parent or the first of
// its agreements ends.
func (s *Leases) attenuated(
	ctx context.Context, parent schemas.Lease, ask schemas.LeaseAsk, b agreement.Basis,
) (l schemas.Lease, ends time.Time, err error) {
	// It begins as its parent, so that whatever nobody speaks of stays as narrow as it was.
	l = parent
	l.ID, l.Parent, l.Line = schemas.NewLeaseID(), parent.ID, append(slices.Clone(parent.Line), parent.ID)
	if parent.IsJobKey() {
		l.PublicKey, l.Name, l.Ends = nil, "", parent.Until
	}
	if parent.IsCopy() {
		l.Name, l.Reads = "", nil
	}
	ends = parent.Until
	if len(l.Line) > maxAttenuations {
		return l, ends, schemas.Refuse(
			string(parent.ID), "lease.line", "the lease",
			fmt.Sprintf("a lease is narrowed at most %d times one after another", maxAttenuations), "narrow an earlier one",
		)
	}
	if ask.Project != "" && ask.Project != parent.Project {
		return l, ends, wider(parent.ID, "another project")
	}
	switch {
	case ask.Run == "" || ask.Run == parent.Run:
	case parent.Run != "" || !parent.IsJobKey():
		return l, ends, wider(parent.ID, "another run")
	default:
		l.Run = ask.Run
		r, err := s.runOf(ctx, &l)
		if err == nil && r.Factory != parent.Factory {
			err = wider(parent.ID, fmt.Sprintf("a run at the factory %s", r.Factory))
		}
		if err != nil {
			return l, ends, err
		}
	}
	l.Items = slices.Clone(parent.Items)
	if len(ask.Items) > 0 {
		l.Items = slices.Clone(ask.Items)
	}
	err = once(l.Items)
	if err != nil {
		return l, ends, err
	}
	for i := range l.Items {
		j := slices.IndexFunc(parent.Items, func(p schemas.LeaseItem) bool { return p.Agreement == l.Items[i].Agreement })
		if j < 0 {
			return l, ends, wider(parent.ID, "agreement "+string(l.Items[i].Agreement))
		}
		what := attenuateItem(&l.Items[i], parent.Items[j])
		if what != "" {
			return l, ends, wider(parent.ID, what)
		}
		a, err := s.agreements.Read(ctx, s.db, l.Items[i].Agreement)
		if err == nil {
			b.Note("agreement", string(a.ID), a.Revision)
			err = agreement.CheckUse(l.Participant, &a)
		}
		if err == nil { // so that no lease is worth nothing
			err = s.inForce(ctx, &a, l.Items[i])
		}
		if err == nil {
			err = s.checkItem(ctx, &a, &l.Items[i], fmt.Sprintf("/items/%d", i))
		}
		if err != nil {
			return l, ends, err
		}
		if a.Until.Before(ends) {
			ends = a.Until
		}
	}
	for _, n := range []struct {
		have, want **int
		what       string
	}{{&l.Rank, &ask.Rank, "rank"}, {&l.World, &ask.World, "world"}} {
		// A parent on rank 1 gives rank 1 or nothing; one on no rank gives any.
		if *n.have != nil && *n.want != nil && **n.have != **n.want {
			return l, ends, wider(parent.ID, n.what)
		}
		if *n.want != nil {
			*n.have = *n.want
		}
	}
	if l.Order != nil && ask.Order != nil && l.Order.Plain() != ask.Order.Plain() {
		return l, ends, wider(parent.ID, "another order")
	}
	if ask.Order != nil {
		l.Order = ask.Order
	}
	return l, ends, ranked(l.Rank, l.World)
}

// inForce says whether an agreement may be leased as item says, by the same judge as at the byte
// doors.
func (s *Leases) inForce(ctx context.Context, a *schemas.Agreement, item schemas.LeaseItem) error {
	look := func(context.Context, string, schemas.AgreementID) (policy.Entitlement, error) {
		return policy.Entitlement{Lease: schemas.Lease{Items: []schemas.LeaseItem{item}}, Agreement: *a}, nil
	}
	item.Columns = nil // checkItem says which of them is wrong
	return policy.Leasable(ctx, look, item, s.now())
}

// attenuateItem takes what the parent binds into the child where the child leaves it
// open, and says where the child asks for something else: "" is nothing.
func attenuateItem(child *schemas.LeaseItem, parent schemas.LeaseItem) (wider string) {
	for _, m := range []struct {
		parent string
		child  *string
		what   string
	}{
		{string(parent.Version), (*string)(&child.Version), "another version"},
		{parent.Table, &child.Table, "another table"},
		{parent.Split, &child.Split, "another split"},
	} {
		if m.parent != "" && *m.child != "" && *m.child != m.parent {
			return m.what
		}
		if *m.child == "" {
			*m.child = m.parent
		}
	}
	// No columns are all columns that the agreement shows, so that for a child of a lease on
	// x and y none has to mean x and y.
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
