package batch

import "guichet/connectors/column"

// Rows is some rows of a source as columns in the order of its fields.
type Rows struct {
	Columns []*column.Column
	Skip    int // values before the batch's first row in each column
	Len     int
	Where   string // for errors: "batch 3", "row group 0", "line 17"
}
