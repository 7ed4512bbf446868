package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/policy/view"
	"guichet/schemas"
)

// Windows of order 2: a split has at least leastWindows of them where it has 65,536 rows, so that
// few rows travel together, and what is left at the end of an epoch is little.
const (
	leastWindows    = 128
	leastWindowRows = 512
)

// windowRows are the rows of a window of order 2: those of the table's, halved while the rows
// that a view shows make fewer than 128 windows of more than 512. So they follow from the
// manifest, also of a version that was published before, and of a filter that leaves little.
func windowRows(table, rows int64) int64 {
	for table > leastWindowRows && rows/table < leastWindows {
		table /= 2
	}
	return table
}

// permutation gives the rows of a window of n rows in the order of order 2: by the outputs of
// SplitMix64, one for each row in turn, whose state is the first word of the window's keys.
// Its outputs are all different, so there are no ties. The window is named by its place in
// the epoch's order.
func permutation(seed, epoch, window uint64, n int) []int32 {
	k := newKeystream(2, seed, epoch, keysOfRows)
	k.counter = window
	return byKeys(k.next(), n)
}

// SplitMix64 [Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014].
const (
	splitGamma = 0x9E3779B97F4A7C15
	splitMix1  = 0xBF58476D1CE4E5B9
	splitMix2  = 0x94D049BB133111EB
)

func splitMix(z uint64) uint64 {
	z = (z ^ z>>30) * splitMix1
	z = (z ^ z>>27) * splitMix2
	return z ^ z>>31
}

// byKeys sorts 0 … n-1 by their keys. Keys are spread evenly, so as many buckets as rows, by
// the keys' first bits, have a key or two each: that is cheaper than comparing.
func byKeys(state uint64, n int) []int32 {
	keys := make([]uint64, n)
	shift := 64 - bits.Len(uint(n)) // 64: all in one
	ends := make([]int32, 1<<bits.Len(uint(n)))
	for i := range keys {
		state += splitGamma
		keys[i] = splitMix(state)
		ends[keys[i]>>shift]++
	}
	for b := range len(ends) - 1 {
		ends[b+1] += ends[b]
	}
	out := make([]int32, n)
	for i := n - 1; i >= 0; i-- {
		b := keys[i] >> shift
		ends[b]--
		out[ends[b]] = int32(i)
	}
	for i := 1; i < n; i++ { // within a bucket
		for j := i; j > 0 && keys[out[j-1]] > keys[out[j]]; j-- {
			out[j-1], out[j] = out[j], out[j-1]
		}
	}
	return out
}

// permuted is the layout of an epoch whose windows come with their rows permuted: each window
// is a shard of one batch, in the epoch's order. What parts and resumes are cut from are places
// in that order, so the rules of order 1 hold as they are.
//
//	window 2 of the epoch     stored rows 0:4-7
//	permutation               2 0 3 1          as the shard 2 it has the rows 0:6 0:4 0:7 0:5
//	part 2:1-2                0 3              stored rows 0:4 0:7
type permuted struct {
	base        *Source
	windows     []schemas.Segments
	seed, epoch uint64
	fewest      int64 // values that the narrowest index of a shown dictionary tells apart; 0: there is none
}

// permute makes of a source one whose shards are the windows of an epoch.
func (s *Source) permute(windows []schemas.Segments, seed, epoch uint64) *Source {
	l := &permuted{base: s, windows: windows, seed: seed, epoch: epoch}
	for _, f := range s.View.Fields {
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			n := column.MaxIndex(d.IndexType) + 1
			if l.fewest == 0 || n < l.fewest {
				l.fewest = n
			}
		}
	}
	out := sourceOf(s.Version, s.Table, s.Split, s.View, l)
	out.permuted = l
	return out
}

func (l *permuted) shards() []shownShard {
	out := make([]shownShard, len(l.windows))
	for i, w := range l.windows {
		out[i] = shownShard{starts: []int64{0, w.Rows()}}
	}
	return out
}

// most bounds a slice by all batches that its window takes rows from: which of them it has
// depends on the seed. Each message has dictionaries of its own.
func (l *permuted) most(sl Slice) int64 {
	var n, dictionaries int64
	slices := l.base.Slices(l.windows[sl.Shard])
	several, last := false, -1
	for _, one := range slices {
		one.Rows = min(one.Rows, sl.Rows)
		n += l.base.layout.remade(one)
		if l.base.Regrouped() || one.Shard != last {
			dictionaries += l.base.layout.dictionaryBytes(one)
		}
		several, last = several || last >= 0 && one.Shard != last, one.Shard
	}
	pieces := 1 + 4*n/view.MaxMessage
	if several && l.fewest > 0 { // values of many shards may be too many for an index
		pieces += 4 * sl.Rows / l.fewest
	}
	return n + pieces*dictionaries
}

func (l *permuted) largest(sl Slice) int64 {
	most := int64(view.MaxMessage)
	for _, one := range l.base.Slices(l.windows[sl.Shard]) {
		one.Rows, one.Whole = 1, false
		most = max(most, l.base.layout.remade(one), l.base.layout.dictionaryBytes(one))
	}
	return min(most, l.most(sl))
}

func (l *permuted) outputBound(sl Slice) int64 { return l.most(sl) }

// remade and dictionaryBytes are not asked: nothing lies over it.
func (l *permuted) remade(sl Slice) int64          { return l.most(sl) }
func (l *permuted) dictionaryBytes(Slice) int64    { return 0 }
func (*permuted) dictionaries(int) []schemas.Block { return nil }
func (*permuted) regrouped() bool                  { return true }
func (*permuted) origins(Slice) []Origin           { return nil }

// Permuted says that the shards of the source are windows, each with its rows in an order of
// its own: Window finds where they lie.
func (s *Source) Permuted() bool { return s.permuted != nil }

// WindowRows are rows of a window: an origin in a shard of what is permuted.
type WindowRows struct {
	Shard int
	Origin
}

// Window gives the rows of window i of a permuted source as they are stored.
func (s *Source) Window(i int) []WindowRows {
	var out []WindowRows
	base := s.permuted.base
	for _, sl := range base.Slices(s.permuted.windows[i]) {
		origins := []Origin{{sl.Batch, sl.From, sl.Rows, true}}
		if base.Regrouped() {
			origins = base.Origins(sl)
		}
		for _, o := range origins {
			out = append(out, WindowRows{sl.Shard, o})
		}
	}
	return out
}

// Permutation gives the rows of slices of one window of a permuted source, in its order, as
// places among those of Window.
func (s *Source) Permutation(group []Slice) []int32 {
	l, i := s.permuted, group[0].Shard
	all := permutation(l.seed, l.epoch, uint64(i), int(s.ShardRows(i)))
	if len(group) == 1 {
		return all[group[0].From : group[0].From+group[0].Rows]
	}
	out := make([]int32, 0, Bound(group).Rows)
	for _, sl := range group {
		out = append(out, all[sl.From:sl.From+sl.Rows]...)
	}
	return out
}

// digest names the reading of a permuted source: its rows are counted by their places in the
// epoch's order, which another seed or another number of windows gives to other rows.
func (l *permuted) digest(of string) string {
	h := sha256.New()
	fmt.Fprintf(h, "guichet reading 1, order 2\x00%s\x00%d\x00", of, l.seed)
	for _, w := range l.windows[:min(1, len(l.windows))] {
		fmt.Fprintf(h, "%d\x00", w.Rows())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
