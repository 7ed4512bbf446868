// Package shard makes of any object that is published a canonical shard: an Arrow IPC file
// whose bytes follow from its rows alone.
//
// In flows one object as bytes, whole: Arrow IPC, Parquet or CSV. Out flow a canonical
// Arrow IPC file, or the word that the object is one, and the places of its messages.
//
// What always holds: no length, offset, index or text of a foreign object is
// believed before it was checked; nothing is allocated on a foreign number
// alone; every function is total on any bytes and answers with an error of
// Kind Invalid that says which column, batch, row or line is wrong. Equal rows
// give equal bytes: Conform of its own output reports that it conforms.
//
// What it must not know: users, terms, stores, networks and processes. Only
// connectors/sandbox imports it.
package shard
