package agreement

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/db"
	"guichet/connectors/db/newest"
	"guichet/policy/party"
	"guichet/schemas"
)

// projectsOf gives the ids of the projects that the caller's participant takes part in.
func (s *Agreements) projectsOf(ctx context.Context, by schemas.Principal) ([]any, error) {
	var out []any
	for after := ""; ; {
		page, next, err := s.Parties.Projects(ctx, by, party.Picked{}, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			out = append(out, string(p.ID))
		}
		after = next
		if next == "" {
			return out, nil
		}
	}
}

// inOneLook bounds how many projects a query names: databases bound its parameters.
const inOneLook = 5000

// ListOfProjects lists the rows of a table for which where holds, and that are of a project in
// which the caller's participant takes part, or for which or holds: those first whose column of time is the latest.
// args are those of both.
func ListOfProjects[T any](
	ctx context.Context, s *Agreements, by schemas.Principal, table, column, where, or string, args []any, after string, limit int,
) ([]newest.Row[T], string, error) {
	mine, err := s.projectsOf(ctx, by)
	if err != nil {
		return nil, "", err
	}
	// A caller in 12,000 projects is answered by three looks, of which each gives the first
	// limit+1 rows of its own; the first limit of all of them are among those.
	found := map[string]newest.Row[T]{} // what or holds for is found in each look
	for first := true; first || len(mine) > 0; first = false {
		some := mine[:min(len(mine), inOneLook)]
		mine = mine[len(some):]
		in := "FALSE"
		if len(some) > 0 {
			in = "project IN (?" + strings.Repeat(", ?", len(some)-1) + ")"
		}
		rows, _, err := newest.List[T](ctx, s.DB, table, column, where+" AND ("+or+" OR "+in+")", slices.Concat(args, some), after, limit+1)
		if err != nil {
			return nil, "", err
		}
		for _, row := range rows {
			found[row.ID] = row
		}
	}
	out, next := newest.Cut(slices.SortedFunc(maps.Values(found), newest.Before[T]), limit)
	return out, next, nil
}

// named bounds how many runs of one name are told.
const named = 10

// RunsNamed gives ids of the project's runs that go by a name of their own, which callers give in place of the id: at most
// 10, parted by commas; "" where there is none.
func RunsNamed(ctx context.Context, q db.Querier, project schemas.ProjectID, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	said, err := json.Marshal(name)
	if err != nil {
		return "", fmt.Errorf("look for a run by its name: %w", err)
	}
	like := strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(`"external_id":` + string(said))
	const where = "project = ? AND doc LIKE ? ESCAPE '!'"
	rows, _, err := db.List[schemas.Run](ctx, q, "run", where, []any{string(project), "%" + like + "%"}, "", 2*named)
	var ids []string
	for _, row := range rows {
		if row.Doc.ExternalID == name && len(ids) < named { // databases differ in case
			ids = append(ids, row.ID)
		}
	}
	return strings.Join(ids, ", "), err
}
