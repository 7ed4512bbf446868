package join

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/schemas"
)

// How long invitations are good for.
const (
	usualDays = 7
	mostDays  = 30
)

// States of an invitation. One that is open ends by itself at its end.
const (
	Open     = "open"
	Accepted = "accepted"
)

// Invitation lets one person become a member of a participant, with the secret that its link has.
type Invitation struct {
	ID          string                `json:"id"`
	Participant schemas.ParticipantID `json:"participant"`
	Roles       []schemas.Role        `json:"roles"`
	For         string                `json:"for,omitempty" doc:"whom it is meant for, as who made it noted"`
	By          Person                `json:"by"`
	Made        time.Time             `json:"made"`
	Ends        time.Time             `json:"ends"`
	State       string                `json:"state" enum:"open,accepted,withdrawn"`
	Accepted    *Person               `json:"accepted,omitempty" doc:"who became a member by it"`
	AcceptedAt  time.Time             `json:"accepted_at,omitzero"`
	Revision    int64                 `json:"revision,omitempty"`
}

// InvitationAsk is what an invitation is made of.
type InvitationAsk struct {
	Participant schemas.ParticipantID `json:"participant,omitempty" doc:"for operators: whose member; one's own when left out" maxLength:"400"`
	Roles       []schemas.Role        `json:"roles" doc:"of the new member" minItems:"1" maxItems:"4"`
	Days        int                   `json:"days,omitempty" doc:"until it ends; 7 when left out" minimum:"1" maximum:"30"`
	For         string                `json:"for,omitempty" doc:"whom it is meant for, to be told apart in the list" maxLength:"200"`
}

// NewInvitation is an invitation with its secret, which is shown once and stored nowhere.
type NewInvitation struct {
	Invitation Invitation `json:"invitation"`
	Secret     string     `json:"secret" doc:"whoever has it may become a member, once"`
	Link       string     `json:"link,omitempty" doc:"the page at which it is accepted; absent where the site's address was not set"`
}

// Invited is what an invitation says to who holds it.
type Invited struct {
	Participant schemas.ParticipantID `json:"participant"`
	Name        string                `json:"name"`
	Roles       []schemas.Role        `json:"roles"`
	Ends        time.Time             `json:"ends"`
	By          Person                `json:"by"`
}

// Invite makes an invitation: by a member, to roles that she has herself; by an operator, to any participant and
// each of its roles. Errors: Denied; Invalid; NotFound; Busy where too many are open.
func (d *Desk) Invite(ctx context.Context, by schemas.Principal, ask InvitationAsk) (NewInvitation, error) {
	p, err := d.own(ctx, by, ask.Participant, "invite members")
	if err == nil {
		err = d.Parties.MayAct(ctx, by)
	}
	if err == nil {
		err = ask.check(by, &p)
	}
	if err != nil {
		return NewInvitation{}, err
	}
	now := d.Now().UTC()
	made := NewInvitation{Secret: rand.Text(), Invitation: Invitation{ID: newID("inv"), Participant: p.ID, Roles: ask.Roles, For: ask.For,
		By: person(by), Made: now, Ends: now.Add(time.Duration(ask.Days) * 24 * time.Hour), State: Open, Revision: 1}}
	in := &made.Invitation
	err = d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n := 0
		err := tx.QueryRow(ctx, `SELECT count(*) FROM invitation WHERE participant = ? AND state = ? AND ends > ?`, string(p.ID), Open,
			now.UnixMicro()).Scan(&n)
		if err != nil {
			return fmt.Errorf("count invitations: %w", err)
		}
		if n >= mostOpen {
			return &schemas.Error{Kind: schemas.Busy, Subject: "invitation",
				Message: fmt.Sprintf("%d invitations of the organisation are open, which is the most", n),
				Remedy:  "withdraw one, or wait until one ends"}
		}
		err = db.Insert(ctx, tx, "invitation", in.ID, *in, db.Columns{
			"participant": string(p.ID), "hash": digest(made.Secret), "state": in.State, "ends": in.Ends.UnixMicro()})
		if err != nil {
			return err
		}
		return d.record(ctx, tx, schemas.ChangeInvitation, in.ID, by, map[string]string{
			"invitation": in.ID, "participant": string(p.ID), "roles": roleList(in.Roles), "for": in.For})
	})
	return made, err
}

// check brings what is asked into its form.
func (a *InvitationAsk) check(by schemas.Principal, p *schemas.Participant) error {
	a.For = strings.TrimSpace(schemas.Normal(a.For))
	if len(a.For) > 200 || !schemas.IsLine(a.For) {
		return schemas.BadField("invitation", "/for", "whom it is meant for has one line of at most 200 bytes, without control characters")
	}
	if a.Days == 0 {
		a.Days = usualDays
	}
	if a.Days < 1 || a.Days > mostDays {
		return schemas.BadField("invitation", "/days", "%d: an invitation is good for 1 to %d days", a.Days, mostDays)
	}
	if len(a.Roles) == 0 {
		return schemas.BadField("invitation", "/roles", "say with which roles: %s", roleList(p.Roles))
	}
	for i, r := range a.Roles {
		at := fmt.Sprintf("/roles/%d", i)
		switch {
		case !slices.Contains(p.Roles, r) || slices.Contains(a.Roles[:i], r):
			return schemas.BadField("invitation", at, "the organisation has no role %q, or it is named twice; it has %s", r, roleList(p.Roles))
		case !by.Has(r) && !by.Has(schemas.RoleOperator):
			text := fmt.Sprintf("you are not %s yourself, and invite to roles that you have", r)
			return schemas.Refuse("invitation", "invitation.roles", "roles", text, "ask a colleague who has the role, or the operator")
		}
	}
	if p.Stopped {
		return schemas.Errorf(schemas.Conflict, string(p.ID), "%s was stopped, and takes nobody in", p.ID)
	}
	return nil
}

