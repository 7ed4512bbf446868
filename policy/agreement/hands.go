package agreement

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/policy/party"
	"guichet/schemas"
)

// CheckMember says whether a person still belongs to an organisation in a role: nil, or Denied.
func CheckMember(ctx context.Context, q db.Querier, by schemas.Principal, role schemas.Role) error {
	p, _, err := db.Get[schemas.Participant](ctx, q, "participant", string(by.Participant))
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return err
	}
	return member(&p, by.Issuer, by.Subject, role)
}

// member says whether an organisation names a person as its member in a role.
func member(p *schemas.Participant, issuer, subject string, role schemas.Role) error {
	if slices.ContainsFunc(p.Members, func(m schemas.Member) bool {
		return m.Issuer == issuer && m.Subject == subject && slices.Contains(m.Roles, role)
	}) {
		return nil
	}
	return schemas.Refuse(
		"member", "member."+string(role), "roles", fmt.Sprintf("you are no longer a %s of your organisation", role),
		"ask the operator, who keeps your organisation's members",
	)
}

// CheckHolder says whether a lease is still in the hands that it was made for: nil, or Denied.
// It and those that it was narrowed from were not revoked, its person is still a trainer
// of the organisation, and that a partner of the project. It is asked at every open, and
// when one of the three has changed. b notes what was read.
func CheckHolder(ctx context.Context, q db.Querier, l *schemas.Lease, b Basis) error {
	for _, id := range append(slices.Clone(l.Line), l.ID) {
		one, revision, err := db.Get[schemas.Lease](ctx, q, "lease", string(id))
		b.Note("lease", string(id), revision)
		if schemas.KindOf(err) == schemas.NotFound {
			continue // a stream outlives its lease, which is forgotten
		}
		if err == nil {
			err = CheckUnrevoked(&one)
		}
		if err != nil {
			return err
		}
	}
	p, revision, err := db.Get[schemas.Participant](ctx, q, "participant", string(l.Participant))
	if err != nil {
		return err
	}
	b.Note("participant", string(l.Participant), revision)
	j, revision, err := db.Get[schemas.Project](ctx, q, "project", string(l.Project))
	if err != nil {
		return err
	}
	b.Note("project", string(l.Project), revision)
	return CheckHands(l, &p, &j)
}

// CheckUnrevoked refuses a lease that somebody has ended: nil, or Denied with their reason.
func CheckUnrevoked(l *schemas.Lease) error {
	if l.Revoked.IsZero() {
		return nil
	}
	what := l.ID.NameOf()
	anew := map[string]string{"lease": "get a new one: POST /api/v1/leases", "job key": "register another one: guichet job-key",
		"staged copy": "stage the data again: guichet stage"}[what]
	return schemas.Refuse(
		string(l.ID), "lease.revoked", "the "+what,
		fmt.Sprintf("the %s was revoked on %s: %s", what, l.Revoked.UTC().Format(time.RFC3339), l.Reason), anew,
	)
}

// CheckHands says whether person and organisation still are what a lease was made for: p is its
// organisation, j its project.
func CheckHands(l *schemas.Lease, p *schemas.Participant, j *schemas.Project) error {
	if p.Stopped {
		return schemas.Refuse(string(p.ID), "participant.stopped", "the operator", "your organisation was stopped", "write to the operator")
	}
	if l.Subject != "" { // leases from before name nobody, and end soon
		err := member(p, l.Issuer, l.Subject, schemas.RoleTrainer)
		if err != nil {
			return err
		}
	}
	if !party.IsPartner(*j, l.Participant) {
		return schemas.Refuse(
			string(l.Project), "lease.partner", "the project", "your organisation takes no part in the project any more", "ask the lead partner",
		)
	}
	return nil
}
