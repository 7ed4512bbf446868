package agreement

import (
	"context"
	"strings"

	"guichet/connectors/sql"
	"guichet/schemas"
)

// Runs lists the runs of the projects that the caller takes part in, every run for
// officers and operators; project "" is every project.
func (d *Desk) Runs(ctx context.Context, by schemas.Principal, project schemas.ProjectID, after string, limit int) ([]schemas.Run, string, error) {
	err := signedIn(by, "runs")
	if err != nil {
		return nil, "", err
	}
	where, args := "(? = '' OR project = ?)", []any{string(project), string(project)}
	if !oversees(by) {
		mine, err := d.projectsOf(ctx, by)
		if err != nil || len(mine) == 0 {
			return nil, "", err
		}
		where += " AND project IN (?" + strings.Repeat(", ?", len(mine)-1) + ")"
		args = append(args, mine...)
	}
	rows, next, err := sql.List[schemas.Run](ctx, d.db, "run", where, args, after, limit)
	out := make([]schemas.Run, len(rows))
	for i, row := range rows {
		out[i], out[i].Revision = row.Doc, row.Revision
	}
	return out, next, err
}
