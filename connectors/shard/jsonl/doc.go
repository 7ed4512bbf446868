// Package jsonl reads one file of JSON lines: an object on each, packed with gzip or not.
//
// In flow the bytes of a file and what other files of its table have shown; out flow rows as
// columns, and what this file has shown.
//
// What always holds: a type follows from all values of all rows, and a value reads back as it was
// written: numbers that a column would round, whole numbers beyond 64 bits, names that are given
// twice and bytes that are not UTF-8 are faults with their line, never read as something else.
// A line has at most 64 MiB, its values lie at most 32 deep, and memory does not grow with the file.
//
// What it must not know: where the file lies, Arrow messages, processes. It runs in the child of
// connectors/sandbox.
//
// # A worked example
//
// The file is read twice. The first time each value widens the shape of its place:
//
//	{"id":1,"at":"2026-01-02T03:04:05Z","tags":["a"]}
//	{"id":2.5,"at":null,"tags":[]}
//
//	id     a whole number, then one with a point     float64
//	at     text, all of it RFC 3339 in UTC           timestamp[s, UTC]
//	tags   lists of text                             list<string>
//
// The shape is plain data (Shape) and is joined with that of the table's other files before
// types are settled. The second time values are put down. A member that is left out is null.
package jsonl
