package column

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// Unify joins dictionaries in order; values of the first keep their places, so that its
// indices stay as they are. remap says what those of the others become. dict is nil where
// the whole is too large for a message.
//
//	["a" "b"] and ["c" "b"]  give  ["a" "b" "c"], and for the second  0 → 2, 1 → 1
func Unify(f arrow.Field, all []*Column) (dict *Column, remap map[*Column][]int32, err error) {
	if len(all) == 0 {
		return Empty(f.Type), nil, nil
	}
	runs := []Run{{Column: all[0], Len: all[0].Len}}
	if len(all) > 1 {
		remap = map[*Column][]int32{}
		next, places := int32(all[0].Len), map[string]int32{}
		for i := range all[0].Len {
			if k := ValueKey(all[0], i); i == 0 || places[k] == 0 {
				places[k] = int32(i) + 1
			}
		}
		for _, d := range all[1:] {
			to := make([]int32, d.Len)
			for i := range to {
				k := ValueKey(d, i)
				if places[k] == 0 {
					next++
					places[k] = next
					runs = AppendRun(runs, Run{Column: d, From: i, Len: 1})
				}
				to[i] = places[k] - 1
			}
			remap[d] = to
		}
	}
	size, err := Measure(f, runs)
	if err != nil || size > MaxBody-1024 {
		return nil, nil, err
	}
	dict, err = Canonical(f, runs, &DictionaryMap{})
	return dict, remap, err
}

// ValueKey is value i of a flat column as a map key: equal keys are equal values.
func ValueKey(c *Column, i int) string {
	if c.IsNull(i) {
		return "null"
	}
	if s := ShapeOf(c.Type); s == ShapeText || s == ShapeView {
		return "v" + string(c.Bytes(i))
	}
	w := BitWidth(c.Type)
	if w == 1 {
		return fmt.Sprint(BitAt(c.Buffers[0], c.Offset+i))
	}
	return "v" + string(c.Buffers[0][(c.Offset+i)*w/8:(c.Offset+i+1)*w/8])
}

// MaxIndex is the greatest index of an index type that is used: a dictionary fits one message,
// so it has fewer than 2³¹ values.
func MaxIndex(dt arrow.DataType) int64 {
	switch dt.ID() {
	case arrow.INT8:
		return math.MaxInt8
	case arrow.UINT8:
		return math.MaxUint8
	case arrow.INT16:
		return math.MaxInt16
	case arrow.UINT16:
		return math.MaxUint16
	}
	return math.MaxInt32
}

// isDecodable says whether a dictionary column becomes plain values of whole bytes: what
// pseudonyms and coarser dates are. Nulls where the field has none are Canonical's to refuse.
func isDecodable(f arrow.Field, c *Column) bool {
	return c.Dictionary != nil && ShapeOf(f.Type) == ShapeFixed && BitWidth(f.Type)%8 == 0 && arrow.TypeEqual(f.Type, c.Dictionary.Type) &&
		(f.Nullable || !c.hasNulls() && !c.Dictionary.hasNulls())
}

// decodeDictionary is Canonical for such a column, without a run for each row.
func (s *Space) decodeDictionary(f arrow.Field, c *Column) (*Column, error) {
	w, at := BitWidth(f.Type)/8, c.Indices()
	null := func(i int) bool { return false }
	out := &Column{Type: f.Type, Len: c.Len}
	if c.hasNulls() || c.Dictionary.hasNulls() {
		null = func(i int) bool {
			k := at.Index(i)
			return c.IsNull(i) || k >= 0 && k < int64(c.Dictionary.Len) && c.Dictionary.IsNull(int(k))
		}
		out.Valid = s.validity(c.Len, null)
	}
	values := c.Dictionary.Buffers[0][c.Dictionary.Offset*w:]
	data := s.zeros(c.Len * w)
	for i := range c.Len {
		if out.Valid != nil && null(i) {
			continue
		}
		k := at.Index(i)
		if k < 0 || k >= int64(c.Dictionary.Len) {
			return nil, ipc.Invalid("row %d: index %d in a dictionary of %d values", i, k, c.Dictionary.Len)
		}
		copy(data[i*w:(i+1)*w], values[int(k)*w:])
	}
	out.Buffers = [][]byte{data}
	return out, nil
}

// validity makes the bitmap of n values; nil where none is null.
func (s *Space) validity(n int, null func(i int) bool) []byte {
	var valid []byte
	for i := range n {
		switch {
		case !null(i):
			if valid != nil {
				valid[i>>3] |= 1 << (i & 7)
			}
		case valid == nil:
			valid = s.zeros((n + 7) / 8)
			SetBits(valid, 0, i)
		}
	}
	return valid
}
