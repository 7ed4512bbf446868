package parquet

import (
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// node is a node of the Parquet schema with its levels.
type node struct {
	name    string
	path    string // with its parents, for errors
	rep     parquet.Repetition
	logical schema.LogicalType
	kids    []*node // of a group

	phys  parquet.Type // of a leaf
	width int          // bytes of one value; 0 for byte arrays
	leaf  int          // place among the leaves, -1 for a group

	def, maxDef int16 // maxDef is def, of leaves
	maxRep      int16
	began       []int16 // at what definition level the list of each repetition level has a value
}

func (n *node) group() bool { return n.leaf < 0 }

// inPage says whether decoded values lie in the page until they are copied.
func (n *node) inPage() bool {
	return n.phys == parquet.Types.ByteArray || n.phys == parquet.Types.FixedLenByteArray
}

// nodes turns the library's tree into ours and numbers the leaves.
func (s *Source) nodes(from schema.Node, parent *node, depth int) (*node, error) {
	n := &node{name: from.Name(), rep: from.RepetitionType(), logical: from.LogicalType(), leaf: -1, began: []int16{0}}
	if parent != nil {
		n.path, n.def, n.maxRep, n.began = n.name, parent.def, parent.maxRep, parent.began
		if parent.path != "" {
			n.path = parent.path + "." + n.name
		}
		if n.rep != parquet.Repetitions.Required {
			n.def++
		}
		if n.rep == parquet.Repetitions.Repeated {
			n.maxRep++
			n.began = append(append([]int16(nil), n.began...), n.def)
		}
	}
	if len(n.name) > ipc.MaxName || !utf8.ValidString(n.name) {
		return nil, ipc.Invalid("a column's name is not UTF-8, or longer than %d bytes", ipc.MaxName)
	}
	if depth > 2*ipc.MaxDepth {
		return nil, ipc.Invalid("column %q: columns nested deeper than %d", n.path, ipc.MaxDepth)
	}
	if g, ok := from.(*schema.GroupNode); ok {
		for i := range g.NumFields() {
			k, err := s.nodes(g.Field(i), n, depth+1)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, k)
		}
		if len(n.kids) == 0 && parent == nil {
			return nil, ipc.Invalid("the Parquet file has no columns")
		}
		if len(n.kids) == 0 {
			return nil, ipc.Invalid("column %q: a group without columns", n.path)
		}
		return n, nil
	}
	p, ok := from.(*schema.PrimitiveNode)
	if !ok {
		return nil, ipc.Invalid("column %q: it is neither a group nor a column of values", n.path)
	}
	// Leaves are numbered in the order of the schema, which is that of a row group's chunks.
	n.phys, n.maxDef, n.leaf = p.PhysicalType(), n.def, len(s.leaves)
	switch n.phys {
	case parquet.Types.Boolean:
		n.width = 1
	case parquet.Types.Int32, parquet.Types.Float:
		n.width = 4
	case parquet.Types.Int64, parquet.Types.Double:
		n.width = 8
	case parquet.Types.Int96:
		n.width = 12
	case parquet.Types.FixedLenByteArray:
		n.width = p.TypeLength()
	}
	if s.leaves = append(s.leaves, n); len(s.leaves) > ipc.MaxFields {
		return nil, ipc.Invalid("more than %d columns", ipc.MaxFields)
	}
	return n, nil
}

// isList and isMap know the annotated groups [parquet-format, LogicalTypes.md].
func (n *node) isList() bool {
	switch n.logical.(type) {
	case schema.ListLogicalType, *schema.ListLogicalType:
		return n.group() && len(n.kids) == 1 && n.kids[0].rep == parquet.Repetitions.Repeated
	case schema.MapLogicalType, *schema.MapLogicalType: // a map without values is a list of its keys
		return n.group() && len(n.kids) == 1 && n.kids[0].rep == parquet.Repetitions.Repeated && len(n.kids[0].kids) == 1
	}
	return false
}

// isMap wants pairs. The key is required by the format; files that have it optional are read
// as far as no key is null.
func (n *node) isMap() bool {
	switch n.logical.(type) {
	case schema.MapLogicalType, *schema.MapLogicalType:
		return n.group() && len(n.kids) == 1 && n.kids[0].rep == parquet.Repetitions.Repeated && len(n.kids[0].kids) == 2
	}
	return false
}