// own finds the participant that a member, or an operator for it, speaks about.
func (d *Desk) own(ctx context.Context, by schemas.Principal, id schemas.ParticipantID, what string) (schemas.Participant, error) {
	if by.Participant == "" {
		return schemas.Participant{}, policy.Needs(schemas.Principal{Issuer: by.Issuer, Subject: by.Subject}, schemas.RoleTrainer, what)
	}
	if id == "" {
		id = by.Participant
	}
	if id != by.Participant && !by.Has(schemas.RoleOperator) {
		return schemas.Participant{}, policy.Needs(by, schemas.RoleOperator, what+" of another organisation")
	}
	return d.Parties.Participant(ctx, id)
}

// Look says what the invitation is whose secret somebody holds who signed in. Errors: Unauthenticated; NotFound;
// Gone where it was used, withdrawn or ended, or who made it no longer may.
func (d *Desk) Look(ctx context.Context, by schemas.Principal, secret string) (Invited, error) {
	if !by.SignedIn() {
		return Invited{}, policy.Needs(by, schemas.RoleTrainer, "see an invitation")
	}
	in, err := d.find(ctx, d.DB, secret)
	if err != nil {
		return Invited{}, err
	}
	if in.by(by) && by.Participant == in.Participant {
		return d.invited(ctx, d.DB, &in)
	}
	err = d.good(ctx, d.DB, &in)
	if err != nil {
		return Invited{}, err
	}
	return d.invited(ctx, d.DB, &in)
}

// by says whether it was this person who accepted it.
func (in *Invitation) by(who schemas.Principal) bool {
	return in.State == Accepted && in.Accepted != nil && in.Accepted.key() == person(who).key()
}

// invited is what an invitation says to who holds it: nothing of other members, or of who else is invited.
func (d *Desk) invited(ctx context.Context, q db.Querier, in *Invitation) (Invited, error) {
	p, _, err := db.Get[schemas.Participant](ctx, q, "participant", string(in.Participant))
	return Invited{p.ID, p.Name, in.Roles, in.Ends, in.By}, err
}

// find reads the invitation of a secret.
func (d *Desk) find(ctx context.Context, q db.Querier, secret string) (Invitation, error) {
	none := schemas.Errorf(schemas.NotFound, "invitation", "there is no such invitation: look whether the link is whole")
	if secret == "" || len(secret) > 100 {
		return Invitation{}, none
	}
	var id string
	err := q.QueryRow(ctx, `SELECT id FROM invitation WHERE hash = ?`, digest(secret)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return Invitation{}, none
	}
	if err != nil {
		return Invitation{}, fmt.Errorf("find an invitation: %w", err)
	}
	in, revision, err := db.Get[Invitation](ctx, q, "invitation", id)
	in.Revision = revision
	return in, err
}

// good refuses an invitation that lets nobody in any more.
func (d *Desk) good(ctx context.Context, q db.Querier, in *Invitation) error {
	gone := func(why string) error {
		return &schemas.Error{Kind: schemas.Gone, Subject: "invitation", Message: "this invitation " + why,
			Remedy: "ask who sent it to you for another one"}
	}
	// Whoever holds the secret may know what became of it; without the secret nobody gets here.
	switch {
	case in.State == Accepted:
		return gone("was used")
	case in.State != Open:
		return gone("was withdrawn")
	case !d.Now().Before(in.Ends):
		return gone("ended")
	}
	p, _, err := db.Get[schemas.Participant](ctx, q, "participant", string(in.Participant))
	if err != nil {
		return err
	}
	if p.Stopped {
		return gone("is of an organisation that was stopped")
	}
	may, err := d.still(ctx, q, in, &p)
	if err == nil && !may {
		return gone("was made by somebody who may no longer invite to its roles")
	}
	return err
}

