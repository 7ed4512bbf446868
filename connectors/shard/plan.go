package shard

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// plan is what a shard becomes: its fields, and for each dictionary column the
// one dictionary that all batches share.
type plan struct {
	schema *Schema
	spans  []span
	canon  []*canonizer // per column
	limit  int64        // bytes of canonical buffers in one batch
	notes  []string
}

// newPlan settles the canonical fields of a source. dicts are all dictionaries
// of the source by column, in the order they came; want is the schema that the
// shard must have, nil where it is the first of its table.
func newPlan(from []arrow.Field, dicts [][]*col, want *Schema) (*plan, error) {
	p := &plan{}
	if len(from) > maxColumns {
		return nil, invalid("the table has %d columns; at most %d are read", len(from), maxColumns)
	}
	fields := make([]arrow.Field, len(from))
	seen := map[string]bool{}
	for i, f := range from {
		if seen[f.Name] {
			return nil, invalid("two columns are called %q", f.Name)
		}
		seen[f.Name] = true
		if err := readable(f.Type); err != nil {
			return nil, invalid("column %q has the type %s: %w", f.Name, f.Type, err)
		}
		z := &canonizer{}
		fields[i] = targetField(f)
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			if err := p.joinDictionary(&fields[i], d, dicts[i], z, want, i); err != nil {
				return nil, invalid("column %q: %w", f.Name, err)
			}
		}
		if note := converted(f, fields[i]); note != "" {
			p.notes = append(p.notes, note)
		}
		var names []string
		if fields[i], names = soundNames(fields[i], ""); len(names) > 0 {
			p.notes = append(p.notes, names...)
		}
		p.canon = append(p.canon, z)
	}
	if want != nil {
		if err := mustMatch(want.Arrow.Fields(), fields); err != nil {
			return nil, err
		}
		p.notes = append(p.notes, renamed(fields, want.Arrow.Fields())...)
		fields = want.Arrow.Fields()
	}
	p.schema = newSchema(fields)
	for _, f := range fields {
		p.notes = append(p.notes, shutOut(f, "")...)
	}
	var err error
	if p.spans, err = spansOf(p.schema.top); err != nil {
		return nil, err
	}
	p.limit = max(batchLimit-96*int64(countBuffers(p.schema.top)), 1)
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
		a, _ := own[i].Metadata.GetValue(extensionName)
		b, _ := table[i].Metadata.GetValue(extensionName)
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
// and 32 of metadata.
func countBuffers(nodes []*node) (n int) {
	for _, nd := range nodes {
		switch shapeOf(nd.field.Type) {
		case shapeNull:
		case shapeText:
			n += 3
		case shapeStruct, shapeFixedList:
			n++
		default:
			n += 2
		}
		if shapeOf(nd.field.Type) != shapeDict {
			n += countBuffers(nd.kids)
		}
	}
	return n
}

// joinDictionary keeps the column a dictionary where one dictionary, small
// enough for a message and for its index type, can hold all values.
func (p *plan) joinDictionary(f *arrow.Field, d *arrow.DictionaryType, all []*col, z *canonizer, want *Schema, i int) error {
	vf := arrow.Field{Name: f.Name, Type: target(d.ValueType), Nullable: true}
	if want != nil && i < len(want.top) && want.top[i].id < 0 {
		return nil // plain in the table's other shards
	}
	if !flatValues(d.ValueType) {
		p.notes = append(p.notes, fmt.Sprintf("column %q: dictionary of %s written out as plain values", f.Name, d.ValueType))
		return nil
	}
	dict, remap, err := joinValues(vf, all)
	if err != nil {
		return err
	}
	if dict == nil || int64(dict.n)-1 > maxIndex(d.IndexType) {
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
	z.dict, z.remap = dict, remap
	return nil
}

// size is the bytes that segs of column i take in a batch.
func (p *plan) size(i int, segs []seg) (int64, error) {
	n, err := measure(p.schema.top[i].field, segs)
	if err != nil {
		return 0, fmt.Errorf("column %q: %w", p.schema.top[i].field.Name, err)
	}
	return n, nil
}

// build makes the canonical columns of segs, one list of segments per column. first
// is the row of the shard that they begin with, for errors.
func (p *plan) build(segs [][]seg, first int64) ([]*col, error) {
	cols := make([]*col, len(segs))
	for i, s := range segs {
		f := p.schema.top[i].field
		c, err := asItIs(f, s)
		if c == nil {
			c, err = canon(f, s, p.canon[i])
		}
		if v, ok := err.(*valueFault); ok { // of the column itself
			v.row += first
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		cols[i] = c
	}
	return cols, nil
}

// dictionaries lists the dictionaries of the source's columns in order.
func (in *arrowInput) dictionaries() [][]*col {
	out := make([][]*col, len(in.schema.top))
	for i, n := range in.schema.top {
		for _, e := range in.entries {
			if e.kind == KindDictionary && e.id == n.id {
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
	err := src.each(ctx, func(b batch) error {
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
