package view

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// Apply edits the values of column i.
func (v *View) Apply(i int, a arrow.Array) (arrow.Array, error) {
	out, err := v.edits[i].Apply(a)
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", v.Table.Field(i).Name, err)
	}
	return out, nil
}

// Splice makes a message in made, behind those that lie there.
func (v *View) Splice(made *[]byte, msg []byte, edited map[int]arrow.Array) ([]byte, error) {
	before := len(*made)
	longer, err := v.project.Splice(*made, msg, edited)
	if err != nil {
		return nil, err
	}
	*made = longer
	return longer[before:len(longer):len(longer)], nil
}

// Weaves says whether a whole batch is edited without being taken apart, and becomes one
// message.
func (v *View) Weaves(b schemas.Block) bool {
	return len(v.edits) > 0 && v.Filter == nil && !v.Compact && v.Frame+v.Body(b, b.Rows) <= MaxMessage
}

// Weave makes a message of a batch behind those that lie in made; see batch.Projection.
func (v *View) Weave(
	made []byte, m *ipc.Message, fill func(to []byte, at int64) error, edit func(i int, from, to int64) (arrow.Array, error),
) ([]byte, error) {
	return v.project.Weave(made, m, fill, edit)
}

// Cut is Splice by a message's metadata alone, of a view that edits no column: the new
// metadata, and the ranges of the body that follow it.
func (v *View) Cut(meta []byte) (head []byte, kept []ipc.BufferRef, err error) {
	return v.project.Cut(meta)
}

// Gather gathers rows as the view shows them, into the memory given or into other where that
// is nil; compact leaves only values in use in dictionaries.
func (v *View) Gather(parts []batch.Part, compact bool, into *[]byte) (*batch.Gathered, error) {
	return batch.Collect(parts, batch.Gathering{Compact: compact, Into: into, Edits: v.editing(v.Apply)})
}

// Take is Gather, compact, of single rows of one record in any order.
func (v *View) Take(rec arrow.Record, rows []int32, into *[]byte) (*batch.Gathered, error) {
	return batch.Take(rec, rows, batch.Gathering{Compact: true, Into: into, Edits: v.editing(v.Apply)})
}

// GatherBy is Gather for edits of stored rows that are carried out otherwise.
func (v *View) GatherBy(
	parts []batch.Part, into *[]byte, edit func(i int, a arrow.Array) (arrow.Array, error),
) (*batch.Gathered, error) {
	return batch.Collect(parts, batch.Gathering{Into: into, Edits: v.editing(edit)})
}

// editing are the view's edits by the places of what is shown.
func (v *View) editing(edit func(i int, a arrow.Array) (arrow.Array, error)) map[int]batch.ColumnEdit {
	var out map[int]batch.ColumnEdit
	for at, i := range v.Columns {
		if v.edits[i] == nil {
			continue
		}
		if out == nil {
			out = map[int]batch.ColumnEdit{}
		}
		out[at] = batch.ColumnEdit{Field: v.Fields[at], Apply: func(a arrow.Array) (arrow.Array, error) { return edit(i, a) }}
	}
	return out
}

// Stored makes a record of the shown columns as the table has them, before edits. A view
// shows at least one column.
func (v *View) Stored(cols []arrow.Array) arrow.Record {
	return array.NewRecord(v.before, cols, int64(cols[0].Len()))
}
