package shard

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// canonizer maps the indices of dictionary columns whose dictionaries were
// joined: old dictionary to (old index ▸ new index). A dictionary that is not
// in remap keeps its indices.
type canonizer struct {
	remap map[*col][]int32
	dict  *col // what dictionary columns get as their dictionary
}

// canon copies segs into one canonical column of field f: no bitmap where
// nothing is null, null slots and padding bits zero, offsets from 0, no byte
// that no value refers to. It checks what check left: UTF-8, dictionary
// indices, nulls where f has none.
func canon(f arrow.Field, segs []seg, z *canonizer) (*col, error) {
	segs, err := writeOut(f, segs)
	if err != nil {
		return nil, err
	}
	out := &col{typ: f.Type, n: length(segs)}
	if err := out.copyValidity(f, segs); err != nil {
		return nil, err
	}
	switch shapeOf(f.Type) {
	case shapeNull:
		return out, nil
	case shapeFixed:
		out.copyFixed(segs)
		return out, out.checkRange()
	case shapeDict:
		return out, out.copyIndices(segs, z)
	case shapeText:
		return out, out.copyText(segs)
	case shapeList:
		if err := out.copyLists(segs); err != nil {
			return nil, err
		}
	}
	for i, kf := range kidFields(f.Type) {
		k, err := canon(kf, kidSegs(f, segs, i), z)
		if err != nil {
			if v, ok := errors.AsType[*valueFault](err); ok {
				v.nested = true
			}
			return nil, fmt.Errorf("%s: %w", kf.Name, err)
		}
		out.kids = append(out.kids, k)
	}
	return out, nil
}

// copyValidity makes the bitmap. Blanks under a null are null where the field
// allows it.
func (c *col) copyValidity(f arrow.Field, segs []seg) error {
	if f.Type.ID() == arrow.NULL {
		return nil
	}
	nulls, row := 0, 0
	for _, s := range segs {
		k := s.n
		if s.c != nil {
			k = s.c.nulls(s.from, s.n)
		}
		if k > 0 && !f.Nullable && (s.c != nil || s.mustNull) {
			return fmt.Errorf("row %d or later is null, but the column is declared to have no nulls", row)
		}
		nulls += k
		row += s.n
	}
	if nulls == 0 || !f.Nullable {
		return nil
	}
	c.valid = make([]byte, (c.n+7)/8)
	row = 0
	for _, s := range segs {
		s.eachRun(func(_, n int, null bool) {
			if !null {
				setBits(c.valid, row, n)
			}
			row += n
		})
	}
	return nil
}

func (c *col) copyFixed(segs []seg) {
	bits := bitWidth(c.typ)
	out := make([]byte, (int64(c.n)*int64(bits)+7)/8)
	c.bufs = [][]byte{out}
	row := 0
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			switch {
			case null:
			case bits == 1:
				copyBits(out, row, s.c.bufs[0], s.c.off+from, n)
			case bitWidth(s.c.typ) < bits:
				widen(out[row*bits/8:], bits/8, s.c.bufs[0], s.c.off+from, n, bitWidth(s.c.typ)/8)
			default:
				w := bits / 8
				copy(out[row*w:(row+n)*w], s.c.bufs[0][(s.c.off+from)*w:])
			}
			row += n
		})
	}
}

func (c *col) copyIndices(segs []seg, z *canonizer) error {
	if c.dict = z.dict; c.dict == nil {
		return fmt.Errorf("a dictionary column without its dictionary")
	}
	w := bitWidth(c.typ) / 8
	out := make([]byte, c.n*w)
	c.bufs = [][]byte{out}
	row := 0
	var last *col
	var remap []int32
	var at indices
	for _, s := range segs {
		if s.c != nil && s.c != last {
			last, remap, at = s.c, z.remap[s.c.dict], s.c.indices()
		}
		for i := s.from; i < s.from+s.n; i, row = i+1, row+1 {
			if s.c == nil || s.c.isNull(i) {
				continue
			}
			k := at.index(i)
			if k < 0 || k >= int64(s.c.dict.n) {
				return &valueFault{row: int64(row), what: fmt.Sprintf("has the index %d in a dictionary of %d values", k, s.c.dict.n)}
			}
			if remap != nil {
				k = int64(remap[k])
			}
			putInt(out[row*w:], w, k)
		}
	}
	return nil
}

func (c *col) copyLists(segs []seg) error {
	o := newOffsets(c.typ, c.n)
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			for i := from; i < from+n; i++ {
				if null {
					o.add(0)
					continue
				}
				a, b := s.c.span(i)
				o.add(b - a)
			}
		})
	}
	c.bufs = [][]byte{o.b}
	return o.err()
}

// emptyColumn is a column of dt without values.
func emptyColumn(dt arrow.DataType) *col {
	c, err := canon(arrow.Field{Type: target(dt), Nullable: true}, nil, &canonizer{})
	if err != nil {
		return &col{typ: arrow.Null}
	}
	return c
}
