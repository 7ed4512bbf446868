package lease

import (
	"context"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// Find gives what a token stands for; its parents must stand too. Errors:
// Unauthenticated, saying expired with the time, or not known.
func (s *Leases) Find(ctx context.Context, token string) (schemas.Lease, error) {
	l, _, err := s.leased(ctx, token)
	return l, err
}

// Holder names the member for whom a lease was made, whatever became of it, or the
// lease that it was first narrowed from where no member is known: all leases of a line
// have one holder. Errors: Unauthenticated.
func (s *Leases) Holder(ctx context.Context, token string) (string, error) {
	id, ok := s.parseToken(token)
	if !ok {
		return "", &schemas.Error{
			Kind: schemas.Unauthenticated, Subject: "lease", Message: "the token is not a lease of this gateway",
			Remedy: "get a lease: POST /api/v1/leases",
		}
	}
	l, _, err := db.Get[schemas.Lease](ctx, s.db, "lease", string(id))
	switch {
	case schemas.KindOf(err) == schemas.NotFound:
		return "lease\x00" + string(id), nil
	case err != nil:
		return "", err
	case l.Subject != "":
		return "member\x00" + l.Issuer + "\x00" + l.Subject, nil
	case len(l.Line) > 0:
		return "lease\x00" + string(l.Line[0]), nil
	default:
		return "lease\x00" + string(id), nil
	}
}

// leased is lease with the revision that it has.
func (s *Leases) leased(ctx context.Context, token string) (schemas.Lease, int64, error) {
	id, ok := s.parseToken(token)
	if !ok {
		return schemas.Lease{}, 0, &schemas.Error{
			Kind: schemas.Unauthenticated, Subject: "lease", Message: "the token is not a lease of this gateway",
			Remedy: "get a lease: POST /api/v1/leases, or guichet stream, which renews by itself",
		}
	}
	l, revision, err := db.Get[schemas.Lease](ctx, s.db, "lease", string(id))
	if schemas.KindOf(err) == schemas.NotFound {
		return l, 0, &schemas.Error{
			Kind: schemas.Unauthenticated, Subject: "lease", Message: "the lease is not known any more",
			Remedy: "get a new one: POST /api/v1/leases",
		}
	}
	if err != nil {
		return l, 0, err
	}
	if !s.now().Before(l.Until) {
		return l, 0, &schemas.Error{
			Kind: schemas.Unauthenticated, Subject: "lease", Message: "the lease expired at " + l.Until.Format(time.RFC3339),
			Remedy: "renew it: POST /api/v1/leases, or guichet stream, which renews by itself",
		}
	}
	return l, revision, nil
}

// LookUp says what a token stands for under an agreement: it is the policy.LookUp of this
// site. Errors: Unauthenticated, NotFound, Denied with what ended.
func (s *Leases) LookUp(ctx context.Context, token string, id schemas.AgreementID) (policy.Entitlement, error) {
	l, revision, err := s.leased(ctx, token)
	if err != nil {
		return policy.Entitlement{}, err
	}
	if !slices.ContainsFunc(l.Items, func(it schemas.LeaseItem) bool { return it.Agreement == id }) {
		return policy.Entitlement{}, schemas.Errorf(schemas.NotFound, string(id), "the lease names no agreement %s", id)
	}
	a, err := s.agreements.Read(ctx, s.db, id)
	if err != nil {
		return policy.Entitlement{}, err
	}
	err = s.brake.Check(a.ID, &l)
	if err == nil {
		err = agreement.CheckUse(l.Participant, &a)
	}
	if err != nil {
		return policy.Entitlement{}, err
	}
	// What is read here goes with the grant: the release that it opens looks at the revisions
	// once more in its own transaction, instead of at everything.
	b := agreement.Basis{}
	b.Note("agreement", string(a.ID), a.Revision)
	f, err := s.parties.Factory(ctx, a.Factory)
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return policy.Entitlement{}, err
	}
	b.Note("factory", string(a.Factory), f.Revision)
	p, err := s.parties.Participant(ctx, l.Participant)
	b.Note("participant", string(l.Participant), p.Revision)
	if err == nil && !p.Stopped { // that says so itself
		err = s.stillHeld(ctx, l, revision, &p, b)
	}
	if err != nil {
		return policy.Entitlement{}, err
	}
	return policy.Entitlement{Lease: l, Agreement: a, Factory: f, Stopped: p.Stopped, Read: policy.Read(b)}, nil
}

// stillHeld is holds for a lease and an organisation that were read just now.
func (s *Leases) stillHeld(ctx context.Context, l schemas.Lease, revision int64, p *schemas.Participant, b agreement.Basis) error {
	b.Note("lease", string(l.ID), revision)
	err := agreement.CheckUnrevoked(&l)
	for _, id := range l.Line {
		if err != nil {
			return err
		}
		var one schemas.Lease
		one, revision, err = db.Get[schemas.Lease](ctx, s.db, "lease", string(id))
		b.Note("lease", string(id), revision)
		if err == nil {
			err = agreement.CheckUnrevoked(&one)
		}
	}
	if err != nil {
		return err
	}
	return agreement.CheckHands(ctx, s.db, &l, p, b)
}
