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

// leased finds the lease of a token, with its revision, and reads another noun beside it.
func (s *Leases) leased(ctx context.Context, token string, beside ...*db.Wanted) (schemas.Lease, int64, error) {
	id, ok := s.parseToken(token)
	if !ok {
		return schemas.Lease{}, 0, &schemas.Error{
			Kind: schemas.Unauthenticated, Subject: "lease", Message: "the token is not a lease of this gateway",
			Remedy: "get a lease: POST /api/v1/leases, or guichet stream, which renews by itself",
		}
	}
	l := schemas.Lease{}
	w := &db.Wanted{Table: "lease", ID: string(id), Doc: &l}
	db.Together(ctx, s.db, append(beside, w)...)
	if schemas.KindOf(w.Err) == schemas.NotFound {
		return l, 0, &schemas.Error{
			Kind: schemas.Unauthenticated, Subject: "lease", Message: "the lease is not known any more",
			Remedy: "get a new one: POST /api/v1/leases",
		}
	}
	if w.Err != nil {
		return l, 0, w.Err
	}
	if !s.now().Before(l.Until) {
		return l, 0, &schemas.Error{
			Kind: schemas.Unauthenticated, Subject: "lease", Message: "the lease expired at " + l.Until.Format(time.RFC3339),
			Remedy: "renew it: POST /api/v1/leases, or guichet stream, which renews by itself",
		}
	}
	return l, w.Revision, nil
}

// LookUp says what a token stands for under an agreement: it is the policy.LookUp of this
// site. The agreement comes without what was used of it. Errors: Unauthenticated, NotFound,
// Denied with what ended.
func (s *Leases) LookUp(ctx context.Context, token string, id schemas.AgreementID) (policy.Entitlement, error) {
	var a schemas.Agreement
	agreed := &db.Wanted{Table: "agreement", ID: string(id), Doc: &a}
	l, revision, err := s.leased(ctx, token, agreed)
	if err != nil {
		return policy.Entitlement{}, err
	}
	if !slices.ContainsFunc(l.Items, func(it schemas.LeaseItem) bool { return it.Agreement == id }) {
		return policy.Entitlement{}, schemas.Errorf(schemas.NotFound, string(id), "the lease names no agreement %s", id)
	}
	if agreed.Err != nil {
		return policy.Entitlement{}, agreed.Err
	}
	a = s.agreements.Dated(a, agreed.Revision)
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
	var p schemas.Participant
	var j schemas.Project
	var f schemas.Factory
	party := &db.Wanted{Table: "participant", ID: string(l.Participant), Doc: &p}
	project := &db.Wanted{Table: "project", ID: string(l.Project), Doc: &j}
	factory := &db.Wanted{Table: "factory", ID: string(a.Factory), Doc: &f}
	db.Together(ctx, s.db, party, project, factory)
	if factory.Err != nil && schemas.KindOf(factory.Err) != schemas.NotFound {
		return policy.Entitlement{}, factory.Err
	}
	p.Revision, j.Revision, f.Revision = party.Revision, project.Revision, factory.Revision
	b.Note("factory", string(a.Factory), f.Revision)
	b.Note("participant", string(l.Participant), p.Revision)
	err = party.Err
	if err == nil && !p.Stopped { // that says so itself
		err = s.unrevoked(ctx, l, revision, b)
		if err == nil {
			err = project.Err
		}
		b.Note("project", string(l.Project), j.Revision)
		if err == nil {
			err = agreement.CheckHands(&l, &p, &j)
		}
	}
	if err != nil {
		return policy.Entitlement{}, err
	}
	return policy.Entitlement{Lease: l, Agreement: a, Factory: f, Stopped: p.Stopped, Read: policy.Read(b)}, nil
}

// unrevoked says whether nobody ended a lease, nor one that it was narrowed from. What was
// looked at is noted in the basis.
func (s *Leases) unrevoked(ctx context.Context, l schemas.Lease, revision int64, b agreement.Basis) error {
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
	return err
}
