package batch

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// Take is Collect of single rows of one record, in any order: the same bytes, without a Part for
// each row. Errors are those of Collect.
func Take(rec arrow.Record, rows []int32, how Gathering) (g *Gathered, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ipc.Invalid("the rows cannot be taken: %v", p)
		}
	}()
	if len(rows) == 0 {
		return nil, ipc.Invalid("no rows to take")
	}
	for _, r := range rows {
		if r < 0 || int64(r) >= rec.NumRows() {
			return nil, ipc.Invalid("row %d of a record of %d rows", r, rec.NumRows())
		}
	}
	g = newGathered(rec, how)
	g.rows = int64(len(rows))
	known := map[arrow.ArrayData]*column.Column{}
	var runs []column.Run // for the columns whose layout needs them
	return g, g.columns(rec.Schema(), how, known, func(i int, f arrow.Field, in *column.Space) (*column.Column, error) {
		c, err := column.FromArrow(rec.Column(i).Data(), known)
		if err != nil {
			return nil, err
		}
		if taken := in.Take(f, c, rows); taken != nil {
			return taken, nil
		}
		if runs == nil {
			for _, r := range rows {
				runs = column.AppendRun(runs, column.Run{Column: c, From: int(r), Len: 1})
			}
		}
		for k := range runs {
			runs[k].Column = c
		}
		return takeColumn(f, runs, how.Compact, in)
	})
}
