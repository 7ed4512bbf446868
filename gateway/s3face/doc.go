// Package s3face is the S3 door: the shards of agreements as objects of a read-only S3, for
// tools that know nothing else.
//
// In: requests of S3's REST API, signed by AWS Signature Version 4 in their header with the
// key that comes with a lease. Out: lists, heads and ranges of Arrow IPC files, and errors, in
// S3's XML. Always: a signature is checked before anything is looked up; each request asks
// policy again; sizes in heads and lists are those of the bytes; a key's bytes never change;
// what does not end well is reset, never short. It translates, asks policy and the stream
// engine, and holds no rule of its own. It must not answer by a redirect, nor write.
//
// A lease on two agreements, as a tool sees it:
//
//	/                                     the buckets agr-5…, agr-7…
//	/agr-5…/v1/trips/train/00000.arrow    version, table, split, number of the shard
//	/agr-5…/v1/trips/train/00001.arrow
//
// The version is part of a key since tools that read an object in many ranges would mix two
// versions where a new lease names a newer one. Numbers have five digits, so that the order of
// names, in which tools read, is the stored order.
package s3face
