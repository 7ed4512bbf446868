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
//
// # The bytes
//
// A file has row groups; a row group has one chunk of pages for each leaf of the schema, and
// a page has levels and values. An optional list of optional numbers has one leaf. Its
// definition level says how far the value is there, its repetition level where a row begins:
//
//	rows     [7, null]        null     []       [8]
//	rep       0  1             0        0        0         0: a new row begins
//	def       3  2             0        1        3         3: there · 2: null in a list ·
//	values    7                                  8         1: an empty list · 0: no list
//
// which becomes a list column and its child:
//
//	list     Valid 1 0 1 1    offsets 0 2 2 2 3
//	child    Valid 1 0 1      values  7 0 8
//
// # A worked example
//
//	s, err := parquet.Open(ctx, data, want)      // footer, types, checksums: no value yet
//	fields, notes := s.Fields()
//	err = s.Each(ctx, func(rows batch.Rows) error { … })
//
// Each goes by leaves: leafReader.fill decodes levels and values until all leaves have some
// whole rows, cut takes the rows that all have, assembler.build makes columns of them.
package parquet
