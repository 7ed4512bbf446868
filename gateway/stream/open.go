package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/rowindex"
	"guichet/policy"
	"guichet/policy/view"
	"guichet/schemas"
)

func (e *Engine) version(ctx context.Context, id schemas.DatasetID, v schemas.VersionID) (schemas.Version, error) {
	key := string(id) + "/" + string(v)
	if m, ok := e.manifests.GetIfPresent(key); ok {
		if e.Standing == nil {
			return m, nil
		}
		return m, e.Standing(ctx, id, v)
	}
	m, err := e.Manifest(ctx, id, v)
	if err != nil {
		return m, err
	}
	e.manifests.Set(key, m)
	return m, nil
}

// Sources gives every table and split that a grant covers, as the view shows them:
// the trainer's manifest. A table none of whose columns is covered is not. Errors as Source.
func (e *Engine) Sources(ctx context.Context, g policy.Grant) ([]*plan.Source, error) {
	w, a := g.Asked(), g.Agreement()
	v, err := e.version(ctx, a.Dataset, w.Version)
	if err != nil {
		return nil, err
	}
	var out []*plan.Source
	var refused error
	for i := range v.Data {
		t := &v.Data[i]
		if w.Table != "" && w.Table != t.Name || w.Table == "" && !w.Named && leavesOut(&v, t, w.Columns) {
			continue
		}
		if t.Objects {
			refused = view.Whole(t, &a)
			if w.Table == "" && !w.Named && (refused != nil || len(w.Columns) > 0) { // what is not covered is not shown
				continue
			}
			objects, err := e.objects(ctx, g, &v, t, w.Split)
			if err != nil {
				return nil, err
			}
			out = append(out, objects...)
			continue
		}
		for j := range t.Splits {
			if w.Split != "" && w.Split != t.Splits[j].Name {
				continue
			}
			s, err := e.sourceFor(ctx, g, v, t, &t.Splits[j], w.Columns)
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
	}
	if len(out) == 0 && refused != nil {
		return nil, refused
	}
	if len(out) == 0 {
		_, _, err := plan.Pick(&v, w.Table, w.Split)
		return nil, err
	}
	return out, nil
}

// Source finds what a grant reads. Errors: Invalid (table, split, column), Denied
// (hidden, or a prefix that was taken back), Busy (a row filter's index is being
// made), NotFound.
func (e *Engine) Source(ctx context.Context, g policy.Grant) (*plan.Source, error) {
	if !g.Valid() {
		return nil, errors.New("open a stream: the grant did not come from policy.Authorize")
	}
	w, a := g.Asked(), g.Agreement()
	v, err := e.version(ctx, a.Dataset, w.Version)
	if err != nil {
		return nil, err
	}
	t, s, err := plan.Pick(&v, w.Table, w.Split)
	if err != nil {
		return nil, err
	}
	if t.Objects {
		return nil, noRows(a.ID, t, s)
	}
	return e.sourceFor(ctx, g, v, t, s, w.Columns)
}

// leavesOut says whether columns are all of other tables than t.
func leavesOut(v *schemas.Version, t *schemas.Table, columns []string) bool {
	in := func(t schemas.Table) bool {
		return slices.ContainsFunc(t.Columns, func(c schemas.TableColumn) bool { return slices.Contains(columns, c.Name) })
	}
	return len(columns) > 0 && !in(*t) && slices.ContainsFunc(v.Data, in)
}

func (e *Engine) sourceFor(
	ctx context.Context, g policy.Grant, v schemas.Version, t *schemas.Table, s *schemas.Split, columns []string,
) (*plan.Source, error) {
	a := g.Agreement()
	w := g.Asked()
	err := checkColumns(&v, &w)
	if err == nil && !(w.Named && w.Table == t.Name) {
		columns, err = columnsOf(&v, t, columns)
	}
	if err == nil {
		err = e.covered(ctx, &a, &v)
	}
	if err == nil {
		err = read.RedactLocation(t.Name+"/"+s.Name, e.mayRead(ctx, a.Provider, s.Shards))
	}
	if err != nil {
		return nil, err
	}
	vw, err := view.New(t, &a, columns, e.MasterKey)
	if err != nil {
		return nil, err
	}
	if vw.Filter == nil {
		return plan.NewSource(v, t, s, vw), nil
	}
	columns, err = columnsOf(&v, t, a.Columns)
	if err != nil {
		return nil, err
	}
	widest, err := view.New(t, &a, columns, e.MasterKey)
	if err != nil {
		return nil, err
	}
	ix, err := e.indexes.Get(ctx, rowindex.Asker{Who: g.Lease().Participant, Agreement: a.ID, Lease: g.Lease()}, &v, t, s, widest)
	if err != nil {
		return nil, err
	}
	return plan.NewFilteredSource(v, t, s, vw, widest, ix), nil
}

// checkColumns refuses columns that a request names and that are not in the table that it names,
// or in none where it names no table.
func checkColumns(v *schemas.Version, w *policy.StreamRequest) error {
	for _, c := range w.Columns {
		if w.Named && !v.Has(w.Table, c) {
			return schemas.BadField("stream", "columns", "there is no column %q in %s", c, cmp.Or(w.Table, "any table"))
		}
	}
	return nil
}

// columnsOf picks a table's columns among those of an agreement, which may be of other
// tables too.
func columnsOf(v *schemas.Version, t *schemas.Table, columns []string) ([]string, error) {
	if len(columns) == 0 || len(v.Data) == 1 {
		return columns, nil
	}
	columns = slices.DeleteFunc(slices.Clone(columns), func(c string) bool {
		return !slices.ContainsFunc(t.Columns, func(have schemas.TableColumn) bool { return have.Name == c })
	})
	if len(columns) == 0 {
		return nil, schemas.BadField(
			"stream", "columns", "table %s has none of the columns that were asked for, or that the agreement covers", t.Name,
		)
	}
	return columns, nil
}

// covered says whether an agreement's terms fit a version: every column that they
// hide or change must be there, under the name that they use, or it would pass
// unchanged; and a version that came after the agreement must be a later one, without
// columns that nobody judged.
func (e *Engine) covered(ctx context.Context, a *schemas.Agreement, v *schemas.Version) error {
	missing := a.Unresolved(v)
	if missing != "" {
		return notCovered("agreement.columns", "the agreement changes column %q, and version %s has no such column: it might stand there "+
			"under another name", missing, v.Version)
	}
	if len(a.Versions) == 0 || slices.Contains(a.Versions, v.Version) {
		return nil
	}
	base, err := e.version(ctx, a.Dataset, a.Versions[0])
	if err != nil {
		return err
	}
	if v.Started.Before(base.Started) {
		return notCovered("agreement.version", "the agreement covers version %s and later ones; %s is older", base.Version, v.Version)
	}
	for i := range v.Data {
		if t := &v.Data[i]; t.Objects && !slices.ContainsFunc(base.Data, func(b schemas.Table) bool { return b.Name == t.Name && b.Objects }) {
			return notCovered("agreement.columns", "version %s has a new table of objects, %s, which the agreement does not know: send a new "+
				"request for it", v.Version, t.Name)
		}
		for _, c := range v.Data[i].Columns {
			if !base.Has(v.Data[i].Name, c.Name) {
				return notCovered("agreement.columns", "version %s has a new column %q in table %s, which the agreement does not know: send a new "+
					"request for it", v.Version, c.Name, v.Data[i].Name)
			}
		}
	}
	return nil
}

func notCovered(rule, format string, args ...any) error {
	text, remedy := fmt.Sprintf(format, args...), "ask the provider to change the terms"
	return &schemas.Error{Kind: schemas.Denied, Subject: "view", Message: text, Remedy: remedy,
		Reasons: []schemas.Reason{{Rule: rule, Source: "the agreement", Text: text, Remedy: remedy}}}
}

// mayRead asks again whether the provider may name each object: a prefix may have
// been taken back since it was published [decisions.md 1].
func (e *Engine) mayRead(ctx context.Context, provider schemas.ParticipantID, shards []schemas.Shard) error {
	seen := map[string]bool{}
	for i := range shards {
		store, bucket, key := shards[i].Store, shards[i].Bucket, shards[i].Key
		if src := shards[i].Source; src != nil {
			store, bucket, key = src.Store, src.Bucket, src.Key
		}
		folder := fmt.Sprintf("%s\x00%s\x00%s", store, bucket, key[:lastSlash(key)+1])
		if seen[folder] {
			continue // prefixes end with a slash: one answer for a folder
		}
		seen[folder] = true
		err := e.MayName(ctx, provider, store, bucket, key)
		if err != nil {
			return err
		}
	}
	return nil
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}
