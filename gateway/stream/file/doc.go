// Package file serves shards as Arrow IPC files, whole or by ranges.
//
// In: a plan.Source, the number of a shard, ranges of bytes. Out: the file's tag and size,
// and its bytes to a Sink, as part of one release that all ranges of a file under one
// lease join. Always: equal tags are equal bytes; a shard that the view does not touch is
// never copied, one that it changes is made once, into a file without a name; rows are
// charged when a byte of their batch, or of a dictionary, leaves. It must not know HTTP.
//
// What is stored and not looked at, since the operator answers for the store, goes out of the
// store's socket into the client's where a Passer takes it so; else it is copied, a chunk at a
// time, through buffers that all ranges share.
//
// The bytes of a shard that passes as it lies are in two places:
//
//	file     │ARROW1 schema│ dictionaries │ batches │ footer│
//	           memory        the object's, by range   memory
//
// A range of a mounted file, as readers ask for it, and the session that it joins:
//
//	footer   bytes 9000-9999   no batch touched          session begins: at most the file once
//	batch 2  bytes 3000-3999   its rows are charged      joins
//	batch 2  bytes 3000-3999   free: charged already     joins
//	5 s without a range                                  session ends: one release in the record
package file
