package stream

import (
	"guichet/connectors/column"
	"guichet/schemas"
)

// maxMessage is what published batches keep to [decisions.md 10]; a view that makes
// values longer cuts its batches again, so that every door can pass them.
const maxMessage = 3584 << 10

// loosest is the padding that a buffer can gain when it is encoded anew: shards may
// come padded to 8 bytes, ours are to 64.
const loosest = 56

// body bounds the bytes of a batch of rows that come from b, as the view shows them:
// what it hides is not looked at. Where the manifest does not size columns, and one that
// is shown has no fixed width, what published batches keep to bounds it.
func (v *view) body(b schemas.Block, rows int64) int64 {
	var edited, n int64
	sized, unknown := len(b.Columns) == v.arrow.NumFields(), false
	for at, i := range v.columns {
		switch e, f := v.edits[i], v.fields[at]; {
		case e != nil:
			edited += column.MostBytes(f, rows, e.Most())
		case sized:
			n += b.Columns[i]
		case column.FixedWidth(f.Type):
			n += column.MostBytes(f, rows, 0)
		default:
			unknown = true
		}
	}
	switch {
	case unknown && v.keep == nil: // nothing is hidden
		n = b.Body
	case unknown:
		n = max(n, unsized(b))
	}
	return edited + n
}

// unsized bounds the body of a batch of which columns are hidden. A single row that
// alone is larger than a message is told by its power of two: any other bound would
// end its stream.
func unsized(b schemas.Block) int64 {
	n := int64(maxMessage)
	for b.Rows == 1 && n < b.Body {
		n *= 2
	}
	return n
}

// most bounds the bytes of the messages that a batch, or rows of it, becomes.
func (v *view) most(b schemas.Block, rows int64) int64 {
	whole := rows == b.Rows && !v.compact // which makes every message anew
	if v.raw() && whole {
		return b.Len()
	}
	n := v.frame + v.body(b, rows)
	if whole && (len(v.edits) == 0 || n <= maxMessage) {
		return n
	}
	again := v.frame + (loosest+8)*int64(v.buffers) // what each piece costs once more
	return n + again*(1+4*n/maxMessage)
}

// largest bounds the largest of them. What is encoded anew is cut, down to one row.
func (v *view) largest(b schemas.Block, rows int64) int64 {
	whole := rows == b.Rows && !v.compact
	if whole && len(v.edits) == 0 {
		return v.most(b, rows)
	}
	around := v.frame + loosest*int64(v.buffers)
	n := around + v.body(b, rows)
	if n <= maxMessage {
		return n
	}
	return min(n, max(maxMessage, around+v.body(b, 1)))
}

// dictionaries gives those that a stream sends once for shard i, or, under a budget of
// rows, bounds those of a batch. The batches of a filtering view carry their own.
func (s *Source) dictionaries(i int) []schemas.Block {
	if s.view.filter != nil {
		return nil
	}
	var out []schemas.Block
	for _, place := range s.view.dicts {
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
		n := s.view.most(s.shard(sl.shard).Batches[sl.batch], sl.rows)
		if s.view.compact { // each piece of a batch that becomes too large has some of them
			pieces := 1 + 4*n/maxMessage
			for _, d := range s.dictionaries(sl.shard) {
				n += pieces * (d.Len() + maxAnew)
			}
		}
		return n
	}
	n := s.view.frame
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
		return s.view.largest(s.shard(sl.shard).Batches[sl.batch], sl.rows)
	}
	n := s.view.frame
	for _, at := range s.layout.columns {
		n += own[sl.batch].Columns[at]
	}
	for _, at := range s.layout.dicts {
		n = max(n, own[sl.batch].Dictionaries[at])
	}
	return n
}
