// Package stream is the engine behind every byte door: it opens what a grant covers,
// combines the packages below it, and stops.
//
// In: a policy.Grant and what was asked. Out: encapsulated Arrow IPC messages, handed one
// by one to the door's Sink, or shards as Files; and a begun and ended release in the
// record. Always: nothing is sent before the release is durable; bytes that policy does
// not touch pass as they lie in the store; a revocation, an end or a spent budget cuts at
// any byte. It must not know how a door frames its bytes, nor decide who may read.
//
//	grant ─▶ Source ─▶ plan ─▶ Run ─▶ read ─▶ Sink
//	           │                │       ▲
//	           ├ policy/view    │       └ memory budget
//	           └ rowindex       └ release: begin, charge, cut, end
//	grant ─▶ Source ─▶ file ──────────▶ Sink
package stream
