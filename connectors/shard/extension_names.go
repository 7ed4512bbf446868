package shard

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// soundNames keeps the name of an extension type only where the field is stored as
// the type's definition allows, in nested fields too: readers that know the type
// refuse the whole stream otherwise. Names without a known definition stay: to all
// readers that we know they are plain columns.
func soundNames(f arrow.Field, path string) (arrow.Field, []string) {
	if path != "" {
		path += "."
	}
	path += f.Name
	var notes []string
	f.Type = mapKids(f.Type, func(k arrow.Field) arrow.Field {
		k, more := soundNames(k, path)
		notes = append(notes, more...)
		return k
	})
	name, ok := f.Metadata.GetValue(ipc.ExtensionName)
	if !ok {
		return f, notes
	}
	data, _ := f.Metadata.GetValue(ipc.ExtensionMetadata)
	if why := extensionFault(name, data, f.Type); why != "" {
		f.Metadata = arrow.Metadata{}
		notes = append(notes, fmt.Sprintf("column %q: the extension name %.60q is left out: %s", path, name, why))
	}
	return f, notes
}

// mapKids is dt with each of its child fields replaced.
func mapKids(dt arrow.DataType, f func(arrow.Field) arrow.Field) arrow.DataType {
	switch t := dt.(type) {
	case *arrow.ListType:
		return arrow.ListOfField(f(t.ElemField()))
	case *arrow.LargeListType:
		return arrow.LargeListOfField(f(t.ElemField()))
	case *arrow.FixedSizeListType:
		return arrow.FixedSizeListOfField(t.Len(), f(t.ElemField()))
	case *arrow.StructType:
		fs := make([]arrow.Field, t.NumFields())
		for i, k := range t.Fields() {
			fs[i] = f(k)
		}
		return arrow.StructOf(fs...)
	case *arrow.MapType:
		k, v := f(t.KeyField()), f(t.ItemField())
		m := arrow.MapOfWithMetadata(k.Type, k.Metadata, v.Type, v.Metadata)
		m.SetItemNullable(v.Nullable)
		m.KeysSorted = t.KeysSorted
		return m
	}
	return dt
}

// extensionFault says why a known extension type may not be stored as dt; empty where
// it may [Arrow canonical extension types; geoarrow extension types; pandas].
func extensionFault(name, data string, dt arrow.DataType) string {
	wants := func(ok bool, what string) string {
		if ok {
			return ""
		}
		return fmt.Sprintf("it is stored as %s, not as %s", dt, what)
	}
	switch name {
	case "arrow.json":
		return wants(column.IsText(dt), "text")
	case "arrow.uuid":
		t, ok := dt.(*arrow.FixedSizeBinaryType)
		return firstOf(wants(ok && t.ByteWidth == 16, "16 bytes of fixed length"), noData(data))
	case "arrow.bool8":
		return firstOf(wants(dt.ID() == arrow.INT8, "int8"), noData(data))
	case "arrow.opaque":
		var d struct {
			Type   *string `json:"type_name"`
			Vendor *string `json:"vendor_name"`
		}
		if json.Unmarshal([]byte(data), &d) != nil || d.Type == nil || d.Vendor == nil {
			return "its metadata do not give type_name and vendor_name"
		}
		return ""
	case "arrow.fixed_shape_tensor":
		t, ok := dt.(*arrow.FixedSizeListType)
		if !ok {
			return wants(false, "lists of a fixed size")
		}
		return tensorFault(data, -1, int64(t.Len()))
	case "arrow.variable_shape_tensor":
		dims := shapeDims(dt)
		if dims < 0 {
			return wants(false, "a struct of data and shape")
		}
		return tensorFault(data, dims, 0)
	case "arrow.timestamp_with_offset":
		return wants(isOffsetTime(dt), "a struct of timestamp (UTC) and offset_minutes (int16)")
	case "arrow.parquet.variant", "parquet.variant":
		return wants(column.IsVariant(dt), "a struct of metadata and value, both binary")
	case "arrow.py_extension_type":
		return "it holds a Python object, which readers would have to run"
	case "pandas.period":
		return wants(dt.ID() == arrow.INT64 && validJSON(data, "freq"), "int64 with a freq")
	case "pandas.interval":
		var d struct{ Closed string }
		sides := json.Unmarshal([]byte(data), &d) == nil && slices.Contains([]string{"left", "right", "both", "neither"}, d.Closed)
		return wants(isMembers(dt, "left", "right") && sides && validJSON(data, "subtype"), "a struct of left and right with subtype and closed")
	}
	if what, ok := strings.CutPrefix(name, "geoarrow."); ok {
		if data != "" && !json.Valid([]byte(data)) {
			return "its metadata are not JSON"
		}
		return wants(isGeo(what, dt), "the geoarrow specification lays down")
	}
	return ""
}

