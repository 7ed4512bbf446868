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
//
// # The bytes
//
// A canonical shard is a file as package ipc draws it: one schema, one dictionary for each
// dictionary column, then record batches, all in canonical form. Batches are cut by rows:
//
//	rows      0                      2048                   4095
//	windows   |----------------------|----------------------|       a power of two of rows
//	batches   |  912  |  912  | 224 ||  912  |  912  | 224 ||       as many as fit 3.5 MiB,
//	                                                                cut at each window's end
//
// A window's border follows from the number of its first row, and a batch from its window's
// rows, so however the rows came, the same rows are cut the same way, and row n is found
// without an index. Rows larger than a message stand alone.
//
// # A worked example
//
// A source gives rows in any pieces; the plan says what its columns become; the cutter cuts;
// the writer writes:
//
//	Conform ▸ detect ▸ parquet.Open | csv.Open | openFile | openStream    source of batch.Rows
//	        ▸ withPath            columns of the object's path are added
//	        ▸ newPlan             canonical fields, one dictionary for each column
//	        ▸ conforms            an Arrow file may stay as it is: every message is compared
//	        ▸ rewrite             source.Each ▸ cutter.add ▸ plan.build ▸ fileWriter.message
//
// For "id,word\n7,x\n8,\n" as CSV that is one batch of two rows in a window of 65,536:
//
//	nodes (2, 0) (2, 1)     buffers of id: –, 7 8     of word: 0b01, offsets 0 1 1, "x"
package shard
