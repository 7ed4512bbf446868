package join

import (
	"context"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Roster is a participant as its members see it.
type Roster struct {
	ID          schemas.ParticipantID   `json:"id"`
	Name        string                  `json:"name"`
	Country     string                  `json:"country"`
	Kind        schemas.ParticipantKind `json:"kind"`
	Roles       []schemas.Role          `json:"roles"`
	Stopped     bool                    `json:"stopped,omitempty"`
	Members     []Colleague             `json:"members"`
	Invitations []Invitation            `json:"invitations" doc:"that are open"`
	MayInvite   []schemas.Role          `json:"may_invite" doc:"roles to which the caller may invite"`
}

// Colleague is somebody who acts for an organisation.
type Colleague struct {
	Issuer  string         `json:"iss"`
	Subject string         `json:"sub"`
	Roles   []schemas.Role `json:"roles"`
	Mail    string         `json:"mail,omitempty" doc:"that the issuer verified when she came"`
	How     string         `json:"how" enum:"joined,invited,operator" doc:"she asked to join, accepted an invitation, or the operator entered her"`
	Inviter string         `json:"inviter,omitempty" doc:"who invited her"`
	Since   time.Time      `json:"since,omitzero" doc:"where she joined or was invited"`
	You     bool           `json:"you,omitempty"`
	Removes bool           `json:"may_remove" doc:"whether the caller may remove her"`
}

// Removal names a member who is to be removed.
type Removal struct {
	Participant schemas.ParticipantID `json:"participant,omitempty" doc:"for operators: of which; one's own when left out" maxLength:"400"`
	Issuer      string                `json:"iss" minLength:"1" maxLength:"1024"`
	Subject     string                `json:"sub" minLength:"1" maxLength:"1024"`
}

// Roster shows a participant to its members, and to operators. id "" is one's own. Errors: Denied, NotFound.
func (d *Desk) Roster(ctx context.Context, by schemas.Principal, id schemas.ParticipantID) (Roster, error) {
	p, err := d.own(ctx, by, id, "see members")
	if err != nil {
		return Roster{}, err
	}
	o := Roster{ID: p.ID, Name: p.Name, Country: p.Country, Kind: p.Kind, Roles: p.Roles, Stopped: p.Stopped,
		Members: []Colleague{}, Invitations: []Invitation{}, MayInvite: []schemas.Role{}}
	for _, r := range p.Roles {
		if by.Has(r) || by.Has(schemas.RoleOperator) {
			o.MayInvite = append(o.MayInvite, r)
		}
	}
	// A participant's document knows issuer and subject of a member alone, which say little to her colleagues.
	came, err := d.came(ctx, &p)
	if err != nil {
		return o, err
	}
	for _, m := range p.Members {
		who := Person{Issuer: m.Issuer, Subject: m.Subject}
		shown := Colleague{Issuer: m.Issuer, Subject: m.Subject, Roles: m.Roles, How: "operator", You: who.key() == person(by).key(),
			Removes: mayRemove(by, &p, m) == nil}
		if c, is := came[who.key()]; is {
			shown.Mail, shown.How, shown.Inviter, shown.Since = c.Mail, c.How, c.Inviter, c.Since
		}
		o.Members = append(o.Members, shown)
	}
	rows, _, err := db.List[Invitation](ctx, d.DB, "invitation", "participant = ? AND state = ? AND ends > ?",
		[]any{string(p.ID), Open, d.Now().UnixMicro()}, "", 2*mostOpen)
	for _, r := range rows {
		r.Doc.Revision = r.Revision
		o.Invitations = append(o.Invitations, r.Doc)
	}
	return o, err
}

// came says of members how they came: the last invitation that they accepted, or the application that made the
// participant.
func (d *Desk) came(ctx context.Context, p *schemas.Participant) (map[string]Colleague, error) {
	out := map[string]Colleague{}
	for after, more := "", true; more; more = after != "" {
		rows, next, err := db.List[Invitation](ctx, d.DB, "invitation", "participant = ? AND state = ?",
			[]any{string(p.ID), Accepted}, after, 1000)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			in := &rows[i].Doc
			if in.Accepted == nil || in.AcceptedAt.Before(out[in.Accepted.key()].Since) {
				continue
			}
			out[in.Accepted.key()] = Colleague{Mail: in.Accepted.Mail, How: "invited", Inviter: in.By.Subject, Since: in.AcceptedAt}
		}
		after = next
	}
	for i := range p.Members {
		who := Person{Issuer: p.Members[i].Issuer, Subject: p.Members[i].Subject}
		if _, is := out[who.key()]; is || i > 0 { // the first one joined, if anybody did
			continue
		}
		rows, _, err := db.List[Application](ctx, d.DB, "application", "person = ? AND state = ?", []any{who.key(), Confirmed}, "", 100)
		if err != nil {
			return nil, err
		}
		for j := range rows {
			if a := &rows[j].Doc; a.Declared.Organisation == p.ID {
				out[who.key()] = Colleague{Mail: a.By.Mail, How: "joined", Since: a.Decided}
			}
		}
	}
	return out, nil
}

// mayRemove says why a caller may not remove a member: she may remove herself, and who has no role that she
// lacks; an operator anybody. Somebody stays, and an operator where there is one.
func mayRemove(by schemas.Principal, p *schemas.Participant, m schemas.Member) error {
	own := m.Issuer == by.Issuer && m.Subject == by.Subject && by.Participant == p.ID
	if !own && !by.Has(schemas.RoleOperator) {
		for _, r := range m.Roles {
			if by.Participant != p.ID || !by.Has(r) {
				return schemas.Refuse(m.Subject, "member.roles", "roles", "you remove yourself, and members whose roles you all have",
					"ask a colleague who has them, or the operator")
			}
		}
	}
	last := func(role schemas.Role) bool {
		return !slices.ContainsFunc(p.Members, func(o schemas.Member) bool {
			return (o.Issuer != m.Issuer || o.Subject != m.Subject) && (role == "" || slices.Contains(o.Roles, role))
		})
	}
	if last("") || slices.Contains(m.Roles, schemas.RoleOperator) && last(schemas.RoleOperator) {
		return &schemas.Error{Kind: schemas.Conflict, Subject: m.Subject, Message: "nobody would be left to act for the organisation",
			Remedy: "invite somebody first; the operator stops an organisation"}
	}
	return nil
}

// Remove takes a member out of a participant: her leases end, and streams that run under them are cut. Errors:
// Denied, NotFound, Conflict for the last one.
func (d *Desk) Remove(ctx context.Context, by schemas.Principal, r Removal) (Removal, error) {
	own, err := d.own(ctx, by, r.Participant, "remove members")
	if err != nil {
		return r, err
	}
	id := own.ID
	r.Participant = id
	err = d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, revision, err := db.Get[schemas.Participant](ctx, tx, "participant", string(id))
		if err != nil {
			return err
		}
		// Read within the transaction: of two who remove each other one stays.
		i := slices.IndexFunc(p.Members, func(m schemas.Member) bool { return m.Issuer == r.Issuer && m.Subject == r.Subject })
		if i < 0 {
			return schemas.Errorf(schemas.NotFound, r.Subject, "%s of %s is no member of %s", r.Subject, r.Issuer, id)
		}
		err = mayRemove(by, &p, p.Members[i])
		if err == nil {
			p.Members = slices.Delete(slices.Clone(p.Members), i, i+1)
			_, err = d.Parties.PutParticipantIn(ctx, tx, by, p, revision)
		}
		return err
	})
	return r, err
}
