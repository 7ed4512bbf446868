package run

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"guichet/connectors/db"
	"guichet/connectors/db/indexes"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// GetWithInputs is Get with what went into it: of each agreement, version, table and split
// what its streams sent. Partners read what their own organisation read and, of an agreement
// that is theirs to see, what others did; of the rest the number of streams alone.
// Errors: as Get.
func (s *Runs) GetWithInputs(ctx context.Context, by schemas.Principal, id schemas.RunID) (schemas.Run, error) {
	r, err := s.Get(ctx, by, id)
	if err != nil {
		return r, err
	}
	// A release's document names its run too, but no index does: the record does, whose
	// values are looked up by name. Only their first 200 characters are in the index.
	inputs := map[[4]string]*schemas.RunInput{}
	const where = `id IN (SELECT c.subject FROM change_value v JOIN change c ON c.position = v.position
		WHERE c.kind = '` + schemas.ChangeReleaseBegin + `' AND v.name = 'run' AND substr(v.value, 1, 200) = substr(?, 1, 200) AND v.value = ?
		AND ` + indexes.LookedUpValues + `)`
	visible := map[schemas.AgreementID]bool{}
	for after := ""; ; {
		rows, next, err := db.List[schemas.Release](ctx, s.db, "release", where, []any{string(id), string(id)}, after, 1000)
		if err != nil {
			return r, err
		}
		for _, row := range rows {
			may, err := s.seesRelease(ctx, by, &row.Doc, visible)
			if err != nil {
				return r, err
			}
			if !may {
				r.OtherStreams++
				continue
			}
			count(inputs, &row.Doc)
		}
		if after = next; next == "" {
			break
		}
	}
	for _, in := range inputs {
		r.Inputs = append(r.Inputs, *in)
	}
	slices.SortFunc(r.Inputs, func(a, b schemas.RunInput) int {
		return cmp.Or(
			cmp.Compare(a.Dataset, b.Dataset), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Table, b.Table),
			cmp.Compare(a.Split, b.Split), cmp.Compare(a.Agreement, b.Agreement),
		)
	})
	return r, nil
}

// seesRelease says whether a caller may read a release of a run of its project.
func (s *Runs) seesRelease(
	ctx context.Context, by schemas.Principal, r *schemas.Release, known map[schemas.AgreementID]bool,
) (bool, error) {
	if agreement.Oversees(by) || r.Participant == by.Participant {
		return true, nil
	}
	may, asked := known[r.Agreement]
	if asked {
		return may, nil
	}
	// As it is stored, whatever became of it: who may see an agreement does not change when it
	// ends, and one that is gone shows nothing.
	a, _, err := db.GetStored[schemas.Agreement](ctx, s.db, "agreement", string(r.Agreement))
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return false, err
	}
	may = err == nil && agreement.MaySee(by, &a)
	known[r.Agreement] = may
	return may, nil
}

// count adds a release to what a run read.
func count(inputs map[[4]string]*schemas.RunInput, r *schemas.Release) {
	key := [4]string{string(r.Agreement), string(r.Version), r.Table, r.Split}
	in := inputs[key]
	if in == nil {
		in = &schemas.RunInput{
			Agreement: r.Agreement, Dataset: r.Dataset, Provider: r.Provider, Version: r.Version, Table: r.Table, Split: r.Split,
			From: r.Begun,
		}
		inputs[key] = in
	}
	in.Streams++
	// What an open or unknown release, or one by URL, says of itself is a bound: the sum is one then too.
	in.AtMost = in.AtMost || r.AtMost()
	in.Rows, in.Bytes = in.Rows+r.Rows, in.Bytes+r.Bytes
	if r.Begun.Before(in.From) {
		in.From = r.Begun
	}
	if r.Ended.After(in.Until) {
		in.Until = r.Ended
	}
	if r.Columns == "" {
		return
	}
	seen := map[string]bool{}
	for _, c := range in.Columns {
		seen[c] = true
	}
	for _, c := range schemas.NamedColumns(r.Columns) {
		seen[c] = true
	}
	in.Columns = slices.Sorted(maps.Keys(seen))
}
