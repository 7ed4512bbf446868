package column

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// DictionaryMap maps the indices of dictionary columns whose dictionaries were
// joined: old dictionary to (old index ▸ new index). A dictionary that is not
// in remap keeps its indices.
type DictionaryMap struct {
	Remap      map[*Column][]int32
	Dictionary *Column // what dictionary columns get as their dictionary
}

// Canonical copies segs into one canonical column of field f: no bitmap where
// nothing is null, null slots and padding bits zero, offsets from 0, no byte
// that no value refers to. It checks what check left: UTF-8, dictionary
// indices, nulls where f has none.
func Canonical(f arrow.Field, segs []Run, z *DictionaryMap) (*Column, error) {
	segs, err := Decode(f, segs)
	if err != nil {
		return nil, err
	}
	out := &Column{Type: f.Type, Len: length(segs)}
	if err := out.copyValidity(f, segs); err != nil {
		return nil, err
	}
	switch ShapeOf(f.Type) {
	case ShapeNull:
		return out, nil
	case ShapeFixed:
		out.copyFixed(segs)
		return out, out.checkRange()
	case ShapeDict:
		return out, out.copyIndices(segs, z)
	case ShapeText:
		return out, out.copyText(segs)
	case ShapeList:
		if err := out.copyLists(segs); err != nil {
			return nil, err
		}
	}
	for i, kf := range ipc.ChildFields(f.Type) {
		k, err := Canonical(kf, ChildRuns(f, segs, i), z)
		if err != nil {
			if v, ok := errors.AsType[*ValueError](err); ok {
				v.Nested = true
			}
			return nil, fmt.Errorf("%s: %w", kf.Name, err)
		}
		out.Kids = append(out.Kids, k)
	}
	return out, nil
}

// copyValidity makes the bitmap. Blanks under a null are null where the field
// allows it.
func (c *Column) copyValidity(f arrow.Field, segs []Run) error {
	if f.Type.ID() == arrow.NULL {
		return nil
	}
	nulls, row := 0, 0
	for _, s := range segs {
		k := s.Len
		if s.Column != nil {
			k = s.Column.Nulls(s.From, s.Len)
		}
		if k > 0 && !f.Nullable && (s.Column != nil || s.MustBeNull) {
			return fmt.Errorf("row %d or later is null, but the column is declared to have no nulls", row)
		}
		nulls += k
		row += s.Len
	}
	if nulls == 0 || !f.Nullable {
		return nil
	}
	c.Valid = make([]byte, (c.Len+7)/8)
	row = 0
	for _, s := range segs {
		s.eachRun(func(_, n int, null bool) {
			if !null {
				SetBits(c.Valid, row, n)
			}
			row += n
		})
	}
	return nil
}

func (c *Column) copyFixed(segs []Run) {
	bits := BitWidth(c.Type)
	out := make([]byte, (int64(c.Len)*int64(bits)+7)/8)
	c.Buffers = [][]byte{out}
	row := 0
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			switch {
			case null:
			case bits == 1:
				copyBits(out, row, s.Column.Buffers[0], s.Column.Offset+from, n)
			case BitWidth(s.Column.Type) < bits:
				widen(out[row*bits/8:], bits/8, s.Column.Buffers[0], s.Column.Offset+from, n, BitWidth(s.Column.Type)/8)
			default:
				w := bits / 8
				copy(out[row*w:(row+n)*w], s.Column.Buffers[0][(s.Column.Offset+from)*w:])
			}
			row += n
		})
	}
}

func (c *Column) copyIndices(segs []Run, z *DictionaryMap) error {
	if c.Dictionary = z.Dictionary; c.Dictionary == nil {
		return fmt.Errorf("a dictionary column without its dictionary")
	}
	w := BitWidth(c.Type) / 8
	out := make([]byte, c.Len*w)
	c.Buffers = [][]byte{out}
	row := 0
	var last *Column
	var remap []int32
	var at Indices
	for _, s := range segs {
		if s.Column != nil && s.Column != last {
			last, remap, at = s.Column, z.Remap[s.Column.Dictionary], s.Column.Indices()
		}
		for i := s.From; i < s.From+s.Len; i, row = i+1, row+1 {
			if s.Column == nil || s.Column.IsNull(i) {
				continue
			}
			k := at.Index(i)
			if k < 0 || k >= int64(s.Column.Dictionary.Len) {
				return &ValueError{Row: int64(row), what: fmt.Sprintf("has the index %d in a dictionary of %d values", k, s.Column.Dictionary.Len)}
			}
			if remap != nil {
				k = int64(remap[k])
			}
			PutInt(out[row*w:], w, k)
		}
	}
	return nil
}

func (c *Column) copyLists(segs []Run) error {
	o := newOffsets(c.Type, c.Len)
	for _, s := range segs {
		s.eachRun(func(from, n int, null bool) {
			for i := from; i < from+n; i++ {
				if null {
					o.add(0)
					continue
				}
				a, b := s.Column.span(i)
				o.add(b - a)
			}
		})
	}
	c.Buffers = [][]byte{o.b}
	return o.err()
}

// Empty is a column of dt without values.
func Empty(dt arrow.DataType) *Column {
	c, err := Canonical(arrow.Field{Type: CanonicalType(dt), Nullable: true}, nil, &DictionaryMap{})
	if err != nil {
		return &Column{Type: arrow.Null}
	}
	return c
}
