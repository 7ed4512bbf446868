package column

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// Compactor gives a dictionary column a dictionary of only the values that it uses, in
// the order of their first use. Rows are shown to it first, all of them; then Map says how
// Canonical writes them. Not safe for concurrent use.
//
//	dictionary  0 "red"  1 "green"  2 "blue"      rows  2 2 null 0
//	compacted   0 "blue" 1 "red"                  rows  0 0 null 1
type Compactor struct {
	values arrow.Field // of the dictionary
	index  arrow.DataType
	used   []Run
	count  int32
	to     map[*Column][]int32 // old dictionary, old index: new index, -1 where unused
}

// NewCompactor is for a column of the dictionary type t.
func NewCompactor(name string, t *arrow.DictionaryType) *Compactor {
	return &Compactor{
		values: arrow.Field{Name: name, Type: t.ValueType, Nullable: true}, index: t.IndexType,
		to: map[*Column][]int32{},
	}
}

// Use takes rows and gives the dictionary values that none before them used. Kind: Invalid
// where an index lies outside its dictionary.
func (c *Compactor) Use(rows []Run) (fresh []Run, err error) {
	var last *Column
	var to []int32
	var at Indices
	nulls := false
	for _, r := range rows {
		if r.Column != last {
			last, to, at, nulls = r.Column, c.indices(r.Column.Dictionary), r.Column.Indices(), r.Column.hasNulls()
		}
		for i := r.From; i < r.From+r.Len; i++ {
			if nulls && r.Column.IsNull(i) {
				continue
			}
			k := at.Index(i)
			if k < 0 || k >= int64(len(to)) {
				return nil, ipc.Invalid("row %d: index %d in a dictionary of %d values", i, k, len(to))
			}
			if to[k] >= 0 {
				continue
			}
			to[k] = c.count
			c.count++
			fresh = AppendRun(fresh, Run{Column: r.Column.Dictionary, From: int(k), Len: 1})
		}
	}
	for _, r := range fresh {
		c.used = AppendRun(c.used, r)
	}
	return fresh, nil
}

// indices are the new indices of a dictionary's values as far as they are known.
func (c *Compactor) indices(dictionary *Column) []int32 {
	to, known := c.to[dictionary]
	if !known {
		to = make([]int32, dictionary.Len)
		for i := range to {
			to[i] = -1
		}
		c.to[dictionary] = to
	}
	return to
}

// Map makes the compacted dictionary, and says what the indices of the rows shown become.
// Kind: Invalid where the values used are more than the index type counts.
func (c *Compactor) Map() (*DictionaryMap, error) {
	if int64(c.count)-1 > MaxIndex(c.index) {
		return nil, ipc.Invalid("%d values are too many for the index type", c.count)
	}
	dictionary, err := Canonical(c.values, c.used, &DictionaryMap{})
	return &DictionaryMap{Dictionary: dictionary, Remap: c.to}, err
}
