// Package csv reads one CSV file: its encoding, dialect and types, then its rows.
//
// In flow the whole text of a file, what is declared of it and what other files of its
// table have shown; out flow rows as columns, and what this file has shown.
//
// What always holds: nothing is guessed from single values: types follow from all rows of
// a table, and values that would not read back as written stay text; an error names line
// and column.
//
// What it must not know: where the file lies, Arrow messages, processes. It runs in the
// child of connectors/sandbox.
//
// # A worked example
//
// The file is read twice. The first time each value rules out what its column cannot be:
//
//	id,price,day          id                  price                   day
//	1,2.5,2024-02-29      not a date          no int, no date         no number
//	2,1.204,2024-03-01                        (a point that three
//	                                          digits follow)
//	so they are           int64               float64: 2.5 tells      date32
//	                                          what its points mean
//
// and what it has shown (Seen) is joined with what the table's other files have, before a
// type is settled: a table has one type for a column, whatever each file would have alone.
// The second time values are put down:
//
//	s, err := csv.Open(ctx, data, csv.Options{Name: "prices.csv"}, nil)
//	err = s.Each(ctx, func(rows batch.Rows) error { … })
package csv
