package read

import (
	"slices"

	"guichet/gateway/stream/plan"
	"guichet/schemas"
)

// worthAsking is how many bytes must be left out for another request to cost less than to
// have a store send them and to drop them. A request costs the store and the gateway 0.4 ms
// of processor together, a MB that is dropped as much (make bench, s3.direct.ranges).
const worthAsking = 1 << 20

// LeaveOut cuts ranges of which whole batches pass where a batch ends in columns that are
// not shown, if those are long. Not for stores whose messages are compared.
//
//	batches  │meta│shown│░░░░░░░││meta│shown│░░░░░░░│
//	ranges   └─── 1 ────┘        └─── 2 ────┘
func LeaveOut(s *plan.Source, reads []Range) []Range {
	if s.View.Raw() {
		return reads
	}
	var out []Range
	for _, r := range reads {
		if !r.passes {
			out = append(out, r)
			continue
		}
		out = append(out, r.leaveOut(s)...)
	}
	return out
}

func (r *Range) leaveOut(s *plan.Source) []Range {
	var out []Range
	blocks := s.StoredShard(r.shard).Batches
	one := *r
	one.slices = nil
	for i, sl := range r.slices {
		b := blocks[sl.Batch]
		if len(one.slices) == 0 {
			one.offset = b.Offset
		}
		one.slices = append(one.slices, sl)
		tail := hiddenTail(s, b)
		if tail < worthAsking {
			tail = 0
		}
		if tail > 0 || i == len(r.slices)-1 {
			one.length, one.tail = b.Offset+b.Len()-tail-one.offset, tail
			out = append(out, one)
			one.slices = nil
		}
	}
	return out
}

// hiddenTail is how many bytes of a batch come after the last column that is shown; 0 where
// the manifest does not tell.
func hiddenTail(s *plan.Source, b schemas.Block) int64 {
	if len(b.Columns) != s.View.Table.NumFields() || len(s.View.Columns) == 0 {
		return 0
	}
	tail := int64(0)
	for _, n := range b.Columns[slices.Max(s.View.Columns)+1:] {
		tail += n
	}
	return tail
}
