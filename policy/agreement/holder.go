package agreement

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/party"
	"guichet/schemas"
)

// maxNarrowings bounds how often a lease is narrowed one after another: each open looks
// at the whole line.
const maxNarrowings = 8

// holds says whether a lease is still in the hands that it was made for: nil, or Denied.
// It and those that it was narrowed from were not revoked, its person is still a trainer
// of the organisation, and that a partner of the project. It is asked at every open, and
// when one of the three has changed. b notes what was read.
func holds(ctx context.Context, q db.Querier, l *schemas.Lease, b basis) error {
	for _, id := range append(slices.Clone(l.Line), l.ID) {
		one, revision, err := db.Get[schemas.Lease](ctx, q, "lease", string(id))
		b.on("lease", string(id), revision)
		if schemas.KindOf(err) == schemas.NotFound {
			continue // a stream outlives its lease, which is forgotten
		}
		if err == nil {
			err = unrevoked(&one)
		}
		if err != nil {
			return err
		}
	}
	p, revision, err := db.Get[schemas.Participant](ctx, q, "participant", string(l.Participant))
	if err != nil {
		return err
	}
	b.on("participant", string(l.Participant), revision)
	return inHands(ctx, q, l, &p, b)
}

func unrevoked(l *schemas.Lease) error {
	if l.Revoked.IsZero() {
		return nil
	}
	return denied(string(l.ID), "lease.revoked", "the lease", fmt.Sprintf("the lease was revoked on %s: %s", l.Revoked.UTC().Format(time.RFC3339), l.Reason), "get a new one: POST /api/v1/leases")
}

// inHands says whether person and organisation still are what a lease was made for.
func inHands(ctx context.Context, q db.Querier, l *schemas.Lease, p *schemas.Participant, b basis) error {
	if p.Stopped {
		return denied(string(p.ID), "participant.stopped", "the operator", "your organisation was stopped", "write to the operator")
	}
	if l.Subject != "" { // leases from before name nobody, and end soon
		err := member(p, l.Issuer, l.Subject, schemas.RoleTrainer)
		if err != nil {
			return err
		}
	}
	j, revision, err := db.Get[schemas.Project](ctx, q, "project", string(l.Project))
	if err != nil {
		return err
	}
	b.on("project", string(l.Project), revision)
	if !party.IsPartner(j, l.Participant) {
		return denied(string(l.Project), "lease.partner", "the project", "your organisation takes no part in the project any more", "ask the lead partner")
	}
	return nil
}

// RevokeLease ends a lease and those narrowed from it; what streams under them is cut by
// the feed, and the agreements stand. The answer names the person whose lease it was to
// its organisation, officers and operators alone. Revoking twice is a Conflict. Errors:
// NotFound, which is also for a lease that is none of the caller's business; Denied where
// only a part of it is; Invalid; Conflict; Unavailable when it holds here alone (takeAway).
func (d *Desk) RevokeLease(ctx context.Context, by schemas.Principal, id schemas.LeaseID, reason string) (schemas.Lease, error) {
	var l schemas.Lease
	err := signedIn(by, string(id))
	if err != nil {
		return l, err
	}
	if len(reason) < 3 {
		return l, schemas.BadField("revocation", "/reason", "say why, in at least 3 characters")
	}
	l, _, _, err = d.endable(ctx, d.db, by, id)
	if err != nil {
		return l, err
	}
	at := d.now().UTC()
	err = d.takeAway(ctx, string(id), []string{string(id)}, reason, func(ctx context.Context, tx *db.Tx) error {
		l, revision, altered, err := d.endable(ctx, tx, by, id)
		if err != nil {
			return err
		}
		l.Revoked, l.Reason = at, reason
		_, err = db.Update(ctx, tx, "lease", string(id), revision, l, nil)
		if err != nil {
			return err
		}
		if altered {
			tx.Distrust("lease", string(id))
		}
		for _, it := range l.Items {
			v, err := leaseValues(ctx, tx, &l, it)
			if err != nil {
				return err
			}
			v = withCaller(v, by)
			v["reason"] = reason
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeLeaseRevoked, Subject: string(id), Values: v})
			if err != nil {
				return err
			}
		}
		return nil
	})
	l.Revoked, l.Reason = at, reason
	if by.Participant != l.Participant && !oversees(by) {
		l.Issuer, l.Subject = "", ""
	}
	return l, err
}

