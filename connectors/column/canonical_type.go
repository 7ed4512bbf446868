package column

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// CanonicalType is the type that a canonical shard has for values of type dt: views
// become plain, run-end encoding and dictionaries are written out, small decimals
// become wide, extension types stand as what they are stored in.
func CanonicalType(dt arrow.DataType) arrow.DataType {
	switch t := dt.(type) {
	case *arrow.StringViewType:
		return arrow.BinaryTypes.String
	case *arrow.BinaryViewType:
		return arrow.BinaryTypes.Binary
	case *ipc.Widened:
		return t.Decimal128Type
	case *arrow.DictionaryType:
		return CanonicalType(t.ValueType)
	case *arrow.RunEndEncodedType:
		return CanonicalType(t.Encoded())
	case *arrow.ListType:
		return arrow.ListOfField(CanonicalField(t.ElemField()))
	case *arrow.LargeListType:
		return arrow.LargeListOfField(CanonicalField(t.ElemField()))
	case *arrow.ListViewType:
		return arrow.ListOfField(CanonicalField(t.ElemField()))
	case *arrow.LargeListViewType:
		return arrow.LargeListOfField(CanonicalField(t.ElemField()))
	case *arrow.FixedSizeListType:
		return arrow.FixedSizeListOfField(t.Len(), CanonicalField(t.ElemField()))
	case *arrow.StructType:
		fs := make([]arrow.Field, t.NumFields())
		for i, f := range t.Fields() {
			fs[i] = CanonicalField(f)
		}
		return arrow.StructOf(fs...)
	case *arrow.MapType:
		k, v := CanonicalField(t.KeyField()), CanonicalField(t.ItemField())
		m := arrow.MapOfWithMetadata(k.Type, k.Metadata, v.Type, v.Metadata)
		m.SetItemNullable(v.Nullable)
		m.KeysSorted = t.KeysSorted
		return m
	case arrow.ExtensionType:
		return CanonicalType(t.StorageType())
	}
	return dt
}

// CanonicalField is the canonical field: the metadata of extension types stays,
// all other goes.
func CanonicalField(f arrow.Field) arrow.Field {
	var keys, vals []string
	if e, ok := f.Type.(arrow.ExtensionType); ok {
		keys, vals = []string{ipc.ExtensionName, ipc.ExtensionMetadata}, []string{e.ExtensionName(), e.Serialize()}
	} else {
		for _, k := range []string{ipc.ExtensionName, ipc.ExtensionMetadata} {
			if v, ok := f.Metadata.GetValue(k); ok {
				keys, vals = append(keys, k), append(vals, v)
			}
		}
	}
	return arrow.Field{Name: f.Name, Type: CanonicalType(f.Type), Nullable: f.Nullable, Metadata: arrow.NewMetadata(keys, vals)}
}

// FlatValues says whether dictionary values of type dt may stay a dictionary:
// nested ones, and dictionaries of dictionaries, are written out.
func FlatValues(dt arrow.DataType) bool {
	switch ShapeOf(dt) {
	case ShapeFixed, ShapeText, ShapeView:
		return dt.ID() != arrow.EXTENSION
	}
	return false
}

// Readable names the first type inside dt that Canonical cannot copy; nil where it copies all.
func Readable(dt arrow.DataType) error {
	switch dt.ID() {
	case arrow.SPARSE_UNION, arrow.DENSE_UNION:
		return fmt.Errorf("unions are not read; give one column for each kind of value")
	}
	switch t := dt.(type) {
	case *arrow.DictionaryType:
		return Readable(t.ValueType)
	case arrow.ExtensionType:
		return Readable(t.StorageType())
	}
	for _, f := range ipc.ChildFields(dt) {
		if err := Readable(f.Type); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// accepts says whether Canonical can fill a field of type want from one of type got without
// changing a value.
func accepts(want, got arrow.DataType) bool {
	if w, ok := want.(*arrow.DictionaryType); ok {
		g, ok := got.(*arrow.DictionaryType)
		return ok && arrow.TypeEqual(CanonicalType(w.ValueType), CanonicalType(g.ValueType)) &&
			arrow.TypeEqual(w.IndexType, g.IndexType) && w.Ordered == g.Ordered
	}
	return looseEqual(want, CanonicalType(got))
}

// looseEqual compares types without the nullability of nested fields, which
// Canonical checks on the values.
func looseEqual(a, b arrow.DataType) bool {
	if a.ID() != b.ID() {
		return false
	}
	ka, kb := ipc.ChildFields(a), ipc.ChildFields(b)
	if len(ka) == 0 && len(kb) == 0 {
		return arrow.TypeEqual(a, b)
	}
	if x, ok := a.(*arrow.FixedSizeListType); ok && x.Len() != b.(*arrow.FixedSizeListType).Len() {
		return false
	}
	if len(ka) != len(kb) {
		return false
	}
	for i := range ka {
		if a.ID() == arrow.STRUCT && ka[i].Name != kb[i].Name || !looseEqual(ka[i].Type, kb[i].Type) {
			return false
		}
	}
	return true
}

// CheckFields says why rows with the fields got cannot be a shard of a table with the
// fields want; nil where they can. Kind: Invalid.
func CheckFields(want, got []arrow.Field) error {
	if len(want) != len(got) {
		return ipc.Invalid("the shard has %d columns; the table's other shards have %d", len(got), len(want))
	}
	for i, w := range want {
		if w.Name != got[i].Name {
			return ipc.Invalid("column %d is called %q; in the table's other shards it is %q", i+1, got[i].Name, w.Name)
		}
		if !accepts(w.Type, got[i].Type) {
			return ipc.Invalid("column %q has the type %s; in the table's other shards it is %s", w.Name, got[i].Type, w.Type)
		}
	}
	return nil
}

// IsBytes says whether values are bytes of any length.
func IsBytes(dt arrow.DataType) bool {
	return dt.ID() == arrow.BINARY || dt.ID() == arrow.LARGE_BINARY
}

// IsVariant says whether dt stores Parquet's VARIANT whole: its metadata and value, unshredded.
func IsVariant(dt arrow.DataType) bool {
	t, ok := dt.(*arrow.StructType)
	if !ok || t.NumFields() != 2 {
		return false
	}
	for _, name := range []string{"metadata", "value"} {
		f, ok := t.FieldByName(name)
		if !ok || !IsBytes(f.Type) {
			return false
		}
	}
	return true
}
