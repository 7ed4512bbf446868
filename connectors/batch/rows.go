package batch

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// Rows is some rows of a source as columns in the order of its fields.
type Rows struct {
	Columns []*column.Column
	Skip    int // values before the batch's first row in each column
	Len     int
	Where   string // for errors: "batch 3", "row group 0", "line 17"
}

// RowsOf takes a record of Arrow's as rows of a source. Errors: Invalid, with the column.
func RowsOf(rec arrow.Record) (Rows, error) {
	b := Rows{Len: int(rec.NumRows())}
	known := map[arrow.ArrayData]*column.Column{}
	for i, a := range rec.Columns() {
		c, err := column.FromArrow(a.Data(), known)
		if err != nil {
			return b, ipc.Invalid("column %q: %w", rec.ColumnName(i), err)
		}
		b.Columns = append(b.Columns, c)
	}
	return b, nil
}
