package join

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/schemas"
)

// Answer is the operator's word on an application.
type Answer struct {
	Decision string         `json:"decision" enum:"confirm,refuse"`
	Reason   string         `json:"reason,omitempty" doc:"needed to refuse; the person reads it" maxLength:"4000"`
	Roles    []schemas.Role `json:"roles,omitempty" doc:"in place of those that were asked for; an empty list is none" minItems:"1" maxItems:"2"`
}

// maxReason bounds a reason, in bytes.
const maxReason = 4000

// check brings an answer into its form.
func (w *Answer) check() error {
	w.Reason = strings.TrimSpace(w.Reason)
	switch {
	case w.Decision != "confirm" && w.Decision != "refuse":
		return schemas.BadField("application", "/decision", "%q is neither confirm nor refuse", w.Decision)
	case w.Decision == "refuse" && w.Reason == "":
		return schemas.BadField("application", "/reason", "say why, so that the person knows what to do")
	case !schemas.IsText(w.Reason, maxReason) || !schemas.IsProse(w.Reason):
		return schemas.BadField("application", "/reason", "a reason has at most %d bytes, without control characters", maxReason)
	case w.Roles != nil: // an empty list is no silence: somebody took every role away
		return joining(w.Roles, "application")
	}
	return nil
}

// Answer confirms or refuses an application, once. Confirmation makes the participant with the person as its
// member and, for a trainer, a playground project, in one transaction. Errors: Denied unless by an operator;
// NotFound; Invalid; Conflict where it was answered, or nothing could come of a confirmation.
func (d *Desk) Answer(ctx context.Context, by schemas.Principal, id string, word Answer) (Application, error) {
	err := policy.Needs(by, schemas.RoleOperator, "answer applications")
	if err == nil {
		err = word.check()
	}
	if err != nil {
		return Application{}, err
	}
	var a Application
	err = d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		a, err = d.take(ctx, tx, id)
		if err != nil {
			return err
		}
		// What was known when it was decided stays with it; until then it is asked anew at each look.
		a.Checked = d.checked(&a)
		a.State, a.Decided, a.Decider, a.Reason = Refused, d.Now().UTC(), by.Participant, word.Reason
		kind := schemas.ChangeJoinRefused
		if word.Decision == "confirm" {
			a.State, a.Roles, kind = Confirmed, word.Roles, schemas.ChangeJoinConfirmed
			if len(a.Roles) == 0 {
				a.Roles = a.Declared.Roles
			}
			err = d.letIn(ctx, tx, by, &a)
			if err != nil {
				return err
			}
		}
		a.Revision, err = db.Update(ctx, tx, "application", a.ID, a.Revision, a, db.Columns{"state": a.State})
		if err != nil {
			return err
		}
		return d.record(ctx, tx, kind, a.ID, by, map[string]string{
			"application": a.ID, "organisation": string(a.Declared.Organisation), "person": a.By.Issuer + "#" + a.By.Subject,
			"roles": roleList(a.Roles), "reason": a.Reason, "project": string(a.Project)})
	})
	return a, err
}

// take reads an application that waits.
func (d *Desk) take(ctx context.Context, tx *db.Tx, id string) (Application, error) {
	a, revision, err := db.Get[Application](ctx, tx, "application", id)
	if err != nil {
		return a, err
	}
	a.Revision = revision
	if a.State != Waiting {
		return a, schemas.Errorf(schemas.Conflict, id, "the application %s does not wait: it is %s", id, a.State)
	}
	return a, nil
}

// letIn makes what a confirmed application asks for.
func (d *Desk) letIn(ctx context.Context, tx *db.Tx, by schemas.Principal, a *Application) error {
	said := &a.Declared
	if a.Checked.Speaks == notSpeaking {
		return &schemas.Error{Kind: schemas.Conflict, Subject: a.ID,
			Message: fmt.Sprintf("the issuer %s may not speak for %s, so that a confirmation would give the person nothing",
				a.By.Issuer, said.Organisation),
			Remedy: "name the organisation in participants of that issuer in the gateway's settings, or give an issuer that is bound to nobody " +
				"joining: true, then confirm"}
	}
	// She may have accepted an invitation since she asked.
	err := d.free(ctx, tx, a.By)
	if err != nil {
		return err
	}
	p := schemas.Participant{ID: said.Organisation, Name: said.Name, Country: said.Country, Kind: said.Kind, Roles: a.Roles,
		Members: []schemas.Member{{Issuer: a.By.Issuer, Subject: a.By.Subject, Roles: a.Roles}}}
	_, err = d.Parties.PutParticipantIn(ctx, tx, by, p, 0)
	if schemas.KindOf(err) == schemas.Conflict {
		return &schemas.Error{Kind: schemas.Conflict, Subject: a.ID,
			Message: fmt.Sprintf("%s takes part already, and a confirmation takes nobody over", p.ID),
			Remedy:  "refuse, and have one of its members invite the person"}
	}
	if err != nil || !slices.Contains(a.Roles, schemas.RoleTrainer) {
		return err
	}
	a.Project, err = d.playground(ctx, tx, by, &p)
	return err
}

