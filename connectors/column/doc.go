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
package column
