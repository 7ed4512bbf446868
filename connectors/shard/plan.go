package shard

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// plan is what a shard becomes: its fields, and for each dictionary column the
// one dictionary that all batches share.
type plan struct {
	schema *ipc.Schema
	spans  []batch.Span
	maps   []*column.DictionaryMap // per column
	limit  int64                   // bytes of canonical buffers in one batch
	notes  []string
}

// newPlan settles the canonical fields of a source. dicts are all dictionaries
// of the source by column, in the order they came; want is the schema that the
// shard must have, nil where it is the first of its table.
func newPlan(from []arrow.Field, dicts [][]*column.Column, want *ipc.Schema) (*plan, error) {
	p := &plan{}
	if len(from) > column.MaxColumns {
		return nil, ipc.Invalid("the table has %d columns; at most %d are read", len(from), column.MaxColumns)
	}
	fields := make([]arrow.Field, len(from))
	seen := map[string]bool{}
	for i, f := range from {
		if seen[f.Name] {
			return nil, ipc.Invalid("two columns are called %q", f.Name)
		}
		seen[f.Name] = true
		if err := column.Readable(f.Type); err != nil {
			return nil, ipc.Invalid("column %q has the type %s: %w", f.Name, f.Type, err)
		}
		dm := &column.DictionaryMap{}
		fields[i] = column.CanonicalField(f)
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			if err := p.joinDictionary(&fields[i], d, dicts[i], dm, want, i); err != nil {
				return nil, ipc.Invalid("column %q: %w", f.Name, err)
			}
		}
		if note := converted(f, fields[i]); note != "" {
			p.notes = append(p.notes, note)
		}
		var names []string
		if fields[i], names = soundNames(fields[i], ""); len(names) > 0 {
			p.notes = append(p.notes, names...)
		}
		p.maps = append(p.maps, dm)
	}
	if want != nil {
		if err := column.CheckFields(want.Arrow.Fields(), fields); err != nil {
			return nil, err
		}
		p.notes = append(p.notes, renamed(fields, want.Arrow.Fields())...)
		fields = want.Arrow.Fields()
	}
	p.schema = ipc.NewSchema(fields)
	for _, f := range fields {
		p.notes = append(p.notes, shutOut(f, "")...)
	}
	var err error
	if p.spans, err = batch.SpansOf(p.schema.Top); err != nil {
		return nil, err
	}
	// A batch of many columns spends more of a message on their metadata: the limit of values
	// leaves room for it, so that messages stay below 4 MiB whatever the table.
	p.limit = max(column.MaxBody-96*int64(countBuffers(p.schema.Top)), 1)
	return p, nil
}

// converted says in words that a column's type is not the source's.
func converted(from, to arrow.Field) string {
	a, coded := from.Type.(*arrow.DictionaryType)
	if b, still := to.Type.(*arrow.DictionaryType); coded && still && !arrow.TypeEqual(a.ValueType, b.ValueType) {
		return fmt.Sprintf("column %q: dictionary of %s became one of %s", from.Name, a.ValueType, b.ValueType)
	}
	if coded || arrow.TypeEqual(from.Type, to.Type) {
		return ""
	}
	if e, ok := from.Type.(arrow.ExtensionType); ok && arrow.TypeEqual(e.StorageType(), to.Type) {
		return ""
	}
	return fmt.Sprintf("column %q: %s became %s", from.Name, from.Type, to.Type)
}

// renamed says which columns take another extension name, or none, from the table's
// other shards.
func renamed(own, table []arrow.Field) (notes []string) {
	for i := range own {
		a, _ := own[i].Metadata.GetValue(ipc.ExtensionName)
		b, _ := table[i].Metadata.GetValue(ipc.ExtensionName)
		switch {
		case a == b:
		case b == "":
			notes = append(notes, fmt.Sprintf("column %q: its extension name %s is left out, as the table's other shards have none", own[i].Name, a))
		default:
			notes = append(notes, fmt.Sprintf("column %q: takes the extension name %s of the table's other shards", own[i].Name, b))
		}
	}
	return notes
}

