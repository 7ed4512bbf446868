package parquet

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// assembler is what a node of the Parquet schema becomes.
type assembler struct {
	field  arrow.Field
	node   *node // of a leaf, else nil
	valid  int16 // definition level from which a value is not null
	has    int16 // of a list or map: the level from which an element is there
	kids   []*assembler
	leaves []int // all leaves below
	little bool  // a leaf whose bytes are integers in this machine's order
}

// typeResolver settles the types of one file: by its Parquet schema, and by the Arrow
// schema that its writer stored, where the two agree.
type typeResolver struct {
	ctx    context.Context //nolint:containedctx // lives for one call
	source *Source
	rd     *file.Reader
	stored *ipc.Schema
	geo    map[string]string // extension metadata of the columns that the entry "geo" names

	geoUsed bool
}

// settle fills the source's columns, leaves and notes. The chunks are checked before any
// type is settled: INT96 is settled by values, which are read then.
func (t *typeResolver) settle() error {
	s := t.source
	root, err := s.nodes(s.meta.Schema.Root(), nil, 0)
	if err != nil {
		return err
	}
	if err := s.checkChunks(t.rd); err != nil {
		return err
	}
	for _, k := range root.kids {
		c, err := t.column(k, named(schemaNodes(t.stored), k.name), named(schemaNodes(s.want), k.name))
		if err != nil {
			return err
		}
		if m, ok := t.geo[k.name]; ok && c.field.Metadata.Len() == 0 && c.field.Type.ID() == arrow.BINARY {
			t.geoUsed = true
			c.field.Metadata = ipc.Extension("geoarrow.wkb", m)
			t.note(k, "named geoarrow.wkb, with the reference system of the footer's entry \"geo\"")
		}
		s.top = append(s.top, c)
	}
	return nil
}

func schemaNodes(s *ipc.Schema) []*ipc.Node {
	if s == nil {
		return nil
	}
	return s.Top
}

// named is the only node of that name, nil where there is none, or more than one: then
// nobody knows which is meant.
func named(nodes []*ipc.Node, name string) (found *ipc.Node) {
	for _, n := range nodes {
		if n.Field.Name == name {
			if found != nil {
				return nil
			}
			found = n
		}
	}
	return found
}

// note adds a note about a column.
func (t *typeResolver) note(n *node, format string, args ...any) {
	t.source.notes = append(t.source.notes, fmt.Sprintf("column %q: ", n.path)+fmt.Sprintf(format, args...))
}

// column is what a node in a group becomes; own and want are its place in the stored
// schema and in the table's other shards, or nil.
func (t *typeResolver) column(n *node, own, want *ipc.Node) (*assembler, error) {
	if n.rep != parquet.Repetitions.Repeated {
		return t.value(n, own, want)
	}
	item, err := t.value(n, own.Kid(0), want.Kid(0)) // a repeated field outside a list is one
	if err != nil {
		return nil, err
	}
	// A list of this kind is never null: where it has no element its level is that of its
	// parent, one below its own.
	c := &assembler{valid: n.def - 1, has: n.def, kids: []*assembler{item}, leaves: item.leaves}
	c.field = arrow.Field{Name: n.name, Type: arrow.ListOfField(item.field)}
	return c, nil
}

// value is what a node becomes as one value of its parent, repetition apart.
func (t *typeResolver) value(n *node, own, want *ipc.Node) (*assembler, error) {
	c := &assembler{valid: n.def}
	c.field = arrow.Field{Name: n.name, Nullable: n.rep == parquet.Repetitions.Optional}
	var err error
	switch {
	case n.isMap():
		err = t.maps(c, n, own, want)
	case n.isList():
		err = t.list(c, n, own, want)
	case n.group():
		err = t.group(c, n, own, want)
	default:
		err = t.leaf(c, n, own, want)
	}
	if err != nil {
		return nil, err
	}
	if own != nil && own.Field.Metadata.Len() > 0 {
		c.field.Metadata = own.Field.Metadata
	}
	return c, nil
}

