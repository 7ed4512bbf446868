package column

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// Measure is the bytes of the buffers that canon would make, padding apart.
func Measure(f arrow.Field, segs []Run) (int64, error) {
	segs, err := Decode(f, segs)
	if err != nil {
		return 0, err
	}
	n, nulls := int64(length(segs)), 0
	for _, s := range segs {
		if s.Column == nil {
			nulls += s.Len
		} else {
			nulls += s.Column.Nulls(s.From, s.Len)
		}
	}
	var size int64
	if nulls > 0 && f.Nullable {
		size = (n + 7) / 8
	}
	switch ShapeOf(f.Type) {
	case ShapeNull:
		return 0, nil
	case ShapeFixed, ShapeDict:
		return size + (n*int64(BitWidth(f.Type))+7)/8, nil
	case ShapeText:
		return size + (n+1)*int64(OffsetWidth(f.Type)) + TextBytes(segs), nil
	case ShapeList:
		size += (n + 1) * int64(OffsetWidth(f.Type))
	}
	for i, kf := range ipc.ChildFields(f.Type) {
		k, err := Measure(kf, ChildRuns(f, segs, i))
		if err != nil {
			return 0, err
		}
		size += k
	}
	return size, nil
}

// TextBytes sums the bytes of text values that are not null.
func TextBytes(segs []Run) (size int64) {
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			if null || n == 0 {
				return
			}
			if ShapeOf(s.Column.Type) == ShapeText {
				a, _ := s.Column.span(from)
				_, b := s.Column.span(from + n - 1)
				size += int64(b - a)
				return
			}
			for i := from; i < from+n; i++ {
				size += int64(len(s.Column.Bytes(i)))
			}
		})
	}
	return size
}

// MostBytes bounds what rows values of a flat field take in a batch, when none of
// them has more than most bytes.
func MostBytes(f arrow.Field, rows, most int64) int64 {
	n := int64(0)
	if f.Nullable {
		n = ipc.Padded((rows + 7) / 8)
	}
	switch ShapeOf(f.Type) {
	case ShapeNull:
		return 0
	case ShapeText:
		return n + ipc.Padded((rows+1)*int64(OffsetWidth(f.Type))) + ipc.Padded(rows*most)
	}
	return n + ipc.Padded((rows*int64(BitWidth(f.Type))+7)/8)
}

// FixedWidth says whether MostBytes follows from a type and rows alone.
func FixedWidth(dt arrow.DataType) bool {
	s := ShapeOf(dt)
	return s == ShapeNull || s == ShapeFixed || s == ShapeDict
}