// countBuffers is the buffers of one batch; each costs up to 64 bytes of padding
// and 32 of metadata, which the limit of values leaves room for.
func countBuffers(nodes []*ipc.Node) (n int) {
	for _, nd := range nodes {
		switch column.ShapeOf(nd.Field.Type) {
		case column.ShapeNull:
		case column.ShapeText:
			n += 3
		case column.ShapeStruct, column.ShapeFixedList:
			n++
		default:
			n += 2
		}
		if column.ShapeOf(nd.Field.Type) != column.ShapeDict {
			n += countBuffers(nd.Kids)
		}
	}
	return n
}

// joinDictionary keeps the column a dictionary where one dictionary, small
// enough for a message and for its index type, can hold all values. All batches share it, so
// that a reader may begin with any of them.
func (p *plan) joinDictionary(f *arrow.Field, d *arrow.DictionaryType, all []*column.Column, dm *column.DictionaryMap,
	want *ipc.Schema, i int) error {
	vf := arrow.Field{Name: f.Name, Type: column.CanonicalType(d.ValueType), Nullable: true}
	if want != nil && i < len(want.Top) && want.Top[i].DictionaryID < 0 {
		return nil // plain in the table's other shards
	}
	if !column.FlatValues(d.ValueType) {
		p.notes = append(p.notes, fmt.Sprintf("column %q: dictionary of %s written out as plain values", f.Name, d.ValueType))
		return nil
	}
	dict, remap, err := column.Unify(vf, all)
	if err != nil {
		return err
	}
	if dict == nil || int64(dict.Len)-1 > column.MaxIndex(d.IndexType) {
		if want != nil {
			return fmt.Errorf("its dictionary is too large for a message, and the table's other shards have a dictionary there")
		}
		p.notes = append(p.notes, fmt.Sprintf("column %q: dictionary too large for a message, written out as plain values", f.Name))
		return nil
	}
	if len(all) > 1 {
		p.notes = append(p.notes, fmt.Sprintf("column %q: %d dictionaries joined into one", f.Name, len(all)))
	}
	f.Type = &arrow.DictionaryType{IndexType: d.IndexType, ValueType: vf.Type, Ordered: d.Ordered}
	dm.Dictionary, dm.Remap = dict, remap
	return nil
}

// size is the bytes that runs of column i take in a batch.
func (p *plan) size(i int, runs []column.Run) (int64, error) {
	n, err := column.Measure(p.schema.Top[i].Field, runs)
	if err != nil {
		return 0, fmt.Errorf("column %q: %w", p.schema.Top[i].Field.Name, err)
	}
	return n, nil
}

// build makes the canonical columns of runs, one list of runs per column. first
// is the row of the shard that they begin with, for errors.
func (p *plan) build(runs [][]column.Run, first int64) ([]*column.Column, error) {
	cols := make([]*column.Column, len(runs))
	for i, s := range runs {
		f := p.schema.Top[i].Field
		c, err := column.Unchanged(f, s)
		if c == nil {
			c, err = column.Canonical(f, s, p.maps[i])
		}
		if v, ok := err.(*column.ValueError); ok { // of the column itself
			v.Row += first
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		cols[i] = c
	}
	return cols, nil
}

// dictionaries lists the dictionaries of the source's columns in order.
func (in *arrowInput) dictionaries() [][]*column.Column {
	out := make([][]*column.Column, len(in.schema.Top))
	for i, n := range in.schema.Top {
		for _, e := range in.entries {
			if e.kind == ipc.KindDictionary && e.id == n.DictionaryID {
				out[i] = append(out[i], e.dict)
			}
		}
	}
	return out
}

// windowRows finds the rows per window from the source's first rows: the
// largest power of two whose rows fill at most one batch.
func (p *plan) windowRows(ctx context.Context, src source) (int64, error) {
	c := &cutter{plan: p}
	window := int64(0)
	err := src.Each(ctx, func(b batch.Rows) error {
		if err := c.push(b); err != nil {
			return err
		}
		done, err := c.enough(maxWindow)
		if done {
			window, err = c.chooseWindow(false)
		}
		if err == nil && window > 0 {
			err = errStop
		}
		return err
	})
	if err != nil && err != errStop {
		return 0, err
	}
	if window > 0 {
		return window, nil
	}
	return c.chooseWindow(true)
}
