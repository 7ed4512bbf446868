// Package parquet reads one Parquet file. arrow-go v18 takes the pages apart; what the
// values mean, and how they become columns, is decided here.
//
// In flows a whole file; out flow rows as columns of v17's types, and notes of what each
// column became.
//
// What always holds: every value has its level, lists add up, checksums hold, a single
// page or row is bounded; an error names column, row group and row.
//
// What it must not know: where the file lies, Arrow messages, processes. The library's
// decoders panic on some corrupt pages: it runs in the child of connectors/sandbox only.
package parquet
