// Package batch turns record batch messages into columns and columns into messages, and
// edits messages without decoding what is not edited.
//
// In flow canonical messages of a stored shard, or columns; out flow records of Arrow's,
// gathered rows, and canonical messages.
//
// What always holds: a message is taken apart only after its metadata was checked; bytes
// of columns that pass are copied as they lie; what is written is canonical; sizes are
// known before a batch is made.
//
// What it must not know: files of foreign formats, stores, terms, users.
//
// # Three ways through
//
//	message ──Decoder.Columns──▸ arrays ──(edit)──▸ Projection.Weave ───▸ message    all rows
//	messages ─Decoder─▸ records ─Collect(parts, how)─▸ Gathered.Message ▸ message    some rows
//	records ──Compaction.Use, each──▸ Dictionaries, then Encode, each ──▸ messages   of a file
//
// Weave reads the metadata alone, and has what is kept read to where it is to lie: a body that
// comes out of a socket is copied nowhere else. The buffers of a column lie together in a body, so a
// projection is a list of stretches to copy, with one edited column b among kept ones:
//
//	old body   | a a | b b b | c c | d | e e |        columns a, b, d, e are asked for
//	           |-----|       |     |---------|
//	new body   | a a | B B   | d | e e |              B is encoded; d and e are one copy
//
// Gather takes rows where they lie, some after others of several records:
//
//	record 1   rows  0 1 2 3 4 5        parts {1, 0, 2} {1, 4, 2} {2, 3, 1}
//	record 2   rows  0 1 2 3
//	gathered         0 1 4 5 | 3        the first two parts are one group: one check
//
// They are copied once, to where they lie in the message: into memory that the caller has
// (Gathering.Into), behind room for the metadata, which is of a known length.
//
//	Into before  | … |                                    capacity |
//	Message      | … | metadata | column a | column b |
//
// # A worked example
//
//	d, err := batch.NewDecoder(schema, dictionaries)
//	cols, err := d.Columns(message, []int{2, 0})       // two columns, no byte of the others
//	p, err := batch.Edit(schema, []int{0, 1, 2}, map[int]arrow.Field{2: coarser})
//	out, err := p.Splice(nil, message, map[int]arrow.Array{2: edited})
package batch
