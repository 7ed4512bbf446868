package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"guichet/schemas"
)

// Stage is one earlier world of a resumed epoch: each of its World ranks has
// consumed Rows rows of its part.
type Stage struct {
	World int
	Rows  int64
}

// The order of an epoch's windows, "guichet order 1" and "guichet order 2" [decisions.md 13].
// A pure function: the same on every replica, today and in a year. testdata/order.json and
// testdata/order2.json hold vectors for other implementations, testdata/order2.py is one.
//
// A window is a list of segments whose rows are read together: N rows of the epoch's
// order, or what is left of them.

func segment(shard int, from, rows int64) schemas.Segment {
	return schemas.Segment{Shard: shard, From: from, Rows: rows}
}

func join(windows []schemas.Segments) schemas.Segments { return slices.Concat(windows...) }

// Streams of an epoch's keys: what each of them orders.
const (
	keysOfWindows byte = iota
	keysOfTails
	keysOfRows // of one window, whose place is the counter
)

// keystream gives the big-endian uint64s of SHA-256("guichet order 1" ‖ seed ‖
// epoch ‖ stream ‖ counter), counter = 0, 1, …; of order 2 with a 2 in its name.
type keystream struct {
	block   [15 + 8 + 8 + 1 + 8]byte
	counter uint64
	words   [sha256.Size]byte
	used    int
}

func newKeystream(order int, seed, epoch uint64, stream byte) *keystream {
	k := &keystream{used: sha256.Size}
	copy(k.block[:], fmt.Sprintf("guichet order %d", order))
	binary.BigEndian.PutUint64(k.block[15:], seed)
	binary.BigEndian.PutUint64(k.block[23:], epoch)
	k.block[31] = stream
	return k
}

func (k *keystream) next() uint64 {
	if k.used == sha256.Size {
		binary.BigEndian.PutUint64(k.block[32:], k.counter)
		k.words = sha256.Sum256(k.block[:])
		k.counter++
		k.used = 0
	}
	w := binary.BigEndian.Uint64(k.words[k.used:])
	k.used += 8
	return w
}

// below gives a number below n, each with the same chance.
func (k *keystream) below(n uint64) uint64 {
	rest := -n % n // 2⁶⁴ mod n: words at or above 2⁶⁴ − rest are rejected
	x := k.next()
	for rest != 0 && x >= -rest {
		x = k.next()
	}
	return x % n
}

// shuffle is Fisher–Yates from the end, so that every permutation is equally likely.
func (k *keystream) shuffle(items []int) {
	for i := len(items) - 1; i > 0; i-- {
		j := k.below(uint64(i) + 1)
		items[i], items[j] = items[j], items[i]
	}
}

// shuffled gives items in the order of a seed. Of order 2 they stand as they are stored, and are
// drawn again from the same keys while the order that came still goes up, or down, with that.
func shuffled(items []schemas.Segments, k *keystream, again bool) []schemas.Segments {
	places := make([]int, len(items))
	for i := range places {
		places[i] = i
	}
	k.shuffle(places)
	for draws := 1; again && draws < maxDraws && drifts(places); draws++ {
		k.shuffle(places)
	}
	out := make([]schemas.Segments, len(items))
	for i, from := range places {
		out[i] = items[from]
	}
	return out
}

// rotated gives the tails of order 2, which are joined as they are stored, so that rows that
// lay near each other stay in one window; where they begin is drawn, so that what is left of
// them is not the same in every epoch.
func rotated(tails []schemas.Segments, k *keystream) []schemas.Segments {
	if len(tails) == 0 {
		return nil
	}
	at := k.below(uint64(len(tails)))
	return slices.Concat(tails[at:], tails[:at])
}

// What draws again: few windows have few orders, and many drift by chance in none.
const (
	maxDraws   = 64
	leastDrawn = 16
	mostDrawn  = 1 << 16
	driftShare = 64 // the rank correlation stays below 1/64
)

// drifts says whether the rank correlation of places with their own order is 1/64 or more, up
// or down: an epoch would go from one end of the table to the other. In whole numbers, so
// that every implementation decides alike.
func drifts(places []int) bool {
	n := int64(len(places))
	if n < leastDrawn || n > mostDrawn {
		return false
	}
	var sum int64
	for i, from := range places {
		sum += (2*int64(i) - n + 1) * (2*int64(from) - n + 1)
	}
	return 3*driftShare*max(sum, -sum) >= n*(n*n-1)
}

// epochOrder gives the windows of an epoch in global order: windows of n rows, then
// at most one remainder. A nil seed is the stored order.
func epochOrder(shards []int64, n int64, order int, seed *uint64, epoch uint64) []schemas.Segments {
	if seed == nil {
		var out []schemas.Segments
		for i, rows := range shards {
			if rows > 0 {
				out = append(out, schemas.Segments{segment(i, 0, rows)})
			}
		}
		return out
	}
	var full, tails []schemas.Segments
	for i, rows := range shards {
		whole := rows - rows%n
		for at := int64(0); at < whole; at += n {
			full = append(full, schemas.Segments{segment(i, at, n)})
		}
		if rows > whole {
			tails = append(tails, schemas.Segments{segment(i, whole, rows-whole)})
		}
	}
	ofTails, ofWindows := newKeystream(order, *seed, epoch, keysOfTails), newKeystream(order, *seed, epoch, keysOfWindows)
	if order == 1 {
		tails = shuffled(tails, ofTails, false)
	} else {
		tails = rotated(tails, ofTails)
	}
	tail := join(tails)
	var rest schemas.Segments
	for at, all := int64(0), tail.Rows(); at < all; at += n {
		one := tail.Cut(at, n)
		if one.Rows() == n {
			full = append(full, one)
		} else {
			rest = one
		}
	}
	if order > 1 {
		slices.SortFunc(full, func(a, b schemas.Segments) int { return a[0].Compare(b[0]) })
	}
	full = shuffled(full, ofWindows, order > 1)
	if rest != nil {
		full = append(full, rest)
	}
	return full
}