// free refuses a person who became a member meanwhile.
func (d *Desk) free(ctx context.Context, tx *db.Tx, p Person) error {
	n := 0
	err := tx.QueryRow(ctx, `SELECT count(*) FROM member WHERE iss = ? AND sub = ?`, p.Issuer, p.Subject).Scan(&n)
	if err != nil {
		return fmt.Errorf("look up a member: %w", err)
	}
	if n > 0 {
		return schemas.Errorf(schemas.Conflict, p.Subject, "%s of %s belongs to an organisation already", p.Subject, p.Issuer)
	}
	return nil
}

// playground makes the project in which a new organisation tries what is open at once: at a factory that is
// declared, in its own country if there is one. "" where no factory is declared.
func (d *Desk) playground(ctx context.Context, tx *db.Tx, by schemas.Principal, p *schemas.Participant) (schemas.ProjectID, error) {
	factories, _, err := db.List[schemas.Factory](ctx, tx, "factory", "", nil, "", 1000)
	if err != nil {
		return "", err
	}
	// A proven place lets nothing leave but to its own networks, where a newcomer has no job yet.
	var at *schemas.Factory
	for i := range factories {
		f := &factories[i].Doc
		if len(f.Egress) == 0 && (at == nil || at.Country != p.Country && f.Country == p.Country) {
			at = f
		}
	}
	if at == nil {
		return "", nil
	}
	name := slug(p.ID)
	for n := 1; ; n++ {
		id := schemas.ProjectID("playground-" + name)
		if n > 1 {
			id = schemas.ProjectID(fmt.Sprintf("playground-%s-%d", name, n))
		}
		_, err = d.Parties.PutProjectIn(ctx, tx, by, schemas.Project{ID: id, Title: "Playground", Lead: p.ID, Factory: at.ID,
			Description: "Made when the organisation joined, to try what offers open at once.",
			Purposes:    []string{"train-model", "scientific-research"}, From: d.Now().UTC()})
		if schemas.KindOf(err) != schemas.Conflict || n == 100 {
			return id, err
		}
	}
}

// slug is an id's host, or what can be written of it, for the name of a project.
func slug(id schemas.ParticipantID) string {
	s := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(likeness(id)))
	return s[:min(len(s), 40)]
}

// Withdraw ends an application of one's own that waits. Errors: NotFound, Conflict.
func (d *Desk) Withdraw(ctx context.Context, by schemas.Principal, id string) (Application, error) {
	a, err := d.Get(ctx, by, id)
	if err != nil {
		return a, err
	}
	if a.By.key() != person(by).key() {
		return a, schemas.Refuse(id, "application.person", "roles", "only the person who asked withdraws what she asked", "refuse it")
	}
	err = d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		a, err = d.take(ctx, tx, id)
		if err != nil {
			return err
		}
		return d.end(ctx, tx, by, &a)
	})
	return a, err
}

// end stores that an application is not asked any more.
func (d *Desk) end(ctx context.Context, tx *db.Tx, by schemas.Principal, a *Application) error {
	a.Checked = d.checked(a)
	a.State, a.Decided = TakenBack, d.Now().UTC()
	var err error
	a.Revision, err = db.Update(ctx, tx, "application", a.ID, a.Revision, *a, db.Columns{"state": a.State})
	if err != nil {
		return err
	}
	return d.record(ctx, tx, schemas.ChangeJoin, a.ID, by, map[string]string{
		"application": a.ID, "organisation": string(a.Declared.Organisation), "what": "withdrawn"})
}
