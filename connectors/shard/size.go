package shard

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// Chosen are some rows of a batch's columns.
type Chosen struct {
	cols []*col
	rows []int32
}

// segs are rows from … from+n of column i, rows that follow each other in one.
func (c *Chosen) segs(i, from, n int) []seg {
	var out []seg
	for _, r := range c.rows[from : from+n] {
		out = push(out, seg{c: c.cols[i], from: int(r), n: 1})
	}
	return out
}

// nulls counts the nulls among rows of column i; flat is false where a value's place
// does not say whether it is null.
func (c *Chosen) nulls(i, from, n int) (nulls int, flat bool) {
	k := c.cols[i]
	if s := shapeOf(k.typ); s != shapeFixed && s != shapeText {
		return 0, false
	}
	if k.valid == nil {
		return 0, true
	}
	for _, r := range c.rows[from : from+n] {
		if k.isNull(int(r)) {
			nulls++
		}
	}
	return nulls, true
}

// Sizes adds up, row by row, what a canonical batch of them takes, without making
// it. Not safe for concurrent use.
type Sizes struct {
	fields []arrow.Field
	cols   []*tally
	known  map[arrow.ArrayData]*col // dictionaries, which batches share
}

// NewSizes is a batch without rows of the fields.
func NewSizes(fields []arrow.Field) *Sizes {
	s := &Sizes{fields: fields, known: map[arrow.ArrayData]*col{}}
	s.Reset()
	return s
}

// Choose takes rows, ascending, of columns. Kind: Invalid.
func (s *Sizes) Choose(columns []arrow.Array, rows []int32) (*Chosen, error) {
	c := &Chosen{rows: rows}
	for i, a := range columns {
		k, err := fromArrow(a.Data(), s.known)
		if err != nil {
			return nil, invalid("column %q: %w", s.fields[i].Name, err)
		}
		c.cols = append(c.cols, k)
	}
	return c, nil
}

// Reset forgets all rows.
func (s *Sizes) Reset() {
	s.cols = make([]*tally, len(s.fields))
	for i, f := range s.fields {
		s.cols[i] = newTally(f)
	}
}

// Add adds the first of n chosen rows, counted from from, that leave the body within
// limit bytes, and gives how many they are. Where a column was edited into a type of
// fixed width the one it was made of will do. Kind: Invalid.
func (s *Sizes) Add(c *Chosen, from, n int, limit int64) (int, error) {
	with, err := s.with(c, from, n)
	if err != nil {
		return 0, err
	}
	if total(with) > limit {
		lo, hi := 0, n // lo fits, hi does not
		for hi-lo > 1 {
			mid := lo + (hi-lo)/2
			if with, err = s.with(c, from, mid); err != nil {
				return 0, err
			}
			if total(with) <= limit {
				lo = mid
			} else {
				hi = mid
			}
		}
		if n = lo; n == 0 {
			return 0, nil
		}
		if with, err = s.with(c, from, n); err != nil {
			return 0, err
		}
	}
	for i, t := range with {
		if t.values == nil {
			continue
		}
		if err := t.use(c.segs(i, from, n)); err != nil {
			return 0, invalid("column %q: %w", s.fields[i].Name, err)
		}
	}
	s.cols = with
	return n, nil
}

// with is what the columns come to with n rows more; of dictionaries their indices.
func (s *Sizes) with(c *Chosen, from, n int) ([]*tally, error) {
	out := make([]*tally, len(s.cols))
	for i, t := range s.cols {
		out[i] = t.clone()
		if nulls, flat := c.nulls(i, from, n); flat && shapeOf(t.field.Type) == shapeFixed {
			out[i].n, out[i].nulls = t.n+int64(n), t.nulls+int64(nulls)
			continue
		}
		if err := out[i].add(c.segs(i, from, n)); err != nil {
			return nil, invalid("column %q: %w", s.fields[i].Name, err)
		}
	}
	return out, nil
}

func total(cols []*tally) (n int64) {
	for _, t := range cols {
		n += t.bytes()
	}
	return n
}

