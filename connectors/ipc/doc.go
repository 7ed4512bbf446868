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
package ipc
