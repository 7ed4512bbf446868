// Package shard knows the formats of shards: Arrow IPC, Parquet and CSV.
//
// In flows one object as bytes: at publication whole (Conform, in the child
// process of connectors/sandbox), later single IPC messages (Decoder, Select).
// Out flow a canonical Arrow IPC file with the places of its messages, or
// encapsulated IPC messages for a stream.
//
// What always holds: no length, offset, index or text of a foreign object is
// believed before it was checked; nothing is allocated on a foreign number
// alone; every function is total on any bytes and answers with an error of
// Kind Invalid that says which column, batch, row or line is wrong. Equal rows
// give equal bytes: Conform of its own output reports that it conforms.
//
// What it must not know: users, terms, stores, networks and processes.
package shard