// aside notes that the stored type was not applied: the publish report says each change.
func (t *typeResolver) aside(n *node, own *ipc.Node, got arrow.DataType) {
	switch {
	case own == nil:
	case own.Unread != "":
		t.note(n, "%s became %s", own.Unread, got)
	default:
		t.note(n, "%s became %s", own.Field.Type, got)
	}
}

// maps makes a map of pairs. The stored schema says whether its keys are sorted.
func (t *typeResolver) maps(c *assembler, n *node, own, want *ipc.Node) error {
	fits := own != nil && own.Field.Type.ID() == arrow.MAP
	var inner *ipc.Node
	if fits {
		inner = own.Kid(0)
	}
	r := n.kids[0]
	// Pairs are never null themselves, so the struct of them has no levels to look at: valid is
	// the level from which a pair is there.
	entries := &assembler{valid: r.def}
	for i, k := range r.kids {
		kid, err := t.column(k, inner.Kid(i), want.Kid(0).Kid(i))
		if err != nil {
			return err
		}
		entries.kids, entries.leaves = append(entries.kids, kid), append(entries.leaves, kid.leaves...)
	}
	key, val := entries.kids[0].field, entries.kids[1].field
	m := arrow.MapOfWithMetadata(key.Type, key.Metadata, val.Type, val.Metadata)
	m.SetItemNullable(val.Nullable)
	if fits {
		m.KeysSorted = own.Field.Type.(*arrow.MapType).KeysSorted
	} else {
		t.aside(n, own, m)
	}
	entries.field.Type = m.Elem()
	c.field.Type, c.has, c.kids, c.leaves = m, r.def, []*assembler{entries}, entries.leaves
	return nil
}

// list makes a list of the kind that the stored schema has: all kinds are stored alike.
func (t *typeResolver) list(c *assembler, n *node, own, want *ipc.Node) (err error) {
	e, ofItsOwn := n.element()
	inner, kind := (*ipc.Node)(nil), arrow.LIST
	if own != nil {
		switch kind = own.Field.Type.ID(); kind {
		case arrow.LIST, arrow.LARGE_LIST, arrow.FIXED_SIZE_LIST, arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW:
			inner = own.Kid(0)
		}
	}
	var item *assembler
	if ofItsOwn {
		item, err = t.column(e, inner, want.Kid(0))
	} else {
		item, err = t.value(e, inner, want.Kid(0))
		if err == nil {
			item.field.Nullable = false
		}
	}
	if err != nil {
		return err
	}
	if inner != nil {
		item.field.Name = inner.Field.Name
	}
	switch kind {
	case arrow.LARGE_LIST, arrow.LARGE_LIST_VIEW:
		c.field.Type = arrow.LargeListOfField(item.field)
	case arrow.FIXED_SIZE_LIST:
		c.field.Type = arrow.FixedSizeListOfField(own.Field.Type.(*arrow.FixedSizeListType).Len(), item.field)
	default:
		c.field.Type = arrow.ListOfField(item.field)
	}
	if kind != c.field.Type.ID() {
		t.aside(n, own, c.field.Type)
	}
	c.has, c.kids, c.leaves = n.kids[0].def, []*assembler{item}, item.leaves
	return nil
}

// group makes a struct. The stored schema counts where it has the same members.
func (t *typeResolver) group(c *assembler, n *node, own, want *ipc.Node) error {
	fits := own != nil && own.Field.Type.ID() == arrow.STRUCT && len(own.Kids) == len(n.kids)
	if fits {
		for _, k := range n.kids {
			fits = fits && named(own.Kids, k.name) != nil
		}
	}
	fields := make([]arrow.Field, len(n.kids))
	for i, k := range n.kids {
		var inner, other *ipc.Node
		if fits {
			inner = named(own.Kids, k.name)
		}
		if want != nil {
			other = named(want.Kids, k.name)
		}
		kid, err := t.column(k, inner, other)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(fields[:i], func(f arrow.Field) bool { return f.Name == k.name }) {
			return ipc.Invalid("column %q: two of its members are called %q", n.path, k.name)
		}
		fields[i] = kid.field
		c.kids, c.leaves = append(c.kids, kid), append(c.leaves, kid.leaves...)
	}
	c.field.Type = arrow.StructOf(fields...)
	if !fits {
		t.aside(n, own, c.field.Type)
	}
	switch n.logical.(type) {
	case schema.VariantLogicalType, *schema.VariantLogicalType:
		if column.IsVariant(c.field.Type) { // shredded values have no name that readers know
			c.field.Metadata = ipc.Extension("arrow.parquet.variant", "")
		}
		t.note(n, "VARIANT became %s, its parts as they are stored", c.field.Type)
	}
	return nil
}

