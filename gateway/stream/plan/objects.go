package plan

import (
	"guichet/policy/view"
	"guichet/schemas"
)

// NewObjects gives a split of a table of objects, of which shard i is object i: one row, whose
// bytes no view touches. Nothing but shards of it can be read: it has no rows in batches.
func NewObjects(v schemas.Version, t *schemas.Table, s *schemas.Split) *Source {
	vw := &view.View{}
	return sourceOf(v, t, s, vw, &stored{vw, s})
}

// Objects says whether the source is of objects.
func (s *Source) Objects() bool { return s.Table.Objects }
