// Package plan decides which rows of which shards one rank reads, in which order.
//
// In: a version's manifest, a view, an ask (world, rank, seed, epoch, where to begin).
// Out: a Plan: segments of shards in order, how many rows and bytes they are at most, and
// the slices of record batches that hold them. Always: a pure function, the same on every
// replica, today and in a year; over all ranks of a world, and over all worlds that an
// epoch was resumed in, each row comes once; what a view hides moves no bound. It must not
// know stores, bytes, callers or budgets.
//
// From shards to a part. Two shards of 10 and 7 rows, windows of 4 rows, seed 7, world 2:
//
//	shard 0   ▐0 1 2 3▐4 5 6 7▐8 9           A = 0:0-3   B = 0:4-7   tail 0:8-9
//	shard 1   ▐0 1 2 3▐4 5 6                 C = 1:0-3               tail 1:4-6
//
//	tails     shuffled and joined, then cut again:    1:4-6 0:8 │ 0:9      D and a rest
//	epoch     windows shuffled, the rest at the end:  C A D B rest         17 rows
//	assign    windows in turn, what is over by rows:  rank 0  C D + no more   8 rows
//	                                                  rank 1  A B + 0:9       9 rows
//
// Stored order, without a seed, has no windows: each rank gets one range of rows.
//
// Resumed on another world. If each of the two ranks above consumed 6 rows (start=6@2),
// the epoch loses the first 6 rows of both parts: C and half of D, A and half of B. What
// remains stays in its order, D' B' rest, and is assigned to the new world as if it were
// an epoch of its own.
package plan
