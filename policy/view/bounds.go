package view

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/schemas"
)

// MaxMessage is what published batches keep to [decisions.md 10]; a view that makes
// values longer cuts its batches again, so that every door can pass them.
const MaxMessage = 3584 << 10

// maxPadding is the padding that a buffer can gain when it is encoded anew: shards may
// come padded to 8 bytes, ours are to 64.
const maxPadding = 56

// Body bounds the bytes of a batch of rows that come from b, as the view shows them:
// what it hides is not looked at. Where the manifest does not size columns, and one that
// is shown has no fixed width, what published batches keep to bounds it.
func (v *View) Body(b schemas.Block, rows int64) int64 {
	var edited, n int64
	sized, unknown := len(b.Columns) == v.Table.NumFields(), false
	for at, i := range v.Columns {
		switch e, f := v.edits[i], v.Fields[at]; {
		case e != nil:
			edited += column.MostBytes(f, rows, e.Most())
		case sized && rows < b.Rows && column.FixedWidth(f.Type): // encoded anew
			n += min(b.Columns[i], column.MostBytes(f, rows, 0))
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
		n = max(n, boundWithoutSizes(b))
	}
	return edited + n
}

// boundWithoutSizes bounds the body of a batch of which columns are hidden. A single row that
// alone is larger than a message is told by its power of two: any other bound would
// end its stream.
func boundWithoutSizes(b schemas.Block) int64 {
	n := int64(MaxMessage)
	for b.Rows == 1 && n < b.Body {
		n *= 2
	}
	return n
}

// Bound bounds the bytes of the messages that a batch, or rows of it, becomes.
func (v *View) Bound(b schemas.Block, rows int64) int64 {
	whole := rows == b.Rows && !v.Compact // which makes every message anew
	if v.Raw() && whole {
		return b.Len()
	}
	n := v.Frame + v.Body(b, rows)
	if whole && (len(v.edits) == 0 || n <= MaxMessage) {
		return n
	}
	return v.Pieces(n)
}

// Remade bounds them where the rows are encoded anew, with others or alone, even if they are
// the whole batch.
func (v *View) Remade(b schemas.Block, rows int64) int64 { return v.Pieces(v.Frame + v.Body(b, rows)) }

// Pieces bounds the bytes of the messages that n bytes of rows become, which are cut where they
// are too large.
func (v *View) Pieces(n int64) int64 {
	again := v.Frame + (maxPadding+8)*int64(v.buffers) // what each piece costs once more
	return n + again*(1+4*n/MaxMessage)
}

// LargestMessage bounds the largest of them. What is encoded anew is cut, down to one row.
func (v *View) LargestMessage(b schemas.Block, rows int64) int64 {
	whole := rows == b.Rows && !v.Compact
	if whole && len(v.edits) == 0 {
		return v.Bound(b, rows)
	}
	around := v.Frame + maxPadding*int64(v.buffers)
	n := around + v.Body(b, rows)
	if n <= MaxMessage {
		return n
	}
	return min(n, max(MaxMessage, around+v.Body(b, 1)))
}

// Surplus is what most is too large by where a column is edited and keeps its type: a text
// that is cut short takes no more than it took. It looks at what is hidden, so no client
// may see it.
func (v *View) Surplus(b schemas.Block, rows int64) (n int64) {
	if len(b.Columns) != v.Table.NumFields() {
		return 0
	}
	for at, i := range v.Columns {
		e, f := v.edits[i], v.Fields[at]
		if e != nil && arrow.TypeEqual(f.Type, v.Table.Field(i).Type) {
			n += max(column.MostBytes(f, rows, e.Most())-b.Columns[i]-2*maxPadding, 0)
		}
	}
	return n
}
