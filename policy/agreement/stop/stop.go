package stop

import (
	"context"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// Stops takes rights away: agreements, and whole participants. Safe for concurrent use.
type Stops struct {
	db         *db.DB
	agreements *agreement.Agreements
	brake      *Brake
	now        func() time.Time
}

// New makes Stops.
func New(a *agreement.Agreements, brake *Brake) *Stops {
	return &Stops{db: a.DB, agreements: a, brake: brake, now: a.Now}
}

// What a stop leaves standing, for its answer.
const (
	operatorStops = "it gets no new agreements, and changes neither datasets nor offers, until an operator lifts the stop; " +
		"agreements of others on its datasets stand"
	providerStops = "only agreements on your datasets; your offers still stand, so new requests are granted by rule: " +
		"change or withdraw the offers, or ask the operator to stop the participant"
	ownStop = "these are the agreements of everybody on your datasets; your offers still stand, " +
		"so new requests are granted by rule: change the offers or withdraw the datasets"
)

// Stop revokes active agreements at once. An operator revokes every one of a
// participant, who is barred from then on; a provider those of a participant on its
// own datasets, and, naming itself, everybody's on them. Errors: Denied, Invalid,
// NotFound for a participant that is not known here.
func (s *Stops) Stop(ctx context.Context, by schemas.Principal, whom schemas.ParticipantID, reason string) (schemas.Stopped, error) {
	out := schemas.Stopped{Participant: whom, Revoked: []schemas.AgreementID{}}
	err := agreement.SignedIn(by, "stop")
	if err != nil {
		return out, err
	}
	operator, provider := by.Has(schemas.RoleOperator), by.Has(schemas.RoleProvider)
	if !operator && !provider {
		return out, schemas.Refuse("stop", "role.provider", "roles", "only providers and operators stop a participant", "ask the operator")
	}
	if len(reason) < 3 {
		return out, schemas.BadField("stop", "/reason", "say why, in at least 3 characters")
	}
	// Whom it is about and who asks decide what it covers. A provider who stops another
	// organisation ends what that has of its data; one who names itself, what anybody has.
	where, args := "state = 'active' AND participant = ?", []any{string(whom)}
	switch {
	case provider && whom == by.Participant:
		where, out.Note = "state = 'active' AND provider = ?", ownStop
	case operator:
		out.Barred, out.Note = true, operatorStops
	default:
		where, args, out.Note = where+" AND provider = ?", append(args, string(by.Participant)), providerStops
	}
	ids, err := s.idsWhere(ctx, where, args)
	if err != nil {
		return out, err
	}
	if out.Barred {
		ids = append(ids, string(whom))
	}
	barred, revoked := out.Barred, make(chan []schemas.AgreementID, 1)
	err = s.brake.TakeAway(ctx, string(whom), ids, reason, func(ctx context.Context, tx *db.Tx) error {
		p, revision, altered, err := participant(ctx, tx, whom)
		if err != nil {
			return err
		}
		list, err := s.revokeWhere(ctx, tx, by, where, args, reason)
		select {
		case <-revoked:
		default:
		}
		revoked <- list
		if err != nil || !barred {
			return err
		}
		if !p.Stopped { // a second stop does not say anew who began it and when
			p.Stopped, p.StopBy, p.StopAt, p.StopFor = true, by.Participant, s.now().UTC(), reason
		}
		if altered { // its uses are refused anyway; the stop stands in the record
			tx.Distrust("participant", string(whom))
		}
		return mark(ctx, tx, by, p, revision, schemas.ChangeStopped, reason)
	})
	if err == nil {
		out.Revoked = append(out.Revoked, <-revoked...)
	}
	return out, err
}

// Unstop lifts an operator's stop; what it revoked stays revoked. Errors: Denied
// unless by an operator, Invalid, NotFound, Conflict where nothing was stopped.
func (s *Stops) Unstop(ctx context.Context, by schemas.Principal, whom schemas.ParticipantID, reason string) (schemas.Participant, error) {
	var p schemas.Participant
	err := policy.Needs(by, schemas.RoleOperator, "lift a stop")
	if err != nil {
		return p, err
	}
	if len(reason) < 3 {
		return p, schemas.BadField("stop", "/reason", "say why, in at least 3 characters")
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var revision int64
		var altered bool
		p, revision, altered, err = participant(ctx, tx, whom)
		if err == nil && altered {
			err = db.Altered("participant", string(whom), "its stop is not lifted")
		}
		if err != nil {
			return err
		}
		if !p.Stopped {
			return schemas.Errorf(schemas.Conflict, string(whom), "the participant %s is not stopped", whom)
		}
		p.Stopped, p.StopBy, p.StopAt, p.StopFor = false, "", time.Time{}, ""
		p.Revision = revision + 1
		return mark(ctx, tx, by, p, revision, schemas.ChangeUnstopped, reason)
	})
	return p, err
}

// participant reads one that is to be stopped, also where it was altered.
func participant(ctx context.Context, tx *db.Tx, id schemas.ParticipantID) (schemas.Participant, int64, bool, error) {
	p, revision, altered, err := db.GetToEnd[schemas.Participant](ctx, tx, "participant", string(id))
	if schemas.KindOf(err) == schemas.NotFound {
		err = &schemas.Error{
			Kind:    schemas.NotFound,
			Subject: string(id),
			Message: "there is no participant " + string(id),
			Remedy:  "write its id as it stands in agreements, for instance https://organisation.example",
		}
	}
	p.ID = id
	return p, revision, altered, err
}

// mark stores that a participant is stopped, or is no longer, with its change.
func mark(ctx context.Context, tx *db.Tx, by schemas.Principal, p schemas.Participant, revision int64, kind, reason string) error {
	_, err := db.Update(ctx, tx, "participant", string(p.ID), revision, p, nil)
	if err != nil {
		return err
	}
	state := "stopped"
	if !p.Stopped {
		state = "lifted"
	}
	_, err = tx.Append(ctx, schemas.Change{Kind: kind, Subject: string(p.ID),
		Values: agreement.WithCaller(map[string]string{"participant": string(p.ID), "state": state, "reason": reason}, by)})
	return err
}
