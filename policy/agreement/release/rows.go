package release

import (
	"encoding/binary"
	"errors"
	"slices"

	"guichet/schemas"
)

// stretch is a number of rows that follow each other in a plan, all paid for or none.
type stretch struct {
	rows int64
	paid bool
}

// split cuts a segment where it enters and leaves the set, and adds the stretches to
// out.
func split(a schemas.Segments, out []stretch, s schemas.Segment) []stretch {
	// With 10-19 and 30-39 in the set, the segment 15-34 is 5 paid, 10 not, 5 paid.
	i, found := slices.BinarySearchFunc(a, s, schemas.Segment.Compare)
	if !found && i > 0 {
		i-- // the one before may reach into it
	}
	for at, end := s.From, s.From+s.Rows; at < end; i++ {
		if i == len(a) || a[i].Shard > s.Shard || a[i].Shard == s.Shard && a[i].From >= end {
			return extend(out, end-at, false)
		}
		if a[i].Shard < s.Shard || a[i].From+a[i].Rows <= at {
			continue
		}
		from, to := max(at, a[i].From), min(end, a[i].From+a[i].Rows)
		out = extend(extend(out, from-at, false), to-from, true)
		at = to
	}
	return out
}

// extend adds rows to the last stretch where that is paid alike, so that stretches
// alternate.
func extend(out []stretch, rows int64, paid bool) []stretch {
	if n := len(out) - 1; n >= 0 && out[n].paid == paid {
		out[n].rows += rows
		return out
	}
	if rows == 0 {
		return out
	}
	return append(out, stretch{rows, paid})
}

// stretches says of a whole plan, in its order, what is in the set. Only the last
// segment of a plan may repeat rows of it: the row that pads a part.
func stretches(a schemas.Segments, plan []schemas.Segment) (out []stretch) {
	if len(plan) == 0 {
		return nil
	}
	last := plan[len(plan)-1]
	// A part of 7 rows that is padded to 8 reads one of its own rows a second time at its
	// end; that row is paid for by then, though nobody had it when the stream began.
	var again []schemas.Segment
	for _, s := range plan[:len(plan)-1] {
		out = split(a, out, s)
		if s.Shard == last.Shard && s.From < last.From+last.Rows && last.From < s.From+s.Rows {
			again = append(again, s)
		}
	}
	if len(again) > 0 {
		a = a.Union(schemas.Segments(again).Set())
	}
	return split(a, out, last)
}

// appendSegments writes segments, in any order, as differences: five to eight bytes
// for a window of a shuffled epoch.
func appendSegments(b []byte, segments []schemas.Segment) []byte {
	shard, at := 0, int64(0)
	// (shard 3, 100-149), (shard 3, 150-199), (shard 2, 0-49) is
	// +3 +100 50, 0 0 50, -1 0 50: a difference from where the one before ended.
	for _, s := range segments {
		if s.Shard != shard {
			at = 0
		}
		b = binary.AppendVarint(b, int64(s.Shard-shard))
		b = binary.AppendVarint(b, s.From-at)
		b = binary.AppendUvarint(b, uint64(s.Rows))
		shard, at = s.Shard, s.From+s.Rows
	}
	return b
}

var errSegments = errors.New("stored segments are torn")

// readSegments reads what appendSegments wrote.
func readSegments(b []byte) (out []schemas.Segment, err error) {
	var s schemas.Segment
	for len(b) > 0 {
		shard, i := binary.Varint(b)
		from, j := binary.Varint(b[max(i, 0):])
		rows, k := binary.Uvarint(b[max(i, 0)+max(j, 0):])
		if i <= 0 || j <= 0 || k <= 0 {
			return nil, errSegments
		}
		at := s.From + s.Rows
		if shard != 0 {
			at = 0
		}
		s = schemas.Segment{Shard: s.Shard + int(shard), From: at + from, Rows: int64(rows)}
		out, b = append(out, s), b[i+j+k:]
	}
	return out, nil
}
