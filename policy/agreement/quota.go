package agreement

import (
	"context"
	"fmt"

	"guichet/connectors/db"
	"guichet/schemas"
)

// room says whether a project may have one more of what rows of a table stand for; 0
// is no bound. Errors: TooLarge.
func room(ctx context.Context, tx *db.Tx, query string, project schemas.ProjectID, most int, what, remedy string) error {
	if most == 0 {
		return nil
	}
	n := 0
	err := tx.QueryRow(ctx, query, string(project)).Scan(&n)
	if err != nil {
		return fmt.Errorf("count what the project %s has: %w", project, err)
	}
	if n >= most {
		return &schemas.Error{Kind: schemas.TooLarge, Subject: string(project), Message: fmt.Sprintf("the project has %d %s, which is the most here", n, what), Remedy: remedy}
	}
	return nil
}

// roomForRun is asked where a run is stored.
func (d *Desk) roomForRun(ctx context.Context, tx *db.Tx, project schemas.ProjectID) error {
	return room(ctx, tx, `SELECT count(*) FROM run WHERE project = ?`, project, d.maxRuns, "runs", "name the run that goes on, or ask the operator for more (limits.runs_per_project)")
}

// roomForRequest is asked where a request that waits is stored.
func (d *Desk) roomForRequest(ctx context.Context, tx *db.Tx, r *schemas.Request) error {
	if r.State != schemas.RequestPending {
		return nil
	}
	return room(ctx, tx, `SELECT count(*) FROM request WHERE project = ? AND state = 'pending'`, r.Project, d.maxPending, "requests that wait for an answer",
		"wait for the reviewers, or ask the operator for more (limits.pending_requests_per_project)")
}
