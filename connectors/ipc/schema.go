package ipc

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/schemas"
)

// Limits of one schema: far above any table we met, far below harm.
const (
	MaxFields = 100_000 // nested ones included
	MaxDepth  = 64
	MaxName   = 4096 // bytes of one field's name
)

// Node is a field with what the wire adds to it: the id of its dictionary.
// Fields whose type is a dictionary have the children of their value type.
type Node struct {
	Field        arrow.Field
	DictionaryID int64 // -1 for a field that is no dictionary
	Kids         []*Node
	Unread       string     // of a lenient reading: the type on the wire, where it is not read
	about        []keyValue // what a described schema says of it
}

// Schema is a parsed schema message. It is immutable and safe for concurrent
// use.
type Schema struct {
	Arrow *arrow.Schema

	Top    []*Node // the columns
	Extras bool    // it has metadata or features that a canonical schema has not

	SchemaKeys, ColumnKeys []string // quoted keys of such metadata, of columns at most maxKeys
}

// ParseSchema reads an encapsulated schema message (Table.Schema). Types that
// this build cannot decode are Invalid, naming the column and the type.
func ParseSchema(msg []byte) (*Schema, error) {
	m, err := ParseMeta(msg)
	if err != nil {
		return nil, err
	}
	if m.Kind != KindSchema {
		return nil, Invalid("the first message is not a schema")
	}
	return SchemaOf(m)
}

// SchemaOf reads the schema of a parsed schema message. Kind: Invalid.
func SchemaOf(m Message) (*Schema, error) {
	s, err := parseSchema(m.header, schemaParser{})
	if err != nil {
		return nil, Invalid("schema: %w", err)
	}
	s.Extras = s.Extras || m.Custom
	return s, nil
}

// ParseStoredSchema reads a schema message that says how a writer had its columns before it
// wrote them in another format, as the footer of a Parquet file has one. Types that are
// not read are null and have their name in Unread.
func ParseStoredSchema(b []byte) (*Schema, error) {
	m, _, err := ReadMessage(bytes.NewReader(b), 0, int64(len(b)), true)
	if err != nil {
		return nil, err
	}
	if m.Kind != KindSchema {
		return nil, Invalid("the message is not a schema")
	}
	return parseSchema(m.header, schemaParser{lenient: true})
}

// SchemaWith is a schema of columns that stand in other schemas.
func SchemaWith(top []*Node) *Schema {
	return &Schema{Arrow: arrow.NewSchema(fieldsOf(top), nil), Top: top}
}

// parseSchema reads the table Schema, as leniently as p says.
func parseSchema(t flat, p schemaParser) (s *Schema, err error) {
	defer guard(&err)
	if t.i16(schemaEndianness, 0) != 0 {
		return nil, fmt.Errorf("big-endian data are not read")
	}
	p.left, s = MaxFields, &Schema{}
	_, n := t.vector(schemaMetadata, 4)
	_, f := t.vector(schemaFeatures, 8)
	s.Extras = n > 0 || f > 0
	for _, kv := range t.tables(schemaMetadata) {
		s.SchemaKeys = append(s.SchemaKeys, fmt.Sprintf("%.60q", kv.str(pairKey)))
	}
	if s.Top, err = p.fields(t.tables(schemaColumns), "", 0); err != nil {
		return nil, err
	}
	s.Extras, s.ColumnKeys = s.Extras || p.extras, p.keys
	s.Arrow = arrow.NewSchema(fieldsOf(s.Top), nil)
	return s, nil
}

func fieldsOf(nodes []*Node) []arrow.Field {
	fs := make([]arrow.Field, len(nodes))
	for i, n := range nodes {
		fs[i] = n.Field
	}
	return fs
}

// schemaParser reads the fields of one schema.
type schemaParser struct {
	left      int // fields that may still come
	extras    bool
	keys      []string // of columns' metadata that is left out, at most maxKeys
	lenient   bool
	described bool // what describes columns is kept, and is no extra
}

func (p *schemaParser) fields(ts []flat, path string, depth int) ([]*Node, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("columns nested deeper than %d", MaxDepth)
	}
	if p.left -= len(ts); p.left < 0 {
		return nil, fmt.Errorf("more than %d columns", MaxFields)
	}
	out := make([]*Node, len(ts))
	for i, t := range ts {
		n, err := p.field(t, path, depth)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

func (p *schemaParser) field(t flat, path string, depth int) (*Node, error) {
	n := &Node{DictionaryID: -1}
	n.Field = arrow.Field{Name: t.str(fieldName), Nullable: t.bool(fieldNullable), Metadata: p.metadata(t, n)}
	path += n.Field.Name
	if len(n.Field.Name) > MaxName || !utf8.ValidString(n.Field.Name) {
		return nil, fmt.Errorf("a column's name is not UTF-8, or longer than %d bytes", MaxName)
	}
	var err error
	if n.Kids, err = p.fields(t.tables(fieldChildren), path+".", depth+1); err != nil {
		return nil, err
	}
	ty, _ := t.table(fieldType)
	dt, err := parseType(t.u8(fieldTypeType), ty, n.Kids)
	if err != nil && p.lenient {
		n.Unread, dt, err = typeWords(t.u8(fieldTypeType), ty, err), arrow.Null, nil
	}
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", path, err)
	}
	n.Field.Type = dt
	if d, ok := t.table(fieldDictionary); ok {
		n.DictionaryID = d.i64(encodingID, 0)
		var idx arrow.DataType = arrow.PrimitiveTypes.Int32
		if it, ok := d.table(encodingIndexType); ok {
			if idx, err = IntType(it.i32(intBitWidth, 0), it.bool(intIsSigned)); err == nil && !arrow.IsInteger(idx.ID()) {
				err = fmt.Errorf("dictionary indices of %s are not read", idx)
			}
			if err != nil {
				return nil, fmt.Errorf("column %q: %w", path, err)
			}
		}
		n.Field.Type = &arrow.DictionaryType{IndexType: idx, ValueType: dt, Ordered: d.bool(encodingIsOrdered)}
	}
	return n, nil
}

