// Package publish makes versions of the objects that providers name.
//
// In: publications (which objects of which store, or files that were uploaded) and what
// allows them. Out: versions with a manifest of their shards, each rewritten into the work
// bucket where it is not canonical yet, or failed ones that say what is wrong with which
// object.
//
//	waits ─▶ listed ─▶ each object: copied ─▶ read whole in a child ─▶ kept or rewritten
//	                                                                      │
//	      published or failed, in one transaction ◀── types fixed ◀───────┘
//
// Always: a version is published whole or not at all; what a stop interrupts goes on at the
// next start, shard by shard; of a failed version nothing stays in the work bucket; whether
// an object may be named is asked at the beginning, before each read and at the end. It must
// not know who may see what it makes, nor decode an object itself.
package publish
