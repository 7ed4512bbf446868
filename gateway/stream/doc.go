// Package stream is the engine behind every byte door.
//
// In: a policy.Grant and what was asked (world, rank, seed, epoch, where to
// begin). Out: encapsulated Arrow IPC messages, handed one by one to the door's
// Sink, and a begun and ended release in the record. plan decides which rows of
// which shards, in which order, decoded or not; run fetches, transforms and
// sends with bounded memory. Always: nothing is sent before the release is
// durable; bytes that policy does not touch pass as they lie in the store; a
// revocation, an end or a spent budget cuts at any byte. It must not know how a
// door frames its bytes, nor decide who may read.
package stream
