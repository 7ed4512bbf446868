package schemas

import (
	"cmp"
	"slices"
)

// Segments are rows of one split in the order in which they are read: windows of an epoch,
// a rank's part, what a release covers. A row may be in them twice.
//
//	0:4-7 1:0-3      rows 4 to 7 of the first shard, then 0 to 3 of the second
type Segments []Segment

// Rows is how many rows they are, a row that is in them twice counted twice.
func (s Segments) Rows() int64 {
	var n int64
	for _, x := range s {
		n += x.Rows
	}
	return n
}

// Cut gives the rows first … first+count of them, counted as they are read: of 0:4-7 1:0-3,
// two rows from the third on are 0:6-7, and four are 0:6-7 1:0-1.
func (s Segments) Cut(first, count int64) Segments {
	var out Segments
	for _, x := range s {
		lo, hi := max(first, 0), min(first+count, x.Rows)
		if lo < hi {
			out = append(out, Segment{Shard: x.Shard, From: x.From + lo, Rows: hi - lo})
		}
		first -= x.Rows
		if first+count <= 0 {
			break
		}
	}
	return out
}

// Set gives the same rows once each, in the order of shards and rows: no segment of it is
// empty, none touches the next. 1:0-3 0:6-7 0:4-6 become 0:4-7 1:0-3.
func (s Segments) Set() Segments {
	sorted := slices.SortedFunc(slices.Values(s), Segment.Compare)
	out := Segments(sorted[:0])
	for _, x := range sorted {
		out = out.push(x)
	}
	return slices.Clip(out)
}

// Union gives the rows of two sets, as a set.
func (s Segments) Union(other Segments) Segments {
	out := make(Segments, 0, len(s)+len(other))
	for len(s) > 0 && len(other) > 0 {
		if s[0].Compare(other[0]) <= 0 {
			out, s = out.push(s[0]), s[1:]
		} else {
			out, other = out.push(other[0]), other[1:]
		}
	}
	for _, rest := range []Segments{s, other} {
		for _, x := range rest {
			out = out.push(x)
		}
	}
	return out
}

// Compare orders segments by shard and first row.
func (s Segment) Compare(other Segment) int {
	return cmp.Or(cmp.Compare(s.Shard, other.Shard), cmp.Compare(s.From, other.From))
}

// push adds a segment that begins no earlier than the last one of a set.
func (s Segments) push(x Segment) Segments {
	if x.Rows == 0 {
		return s
	}
	if n := len(s) - 1; n >= 0 && s[n].Shard == x.Shard && s[n].From+s[n].Rows >= x.From {
		s[n].Rows = max(s[n].Rows, x.From+x.Rows-s[n].From)
		return s
	}
	return append(s, x)
}
