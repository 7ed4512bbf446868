package batch

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// Selection are some rows of a batch's columns.
type Selection struct {
	cols []*column.Column
	rows []int32
}

// runs are rows from to from+n of column i, rows that follow each other in one.
func (c *Selection) runs(i, from, n int) []column.Run {
	var out []column.Run
	for _, r := range c.rows[from : from+n] {
		out = column.AppendRun(out, column.Run{Column: c.cols[i], From: int(r), Len: 1})
	}
	return out
}

// nulls counts the nulls among rows of column i; flat is false where a value's place
// does not say whether it is null.
func (c *Selection) nulls(i, from, n int) (nulls int, flat bool) {
	k := c.cols[i]
	if s := column.ShapeOf(k.Type); s != column.ShapeFixed && s != column.ShapeText {
		return 0, false
	}
	if k.Valid == nil {
		return 0, true
	}
	for _, r := range c.rows[from : from+n] {
		if k.IsNull(int(r)) {
			nulls++
		}
	}
	return nulls, true
}

// Sizes adds up, row by row, what a canonical batch of them takes, without making
// it. Not safe for concurrent use.
type Sizes struct {
	fields []arrow.Field
	cols   []*sizeCounter
	known  map[arrow.ArrayData]*column.Column // dictionaries, which batches share
}

// NewSizes is a batch without rows of the fields.
func NewSizes(fields []arrow.Field) *Sizes {
	s := &Sizes{fields: fields, known: map[arrow.ArrayData]*column.Column{}}
	s.Reset()
	return s
}

// Select takes rows, ascending, of columns. Kind: Invalid.
func (s *Sizes) Select(columns []arrow.Array, rows []int32) (*Selection, error) {
	c := &Selection{rows: rows}
	for i, a := range columns {
		k, err := column.FromArrow(a.Data(), s.known)
		if err != nil {
			return nil, ipc.Invalid("column %q: %w", s.fields[i].Name, err)
		}
		c.cols = append(c.cols, k)
	}
	return c, nil
}

// Reset forgets all rows.
func (s *Sizes) Reset() {
	s.cols = make([]*sizeCounter, len(s.fields))
	for i, f := range s.fields {
		s.cols[i] = newSizeCounter(f)
	}
}

// Add adds the first of n chosen rows, counted from from, that leave the body within
// limit bytes, and gives how many they are. Where a column was edited into a type of
// fixed width the one it was made of will do. Kind: Invalid.
func (s *Sizes) Add(c *Selection, from, n int, limit int64) (int, error) {
	with, err := s.with(c, from, n)
	if err != nil {
		return 0, err
	}
	if total(with) > limit {
		// Sizes grow with the rows, so halving finds the most that fit: of 1000 rows, of which
		// 300 fit, in ten steps.
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
		if err := t.use(c.runs(i, from, n)); err != nil {
			return 0, ipc.Invalid("column %q: %w", s.fields[i].Name, err)
		}
	}
	s.cols = with
	return n, nil
}

// with is what the columns come to with n rows more; of dictionaries their indices.
func (s *Sizes) with(c *Selection, from, n int) ([]*sizeCounter, error) {
	out := make([]*sizeCounter, len(s.cols))
	for i, t := range s.cols {
		out[i] = t.clone()
		if nulls, flat := c.nulls(i, from, n); flat && column.ShapeOf(t.field.Type) == column.ShapeFixed {
			out[i].n, out[i].nulls = t.n+int64(n), t.nulls+int64(nulls)
			continue
		}
		if err := out[i].add(c.runs(i, from, n)); err != nil {
			return nil, ipc.Invalid("column %q: %w", s.fields[i].Name, err)
		}
	}
	return out, nil
}

// total is the bytes of a body of these columns.
func total(cols []*sizeCounter) (n int64) {
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
		_, bufs := column.Empty(t.values.field.Type).Layout(nil, nil)
		meta := ipc.DictionaryMeta(1, 1, make([]ipc.NodeRef, 1), make([]ipc.BufferRef, len(bufs)), 1)
		out = append(out, int64(len(meta))+t.values.bytes())
	}
	return out
}

// sizeCounter counts what column.Measure measures, so that more can be added: values, nulls
// and bytes of text add up, and the bytes of a body follow from these sums alone.
type sizeCounter struct {
	field          arrow.Field
	n, nulls, text int64 // values, nulls among them, bytes of text
	kids           []*sizeCounter
	values         *sizeCounter // of the dictionary's values in use
	used           *column.Compactor
}

func newSizeCounter(f arrow.Field) *sizeCounter {
	t := &sizeCounter{field: f}
	if d, ok := f.Type.(*arrow.DictionaryType); ok {
		t.used = column.NewCompactor(f.Name, d)
		t.values = newSizeCounter(arrow.Field{Name: f.Name, Type: d.ValueType, Nullable: true})
		return t
	}
	for _, k := range ipc.ChildFields(f.Type) {
		t.kids = append(t.kids, newSizeCounter(k))
	}
	return t
}

// clone shares the dictionary: its values are counted when rows are added for good.
func (t *sizeCounter) clone() *sizeCounter {
	c := *t
	c.kids = nil
	for _, k := range t.kids {
		c.kids = append(c.kids, k.clone())
	}
	return &c
}

// add counts more values; of a dictionary column their indices alone.
func (t *sizeCounter) add(runs []column.Run) error {
	runs, err := column.Decode(t.field, runs)
	if err != nil {
		return err
	}
	for _, s := range runs {
		t.n += int64(s.Len)
		if s.Column == nil {
			t.nulls += int64(s.Len)
		} else {
			t.nulls += int64(s.Column.Nulls(s.From, s.Len))
		}
	}
	if column.ShapeOf(t.field.Type) == column.ShapeText {
		t.text += column.TextBytes(runs)
	}
	for i, k := range t.kids {
		if err := k.add(column.ChildRuns(t.field, runs, i)); err != nil {
			return fmt.Errorf("%s: %w", k.field.Name, err)
		}
	}
	return nil
}

// use counts the dictionary values that were not used before.
func (t *sizeCounter) use(runs []column.Run) error {
	fresh, err := t.used.Use(runs)
	if err != nil {
		return err
	}
	return t.values.add(fresh)
}

// bytes is what the buffers of the canonical column take in a body, padding included.
func (t *sizeCounter) bytes() (size int64) {
	if t.field.Type.ID() == arrow.NULL {
		return 0
	}
	if t.nulls > 0 && t.field.Nullable {
		size = ipc.Padded((t.n + 7) / 8)
	}
	switch column.ShapeOf(t.field.Type) {
	case column.ShapeFixed, column.ShapeDict:
		return size + ipc.Padded((t.n*int64(column.BitWidth(t.field.Type))+7)/8)
	case column.ShapeText:
		return size + ipc.Padded((t.n+1)*int64(column.OffsetWidth(t.field.Type))) + ipc.Padded(t.text)
	case column.ShapeList:
		size += ipc.Padded((t.n + 1) * int64(column.OffsetWidth(t.field.Type)))
	}
	for _, k := range t.kids {
		size += k.bytes()
	}
	return size
}
