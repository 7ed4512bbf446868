package stream

import (
	"guichet/policy/view"
	"guichet/schemas"
)

// dictionaries gives those that a stream sends once for shard i, or, under a budget of
// rows, bounds those of a batch. The batches of a filtering view carry their own.
func (s *Source) dictionaries(i int) []schemas.Block {
	if s.view.Filter != nil {
		return nil
	}
	var out []schemas.Block
	for _, place := range s.view.Dictionaries {
		if d := s.shard(i).Dictionaries; place < len(d) {
			out = append(out, d[place])
		}
	}
	return out
}

// maxAnew is what a dictionary's message may gain where it is encoded anew.
const maxAnew = 1 << 10

// most bounds the bytes of a slice's messages.
func (s *Source) most(sl slice) int64 {
	own := s.shards[sl.shard].batches
	if own == nil {
		n := s.view.Bound(s.shard(sl.shard).Batches[sl.batch], sl.rows)
		if s.view.Compact { // each piece of a batch that becomes too large has some of them
			pieces := 1 + 4*n/view.MaxMessage
			for _, d := range s.dictionaries(sl.shard) {
				n += pieces * (d.Len() + maxAnew)
			}
		}
		return n
	}
	n := s.view.Frame
	for _, at := range s.layout.columns {
		n += own[sl.batch].Columns[at]
	}
	for _, at := range s.layout.dicts {
		n += own[sl.batch].Dictionaries[at]
	}
	return n
}

// largest bounds the largest of them.
func (s *Source) largest(sl slice) int64 {
	own := s.shards[sl.shard].batches
	if own == nil {
		return s.view.LargestMessage(s.shard(sl.shard).Batches[sl.batch], sl.rows)
	}
	n := s.view.Frame
	for _, at := range s.layout.columns {
		n += own[sl.batch].Columns[at]
	}
	for _, at := range s.layout.dicts {
		n = max(n, own[sl.batch].Dictionaries[at])
	}
	return n
}
