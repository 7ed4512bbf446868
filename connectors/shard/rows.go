package shard

// batch is some rows of a source as columns in the order of its fields.
type batch struct {
	cols  []*col
	skip  int // values before the batch's first row in each column
	rows  int
	where string // for errors: "batch 3", "row group 0", "line 17"
}
