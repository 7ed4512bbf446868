package ipc

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// Members of the flatbuffers union Type [Schema.fbs].
const (
	fbNull = 1 + iota
	fbInt
	fbFloat
	fbBinary
	fbUtf8
	fbBool
	fbDecimal
	fbDate
	fbTime
	fbTimestamp
	fbInterval
	fbList
	fbStruct
	fbUnion
	fbFixedBinary
	fbFixedList
	fbMap
	fbDuration
	fbLargeBinary
	fbLargeUtf8
	fbLargeList
	fbRunEnd
	fbBinaryView
	fbUtf8View
	fbListView
	fbLargeListView
)

// parseType reads a member of the union Type with its children. Types whose table is empty
// may come without one; all others need their parameters.
func parseType(kind byte, t flat, kids []*Node) (arrow.DataType, error) {
	switch kind {
	case fbNull:
		return arrow.Null, nil
	case fbBinary:
		return arrow.BinaryTypes.Binary, nil
	case fbUtf8:
		return arrow.BinaryTypes.String, nil
	case fbLargeBinary:
		return arrow.BinaryTypes.LargeBinary, nil
	case fbLargeUtf8:
		return arrow.BinaryTypes.LargeString, nil
	case fbBinaryView:
		return arrow.BinaryTypes.BinaryView, nil
	case fbUtf8View:
		return arrow.BinaryTypes.StringView, nil
	case fbBool:
		return arrow.FixedWidthTypes.Boolean, nil
	case fbStruct:
		return arrow.StructOf(fieldsOf(kids)...), nil
	case fbUnion:
		return nil, fmt.Errorf("unions are not read; give one column for each kind of value")
	}
	if t.t.Bytes == nil {
		return nil, fmt.Errorf("a type (%d) without its parameters", kind)
	}
	switch kind {
	case fbList, fbLargeList, fbFixedList, fbMap, fbListView, fbLargeListView, fbRunEnd:
		return parseNested(kind, t, kids)
	}
	return parseFixed(kind, t)
}

// parseFixed reads types without children. Defaults are those of Schema.fbs: a writer leaves
// out what is the default.
func parseFixed(kind byte, t flat) (arrow.DataType, error) {
	switch kind {
	case fbInt:
		return IntType(t.i32(intBitWidth, 0), t.bool(intIsSigned))
	case fbFloat:
		switch t.i16(floatPrecision, 0) {
		case 0:
			return arrow.FixedWidthTypes.Float16, nil
		case 1:
			return arrow.PrimitiveTypes.Float32, nil
		case 2:
			return arrow.PrimitiveTypes.Float64, nil
		}
	case fbDecimal:
		return decimalType(t.i32(decimalPrecision, 0), t.i32(decimalScale, 0), t.i32(decimalBitWidth, 128))
	case fbDate:
		if t.i16(dateUnit, 1) == 0 {
			return arrow.FixedWidthTypes.Date32, nil
		}
		return arrow.FixedWidthTypes.Date64, nil
	case fbTime:
		u, bits := arrow.TimeUnit(t.i16(timeUnit, 1)), t.i32(timeBitWidth, 32)
		if bits == 32 && u <= arrow.Millisecond {
			return &arrow.Time32Type{Unit: unit(u)}, nil
		}
		if bits == 64 && (u == 2 || u == 3) {
			return &arrow.Time64Type{Unit: unit(u)}, nil
		}
	case fbTimestamp:
		if u := t.i16(timestampUnit, 0); u >= 0 && u <= 3 {
			return &arrow.TimestampType{Unit: unit(arrow.TimeUnit(u)), TimeZone: t.str(timestampZone)}, nil
		}
	case fbDuration:
		if u := t.i16(durationUnit, 1); u >= 0 && u <= 3 {
			return &arrow.DurationType{Unit: unit(arrow.TimeUnit(u))}, nil
		}
	case fbInterval:
		switch t.i16(intervalUnit, 0) {
		case 0:
			return arrow.FixedWidthTypes.MonthInterval, nil
		case 1:
			return arrow.FixedWidthTypes.DayTimeInterval, nil
		case 2:
			return arrow.FixedWidthTypes.MonthDayNanoInterval, nil
		}
	case fbFixedBinary:
		if w := t.i32(binaryWidth, 0); w >= 0 {
			return &arrow.FixedSizeBinaryType{ByteWidth: int(w)}, nil
		}
	}
	return nil, fmt.Errorf("a type (%d) that is not read", kind)
}

// unit is the wire's number (0 s, 1 ms, 2 µs, 3 ns), which is also arrow's.
func unit(u arrow.TimeUnit) arrow.TimeUnit { return u }

