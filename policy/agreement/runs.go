package agreement

import (
	"context"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/db"
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
	var rows []db.Row[schemas.Run]
	var next string
	if oversees(by) {
		rows, next, err = db.List[schemas.Run](ctx, d.db, "run", where, args, after, limit)
	} else {
		rows, next, err = ofProjects[schemas.Run](ctx, d, by, "run", where, "FALSE", args, after, limit)
	}
	out := make([]schemas.Run, len(rows))
	for i, row := range rows {
		out[i], out[i].Revision = row.Doc, row.Revision
	}
	return out, next, err
}

// inOneLook bounds how many projects a query names: databases bound its parameters.
const inOneLook = 5000

// ofProjects lists the rows of a table for which where holds, and that are of a project in
// which the caller's participant takes part, or for which or holds. args are those of both.
func ofProjects[T any](ctx context.Context, d *Desk, by schemas.Principal, table, where, or string, args []any, after string, limit int) ([]db.Row[T], string, error) {
	mine, err := d.projectsOf(ctx, by)
	if err != nil {
		return nil, "", err
	}
	found := map[string]db.Row[T]{} // what or holds for is found in each look
	for first := true; first || len(mine) > 0; first = false {
		some := mine[:min(len(mine), inOneLook)]
		mine = mine[len(some):]
		in := "FALSE"
		if len(some) > 0 {
			in = "project IN (?" + strings.Repeat(", ?", len(some)-1) + ")"
		}
		rows, _, err := db.List[T](ctx, d.db, table, where+" AND ("+or+" OR "+in+")", slices.Concat(args, some), after, limit+1)
		if err != nil {
			return nil, "", err
		}
		for _, row := range rows {
			found[row.ID] = row
		}
	}
	var out []db.Row[T]
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if len(out) == limit {
			return out, out[limit-1].ID, nil
		}
		out = append(out, found[id])
	}
	return out, "", nil
}
