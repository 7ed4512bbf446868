package column

import "github.com/apache/arrow/go/v17/arrow"

// Shape is how values of a type lie in buffers.
type Shape uint8

// The shapes, with the buffers that follow the validity bitmap.
const (
	ShapeNull      Shape = iota // none, not even a bitmap
	ShapeFixed                  // data: so many bits for each value
	ShapeText                   // offsets and data
	ShapeView                   // 16-byte views and data
	ShapeList                   // offsets and one child
	ShapeListView               // offsets, sizes and one child
	ShapeFixedList              // one child, so many values for each list
	ShapeStruct                 // a child for each member
	ShapeDict                   // indices; the values are a column of their own
	ShapeRuns                   // run-end encoded: two children, run ends and values
)

// ShapeOf is the shape of a type; that of an extension type is its storage's.
func ShapeOf(dt arrow.DataType) Shape {
	switch dt.ID() {
	case arrow.NULL:
		return ShapeNull
	case arrow.STRING, arrow.BINARY, arrow.LARGE_STRING, arrow.LARGE_BINARY:
		return ShapeText
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return ShapeView
	case arrow.LIST, arrow.LARGE_LIST, arrow.MAP:
		return ShapeList
	case arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW:
		return ShapeListView
	case arrow.FIXED_SIZE_LIST:
		return ShapeFixedList
	case arrow.STRUCT:
		return ShapeStruct
	case arrow.DICTIONARY:
		return ShapeDict
	case arrow.RUN_END_ENCODED:
		return ShapeRuns
	}
	return ShapeFixed
}

// OffsetWidth is the bytes of one offset of a text or list type.
func OffsetWidth(dt arrow.DataType) int {
	switch dt.ID() {
	case arrow.LARGE_STRING, arrow.LARGE_BINARY, arrow.LARGE_LIST, arrow.LARGE_LIST_VIEW:
		return 8
	}
	return 4
}

// IsText says whether values are UTF-8.
func IsText(dt arrow.DataType) bool {
	switch dt.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return true
	}
	return false
}

// BitWidth is the bits of one value of a fixed type; a dictionary's are its
// index's.
func BitWidth(dt arrow.DataType) int {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.IndexType
	}
	if w, ok := dt.(arrow.FixedWidthDataType); ok {
		return w.BitWidth()
	}
	return 0
}
