package shard

import "github.com/apache/arrow/go/v17/arrow"

// measure is the bytes of the buffers that canon would make, padding apart.
func measure(f arrow.Field, segs []seg) (int64, error) {
	segs, err := writeOut(f, segs)
	if err != nil {
		return 0, err
	}
	n, nulls := int64(length(segs)), 0
	for _, s := range segs {
		if s.c == nil {
			nulls += s.n
		} else {
			nulls += s.c.nulls(s.from, s.n)
		}
	}
	var size int64
	if nulls > 0 && f.Nullable {
		size = (n + 7) / 8
	}
	switch shapeOf(f.Type) {
	case shapeNull:
		return 0, nil
	case shapeFixed, shapeDict:
		return size + (n*int64(bitWidth(f.Type))+7)/8, nil
	case shapeText:
		return size + (n+1)*int64(offsetWidth(f.Type)) + textBytes(segs), nil
	case shapeList:
		size += (n + 1) * int64(offsetWidth(f.Type))
	}
	for i, kf := range kidFields(f.Type) {
		k, err := measure(kf, kidSegs(f, segs, i))
		if err != nil {
			return 0, err
		}
		size += k
	}
	return size, nil
}

// textBytes sums the bytes of text values that are not null.
func textBytes(segs []seg) (size int64) {
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			if null || n == 0 {
				return
			}
			if shapeOf(s.c.typ) == shapeText {
				a, _ := s.c.span(from)
				_, b := s.c.span(from + n - 1)
				size += int64(b - a)
				return
			}
			for i := from; i < from+n; i++ {
				size += int64(len(s.c.bytes(i)))
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
		n = padded((rows + 7) / 8)
	}
	switch shapeOf(f.Type) {
	case shapeNull:
		return 0
	case shapeText:
		return n + padded((rows+1)*int64(offsetWidth(f.Type))) + padded(rows*most)
	}
	return n + padded((rows*int64(bitWidth(f.Type))+7)/8)
}

// FixedWidth says whether MostBytes follows from a type and rows alone.
func FixedWidth(dt arrow.DataType) bool {
	s := shapeOf(dt)
	return s == shapeNull || s == shapeFixed || s == shapeDict
}
