package plan

import (
	"slices"

	"guichet/policy/view"
	"guichet/schemas"
)

// layout is how the rows that a source shows lie in record batches. Whether a view filters
// rows is asked once, where its source is made: all else asks the layout.
type layout interface {
	// shards gives the shards that are shown, in their order.
	shards() []shownShard
	// most bounds the bytes of a slice's messages, dictionaries of its own included.
	most(sl Slice) int64
	// largest bounds the bytes of the largest of them.
	largest(sl Slice) int64
	// outputBound bounds the bytes of what the view makes of a slice, beside what was read. It
	// may look at what is hidden, so no client may see it.
	outputBound(sl Slice) int64
	// remade bounds the bytes of a slice's rows where they are gathered with those of others, and
	// cut into messages: dictionaries are not in it.
	remade(sl Slice) int64
	// dictionaryBytes bounds those of the dictionaries that a slice's rows need.
	dictionaryBytes(sl Slice) int64
	// dictionaries gives those that a stream sends once for shard i.
	dictionaries(i int) []schemas.Block
	// regrouped says that batches are the view's own: origins finds their rows.
	regrouped() bool
	// origins finds a slice's rows among those that stay in the batches of the shard.
	origins(sl Slice) []Origin
}

// shownShard is one shard as a view shows it.
type shownShard struct {
	place  int     // among the split's shards
	starts []int64 // first row of each batch, and the end
}

func (s *shownShard) rows() int64 { return s.starts[len(s.starts)-1] }

// Origin is a run of the rows that stay in one batch of a shard.
type Origin struct {
	Batch      int
	Skip, Rows int64
	Ends       bool // the slice ends here
}

// stored is the layout of a view that shows every row: its batches are the shards'.
type stored struct {
	view  *view.View
	split *schemas.Split
}

func (l *stored) shards() []shownShard {
	var out []shownShard
	for i := range l.split.Shards {
		one := shownShard{place: i, starts: []int64{0}}
		for j, b := range l.split.Shards[i].Batches {
			one.starts = append(one.starts, one.starts[j]+b.Rows)
		}
		out = append(out, one)
	}
	return out
}

func (l *stored) block(sl Slice) schemas.Block { return l.split.Shards[sl.Shard].Batches[sl.Batch] }

// maxReencoded is what a dictionary's message may gain where it is encoded anew.
const maxReencoded = 1 << 10

func (l *stored) most(sl Slice) int64 {
	n := l.view.Bound(l.block(sl), sl.Rows)
	if l.view.Compact { // each piece of a batch that becomes too large has some of them
		pieces := 1 + 4*n/view.MaxMessage
		for _, d := range l.dictionaries(sl.Shard) {
			n += pieces * (d.Len() + maxReencoded)
		}
	}
	return n
}

func (l *stored) remade(sl Slice) int64 { return l.view.Remade(l.block(sl), sl.Rows) }

func (l *stored) dictionaryBytes(sl Slice) (n int64) {
	for _, d := range l.dictionaries(sl.Shard) {
		n += d.Len() + maxReencoded
	}
	return n
}

func (l *stored) largest(sl Slice) int64 { return l.view.LargestMessage(l.block(sl), sl.Rows) }

func (l *stored) outputBound(sl Slice) int64 {
	if l.view.Raw() && sl.Whole && !l.view.Compact {
		return 0
	}
	return l.most(sl) - l.view.Surplus(l.block(sl), sl.Rows)
}

// dictionaries also bounds, under a budget of rows, those that a batch carries.
func (l *stored) dictionaries(i int) []schemas.Block {
	var out []schemas.Block
	for _, place := range l.view.Dictionaries {
		if d := l.split.Shards[i].Dictionaries; place < len(d) {
			out = append(out, d[place])
		}
	}
	return out
}

func (*stored) regrouped() bool        { return false }
func (*stored) origins(Slice) []Origin { return nil }

// filtered is the layout of a view that filters rows: its batches are those of its row
// index, each with dictionaries of its own.
type filtered struct {
	view    *view.View
	index   *RowIndex
	columns []int // where the view's columns stand in the sizes of the index, which is of the widest view
	dicts   []int
	empty   bool
}

func newFiltered(v, widest *view.View, ix *RowIndex, s *schemas.Split) *filtered {
	l := &filtered{view: v, index: ix, empty: len(ix.Shards) == 0 && len(s.Shards) > 0}
	l.columns, l.dicts = within(widest.Columns, v.Columns), within(widest.Dictionaries, v.Dictionaries)
	if len(widest.Columns) > MaxSizedColumns {
		l.columns = []int{0}
	}
	return l
}

// within finds some numbers among all, both ascending.
func within(all, some []int) []int {
	var out []int
	for _, n := range some {
		at, ok := slices.BinarySearch(all, n)
		if ok {
			out = append(out, at)
		}
	}
	return out
}

func (l *filtered) shards() []shownShard {
	if l.empty { // a file without rows says what the columns are
		return []shownShard{{starts: []int64{0}}}
	}
	var out []shownShard
	for _, sh := range l.index.Shards {
		one := shownShard{place: sh.Shard, starts: []int64{0}}
		for j, b := range sh.Batches {
			one.starts = append(one.starts, one.starts[j]+b.Rows)
		}
		out = append(out, one)
	}
	return out
}

func (l *filtered) batch(sl Slice) *RowBatch { return &l.index.Shards[sl.Shard].Batches[sl.Batch] }

func (l *filtered) body(b *RowBatch) int64 {
	n := l.view.Frame
	for _, at := range l.columns {
		n += b.Columns[at]
	}
	return n
}

func (l *filtered) most(sl Slice) int64 {
	b := l.batch(sl)
	n := l.body(b)
	for _, at := range l.dicts {
		n += b.Dictionaries[at]
	}
	return n
}

func (l *filtered) remade(sl Slice) int64 { return l.view.Pieces(l.body(l.batch(sl))) }

func (l *filtered) dictionaryBytes(sl Slice) (n int64) {
	b := l.batch(sl)
	for _, at := range l.dicts {
		n += b.Dictionaries[at] + maxReencoded
	}
	return n
}

func (l *filtered) largest(sl Slice) int64 {
	b := l.batch(sl)
	n := l.body(b)
	for _, at := range l.dicts {
		n = max(n, b.Dictionaries[at])
	}
	return n
}

func (l *filtered) outputBound(sl Slice) int64 { return l.most(sl) }

func (*filtered) dictionaries(int) []schemas.Block { return nil }

func (*filtered) regrouped() bool { return true }

// origins walks the takes of a batch. Of a batch with the takes
//
//	batch 3, after 5: 10 rows    batch 4: 20 rows    batch 6: 2 rows
//
// rows [8, 25) of it are: 2 rows of batch 3 after 13, 15 rows of batch 4.
func (l *filtered) origins(sl Slice) []Origin {
	var out []Origin
	skip, left := sl.From, sl.Rows
	for _, t := range l.batch(sl).Takes {
		n := min(t.Rows-skip, left)
		if n <= 0 {
			skip -= t.Rows
			continue
		}
		out = append(out, Origin{t.Batch, t.Skip + skip, n, n == left})
		skip, left = 0, left-n
		if left == 0 {
			break
		}
	}
	return out
}
