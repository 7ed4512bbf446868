package party

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/call"
	"guichet/schemas"
)

// PutProject makes or changes a project: by its lead partner (a trainer) or an
// operator. Errors: Denied, Invalid, Conflict, Precondition.
func (r *Registry) PutProject(ctx context.Context, by schemas.Principal, p schemas.Project, ifRevision int64) (schemas.Project, error) {
	if !by.Has(schemas.RoleOperator) {
		err := policy.Needs(by, schemas.RoleTrainer, "make a project")
		if err != nil {
			return p, err
		}
	}
	if p.Lead == "" {
		p.Lead = by.Participant
	}
	if p.Lead != by.Participant && !by.Has(schemas.RoleOperator) {
		return p, schemas.BadField("project", "/lead", "only the lead partner itself makes a project")
	}
	p.Title = schemas.Normal(p.Title)
	if !schemas.IsLine(p.Title) {
		return p, notOneLine("project", "/title", p.Title)
	}
	if !schemas.IsSlug(string(p.ID)) {
		return p, schemas.BadField("project", "/id", "%q cannot name a project: a name has %s", p.ID, schemas.SlugInWords)
	}
	if !p.Until.IsZero() && !p.Until.After(p.From) {
		return p, schemas.BadField("project", "/until", "the end is not after the start")
	}
	for i, want := range p.Purposes {
		if !slices.ContainsFunc(r.purposes, func(have schemas.Purpose) bool { return have.ID == want || have.IRI == want }) {
			return p, schemas.BadField("project", fmt.Sprintf("/purposes/%d", i), "%q is not a purpose of the closed list", want)
		}
	}
	_, err := r.Factory(ctx, p.Factory)
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return p, err
	}
	if err != nil {
		return p, schemas.BadField("project", "/factory", "there is no factory %q", p.Factory)
	}
	for i, s := range p.Outcomes {
		if len(s) > maxOutcome {
			return p, schemas.BadField("project", fmt.Sprintf("/outcomes/%d", i), "%d bytes: an outcome is said in at most %d", len(s), maxOutcome)
		}
	}
	if len(p.Partners) > maxPartners {
		return p, schemas.BadField("project", "/partners", "a project has at most %d partners beside its lead", maxPartners)
	}
	for i, id := range p.Partners {
		if id == p.Lead || slices.Contains(p.Partners[:i], id) {
			return p, schemas.BadField("project", fmt.Sprintf("/partners/%d", i),
				"%q takes part already: name each partner once, and not the lead", id)
		}
	}
	for i, id := range append([]schemas.ParticipantID{p.Lead}, p.Partners...) {
		_, err := r.Participant(ctx, id)
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return p, err
		}
		if err != nil {
			return p, schemas.BadField("project", fmt.Sprintf("/partners/%d", max(i-1, 0)), "there is no participant %q", id)
		}
	}
	if ifRevision != 0 {
		_, err := r.Project(ctx, p.ID)
		if err != nil {
			return p, err
		}
	}
	p.Revision, err = put(
		ctx, r.db, by, "project", string(p.ID), &p, db.Columns{"lead": string(p.Lead)}, ifRevision,
		func(ctx context.Context, tx *db.Tx, have schemas.Project) error {
			if ifRevision != 0 && have.Lead != by.Participant && !by.Has(schemas.RoleOperator) {
				return policy.Needs(schemas.Principal{Subject: by.Subject}, schemas.RoleOperator, "change a project of another lead")
			}
			p.Call = have.Call // it is admitted by whoever answers for the call
			return call.Keeps(ctx, tx, &have, &p)
		},
	)
	return p, err
}

// PutProjectIn makes a project as a part of a transaction, for its lead, whom the transaction may have made.
// Whoever calls it has decided that by may do so. Errors: Conflict, Invalid.
func (r *Registry) PutProjectIn(ctx context.Context, tx *db.Tx, by schemas.Principal, p schemas.Project) (schemas.Project, error) {
	if !schemas.IsSlug(string(p.ID)) || !schemas.IsLine(p.Title) {
		return p, schemas.BadField("project", "/id", "%q cannot name a project", p.ID)
	}
	_, _, err := db.Get[schemas.Factory](ctx, tx, "factory", string(p.Factory))
	if err == nil {
		p.Revision, err = putIn(ctx, tx, by, "project", string(p.ID), &p, db.Columns{"lead": string(p.Lead)}, 0, nil)
	}
	return p, err
}

// Project finds one. Errors: NotFound.
func (r *Registry) Project(ctx context.Context, id schemas.ProjectID) (schemas.Project, error) {
	p, revision, err := db.Get[schemas.Project](ctx, r.db, "project", string(id))
	p.Revision = revision
	return p, err
}

// Picked says which projects are listed, of those that the caller may read.
type Picked struct {
	Own bool                // in which the caller's participant takes part, whatever else the caller may read
	IDs []schemas.ProjectID // of these alone; none: all
}

// MostPicked bounds the ids of a Picked.
const MostPicked = 1000

// Projects lists those in which the caller's participant is a partner; all of
// them for operators and officers. Errors: Invalid: more than MostPicked ids.
func (r *Registry) Projects(
	ctx context.Context, by schemas.Principal, pick Picked, after string, limit int,
) ([]schemas.Project, string, error) {
	if len(pick.IDs) > MostPicked {
		return nil, "", schemas.BadField("projects", "id", "%d ids: name at most %d", len(pick.IDs), MostPicked)
	}
	set := func(p *schemas.Project, revision int64) { p.Revision = revision }
	where, args := "", []any(nil)
	if len(pick.IDs) > 0 {
		where = "id IN (?" + strings.Repeat(", ?", len(pick.IDs)-1) + ")"
		for _, id := range pick.IDs {
			args = append(args, string(id))
		}
	}
	if !pick.Own && (by.Has(schemas.RoleOperator) || by.Has(schemas.RoleOfficer)) {
		return list(ctx, r.db, "project", where, args, after, limit, set)
	}
	// Those that do not name the participant at all are not read: there may be thousands.
	name, err := json.Marshal(by.Participant)
	if err != nil {
		return nil, "", fmt.Errorf("write a name: %w", err)
	}
	if where != "" {
		where += " AND "
	}
	where += "(lead = ? OR doc LIKE ? ESCAPE '!')"
	args = append(args, string(by.Participant), "%"+strings.ReplaceAll(string(name), "!", "!!")+"%")
	return picked(ctx, r.db, "project", where, args, after, limit, set,
		func(p *schemas.Project) (string, bool) { return string(p.ID), IsPartner(*p, by.Participant) })
}

// IsPartner says whether a participant leads or takes part in a project.
func IsPartner(p schemas.Project, id schemas.ParticipantID) bool {
	return id != "" && (p.Lead == id || slices.Contains(p.Partners, id))
}

// Running says whether a project is under way at an instant.
func Running(p schemas.Project, now time.Time) bool {
	return !now.Before(p.From) && (p.Until.IsZero() || now.Before(p.Until))
}
