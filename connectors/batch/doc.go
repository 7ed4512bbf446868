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
package batch
