package shard

import (
	"context"
	"fmt"
	"math"

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

// batchLimit is the most bytes of one record batch message's body: Go's and
// Rust's Flight clients refuse messages over 4 MiB by default [decisions.md 10].
const batchLimit = 3584 << 10

// maxColumns of a table: 16,000 would spend half a message on their metadata.
const maxColumns = 10_000

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

func mustMatch(want, got []arrow.Field) error {
	if len(want) != len(got) {
		return invalid("the shard has %d columns; the table's other shards have %d", len(got), len(want))
	}
	for i, w := range want {
		if w.Name != got[i].Name {
			return invalid("column %d is called %q; in the table's other shards it is %q", i+1, got[i].Name, w.Name)
		}
		if !accepts(w.Type, got[i].Type) {
			return invalid("column %q has the type %s; in the table's other shards it is %s", w.Name, got[i].Type, w.Type)
		}
	}
	return nil
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

func maxIndex(dt arrow.DataType) int64 {
	switch dt.ID() {
	case arrow.INT8:
		return math.MaxInt8
	case arrow.UINT8:
		return math.MaxUint8
	case arrow.INT16:
		return math.MaxInt16
	case arrow.UINT16:
		return math.MaxUint16
	}
	return math.MaxInt32
}

// joinValues joins dictionaries in order; values of the first keep their
// places. dict is nil where the whole is too large for a message.
func joinValues(f arrow.Field, all []*col) (dict *col, remap map[*col][]int32, err error) {
	if len(all) == 0 {
		return emptyColumn(f.Type), nil, nil
	}
	segs := []seg{{c: all[0], n: all[0].n}}
	if len(all) > 1 {
		remap = map[*col][]int32{}
		next, places := int32(all[0].n), map[string]int32{}
		for i := range all[0].n {
			if k := valueKey(all[0], i); i == 0 || places[k] == 0 {
				places[k] = int32(i) + 1
			}
		}
		for _, d := range all[1:] {
			to := make([]int32, d.n)
			for i := range to {
				k := valueKey(d, i)
				if places[k] == 0 {
					next++
					places[k] = next
					segs = push(segs, seg{c: d, from: i, n: 1})
				}
				to[i] = places[k] - 1
			}
			remap[d] = to
		}
	}
	size, err := measure(f, segs)
	if err != nil || size > batchLimit-1024 {
		return nil, nil, err
	}
	dict, err = canon(f, segs, &canonizer{})
	return dict, remap, err
}

// valueKey is value i of a flat column as a map key.
func valueKey(c *col, i int) string {
	if c.isNull(i) {
		return "null"
	}
	if s := shapeOf(c.typ); s == shapeText || s == shapeView {
		return "v" + string(c.bytes(i))
	}
	w := bitWidth(c.typ)
	if w == 1 {
		return fmt.Sprint(bitAt(c.bufs[0], c.off+i))
	}
	return "v" + string(c.bufs[0][(c.off+i)*w/8:(c.off+i+1)*w/8])
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