// element is what a list is a list of: the repeated group's only member, or, by the
// rules for files of before 2014, the repeated node itself (own is false then).
func (n *node) element() (e *node, own bool) {
	r := n.kids[0]
	if r.group() && len(r.kids) == 1 && r.name != "array" && r.name != n.name+"_tuple" &&
		r.kids[0].rep != parquet.Repetitions.Repeated {
		return r.kids[0], true
	}
	return r, false
}

// naturalType is the Arrow type of a leaf by the Parquet schema alone, with the
// extension name that goes with it.
func (n *node) naturalType() (dt arrow.DataType, note string, err error) {
	p := arrow.PrimitiveTypes
	switch t := n.logical.(type) {
	case schema.StringLogicalType:
		return arrow.BinaryTypes.String, "", nil
	case schema.EnumLogicalType:
		return arrow.BinaryTypes.String, "ENUM became utf8", nil
	case schema.JSONLogicalType:
		return arrow.BinaryTypes.String, "", nil
	case schema.BSONLogicalType:
		return arrow.BinaryTypes.Binary, "BSON became binary", nil
	case schema.IntervalLogicalType:
		return n.bytesType(), "INTERVAL stays 12 bytes: months, days, milliseconds as little-endian integers", nil
	case schema.GeometryLogicalType, schema.GeographyLogicalType:
		return arrow.BinaryTypes.Binary, "", nil
	case schema.DateLogicalType:
		return arrow.FixedWidthTypes.Date32, "", nil
	case schema.Float16LogicalType:
		return arrow.FixedWidthTypes.Float16, "", nil
	case schema.NullLogicalType, schema.UnknownLogicalType:
		return arrow.Null, "", nil
	case interface {
		Precision() int32
		Scale() int32
	}:
		dt, err := n.decimalType(t.Precision(), t.Scale())
		return dt, "", err
	case interface {
		BitWidth() int8
		IsSigned() bool
	}:
		dt, err := ipc.IntType(int32(t.BitWidth()), t.IsSigned())
		return dt, "", err
	case schema.TimeLogicalType:
		return timeType(t.TimeUnit()), "", nil
	case *schema.TimeLogicalType:
		return timeType(t.TimeUnit()), "", nil
	case interface {
		IsAdjustedToUTC() bool
		TimeUnit() schema.TimeUnitType
	}:
		zone := ""
		if t.IsAdjustedToUTC() {
			zone = "UTC"
		}
		return &arrow.TimestampType{Unit: unitOf(t.TimeUnit()), TimeZone: zone}, "", nil
	}
	switch n.phys {
	case parquet.Types.Boolean:
		return arrow.FixedWidthTypes.Boolean, "", nil
	case parquet.Types.Int32:
		return p.Int32, "", nil
	case parquet.Types.Int64:
		return p.Int64, "", nil
	case parquet.Types.Int96:
		return &arrow.TimestampType{Unit: arrow.Nanosecond}, "", nil // settled by the values
	case parquet.Types.Float:
		return p.Float32, "", nil
	case parquet.Types.Double:
		return p.Float64, "", nil
	case parquet.Types.ByteArray, parquet.Types.FixedLenByteArray:
		return n.bytesType(), "", nil
	}
	return nil, "", fmt.Errorf("the physical type %s is not read", n.phys)
}

// bytesType is that of a leaf without a meaning of its own.
func (n *node) bytesType() arrow.DataType {
	if n.phys == parquet.Types.FixedLenByteArray {
		return &arrow.FixedSizeBinaryType{ByteWidth: n.width}
	}
	return arrow.BinaryTypes.Binary
}

// decimalType is the narrowest of Arrow's that holds the digits.
func (n *node) decimalType(precision, scale int32) (arrow.DataType, error) {
	switch {
	case precision < 1 || precision > 76:
		return nil, fmt.Errorf("decimals of %d digits are not read (at most 76)", precision)
	case precision > 38:
		return &arrow.Decimal256Type{Precision: precision, Scale: scale}, nil
	}
	return &arrow.Decimal128Type{Precision: precision, Scale: scale}, nil
}

// unitOf is the unit of a time; a file that names none means microseconds.
func unitOf(u schema.TimeUnitType) arrow.TimeUnit {
	switch u {
	case schema.TimeUnitMillis:
		return arrow.Millisecond
	case schema.TimeUnitNanos:
		return arrow.Nanosecond
	}
	return arrow.Microsecond
}

// timeType is Arrow's: 32 bits for milliseconds, 64 for finer units.
func timeType(u schema.TimeUnitType) arrow.DataType {
	if u == schema.TimeUnitMillis {
		return arrow.FixedWidthTypes.Time32ms
	}
	return &arrow.Time64Type{Unit: unitOf(u)}
}