// endable reads a lease, also one that was edited, that a caller may end and nobody ended.
func (d *Desk) endable(ctx context.Context, q db.Querier, by schemas.Principal, id schemas.LeaseID) (schemas.Lease, int64, bool, error) {
	l, revision, altered, err := db.GetToEnd[schemas.Lease](ctx, q, "lease", string(id))
	mine := false
	if err == nil {
		mine, err = mayEnd(ctx, q, by, &l)
	}
	switch {
	case schemas.KindOf(err) == schemas.NotFound || err == nil && !mine:
		return l, 0, false, schemas.Errorf(schemas.NotFound, string(id), "there is no lease %s", id)
	case schemas.KindOf(err) == schemas.Denied:
		return schemas.Lease{}, 0, false, err
	case err == nil && !l.Revoked.IsZero():
		return l, 0, false, schemas.Errorf(schemas.Conflict, string(id), "the lease was revoked already, on %s", l.Revoked.Format(time.RFC3339))
	}
	return l, revision, altered, err
}

// leaseValues is what the record says of one item of a lease. It names the provider, who
// reads what the record says of its own data.
func leaseValues(ctx context.Context, q db.Querier, l *schemas.Lease, it schemas.LeaseItem) (map[string]string, error) {
	a, _, err := db.GetStored[schemas.Agreement](ctx, q, "agreement", string(it.Agreement))
	return map[string]string{"lease": string(l.ID), "agreement": string(it.Agreement), "project": string(l.Project), "participant": string(l.Participant), "run": string(l.Run), "provider": string(a.Provider), "dataset": string(a.Dataset)}, err
}

// mayEnd says whether a caller may end a lease: a trainer of the organisation that holds
// it or that leads its project, the provider of all of its agreements, an operator. A
// provider of some of them ends those agreements: the rest of the lease is none of its
// business, and that is Denied.
func mayEnd(ctx context.Context, q db.Querier, by schemas.Principal, l *schemas.Lease) (bool, error) {
	if by.Has(schemas.RoleOperator) || by.Has(schemas.RoleTrainer) && by.Participant == l.Participant {
		return true, nil
	}
	if by.Has(schemas.RoleTrainer) {
		j, _, err := db.Get[schemas.Project](ctx, q, "project", string(l.Project))
		if err != nil || j.Lead == by.Participant {
			return err == nil, err
		}
	}
	if !by.Has(schemas.RoleProvider) {
		return false, nil
	}
	own := 0
	for _, it := range l.Items {
		a, _, err := db.GetStored[schemas.Agreement](ctx, q, "agreement", string(it.Agreement))
		if err != nil {
			return false, err
		}
		if a.Provider == by.Participant {
			own++
		}
	}
	if own > 0 && own < len(l.Items) {
		return false, denied(string(l.ID), "lease.provider", "the lease", "the lease names agreements of other providers too", "revoke your agreement: POST /api/v1/agreements/{id}/revoke")
	}
	return own > 0, nil
}

// Again gives the token of a lease that was made before, for whoever made it and lost the
// answer: tokens are kept nowhere. Errors: as at a door, for a lease that would open
// nothing by now.
func (d *Desk) Again(ctx context.Context, id schemas.LeaseID) (string, error) {
	token := d.token(id)
	l, err := d.lease(ctx, token)
	if err != nil {
		return "", err
	}
	for _, it := range l.Items {
		look := func(ctx context.Context, _ string, a schemas.AgreementID) (policy.Entitlement, error) {
			return d.LookUp(ctx, token, a)
		}
		err := policy.Leasable(ctx, look, it, d.now())
		if err != nil {
			return "", err
		}
	}
	return token, nil
}