// Columns gives the bytes of each column in the batch's body.
func (s *Sizes) Columns() []int64 {
	out := make([]int64, len(s.cols))
	for i, t := range s.cols {
		out[i] = t.bytes()
	}
	return out
}

// Body is the bytes of the batch's body.
func (s *Sizes) Body() int64 { return total(s.cols) }

// Dictionaries gives the bytes of the message of each dictionary that holds only the
// values in use, in the order of the columns.
func (s *Sizes) Dictionaries() []int64 {
	var out []int64
	for _, t := range s.cols {
		if t.values == nil {
			continue
		}
		_, bufs := emptyColumn(t.values.field.Type).layout(nil, nil)
		meta := dictionaryMeta(1, 1, make([]NodeRef, 1), make([]BufferRef, len(bufs)), 1)
		out = append(out, int64(len(meta))+t.values.bytes())
	}
	return out
}

// tally counts what measure measures, so that more can be added.
type tally struct {
	field          arrow.Field
	n, nulls, text int64 // values, nulls among them, bytes of text
	kids           []*tally
	values         *tally // of the dictionary's values in use
	used           map[*col][]bool
}

func newTally(f arrow.Field) *tally {
	t := &tally{field: f}
	if d, ok := f.Type.(*arrow.DictionaryType); ok {
		t.used = map[*col][]bool{}
		t.values = newTally(arrow.Field{Name: f.Name, Type: d.ValueType, Nullable: true})
		return t
	}
	for _, k := range kidFields(f.Type) {
		t.kids = append(t.kids, newTally(k))
	}
	return t
}

// clone shares the dictionary: its values are counted when rows are added for good.
func (t *tally) clone() *tally {
	c := *t
	c.kids = nil
	for _, k := range t.kids {
		c.kids = append(c.kids, k.clone())
	}
	return &c
}

func (t *tally) add(segs []seg) error {
	segs, err := writeOut(t.field, segs)
	if err != nil {
		return err
	}
	for _, s := range segs {
		t.n += int64(s.n)
		if s.c == nil {
			t.nulls += int64(s.n)
		} else {
			t.nulls += int64(s.c.nulls(s.from, s.n))
		}
	}
	if shapeOf(t.field.Type) == shapeText {
		t.text += textBytes(segs)
	}
	for i, k := range t.kids {
		if err := k.add(kidSegs(t.field, segs, i)); err != nil {
			return fmt.Errorf("%s: %w", k.field.Name, err)
		}
	}
	return nil
}

// use counts the dictionary values that were not used before.
func (t *tally) use(segs []seg) error {
	var fresh []seg
	for _, s := range segs {
		used := t.used[s.c.dict]
		if used == nil {
			used = make([]bool, s.c.dict.n)
			t.used[s.c.dict] = used
		}
		for i := s.from; i < s.from+s.n; i++ {
			if s.c.isNull(i) {
				continue
			}
			k := s.c.index(i)
			if k < 0 || k >= int64(len(used)) {
				return fmt.Errorf("row %d: index %d in a dictionary of %d values", i, k, len(used))
			}
			if !used[k] {
				used[k] = true
				fresh = push(fresh, seg{c: s.c.dict, from: int(k), n: 1})
			}
		}
	}
	return t.values.add(fresh)
}

// bytes is what canon's buffers take in a body.
func (t *tally) bytes() (size int64) {
	if t.field.Type.ID() == arrow.NULL {
		return 0
	}
	if t.nulls > 0 && t.field.Nullable {
		size = padded((t.n + 7) / 8)
	}
	switch shapeOf(t.field.Type) {
	case shapeFixed, shapeDict:
		return size + padded((t.n*int64(bitWidth(t.field.Type))+7)/8)
	case shapeText:
		return size + padded((t.n+1)*int64(offsetWidth(t.field.Type))) + padded(t.text)
	case shapeList:
		size += padded((t.n + 1) * int64(offsetWidth(t.field.Type)))
	}
	for _, k := range t.kids {
		size += k.bytes()
	}
	return size
}
