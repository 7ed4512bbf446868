package column

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// DictionaryMap says what a dictionary column's indices become, where dictionaries were
// joined or compacted. A dictionary that is not in Remap keeps its indices.
type DictionaryMap struct {
	Remap      map[*Column][]int32 // old dictionary, old index: new index
	Dictionary *Column             // what the column gets as its dictionary
}

// Canonical copies runs into one canonical column of field f: no bitmap where
// nothing is null, null slots and padding bits zero, offsets from 0, no byte
// that no value refers to. It checks what Check left: UTF-8, dictionary indices, nulls
// where f has none, values outside their type. Errors name the row, counted from the first
// of runs.
func Canonical(f arrow.Field, runs []Run, m *DictionaryMap) (*Column, error) {
	return (*Space)(nil).Canonical(f, runs, m)
}

// Canonical makes a column in the space, buffer after buffer in Layout's order.
func (s *Space) Canonical(f arrow.Field, runs []Run, m *DictionaryMap) (*Column, error) {
	runs, err := Decode(f, runs)
	if err != nil {
		return nil, err
	}
	out := &Column{Type: f.Type, Len: length(runs)}
	if err := out.copyValidity(f, runs, s); err != nil {
		return nil, err
	}
	switch ShapeOf(f.Type) {
	case ShapeNull:
		return out, nil
	case ShapeFixed:
		out.copyFixed(runs, s)
		return out, out.checkRange()
	case ShapeDict:
		return out, out.copyIndices(runs, m, s)
	case ShapeText:
		return out, out.copyText(runs, s)
	case ShapeList:
		if err := out.copyLists(runs, s); err != nil {
			return nil, err
		}
	}
	for i, kf := range ipc.ChildFields(f.Type) {
		k, err := s.Canonical(kf, ChildRuns(f, runs, i), m)
		if err != nil {
			if v, ok := errors.AsType[*ValueError](err); ok {
				v.Nested = true // its row counts the child's values, which are no rows of the table
			}
			return nil, fmt.Errorf("%s: %w", kf.Name, err)
		}
		out.Kids = append(out.Kids, k)
	}
	return out, nil
}

// copyValidity makes the bitmap; none where nothing is null. Blanks under a null of the
// parent are null where the field allows it, and zero where it does not: nobody asked for
// them, so they contradict nothing.
func (c *Column) copyValidity(f arrow.Field, runs []Run, in *Space) error {
	if f.Type.ID() == arrow.NULL || !mayBeNull(runs) {
		return nil
	}
	nulls, row := 0, 0
	for _, r := range runs {
		k := r.Len
		if r.Column != nil {
			k = r.Column.Nulls(r.From, r.Len)
		}
		if k > 0 && !f.Nullable && (r.Column != nil || r.MustBeNull) {
			return fmt.Errorf("row %d or later is null, but the column is declared to have no nulls", row)
		}
		nulls += k
		row += r.Len
	}
	if nulls == 0 || !f.Nullable {
		return nil
	}
	c.Valid = in.zeros((c.Len + 7) / 8)
	row = 0
	for _, r := range runs {
		switch {
		case r.Column == nil || r.Column.Type.ID() == arrow.NULL:
		case r.Column.Valid == nil:
			SetBits(c.Valid, row, r.Len)
		default:
			copyBits(c.Valid, row, r.Column.Valid, r.Column.Offset+r.From, r.Len)
		}
		row += r.Len
	}
	return nil
}

// copyFixed copies values of some bits each. What is null is not copied: it stays zero, so
// that two columns which differ only under their nulls become equal.
func (c *Column) copyFixed(runs []Run, in *Space) {
	bits := BitWidth(c.Type)
	narrower := func(k *Column) bool { return BitWidth(k.Type) != bits }
	if bits%8 == 0 && !mayBeNull(runs) && !anyColumn(runs, narrower) {
		c.copyDense(runs, in)
		return
	}
	out := in.zeros(int((int64(c.Len)*int64(bits) + 7) / 8))
	c.Buffers = [][]byte{out}
	row := 0
	for _, r := range runs {
		r.eachRun(func(from, n int, null bool) {
			switch {
			case null:
			case bits == 1:
				copyBits(out, row, r.Column.Buffers[0], r.Column.Offset+from, n)
			case BitWidth(r.Column.Type) < bits:
				widen(out[row*bits/8:], bits/8, r.Column.Buffers[0], r.Column.Offset+from, n, BitWidth(r.Column.Type)/8)
			default:
				w := bits / 8
				copy(out[row*w:(row+n)*w], r.Column.Buffers[0][(r.Column.Offset+from)*w:])
			}
			row += n
		})
	}
}

// copyDense copies values of whole bytes, none of which is null.
func (c *Column) copyDense(runs []Run, in *Space) {
	w := BitWidth(c.Type) / 8
	out, at := in.Bytes(c.Len*w), 0
	c.Buffers = [][]byte{out}
	for i := range runs {
		r := &runs[i]
		from := (r.Column.Offset + r.From) * w
		at += copy(out[at:], r.Column.Buffers[0][from:from+r.Len*w])
	}
}

// copyIndices copies the indices of a dictionary column, each as m maps it.
func (c *Column) copyIndices(runs []Run, m *DictionaryMap, in *Space) error {
	if c.Dictionary = m.Dictionary; c.Dictionary == nil {
		return fmt.Errorf("a dictionary column without its dictionary")
	}
	w := BitWidth(c.Type) / 8
	take := in.Bytes
	if mayBeNull(runs) {
		take = in.zeros
	}
	out := take(c.Len * w)
	c.Buffers = [][]byte{out}
	row := 0
	var last *Column
	var remap []int32
	var at Indices
	nulls := false
	for _, r := range runs {
		if r.Column != nil && r.Column != last {
			last, remap, at, nulls = r.Column, m.Remap[r.Column.Dictionary], r.Column.Indices(), r.Column.hasNulls()
		}
		for i := r.From; i < r.From+r.Len; i, row = i+1, row+1 {
			if r.Column == nil || nulls && r.Column.IsNull(i) {
				continue
			}
			k := at.Index(i)
			if k < 0 || k >= int64(r.Column.Dictionary.Len) {
				return &ValueError{Row: int64(row), what: fmt.Sprintf("has the index %d in a dictionary of %d values", k, r.Column.Dictionary.Len)}
			}
			if remap != nil {
				k = int64(remap[k])
			}
			PutInt(out[row*w:], w, k)
		}
	}
	return nil
}

// copyLists makes offsets from the lengths of the lists; their values are the part of
// ChildRuns. A null list has the length 0, whatever its offsets say.
func (c *Column) copyLists(runs []Run, in *Space) error {
	o := in.newOffsets(c.Type, c.Len)
	for _, r := range runs {
		if r.Column != nil && r.Column.Valid == nil && ShapeOf(r.Column.Type) == ShapeList {
			o.addSpans(r.Column, r.From, r.Len)
			continue
		}
		r.eachRun(func(from, n int, null bool) {
			for i := from; i < from+n; i++ {
				if null {
					o.add(0)
					continue
				}
				a, b := r.Column.span(i)
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
