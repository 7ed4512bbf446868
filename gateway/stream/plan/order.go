package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"guichet/schemas"
)

// Stage is one earlier world of a resumed epoch: each of its World ranks has
// consumed Rows rows of its part.
type Stage struct {
	World int
	Rows  int64
}

// The order of an epoch, "guichet order 1" [decisions.md 13]. A pure function: the
// same on every replica, today and in a year. testdata/order.json holds vectors for
// other implementations.
//
// piece is a list of segments whose rows are read together: a window of N rows, or
// what is left of one.
type piece []schemas.Segment

func segment(shard int, from, rows int64) schemas.Segment {
	return schemas.Segment{Shard: shard, From: from, Rows: rows}
}

func (p piece) rows() int64 {
	var n int64
	for _, s := range p {
		n += s.Rows
	}
	return n
}

// cut gives rows first … first+count of a piece.
func (p piece) cut(first, count int64) piece {
	var out piece
	for _, s := range p {
		lo, hi := max(first, 0), min(first+count, s.Rows)
		if lo < hi {
			out = append(out, segment(s.Shard, s.From+lo, hi-lo))
		}
		first -= s.Rows
		if first+count <= 0 {
			break
		}
	}
	return out
}

func join(pieces []piece) piece { return slices.Concat(pieces...) }

// keystream gives the big-endian uint64s of SHA-256("guichet order 1" ‖ seed ‖
// epoch ‖ stream ‖ counter), counter = 0, 1, …
type keystream struct {
	block   [15 + 8 + 8 + 1 + 8]byte
	counter uint64
	words   [sha256.Size]byte
	used    int
}

func newKeystream(seed, epoch uint64, stream byte) *keystream {
	k := &keystream{used: sha256.Size}
	copy(k.block[:], "guichet order 1")
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

// shuffle is Fisher–Yates from the end, the index by rejection, so that every
// permutation is equally likely.
func shuffle(items []piece, seed, epoch uint64, stream byte) {
	k := newKeystream(seed, epoch, stream)
	for i := len(items) - 1; i > 0; i-- {
		n := uint64(i) + 1
		rest := -n % n // 2⁶⁴ mod n: words at or above 2⁶⁴ − rest are rejected
		x := k.next()
		for rest != 0 && x >= -rest {
			x = k.next()
		}
		j := x % n
		items[i], items[j] = items[j], items[i]
	}
}

// epochOrder gives the pieces of an epoch in global order: windows of n rows, then
// at most one remainder. A nil seed is the stored order.
func epochOrder(shards []int64, n int64, seed *uint64, epoch uint64) []piece {
	if seed == nil {
		var out []piece
		for i, rows := range shards {
			if rows > 0 {
				out = append(out, piece{segment(i, 0, rows)})
			}
		}
		return out
	}
	var full, tails []piece
	for i, rows := range shards {
		whole := rows - rows%n
		for at := int64(0); at < whole; at += n {
			full = append(full, piece{segment(i, at, n)})
		}
		if rows > whole {
			tails = append(tails, piece{segment(i, whole, rows-whole)})
		}
	}
	shuffle(tails, *seed, epoch, 1)
	tail := join(tails)
	var rest piece
	for at, all := int64(0), tail.rows(); at < all; at += n {
		window := tail.cut(at, n)
		if window.rows() == n {
			full = append(full, window)
		} else {
			rest = window
		}
	}
	shuffle(full, *seed, epoch, 0)
	if rest != nil {
		full = append(full, rest)
	}
	return full
}

// assign gives the part of each rank. Seeded: windows in turn, then what is left cut
// by rows. Stored order: one range of rows each.
func assign(pieces []piece, n int64, seeded bool, world int) [][]piece {
	parts := make([][]piece, world)
	whole := pieces
	if seeded {
		var windows, others []piece
		for _, p := range pieces {
			if p.rows() == n {
				windows = append(windows, p)
			} else {
				others = append(others, p)
			}
		}
		even := len(windows) - len(windows)%world
		for i, w := range windows[:even] {
			parts[i%world] = append(parts[i%world], w)
		}
		whole = slices.Concat(windows[even:], others)
	}
	rest := join(whole)
	all := rest.rows()
	at := int64(0) // rows before rest[0]
	for rank := range int64(world) {
		lo, hi := rank*all/int64(world), (rank+1)*all/int64(world)
		for len(rest) > 0 && at+rest[0].Rows <= lo { // ranks follow each other: what lies behind is not looked at again
			at += rest[0].Rows
			rest = rest[1:]
		}
		if hi > lo {
			parts[rank] = append(parts[rank], rest.cut(lo-at, hi-lo))
		}
	}
	return parts
}

// span is a run of rows of a shard.
type span struct{ from, to int64 }

// remaining removes from pieces what each rank consumed: k rows of its part. What is left
// stays in global order.
func remaining(pieces []piece, parts [][]piece, k int64) []piece {
	gone := map[int][]span{}
	for _, part := range parts {
		for _, s := range join(part).cut(0, k) {
			gone[s.Shard] = append(gone[s.Shard], span{s.From, s.From + s.Rows})
		}
	}
	for _, spans := range gone {
		slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	}
	var out []piece
	for _, p := range pieces {
		var keep piece
		for _, s := range p {
			keep = append(keep, without(s, gone[s.Shard])...)
		}
		if len(keep) > 0 {
			out = append(out, keep)
		}
	}
	return out
}

// without gives what is left of a segment; spans are sorted and disjoint.
func without(s schemas.Segment, spans []span) piece {
	var out piece
	at, end := s.From, s.From+s.Rows
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
func lengths(parts [][]piece) (shortest, longest int64) {
	shortest = -1
	for _, p := range parts {
		rows := int64(0)
		for _, w := range p {
			rows += w.rows()
		}
		if shortest < 0 || rows < shortest {
			shortest = rows
		}
		longest = max(longest, rows)
	}
	return shortest, longest
}
