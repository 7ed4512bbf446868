package shard

import "github.com/apache/arrow/go/v17/arrow"

// shape is how values of a type lie in buffers.
type shape uint8

const (
	shapeNull shape = iota
	shapeFixed
	shapeText     // offsets and data
	shapeView     // 16-byte views and data
	shapeList     // offsets and one child
	shapeListView // offsets, sizes and one child
	shapeFixedList
	shapeStruct
	shapeDict
	shapeRuns
)

func shapeOf(dt arrow.DataType) shape {
	switch dt.ID() {
	case arrow.NULL:
		return shapeNull
	case arrow.STRING, arrow.BINARY, arrow.LARGE_STRING, arrow.LARGE_BINARY:
		return shapeText
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return shapeView
	case arrow.LIST, arrow.LARGE_LIST, arrow.MAP:
		return shapeList
	case arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW:
		return shapeListView
	case arrow.FIXED_SIZE_LIST:
		return shapeFixedList
	case arrow.STRUCT:
		return shapeStruct
	case arrow.DICTIONARY:
		return shapeDict
	case arrow.RUN_END_ENCODED:
		return shapeRuns
	}
	return shapeFixed
}

// offsetWidth is the bytes of one offset of a text or list type.
func offsetWidth(dt arrow.DataType) int {
	switch dt.ID() {
	case arrow.LARGE_STRING, arrow.LARGE_BINARY, arrow.LARGE_LIST, arrow.LARGE_LIST_VIEW:
		return 8
	}
	return 4
}

func isText(dt arrow.DataType) bool {
	switch dt.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return true
	}
	return false
}

// bitWidth is the bits of one value of a fixed type; a dictionary's are its
// index's.
func bitWidth(dt arrow.DataType) int {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.IndexType
	}
	if w, ok := dt.(arrow.FixedWidthDataType); ok {
		return w.BitWidth()
	}
	return 0
}