// leaf settles a column of values: by its logical type, then by the stored type where the
// values can have it as they are.
func (t *typeResolver) leaf(c *assembler, n *node, own, want *ipc.Node) error {
	natural, note, err := n.naturalType()
	if err != nil {
		return ipc.Invalid("column %q: %w", n.path, err)
	}
	c.node, c.leaves = n, []int{n.leaf}
	if n.phys == parquet.Types.Int96 {
		if c.field.Type, err = t.int96(n, own, want); err != nil {
			return err
		}
		t.note(n, "INT96 became %s", c.field.Type)
		return nil
	}
	if note != "" {
		t.note(n, "%s", note)
	}
	c.field.Type = natural
	switch l := n.logical.(type) {
	case schema.JSONLogicalType:
		c.field.Metadata = ipc.Extension("arrow.json", "")
	case schema.UUIDLogicalType:
		c.field.Metadata = ipc.Extension("arrow.uuid", "")
	case schema.GeometryLogicalType:
		c.field.Metadata = ipc.Extension("geoarrow.wkb", t.source.geometry(n, l.Crs, "", t.geo))
		t.note(n, "GEOMETRY became binary (WKB), named geoarrow.wkb with its reference system")
	case schema.GeographyLogicalType:
		c.field.Metadata = ipc.Extension("geoarrow.wkb", t.source.geometry(n, l.Crs, string(l.EdgeInterpolationAlgorithm()), t.geo))
		t.note(n, "GEOGRAPHY became binary (WKB), named geoarrow.wkb with its reference system")
	}
	if own == nil {
		return nil
	}
	if own.Unread != "" {
		t.aside(n, own, natural)
		return nil
	}
	was := own.Field.Type
	if d, ok := was.(*arrow.DictionaryType); ok {
		t.note(n, "dictionary written out as plain values")
		was = d.ValueType
	}
	if r, ok := was.(*arrow.RunEndEncodedType); ok {
		t.note(n, "run-end encoding written out as plain values")
		was = r.Encoded()
	}
	if w, ok := was.(*ipc.Widened); ok && w.Bits == 128 && natural.ID() == arrow.FIXED_SIZE_BINARY && n.width == 16 {
		c.little, natural = true, w.Decimal128Type // polars stores Int128 so
	}
	if c.field.Type = fitted(n, natural, was); !arrow.TypeEqual(c.field.Type, was) {
		t.note(n, "%s became %s", was, c.field.Type)
	}
	return nil
}

// fitted is the stored type where the values can have it without a change, else the
// natural one, or that with the stored time zone. The stored schema is the writer's word and
// binds nobody: a file may have been rewritten by who kept it and changed the columns.
func fitted(n *node, natural, own arrow.DataType) arrow.DataType {
	switch o := own.(type) {
	case *arrow.LargeStringType:
		if natural.ID() == arrow.STRING {
			return own
		}
	case *arrow.LargeBinaryType:
		if natural.ID() == arrow.BINARY {
			return own
		}
	case *arrow.DurationType:
		if natural.ID() == arrow.INT64 {
			return own
		}
	case *arrow.Decimal256Type:
		if d, ok := natural.(*arrow.Decimal128Type); ok && d.Precision == o.Precision && d.Scale == o.Scale {
			return own
		}
	case *arrow.TimestampType:
		if ts, ok := natural.(*arrow.TimestampType); ok && ts.TimeZone == "UTC" && o.TimeZone != "" {
			return &arrow.TimestampType{Unit: ts.Unit, TimeZone: o.TimeZone}
		}
	}
	return natural
}
