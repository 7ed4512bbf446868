// Package column holds one column of a table as checked buffers, and knows its canonical
// form: equal values give equal bytes.
//
// In flow buffers of a message or arrays of Arrow's; out flow canonical columns, as
// buffers or as arrays that share their bytes.
//
// What always holds: after Check no access to a column leaves its buffers; a canonical
// column has no bitmap where nothing is null, zeros under nulls and in padding bits,
// offsets from 0, and no byte that no value refers to.
//
// What it must not know: messages, files, users.
//
// # The bytes
//
// A column of the texts "ab", null, "c" may come like this, as rows 1 to 3 of a longer
// array, with a text left under the null:
//
//	Offset 1, Len 3        row:     0   1   2   3   4
//	Valid      bits, lowest first   1   1   0   1   1
//	Buffers[0] offsets, int32     0   2   4   6   7   8
//	Buffers[1] data              "zz" "ab" "??" "c" "d"
//
// and its canonical form is always this:
//
//	Offset 0, Len 3        row:     0   1   2
//	Valid      one byte, 0b101      1   0   1          bits beyond the rows are 0
//	Buffers[0] offsets, int32     0   2   2   3        a null takes no bytes
//	Buffers[1] data              "ab"     "c"          nothing that no row refers to
//
// Nested columns have Kids: a list one, with offsets of its own; a struct one for each
// member, counted like its rows. A dictionary column has indices, and its values are a
// column of their own.
//
// # A worked example
//
// Rows are never moved one by one. What a new column is made of is said first, as runs of
// other columns, which can be measured and cut without a copy; Canonical copies them once:
//
//	words, _ := column.FromArrow(array.Data(), known)        // "zz" "ab" null "c" "d"
//	runs := column.AppendRun(nil, column.Run{Column: words, From: 1, Len: 3})
//	bytes, _ := column.Measure(field, runs)                  // 1 + 4·4 + 3
//	c, err := column.Canonical(field, runs, &column.DictionaryMap{})
package column
