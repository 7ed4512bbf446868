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
package csv