// metadata keeps the two keys that name an extension type [Arrow columnar
// format, Extension Types], and in a described schema what it says of the column, and
// notes that others were there.
func (p *schemaParser) metadata(t flat, n *Node) arrow.Metadata {
	var keys, vals []string
	for _, kv := range t.tables(fieldMetadata) {
		k := kv.str(pairKey)
		if k != ExtensionName && k != ExtensionMetadata {
			if p.described {
				n.about = append(n.about, keyValue{k, kv.str(pairValue)})
				continue
			}
			if p.extras = true; len(p.keys) < maxKeys {
				p.keys = append(p.keys, fmt.Sprintf("%.60q of column %.60q", k, t.str(fieldName)))
			}
			continue
		}
		keys, vals = append(keys, k), append(vals, kv.str(pairValue))
	}
	return arrow.NewMetadata(keys, vals)
}

// maxKeys is how many keys of metadata a note names.
const maxKeys = 10

// MetadataNote says which metadata are not carried on; empty where there are none.
func MetadataNote(keys []string) []string {
	if len(keys) == 0 {
		return nil
	}
	return []string{"metadata left out: " + strings.Join(keys[:min(len(keys), maxKeys)], ", ")}
}

// The keys of a field's metadata that name an extension type [Arrow columnar format,
// Extension Types].
const (
	ExtensionName     = "ARROW:extension:name"
	ExtensionMetadata = "ARROW:extension:metadata"
)

// NewSchema makes a Schema with the dictionary ids 0, 1, … in the order of the
// fields: those of every canonical shard.
func NewSchema(fields []arrow.Field) *Schema {
	var next int64
	s := &Schema{Arrow: arrow.NewSchema(fields, nil)}
	for _, f := range fields {
		s.Top = append(s.Top, NewNode(f, &next))
	}
	return s
}

// NewNode makes the node of a field, with the dictionary ids from next on; next is then
// the first that is free.
func NewNode(f arrow.Field, next *int64) *Node {
	n := &Node{Field: f, DictionaryID: -1}
	dt := f.Type
	if d, ok := dt.(*arrow.DictionaryType); ok {
		n.DictionaryID, dt = *next, d.ValueType
		*next++
	}
	for _, k := range ChildFields(dt) {
		n.Kids = append(n.Kids, NewNode(k, next))
	}
	return n
}

// ChildFields are the child fields of a nested type as the wire has them.
func ChildFields(dt arrow.DataType) []arrow.Field {
	switch t := dt.(type) {
	case *arrow.MapType:
		return []arrow.Field{{Name: "entries", Type: t.Elem()}}
	case *arrow.RunEndEncodedType:
		return []arrow.Field{{Name: "run_ends", Type: t.RunEnds()}, {Name: "values", Type: t.Encoded(), Nullable: true}}
	case arrow.ListLikeType:
		return []arrow.Field{t.ElemField()}
	case *arrow.StructType:
		return t.Fields()
	}
	return nil
}

// TableColumns lists the top-level columns with their types in words.
func (s *Schema) TableColumns() []schemas.TableColumn {
	out := make([]schemas.TableColumn, len(s.Top))
	for i, n := range s.Top {
		out[i] = schemas.TableColumn{Name: n.Field.Name, Type: n.Field.Type.String()}
	}
	return out
}

// EqualNodes says whether two schemas are the same on the wire, metadata apart
// from extension keys and schema-wide metadata left out.
func EqualNodes(a, b []*Node) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if x.DictionaryID != y.DictionaryID || x.Field.Name != y.Field.Name || x.Field.Nullable != y.Field.Nullable ||
			!x.Field.Metadata.Equal(y.Field.Metadata) || !arrow.TypeEqual(x.Field.Type, y.Field.Type) ||
			!EqualNodes(x.Kids, y.Kids) {
			return false
		}
	}
	return true
}

// Kid is child i of a node, nil where there is none.
func (n *Node) Kid(i int) *Node {
	if n == nil || len(n.Kids) <= i {
		return nil
	}
	return n.Kids[i]
}

// Extension is the metadata of a field of an extension type.
func Extension(name, data string) arrow.Metadata {
	return arrow.NewMetadata([]string{ExtensionName, ExtensionMetadata}, []string{name, data})
}