// still says whether who made an invitation has its roles yet, or operates the site.
func (d *Desk) still(ctx context.Context, q db.Querier, in *Invitation, p *schemas.Participant) (bool, error) {
	for _, r := range in.Roles {
		if !slices.Contains(p.Roles, r) {
			return false, nil
		}
	}
	var at string
	err := q.QueryRow(ctx, `SELECT participant FROM member WHERE iss = ? AND sub = ?`, in.By.Issuer, in.By.Subject).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look up who invites: %w", err)
	}
	from, _, err := db.Get[schemas.Participant](ctx, q, "participant", at)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(from.Members, func(m schemas.Member) bool { return m.Issuer == in.By.Issuer && m.Subject == in.By.Subject })
	if i < 0 {
		return false, nil
	}
	// Roles are the participant's word, not those that her token had then: a token is not asked for again.
	has := from.Members[i].Roles
	if slices.Contains(has, schemas.RoleOperator) {
		return true, nil
	}
	return from.ID == p.ID && !slices.ContainsFunc(in.Roles, func(r schemas.Role) bool { return !slices.Contains(has, r) }), nil
}

// Accept makes who signed in a member of the participant that invites her: once. Who accepted before is answered
// the same. Errors: as Look; Conflict for members of another; Denied where her issuer may not speak for the
// participant.
func (d *Desk) Accept(ctx context.Context, by schemas.Principal, secret string) (Invited, error) {
	if !by.SignedIn() {
		return Invited{}, policy.Needs(by, schemas.RoleTrainer, "accept an invitation")
	}
	var out Invited
	err := d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		in, err := d.find(ctx, tx, secret)
		if err != nil {
			return err
		}
		if in.by(by) && by.Participant == in.Participant {
			out, err = d.invited(ctx, tx, &in)
			return err
		}
		err = d.good(ctx, tx, &in)
		if err != nil {
			return err
		}
		if d.Speaks(by.Issuer, in.Participant) == notSpeaking {
			text := fmt.Sprintf("the issuer %s may not speak for %s", by.Issuer, in.Participant)
			return schemas.Refuse("invitation", "issuer.participant", "bindings of issuers", text,
				"sign in with an account of that organisation's own issuer, or ask the operator")
		}
		err = d.free(ctx, tx, person(by))
		if err != nil {
			return err
		}
		err = d.addMember(ctx, tx, by, &in)
		if err != nil {
			return err
		}
		out, err = d.invited(ctx, tx, &in)
		return err
	})
	return out, err
}

// addMember uses an invitation up. What the person asked for by herself meanwhile waits no more.
func (d *Desk) addMember(ctx context.Context, tx *db.Tx, by schemas.Principal, in *Invitation) error {
	p, revision, err := db.Get[schemas.Participant](ctx, tx, "participant", string(in.Participant))
	if err != nil {
		return err
	}
	if len(p.Members) >= mostMembers {
		return schemas.Errorf(schemas.TooLarge, string(p.ID), "the organisation has %d members, which is the most", len(p.Members))
	}
	p.Members = append(p.Members, schemas.Member{Issuer: by.Issuer, Subject: by.Subject, Roles: in.Roles})
	// The record says for whom she acts from now on; her token has no participant yet.
	as := by
	as.Participant = p.ID
	_, err = d.Parties.PutParticipantIn(ctx, tx, as, p, revision)
	if err != nil {
		return err
	}
	who := person(by)
	in.State, in.Accepted, in.AcceptedAt = Accepted, &who, d.Now().UTC()
	in.Revision, err = db.Update(ctx, tx, "invitation", in.ID, in.Revision, *in, db.Columns{"state": in.State})
	if err != nil {
		return err
	}
	err = d.record(ctx, tx, schemas.ChangeInvitationTaken, in.ID, as, map[string]string{
		"invitation": in.ID, "participant": string(p.ID), "roles": roleList(in.Roles), "inviter": in.By.Issuer + "#" + in.By.Subject})
	if err != nil {
		return err
	}
	rows, _, err := db.List[Application](ctx, tx, "application", "person = ? AND state = ?", []any{who.key(), Waiting}, "", 1)
	if err != nil || len(rows) == 0 {
		return err
	}
	a := rows[0].Doc
	a.Revision = rows[0].Revision
	return d.end(ctx, tx, as, &a)
}

// TakeBack ends an open invitation: by any member of its participant, or an operator. Errors: NotFound; Conflict
// where it was accepted. One that is withdrawn already stays so.
func (d *Desk) TakeBack(ctx context.Context, by schemas.Principal, id string) (Invitation, error) {
	var in Invitation
	if by.Participant == "" {
		_, err := d.own(ctx, by, "", "withdraw invitations")
		return in, err
	}
	err := d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var revision int64
		var err error
		in, revision, err = db.Get[Invitation](ctx, tx, "invitation", id)
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return err
		}
		if err != nil || in.Participant != by.Participant && !by.Has(schemas.RoleOperator) {
			return schemas.Errorf(schemas.NotFound, id, "there is no invitation %s", id)
		}
		in.Revision = revision
		switch in.State {
		case TakenBack:
			return nil
		case Accepted:
			return &schemas.Error{Kind: schemas.Conflict, Subject: id, Message: "the invitation was accepted", Remedy: "remove the member"}
		}
		in.State = TakenBack
		in.Revision, err = db.Update(ctx, tx, "invitation", id, revision, in, db.Columns{"state": in.State})
		if err != nil {
			return err
		}
		return d.record(ctx, tx, schemas.ChangeInvitationBack, id, by, map[string]string{"invitation": id, "participant": string(in.Participant)})
	})
	return in, err
}
