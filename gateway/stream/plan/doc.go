// Package plan decides which rows of which shards one rank reads, in which order.
//
// In: a version's manifest, a view, an ask (world, rank, seed, epoch, where to begin).
// Out: a Plan: segments of shards in order, how many rows and bytes they are at most, and
// the slices of record batches that hold them. Always: a pure function, the same on every
// replica, today and in a year; over all ranks of a world, and over all worlds that an
// epoch was resumed in, each row comes once; what a view hides moves no bound. It must not
// know stores, bytes, callers or budgets.
//
// What a seed does is named: order 2, which epochs begin under today, permutes windows and the
// rows of each (permute.go; shuffle=windows leaves the rows as they are stored), order 1
// windows alone. Parts and resumes are cut from places in the order, by the same rules.
//
// From shards to a part. Two shards of 10 and 7 rows, windows of 4 rows, seed 7, world 2, order 1
// (ExampleNewPlan computes it):
//
//	shard 0   |0 1 2 3|4 5 6 7|8 9          windows  A = 0:0-3   B = 0:4-7
//	shard 1   |0 1 2 3|4 5 6                         C = 1:0-3
//
//	tails     what is over, shuffled and joined:     1:4-6 0:8-9
//	          cut into windows again:                D = 1:4-6 0:8   rest = 0:9
//	epoch     windows shuffled, the rest last:       A D B C rest    17 rows
//	assign    windows in turn, what is over by rows: rank 0  A B         8 rows
//	                                                 rank 1  D C rest    9 rows
//
// Stored order, without a seed, has no windows: each rank gets one range of rows.
//
// Resumed on another world: if each of the two ranks consumed 6 rows (start=6@2), the epoch
// loses the first 6 rows of both parts: A and half of B, D and half of C. What remains
// stays in its order, 0:6-7 1:2-3 rest, and is assigned to the new world as if it were an
// epoch of its own.
//
// even=drop and even=pad are what PyTorch calls drop_last and padding: ranks of a world
// differ by one row at most, which is dropped, or made up for by a part's own first row.
//
// A part may be shared by several readers of one rank, as the workers of a DataLoader are: each
// takes a Lane of it, blocks of rows in turn.
package plan
