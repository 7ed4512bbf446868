package run

import (
	"context"

	"guichet/connectors/db"
	"guichet/policy/agreement"
	"guichet/policy/party"
	"guichet/schemas"
)

// End says that a run is over: no lease is made for it and no stream opened in its name any more.
// What streams now goes on to its end, and what came out may still be entered. Ending it again
// changes nothing. Errors: NotFound, Denied unless by a partner of its project.
func (s *Runs) End(ctx context.Context, by schemas.Principal, id schemas.RunID) (schemas.Run, error) {
	r, err := s.Get(ctx, by, id)
	if err != nil {
		return r, err
	}
	p, err := s.parties.Project(ctx, r.Project)
	if err != nil {
		return r, err
	}
	if !party.IsPartner(p, by.Participant) {
		return r, schemas.Refuse(
			string(id), "run.partner", "roles", "only partners of the run's project say that it is over", "ask the lead partner",
		)
	}
	return s.change(ctx, func(ctx context.Context, tx *db.Tx) (schemas.Run, error) { return s.end(ctx, tx, by, id) })
}

// end stores that a run is over.
func (s *Runs) end(ctx context.Context, tx *db.Tx, by schemas.Principal, id schemas.RunID) (schemas.Run, error) {
	r, revision, err := db.Get[schemas.Run](ctx, tx, "run", string(id))
	if err != nil {
		return r, err
	}
	r.Revision = revision
	if !r.Ended.IsZero() {
		return r, nil
	}
	r.Ended = s.now().UTC()
	r.Revision, err = db.Update(ctx, tx, "run", string(id), revision, r, nil)
	if err != nil {
		return r, err
	}
	values := agreement.WithCaller(map[string]string{
		"run": string(id), "project": string(r.Project), "external": r.ExternalID, "state": "ended"}, by)
	_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRun, Subject: string(id), At: r.Ended, Values: values})
	return r, err
}
