package shard

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// target is the type that a canonical shard has for values of type dt: views
// become plain, run-end encoding and dictionaries are written out, small decimals
// become wide, extension types stand as what they are stored in.
func target(dt arrow.DataType) arrow.DataType {
	switch t := dt.(type) {
	case *arrow.StringViewType:
		return arrow.BinaryTypes.String
	case *arrow.BinaryViewType:
		return arrow.BinaryTypes.Binary
	case *widened:
		return t.Decimal128Type
	case *arrow.DictionaryType:
		return target(t.ValueType)
	case *arrow.RunEndEncodedType:
		return target(t.Encoded())
	case *arrow.ListType:
		return arrow.ListOfField(targetField(t.ElemField()))
	case *arrow.LargeListType:
		return arrow.LargeListOfField(targetField(t.ElemField()))
	case *arrow.ListViewType:
		return arrow.ListOfField(targetField(t.ElemField()))
	case *arrow.LargeListViewType:
		return arrow.LargeListOfField(targetField(t.ElemField()))
	case *arrow.FixedSizeListType:
		return arrow.FixedSizeListOfField(t.Len(), targetField(t.ElemField()))
	case *arrow.StructType:
		fs := make([]arrow.Field, t.NumFields())
		for i, f := range t.Fields() {
			fs[i] = targetField(f)
		}
		return arrow.StructOf(fs...)
	case *arrow.MapType:
		k, v := targetField(t.KeyField()), targetField(t.ItemField())
		m := arrow.MapOfWithMetadata(k.Type, k.Metadata, v.Type, v.Metadata)
		m.SetItemNullable(v.Nullable)
		m.KeysSorted = t.KeysSorted
		return m
	case arrow.ExtensionType:
		return target(t.StorageType())
	}
	return dt
}

// targetField is the canonical field: the metadata of extension types stays,
// all other goes.
func targetField(f arrow.Field) arrow.Field {
	var keys, vals []string
	if e, ok := f.Type.(arrow.ExtensionType); ok {
		keys, vals = []string{extensionName, extensionData}, []string{e.ExtensionName(), e.Serialize()}
	} else {
		for _, k := range []string{extensionName, extensionData} {
			if v, ok := f.Metadata.GetValue(k); ok {
				keys, vals = append(keys, k), append(vals, v)
			}
		}
	}
	return arrow.Field{Name: f.Name, Type: target(f.Type), Nullable: f.Nullable, Metadata: arrow.NewMetadata(keys, vals)}
}

// flatValues says whether dictionary values of type dt may stay a dictionary:
// nested ones, and dictionaries of dictionaries, are written out.
func flatValues(dt arrow.DataType) bool {
	switch shapeOf(dt) {
	case shapeFixed, shapeText, shapeView:
		return dt.ID() != arrow.EXTENSION
	}
	return false
}

// readable names the first type that canon cannot copy, nil where none.
func readable(dt arrow.DataType) error {
	switch dt.ID() {
	case arrow.SPARSE_UNION, arrow.DENSE_UNION:
		return fmt.Errorf("unions are not read; give one column for each kind of value")
	}
	switch t := dt.(type) {
	case *arrow.DictionaryType:
		return readable(t.ValueType)
	case arrow.ExtensionType:
		return readable(t.StorageType())
	}
	for _, f := range kidFields(dt) {
		if err := readable(f.Type); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// accepts says whether canon can fill a field of type want from one of type
// got without changing a value.
func accepts(want, got arrow.DataType) bool {
	if w, ok := want.(*arrow.DictionaryType); ok {
		g, ok := got.(*arrow.DictionaryType)
		return ok && arrow.TypeEqual(target(w.ValueType), target(g.ValueType)) &&
			arrow.TypeEqual(w.IndexType, g.IndexType) && w.Ordered == g.Ordered
	}
	return looseEqual(want, target(got))
}

// looseEqual compares types without the nullability of nested fields, which
// canon checks on the values.
func looseEqual(a, b arrow.DataType) bool {
	if a.ID() != b.ID() {
		return false
	}
	ka, kb := kidFields(a), kidFields(b)
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

func isBytes(dt arrow.DataType) bool {
	return dt.ID() == arrow.BINARY || dt.ID() == arrow.LARGE_BINARY
}

func isVariant(dt arrow.DataType) bool {
	t, ok := dt.(*arrow.StructType)
	if !ok || t.NumFields() != 2 {
		return false
	}
	for _, name := range []string{"metadata", "value"} {
		f, ok := t.FieldByName(name)
		if !ok || !isBytes(f.Type) {
			return false
		}
	}
	return true
}
