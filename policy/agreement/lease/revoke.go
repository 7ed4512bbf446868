package lease

import (
	"context"
	"encoding/base64"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// Revoke ends a lease and those narrowed from it; what streams under them is cut by
// the feed, and the agreements stand. The answer names the person whose lease it was to
// its organisation, officers and operators alone. Revoking twice is a Conflict. Errors:
// NotFound, which is also for a lease that is none of the caller's business; Denied where
// only a part of it is; Invalid; Conflict; Unavailable when it holds here alone (takeAway).
func (s *Leases) Revoke(ctx context.Context, by schemas.Principal, id schemas.LeaseID, reason string) (schemas.Lease, error) {
	var l schemas.Lease
	err := agreement.SignedIn(by, string(id))
	if err != nil {
		return l, err
	}
	if len(reason) < 3 {
		return l, schemas.BadField("revocation", "/reason", "say why, in at least 3 characters")
	}
	l, _, _, err = s.endable(ctx, s.db, by, id)
	if err != nil {
		return l, err
	}
	// Looked at before, so that a refusal needs no write; and once more in the transaction,
	// where another one may have been first.
	at := s.now().UTC()
	err = s.brake.TakeAway(ctx, string(id), []string{string(id)}, reason, func(ctx context.Context, tx *db.Tx) error {
		l, revision, altered, err := s.endable(ctx, tx, by, id)
		if err != nil {
			return err
		}
		l.Revoked, l.Reason = at, reason
		_, err = db.Update(ctx, tx, "lease", string(id), revision, l, nil)
		if err == nil && l.IsCopy() { // nobody ever decrypts it again
			_, err = tx.Exec(ctx, `UPDATE copy SET sealed = '' WHERE id = ?`, string(id))
		}
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
			v = agreement.WithCaller(v, by)
			v["reason"] = reason
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeLeaseRevoked, Subject: string(id), Values: v})
			if err != nil {
				return err
			}
		}
		return nil
	})
	l.Revoked, l.Reason = at, reason
	return shown(by, l), err
}

// endable reads a lease, also one that was edited, that a caller may end and nobody ended.
func (s *Leases) endable(ctx context.Context, q db.Querier, by schemas.Principal, id schemas.LeaseID) (schemas.Lease, int64, bool, error) {
	l, revision, altered, err := db.GetToEnd[schemas.Lease](ctx, q, "lease", string(id))
	mine := false
	if err == nil {
		mine, err = mayEnd(ctx, q, by, &l)
	}
	switch {
	case schemas.KindOf(err) == schemas.NotFound || err == nil && !mine:
		return l, 0, false, schemas.Errorf(schemas.NotFound, string(id), "there is no %s %s", id.NameOf(), id)
	case schemas.KindOf(err) == schemas.Denied:
		return schemas.Lease{}, 0, false, err
	case err == nil && !l.Revoked.IsZero():
		return l, 0, false, schemas.Errorf(
			schemas.Conflict, string(id), "the %s was revoked already, on %s", id.NameOf(), l.Revoked.Format(time.RFC3339),
		)
	}
	return l, revision, altered, err
}

// leaseValues is what the record says of one item of a lease. It names the provider, who
// reads what the record says of its own data.
func leaseValues(ctx context.Context, q db.Querier, l *schemas.Lease, it schemas.LeaseItem) (map[string]string, error) {
	a, _, err := db.GetStored[schemas.Agreement](ctx, q, "agreement", string(it.Agreement))
	v := map[string]string{
		"lease":       string(l.ID),
		"agreement":   string(it.Agreement),
		"project":     string(l.Project),
		"participant": string(l.Participant),
		"run":         string(l.Run),
		"provider":    string(a.Provider),
		"dataset":     string(a.Dataset),
	}
	switch { // who made a lease without a person, and with which key
	case l.IsJobKey():
		v["public_key"] = base64.StdEncoding.EncodeToString(l.PublicKey)
	default:
		if i := slices.IndexFunc(l.Line, func(id schemas.LeaseID) bool { return isJobKey(string(id)) }); i >= 0 {
			v["job_key"] = string(l.Line[i])
		}
	}
	if filled := l.CopyFilled(); filled != "" {
		v["copy"] = string(filled)
	}
	return v, err
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
	// Of a lease on data of two providers each ends its agreement instead: its reason is
	// nothing that the other's streams should stop for.
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
		return false, schemas.Refuse(
			string(l.ID), "lease.provider", "the lease", "the lease names agreements of other providers too",
			"revoke your agreement: POST /api/v1/agreements/{id}/revoke",
		)
	}
	return own > 0, nil
}
