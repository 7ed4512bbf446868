// Package read turns slices of a plan into messages, within a bound of memory.
//
// In: a plan's source and slices, a way to open stores. Out: encapsulated Arrow IPC
// messages in order. Always: bytes that the view does not touch pass as they lie in the
// store, and are held against the manifest; what a store gives instead of what was
// published is a refusal, never a panic; all streams together hold no more than a Budget.
// It must not know releases, doors or who asks, but for the share of an organisation.
//
// Slices that neighbour become ranges, and ranges that neighbour come of one answer of the
// store, which is asked once for a shard, and for the object as it is where nearly all of it
// is wanted:
//
//	object     │schema│dict│ b0 │ b1 │ b2 │ b3 │ b4 │footer│
//	slices                   ├─b0─┤├─b1─┤         ├┤             b4: rows 5 to 9 only
//	ranges                   └─── 1 ────┘      └ 2 ─┘
//	messages   dict (once for a shard), b0, b1, part of b4
//
// Where the columns at the end of a batch are not shown and long, they are not asked for, and
// each batch is a range of its own (LeaveOut).
//
// A batch passes in one of five ways:
//
//	whole, view raw, own store    as it lies, with its published checksum: its metadata is
//	                              read, its body is a Rest that the door takes
//	whole, view raw, other store  the same, read whole and compared first
//	whole, columns hidden         the shown buffers are read behind new metadata, the others
//	                              are dropped; nothing is decoded
//	whole, columns edited         woven: kept columns are read to where they go out, the
//	                              edited ones aside, and encoded anew between them
//	a part of it, or grown        decoded and encoded anew, cut at view.MaxMessage; small parts
//	                              of one batch, of whichever streams, out of one read (Recent)
//
// In the first three no value is looked at. Such batches are read one by one, out of one
// answer of the store however many neighbour (Batches), and the next answer is asked for
// shortly before its turn. In the others a range of up to MaxRange is held whole, or woven,
// and the answer goes on to the next range as soon as it was read (see answer.go).
//
// A view that filters rows has batches of its own, which are gathered from those of the
// shard: see gather.go.
//
// How much streams hold (package memory). Each holds one range for certain, its own, and up
// to maxAhead while the budget has room. Of 1 GiB, half is for own ranges and half for those
// ahead: of streams that gather or cut ranges of 8 MiB, 64 are admitted, 48 of one organisation
// at most, and 64 ranges may be ahead. One stream more waits, and is refused as Busy when none
// ends within Patience. One that weaves holds a batch and what it becomes; one whose bodies
// pass from socket to socket 64 KiB, so that thousands are admitted.
package read