func decimalType(precision, scale, bits int32) (arrow.DataType, error) {
	switch {
	case bits == 128 && precision >= 1 && precision <= 38:
		return &arrow.Decimal128Type{Precision: precision, Scale: scale}, nil
	case bits == 32 && precision >= 1 && precision <= 9, bits == 64 && precision >= 1 && precision <= 18:
		wide := &arrow.Decimal128Type{Precision: precision, Scale: scale}
		return &Widened{wide, fmt.Sprintf("decimal%d(%d, %d)", bits, precision, scale), int(bits)}, nil
	case bits == 256 && precision >= 1 && precision <= 76:
		return &arrow.Decimal256Type{Precision: precision, Scale: scale}, nil
	}
	return nil, fmt.Errorf("decimals of %d bits and %d digits are not read", bits, precision)
}

// typeWords names a type that is not read.
func typeWords(kind byte, t flat, why error) string {
	switch {
	case kind == fbInt && t.t.Bytes != nil:
		return fmt.Sprintf("integers of %d bits", t.i32(intBitWidth, 0))
	}
	return fmt.Sprintf("a type that is not read (%v)", why)
}

// IntType is the type of integers of so many bits; those of 128 become decimals. Others are
// refused with what to do instead.
func IntType(bits int32, signed bool) (arrow.DataType, error) {
	p := arrow.PrimitiveTypes
	switch {
	case bits == 8 && signed:
		return p.Int8, nil
	case bits == 16 && signed:
		return p.Int16, nil
	case bits == 32 && signed:
		return p.Int32, nil
	case bits == 64 && signed:
		return p.Int64, nil
	case bits == 128 && signed:
		return &Widened{&arrow.Decimal128Type{Precision: 38}, "int128", 128}, nil
	case bits == 8:
		return p.Uint8, nil
	case bits == 16:
		return p.Uint16, nil
	case bits == 32:
		return p.Uint32, nil
	case bits == 64:
		return p.Uint64, nil
	}
	return nil, fmt.Errorf("integers of %d bits are not read; write them as decimals, or as text", bits)
}

func parseNested(kind byte, t flat, kids []*Node) (arrow.DataType, error) {
	if kind == fbRunEnd {
		if len(kids) != 2 || !arrow.TypeEqual(kids[0].Field.Type, arrow.PrimitiveTypes.Int16) &&
			!arrow.TypeEqual(kids[0].Field.Type, arrow.PrimitiveTypes.Int32) &&
			!arrow.TypeEqual(kids[0].Field.Type, arrow.PrimitiveTypes.Int64) {
			return nil, fmt.Errorf("a run-end encoded type with wrong children")
		}
		return arrow.RunEndEncodedOf(kids[0].Field.Type, kids[1].Field.Type), nil
	}
	if len(kids) != 1 {
		return nil, fmt.Errorf("a list type with %d children", len(kids))
	}
	item := kids[0].Field
	switch kind {
	case fbList:
		return arrow.ListOfField(item), nil
	case fbLargeList:
		return arrow.LargeListOfField(item), nil
	case fbListView:
		return arrow.ListViewOfField(item), nil
	case fbLargeListView:
		return arrow.LargeListViewOfField(item), nil
	case fbFixedList:
		n := t.i32(listSize, 0)
		if n < 1 {
			return nil, fmt.Errorf("lists of the fixed size %d are not read", n)
		}
		return arrow.FixedSizeListOfField(n, item), nil
	}
	return mapType(item, t.bool(mapKeysSorted))
}

// mapType gives a map its standard child names; a file with others is rewritten.
func mapType(entries arrow.Field, sorted bool) (arrow.DataType, error) {
	st, ok := entries.Type.(*arrow.StructType)
	if !ok || st.NumFields() != 2 {
		return nil, fmt.Errorf("a map whose entries are not pairs")
	}
	k, v := st.Field(0), st.Field(1)
	m := arrow.MapOfWithMetadata(k.Type, k.Metadata, v.Type, v.Metadata)
	m.SetItemNullable(v.Nullable)
	m.KeysSorted = sorted
	return m, nil
}

// Widened is a type of the wire that becomes a decimal of 128 bits: decimals of 32 and
// 64 bits, and integers of 128, which older readers do not know.
type Widened struct {
	*arrow.Decimal128Type // what it becomes
	name                  string
	Bits                  int
}

// String is the name on the wire, for notes: decimal64(15, 1), int128.
func (w *Widened) String() string { return w.name }

// Name is String: the type has no other.
func (w *Widened) Name() string { return w.name }

// BitWidth is that of the wire.
func (w *Widened) BitWidth() int { return w.Bits }

// Bytes is BitWidth in bytes.
func (w *Widened) Bytes() int { return w.Bits / 8 }
