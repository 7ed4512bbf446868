package plan

import (
	"slices"

	"guichet/policy/view"
	"guichet/schemas"
)

// RowIndex is the manifest of a filtering view: shards without a row that stays are not in
// it, the others have batches of the view's own, cut where the table's windows end as
// those of every shard, and counted in rows and bytes of what is shown. So nothing that
// the view hides shows in it but where the rows come from [decisions.md 11].
type RowIndex struct {
	Format int             `json:"format"`
	Shards []RowIndexShard `json:"shards"`
}

// RowIndexFormat is that of the indexes that are written now; others are made anew.
const RowIndexFormat = 2

// RowIndexShard is what stays of one shard.
type RowIndexShard struct {
	Shard   int        `json:"shard"` // its place among the split's
	Batches []RowBatch `json:"batches"`
}

// RowBatch is one batch of a filtering view.
type RowBatch struct {
	Rows         int64   `json:"r"`
	Columns      []int64 `json:"c"`           // bytes of each shown column in the body; of all together where they are many
	Dictionaries []int64 `json:"d,omitempty"` // bytes of each dictionary's message
	Takes        []Take  `json:"t"`
}

// MaxSizedColumns is the most columns that an index sizes apart, so that a batch takes less
// than 1 KB of it.
const MaxSizedColumns = 100

// Take is where a batch's rows come from: Rows of those that stay in a batch of the
// shard, after Skip that went to the batch before.
type Take struct {
	Batch int   `json:"b"`
	Skip  int64 `json:"s,omitempty"`
	Rows  int64 `json:"r"`
}

// Fits says whether every place that the index names is one of the split's, and the
// sizes are those of the view's columns.
func (ix *RowIndex) Fits(s *schemas.Split, v *view.View) bool {
	sizes, last := len(v.Columns), -1
	if sizes > MaxSizedColumns {
		sizes = 1
	}
	for _, sh := range ix.Shards {
		if sh.Shard <= last || sh.Shard >= len(s.Shards) || len(sh.Batches) == 0 {
			return false
		}
		last = sh.Shard
		for _, b := range sh.Batches {
			if len(b.Columns) != sizes || len(b.Dictionaries) != len(v.Dictionaries) || !b.within(&s.Shards[sh.Shard]) {
				return false
			}
		}
	}
	return true
}

// maxSized is far above the bytes of any column or dictionary of a batch.
const maxSized = 4 << 30

// within says whether a batch takes its rows from a shard.
func (b *RowBatch) within(sh *schemas.Shard) bool {
	var rows int64
	for _, t := range b.Takes {
		if t.Batch < 0 || t.Batch >= len(sh.Batches) || t.Skip < 0 || t.Rows < 1 || t.Rows > sh.Batches[t.Batch].Rows-t.Skip {
			return false
		}
		rows += t.Rows
	}
	return b.Rows == rows && rows > 0 &&
		!slices.ContainsFunc(slices.Concat(b.Columns, b.Dictionaries), func(n int64) bool { return n < 0 || n > maxSized })
}

// Weight is about the bytes that an index takes in memory.
func (ix *RowIndex) Weight() int64 {
	n := int64(1024)
	for _, sh := range ix.Shards {
		for _, b := range sh.Batches {
			n += 96 + 8*int64(len(b.Columns)+len(b.Dictionaries)) + 24*int64(len(b.Takes))
		}
	}
	return n
}
