package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/newest"
	"guichet/policy/agreement"
	"guichet/policy/party"
	"guichet/schemas"
)

// Runs keeps the jobs of projects. Safe for concurrent use.
type Runs struct {
	db         *db.DB
	parties    *party.Registry
	agreements *agreement.Agreements
	now        func() time.Time
	maxRuns    int
}

// New makes Runs; most is how many a project may have, 0 is any number.
func New(a *agreement.Agreements, most int) *Runs {
	return &Runs{db: a.DB, parties: a.Parties, agreements: a, now: a.Now, maxRuns: most}
}

// Start records a job of a project. Errors: Denied, Invalid.
func (s *Runs) Start(ctx context.Context, by schemas.Principal, r schemas.Run) (schemas.Run, error) {
	err := agreement.SignedIn(by, "run")
	if err != nil {
		return r, err
	}
	err = s.agreements.Settle(ctx, "run", func(b agreement.Basis) (func(ctx context.Context, tx *db.Tx) error, error) {
		p, err := s.parties.Project(ctx, r.Project)
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return nil, err
		}
		if err != nil || !party.IsPartner(p, by.Participant) {
			return nil, schemas.BadField("run", "/project", "you take part in no project %q", r.Project)
		}
		b.Note("project", string(p.ID), p.Revision)
		if r.Factory == "" {
			r.Factory = p.Factory
		}
		_, err = s.parties.Factory(ctx, r.Factory)
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return nil, err
		}
		if err != nil {
			return nil, schemas.BadField("run", "/factory", "there is no factory %q", r.Factory)
		}
		// What only the gateway may say is said here, whatever a caller has sent.
		r.ID, r.Started, r.Ended, r.Outputs, r.Revision = schemas.NewRunID(), s.now().UTC(), time.Time{}, nil, 1
		return func(ctx context.Context, tx *db.Tx) error {
			err := s.roomForRun(ctx, tx, r.Project)
			if err != nil {
				return err
			}
			err = db.Insert(ctx, tx, "run", string(r.ID), r, db.Columns{"project": string(r.Project), "made": r.Started.UnixMicro()})
			if err != nil {
				return err
			}
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRun, Subject: string(r.ID), Values: agreement.WithCaller(map[string]string{
				"run": string(r.ID), "project": string(r.Project), "factory": string(r.Factory), "external": r.ExternalID}, by)})
			return err
		}, nil
	})
	return r, err
}

// Get finds one that the caller may see. Errors: NotFound.
func (s *Runs) Get(ctx context.Context, by schemas.Principal, id schemas.RunID) (schemas.Run, error) {
	err := agreement.SignedIn(by, string(id))
	if err != nil {
		return schemas.Run{}, err
	}
	r, revision, err := db.Get[schemas.Run](ctx, s.db, "run", string(id))
	if err != nil {
		return r, err
	}
	r.Revision = revision
	p, err := s.parties.Project(ctx, r.Project)
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return schemas.Run{}, err
	}
	if err != nil || !party.IsPartner(p, by.Participant) && !agreement.Oversees(by) {
		return schemas.Run{}, schemas.Errorf(schemas.NotFound, string(id), "there is no run %s", id)
	}
	return r, nil
}

// AddOutput ties what came out to a run. The same digest twice is kept once. Ranks may
// do so at the same time. Errors: NotFound, Denied unless by a partner of its project.
func (s *Runs) AddOutput(ctx context.Context, by schemas.Principal, id schemas.RunID, o schemas.Output) (schemas.Run, error) {
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
			string(id), "run.partner", "roles", "only partners of the run's project say what came out of it", "ask the lead partner",
		)
	}
	o.At = s.now().UTC()
	return s.change(ctx, func(ctx context.Context, tx *db.Tx) (schemas.Run, error) { return addOutput(ctx, tx, by, id, o) })
}

// change changes a run. Sixteen ranks that end at once write one row sixteen times. On one gateway they queue; those of
// other replicas find another revision and look again.
func (s *Runs) change(ctx context.Context, fn func(ctx context.Context, tx *db.Tx) (schemas.Run, error)) (r schemas.Run, err error) {
	for try := 0; ; try++ {
		err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			r, err = fn(ctx, tx)
			return err
		})
		if schemas.KindOf(err) != schemas.Precondition || try == 10 { // another replica was first
			return r, err
		}
	}
}

// maxOutputs bounds the outputs of a run: whoever reads it reads them all.
const maxOutputs = 1000

// addOutput ties an output to a run. The same output again changes nothing, so that a
// job may repeat its last step.
func addOutput(ctx context.Context, tx *db.Tx, by schemas.Principal, id schemas.RunID, o schemas.Output) (schemas.Run, error) {
	r, revision, err := db.Get[schemas.Run](ctx, tx, "run", string(id))
	if err != nil {
		return r, err
	}
	r.Revision = revision
	if slices.ContainsFunc(r.Outputs, func(have schemas.Output) bool { return have.Digest == o.Digest && have.Name == o.Name }) {
		return r, nil
	}
	if len(r.Outputs) >= maxOutputs {
		return r, &schemas.Error{
			Kind: schemas.TooLarge, Subject: string(id), Message: fmt.Sprintf("the run has %d outputs, which is the most", len(r.Outputs)),
			Remedy: "name one output that lists the others, or start another run",
		}
	}
	r.Outputs = append(r.Outputs, o)
	r.Revision, err = db.Update(ctx, tx, "run", string(id), revision, r, nil)
	if err != nil {
		return r, err
	}
	_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeRun, Subject: string(id), Values: agreement.WithCaller(map[string]string{
		"run": string(id), "project": string(r.Project), "output": o.Kind + " " + o.Name, "digest": o.Digest}, by)})
	return r, err
}

// List lists the runs of the projects that the caller takes part in, the newest first, every run for
// officers and operators; project "" is every project.
func (s *Runs) List(
	ctx context.Context, by schemas.Principal, project schemas.ProjectID, after string, limit int,
) ([]schemas.Run, string, error) {
	err := agreement.SignedIn(by, "runs")
	if err != nil {
		return nil, "", err
	}
	where, args := "(? = '' OR project = ?)", []any{string(project), string(project)}
	var rows []newest.Row[schemas.Run]
	var next string
	if agreement.Oversees(by) {
		rows, next, err = newest.List[schemas.Run](ctx, s.db, "run", "made", where, args, after, limit)
	} else {
		rows, next, err = agreement.ListOfProjects[schemas.Run](ctx, s.agreements, by, "run", "made", where, "FALSE", args, after, limit)
	}
	out := make([]schemas.Run, len(rows))
	for i, row := range rows {
		out[i], out[i].Revision = row.Doc, row.Revision
	}
	return out, next, err
}

// roomForRun is asked where a run is stored.
func (s *Runs) roomForRun(ctx context.Context, tx *db.Tx, project schemas.ProjectID) error {
	return agreement.CheckQuota(
		ctx, tx, `SELECT count(*) FROM run WHERE project = ?`, project, s.maxRuns, "runs",
		"name the run that goes on, or ask the operator for more (limits.runs_per_project)",
	)
}