func validJSON(data string, keys ...string) bool {
	var d map[string]json.RawMessage
	if json.Unmarshal([]byte(data), &d) != nil {
		return false
	}
	return !slices.ContainsFunc(keys, func(k string) bool { return d[k] == nil })
}

// isMembers says whether dt is a struct of exactly these members, in order.
func isMembers(dt arrow.DataType, names ...string) bool {
	t, ok := dt.(*arrow.StructType)
	if !ok || t.NumFields() != len(names) {
		return false
	}
	for i, n := range names {
		if t.Field(i).Name != n {
			return false
		}
	}
	return true
}

// tensorFault holds a tensor type's metadata against its storage: lists of size, or
// shapes of dims dimensions, where dims is not negative.
func tensorFault(data string, dims int, size int64) string {
	var d struct {
		Shape       []int64  `json:"shape"`
		Uniform     []*int64 `json:"uniform_shape"`
		Names       []string `json:"dim_names"`
		Permutation []int    `json:"permutation"`
	}
	if json.Unmarshal([]byte(data), &d) != nil || dims < 0 && d.Shape == nil {
		return "its metadata give no shape"
	}
	if dims < 0 {
		dims = len(d.Shape)
		all := int64(1)
		for _, n := range d.Shape {
			if n < 0 || n > 1<<31 || all*n > 1<<31 {
				return "its shape is not that of its lists"
			}
			all *= n
		}
		if all != size {
			return "its shape is not that of its lists"
		}
	}
	for i, p := range slices.Sorted(slices.Values(d.Permutation)) {
		if p != i {
			return "its permutation is not valid"
		}
	}
	for _, n := range d.Uniform {
		if n != nil && *n < 0 {
			return "its uniform shape is not valid"
		}
	}
	if d.Names != nil && len(d.Names) != dims || d.Permutation != nil && len(d.Permutation) != dims ||
		d.Uniform != nil && len(d.Uniform) != dims {
		return "its metadata have another number of dimensions"
	}
	return ""
}

// shapeDims is the number of dimensions of a tensor of variable shape, -1 where dt is
// no storage of one.
func shapeDims(dt arrow.DataType) int {
	if !isMembers(dt, "data", "shape") {
		return -1
	}
	t := dt.(*arrow.StructType)
	shape, ok := t.Field(1).Type.(*arrow.FixedSizeListType)
	if !ok || t.Field(0).Type.ID() != arrow.LIST || shape.Elem().ID() != arrow.INT32 {
		return -1
	}
	return int(shape.Len())
}

func noData(data string) string {
	if data != "" {
		return "its metadata must be empty"
	}
	return ""
}

func firstOf(faults ...string) string {
	for _, f := range faults {
		if f != "" {
			return f
		}
	}
	return ""
}

func isOffsetTime(dt arrow.DataType) bool {
	if !isMembers(dt, "timestamp", "offset_minutes") {
		return false
	}
	t := dt.(*arrow.StructType)
	ts, ok := t.Field(0).Type.(*arrow.TimestampType)
	return ok && ts.TimeZone == "UTC" && t.Field(1).Type.ID() == arrow.INT16
}

// isGeo knows the storage of the geoarrow types: bytes, text, points, and lists of
// points as deep as the kind says.
func isGeo(kind string, dt arrow.DataType) bool {
	switch kind {
	case "wkb":
		return column.IsBytes(dt)
	case "wkt":
		return column.IsText(dt)
	case "box":
		return isMembers(dt, "xmin", "ymin", "xmax", "ymax") || isMembers(dt, "xmin", "ymin", "zmin", "xmax", "ymax", "zmax") ||
			isMembers(dt, "xmin", "ymin", "mmin", "xmax", "ymax", "mmax") ||
			isMembers(dt, "xmin", "ymin", "zmin", "mmin", "xmax", "ymax", "zmax", "mmax")
	}
	depth, ok := map[string]int{"point": 0, "linestring": 1, "multipoint": 1, "polygon": 2, "multilinestring": 2, "multipolygon": 3}[kind]
	for ; ok && depth > 0; depth-- {
		t, is := dt.(arrow.ListLikeType)
		if ok = is && dt.ID() == arrow.LIST || is && dt.ID() == arrow.LARGE_LIST; ok {
			dt = t.Elem()
		}
	}
	return ok && isPoint(dt)
}

func isPoint(dt arrow.DataType) bool {
	if t, ok := dt.(*arrow.FixedSizeListType); ok {
		return t.Len() >= 2 && t.Len() <= 4 && t.Elem().ID() == arrow.FLOAT64
	}
	t, ok := dt.(*arrow.StructType)
	if !ok || t.NumFields() < 2 || t.Field(0).Name != "x" || t.Field(1).Name != "y" {
		return false
	}
	for _, f := range t.Fields() {
		if f.Type.ID() != arrow.FLOAT64 || len(f.Name) != 1 || !strings.Contains("xyzm", f.Name) {
			return false
		}
	}
	return true
}
