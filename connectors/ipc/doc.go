// Package ipc reads and writes what stands around the values in Arrow's IPC format:
// messages, schemas, footers, sums.
//
// In flow bytes of one message, stored or foreign; out flow its checked metadata, and the
// other way round the metadata of a canonical message. Values in bodies are the part of
// connectors/column and connectors/batch.
//
// What always holds: no length, offset or text is believed before it was checked; nothing
// is allocated on a foreign number alone; every function is total on any bytes. Equal
// schemas give equal bytes.
//
// What it must not know: values, files of other formats, users, stores.
//
// # The bytes
//
// One encapsulated message. A stream is a schema message, then dictionaries and record
// batches, then the end marker, which is a message of no bytes:
//
//	     0          4          8                      Meta                     Meta+Body
//	     +----------+----------+----------------------+------------------------+
//	     | ffffffff | n        | flatbuffer, zeros    | buffer 0, zeros, …     |
//	     +----------+----------+----------------------+------------------------+
//	end  | ffffffff | 00000000 |   n is a multiple of 8, and so is what a buffer takes:
//	     +----------+----------+   ours are padded to 64 bytes, others' to 8
//
// The flatbuffer of a record batch says where the body has what: for each column, depth
// first, a node (values, nulls) and the buffers of its shape (offset in the body, length):
//
//	rows 3 · nodes (3, 1) · buffers (0, 1) (64, 16) (128, 3)     a text column of 3 rows
//
// A file is a stream in a frame, with a footer that names the messages by their places:
//
//	+--------+----+--------+--------------+---------+-----+--------+---+--------+
//	| ARROW1 | 00 | schema | dictionaries | batches | end | footer | n | ARROW1 |
//	+--------+----+--------+--------------+---------+-----+--------+---+--------+
//	0        6    8                                      int32, bytes of footer ^
//
// # A worked example
//
// The least stream is a schema and the end marker; ParseMeta takes the one apart:
//
//	msg := ipc.EncodeSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}})
//	m, err := ipc.ParseMeta(msg)        // m.Kind is ipc.KindSchema, m.BodyLen is 0
//	stream := append(msg, ipc.EndOfStream()...)
package ipc
