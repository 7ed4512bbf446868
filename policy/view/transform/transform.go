// Package transform changes columns and picks rows as obligations demand.
//
// In: decoded arrow arrays and records, duties. Out: new arrays, the rows that
// stay. Always: null stays null; equal values give equal results; a type that a
// duty cannot be carried out on is an error when the view is made, never a value
// that passes unchanged. It must not know stores, messages or callers.
//
// What becomes of values:
//
//	pseudonymise       "Ada"  "Bob"  null  "Ada"   ▶  3f1c…  9a07…  null  3f1c…   16 bytes each
//	generalise 10       19     -1    null   20     ▶  10     -10    null  20
//	generalise first:2 "Ada"  "Žan"  null   "a"    ▶  "Ad"   "Ža"   null  "a"
//	generalise month    2026-02-28   null          ▶  2026-02-01    null
//	filter n gteq 20    19     20    null   21     ▶  rows 1 and 3 stay
package transform

import "github.com/apache/arrow/go/v17/arrow"

// Column changes one column.
type Column interface {
	Type() arrow.DataType                     // of the result
	Most() int64                              // bytes of the longest value that Apply can make
	Apply(a arrow.Array) (arrow.Array, error) // same length, nulls where they were
}