// assign gives the part of each rank. Seeded: full windows in turn, then what is left cut
// by rows. Stored order: one range of rows each. Parts differ by one row at most.
//
//	order   A B C D E │ rest (3 rows)      windows of 4 rows, world 2
//	rank 0  A C + 3 of 7 rows              E and the rest, 7 rows, are cut at 7/2 = 3:
//	rank 1  B D + 4 of 7 rows              E:0-2 and E:3 + rest
func assign(order []schemas.Segments, n int64, seeded bool, world int) [][]schemas.Segments {
	parts := make([][]schemas.Segments, world)
	even, rest := deal(order, n, seeded, world)
	for i, w := range even {
		parts[i%world] = append(parts[i%world], w)
	}
	all := rest.Rows()
	at := int64(0) // rows before rest[0]
	for rank := range int64(world) {
		lo, hi := rank*all/int64(world), (rank+1)*all/int64(world)
		for len(rest) > 0 && at+rest[0].Rows <= lo { // ranks follow each other: what lies behind is not looked at again
			at += rest[0].Rows
			rest = rest[1:]
		}
		if hi > lo {
			parts[rank] = append(parts[rank], rest.Cut(lo-at, hi-lo))
		}
	}
	return parts
}

// part gives what assign gives one rank, and the rows of the shortest and longest part: a job's
// ranks all ask, and each of them needs no other's part.
func part(order []schemas.Segments, n int64, seeded bool, world, rank int) (out schemas.Segments, shortest, longest int64) {
	even, rest := deal(order, n, seeded, world)
	var mine []schemas.Segments
	for i := rank; i < len(even); i += world {
		mine = append(mine, even[i])
	}
	all, of := rest.Rows(), int64(world)
	lo, hi := int64(rank)*all/of, (int64(rank)+1)*all/of
	if hi > lo {
		mine = append(mine, rest.Cut(lo, hi-lo))
	}
	same := int64(len(even)) / of * n
	return join(mine), same + all/of, same + (all+of-1)/of
}

// deal gives the full windows that are dealt to the ranks in turn, as many to each, and the rows
// that are cut into one range for each.
func deal(order []schemas.Segments, n int64, seeded bool, world int) (even []schemas.Segments, rest schemas.Segments) {
	if seeded {
		var full, others []schemas.Segments // others: what a resumed epoch has left of windows, too
		for _, w := range order {
			if w.Rows() == n {
				full = append(full, w)
			} else {
				others = append(others, w)
			}
		}
		last := len(full) - len(full)%world
		even, order = full[:last], slices.Concat(full[last:], others)
	}
	return even, join(order)
}

// span is a run of rows of a shard.
type span struct{ from, to int64 }

// remaining removes from an order what each rank consumed: k rows of its part. What is left
// stays in global order.
//
//	order     A = 0:0-3   B = 0:4-7   C = 1:0-3      two ranks, k = 3
//	parts     rank 0: A, 1:0-1        rank 1: B, 1:2-3
//	consumed  0:0-2                   0:4-6
//	remains   A' = 0:3    B' = 0:7    C = 1:0-3      only C is a full window still
//
// Consumed rows are gathered by shard first, because a window of the order and the part
// that holds its rows need not be cut alike.
func remaining(order []schemas.Segments, parts [][]schemas.Segments, k int64) []schemas.Segments {
	gone := map[int][]span{}
	for _, part := range parts {
		for _, s := range join(part).Cut(0, k) {
			gone[s.Shard] = append(gone[s.Shard], span{s.From, s.From + s.Rows})
		}
	}
	for _, spans := range gone {
		slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	}
	var out []schemas.Segments
	for _, w := range order {
		var left schemas.Segments
		for _, s := range w {
			left = append(left, without(s, gone[s.Shard])...)
		}
		if len(left) > 0 {
			out = append(out, left)
		}
	}
	return out
}

// without gives what is left of a segment; spans are sorted and disjoint. Rows 2 to 9
// without [0,4) and [6,8) are 4 to 5 and 8 to 9.
func without(s schemas.Segment, spans []span) schemas.Segments {
	var out schemas.Segments
	at, end := s.From, s.From+s.Rows
	// The first span that ends behind where the segment begins: those before miss it.
	i, _ := slices.BinarySearchFunc(spans, at, func(sp span, at int64) int {
		if sp.to <= at {
			return -1
		}
		return 1
	})
	for ; i < len(spans) && spans[i].from < end; i++ {
		if at < spans[i].from {
			out = append(out, segment(s.Shard, at, spans[i].from-at))
		}
		at = min(spans[i].to, end)
	}
	if at < end {
		out = append(out, segment(s.Shard, at, end-at))
	}
	return out
}

// lengths gives the rows of the shortest and of the longest part.
func lengths(parts [][]schemas.Segments) (shortest, longest int64) {
	shortest = -1
	for _, p := range parts {
		rows := int64(0)
		for _, w := range p {
			rows += w.Rows()
		}
		if shortest < 0 || rows < shortest {
			shortest = rows
		}
		longest = max(longest, rows)
	}
	return shortest, longest
}
