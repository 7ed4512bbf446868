package lease

import (
	"context"
	"fmt"
	"slices"

	"guichet/connectors/db"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// maxAttenuations bounds how often a lease is narrowed one after another: each open looks
// at the whole line.
const maxAttenuations = 8

// Attenuate makes a child of a lease: a part of its items, one rank, a shorter life;
// never more. The child dies with its parent. Errors: Unauthenticated, Denied.
func (s *Leases) Attenuate(ctx context.Context, parentToken string, ask schemas.LeaseAsk) (schemas.LeaseAnswer, error) {
	var out schemas.LeaseAnswer
	err := s.agreements.Settle(ctx, "lease", func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		parent, err := s.Find(ctx, parentToken)
		if err != nil {
			return nil, err
		}
		l, err := s.attenuated(ctx, parent, ask, b)
		until := ask.Until
		if err == nil && until.After(parent.Until) {
			err = wider(parent.ID, "a longer life")
		}
		if until.IsZero() {
			until = parent.Until
		}
		if err == nil {
			out, err = s.answer(l, until, parent.Until)
		}
		return func(ctx context.Context, tx *db.Tx) error {
			err := agreement.CheckHolder(ctx, tx, &parent, agreement.Basis{})
			if err != nil {
				return err
			}
			return s.issue(ctx, tx, schemas.Principal{Issuer: parent.Issuer, Subject: parent.Subject, Participant: parent.Participant}, &out.Lease)
		}, err
	})
	return out, err
}

// wider refuses what a narrowed lease would allow beyond the one that it is made of.
func wider(id schemas.LeaseID, what string) error {
	return schemas.Refuse(string(id), "lease.wider", "the lease", "a lease can be narrowed, never widened: "+what, "ask with your own token")
}

// attenuated gives the child of a lease that an ask describes.
func (s *Leases) attenuated(ctx context.Context, parent schemas.Lease, ask schemas.LeaseAsk, b agreement.Basis) (schemas.Lease, error) {
	// It begins as its parent, so that whatever nobody speaks of stays as narrow as it was.
	l := parent
	l.ID, l.Parent, l.Line = schemas.NewLeaseID(), parent.ID, append(slices.Clone(parent.Line), parent.ID)
	if len(l.Line) > maxAttenuations {
		return l, schemas.Refuse(
			string(parent.ID), "lease.line", "the lease",
			fmt.Sprintf("a lease is narrowed at most %d times one after another", maxAttenuations), "narrow an earlier one",
		)
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
		what := attenuateItem(&l.Items[i], parent.Items[j])
		if what != "" {
			return l, wider(parent.ID, what)
		}
		a, err := s.agreements.Read(ctx, s.db, l.Items[i].Agreement)
		if err == nil {
			b.Note("agreement", string(a.ID), a.Revision)
			err = agreement.CheckUse(l.Participant, &a)
		}
		if err == nil {
			err = s.checkItem(ctx, &a, &l.Items[i], fmt.Sprintf("/items/%d", i))
		}
		if err != nil {
			return l, err
		}
	}
	for _, n := range []struct {
		have, want **int
		what       string
	}{{&l.Rank, &ask.Rank, "rank"}, {&l.World, &ask.World, "world"}} {
		// A parent on rank 1 gives rank 1 or nothing; one on no rank gives any.
		if *n.have != nil && *n.want != nil && **n.have != **n.want {
			return l, wider(parent.ID, n.what)
		}
		if *n.want != nil {
			*n.have = *n.want
		}
	}
	if l.Order != nil && ask.Order != nil && l.Order.Plain() != ask.Order.Plain() {
		return l, wider(parent.ID, "another order")
	}
	if ask.Order != nil {
		l.Order = ask.Order
	}
	return l, ranked(l.Rank, l.World)
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
