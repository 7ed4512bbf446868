package column

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// Measure is the bytes of the buffers that Canonical would make, padding apart: what the
// cut of batches goes by. It follows Canonical's switch, case by case.
func Measure(f arrow.Field, runs []Run) (int64, error) {
	runs, err := Decode(f, runs)
	if err != nil {
		return 0, err
	}
	n, nulls := int64(length(runs)), 0
	for _, r := range runs {
		if r.Column == nil {
			nulls += r.Len
		} else {
			nulls += r.Column.Nulls(r.From, r.Len)
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
		return size + (n+1)*int64(OffsetWidth(f.Type)) + TextBytes(runs), nil
	case ShapeList:
		size += (n + 1) * int64(OffsetWidth(f.Type))
	}
	for i, kf := range ipc.ChildFields(f.Type) {
		k, err := Measure(kf, ChildRuns(f, runs, i))
		if err != nil {
			return 0, err
		}
		size += k
	}
	return size, nil
}

// TextBytes sums the bytes of text values that are not null.
func TextBytes(runs []Run) (size int64) {
	var last *Column
	var offsets []byte // of the last column, where it has texts and no nulls
	w := 0
	for i := range runs {
		r := &runs[i]
		if r.Column != last {
			last, offsets = r.Column, nil
			if last.denseText() {
				w = OffsetWidth(last.Type)
				offsets = last.Buffers[0][last.Offset*w:]
			}
		}
		if offsets != nil {
			size += intAt(offsets, w, r.From+r.Len, true) - intAt(offsets, w, r.From, true)
			continue
		}
		r.eachRun(func(from, n int, null bool) {
			if null || n == 0 {
				return
			}
			if ShapeOf(r.Column.Type) == ShapeText {
				a, _ := r.Column.span(from)
				_, b := r.Column.span(from + n - 1)
				size += int64(b - a)
				return
			}
			for i := from; i < from+n; i++ {
				size += int64(len(r.Column.Bytes(i)))
			}
		})
	}
	return size
}

// MostBytes bounds the bytes that so many values of a flat field, or of lists of one width of
// flat ones, take in a batch's body,
// padding included, when none of them has more than most bytes. It is exact for types of
// fixed width, apart from a bitmap that is not needed.
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
	case ShapeFixedList:
		l := f.Type.(*arrow.FixedSizeListType) //nolint:forcetypeassert // of that shape
		return n + MostBytes(l.ElemField(), rows*int64(l.Len()), most)
	}
	return n + ipc.Padded((rows*int64(BitWidth(f.Type))+7)/8)
}

// FixedWidth says whether MostBytes follows from a type and rows alone.
func FixedWidth(dt arrow.DataType) bool {
	if l, ok := dt.(*arrow.FixedSizeListType); ok {
		return FixedWidth(l.Elem())
	}
	s := ShapeOf(dt)
	return s == ShapeNull || s == ShapeFixed || s == ShapeDict
}
