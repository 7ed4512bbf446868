package plan

import (
	"fmt"
	"sort"

	"guichet/schemas"
)

// Plan is what one stream reads: a pure function of the source and the ask.
type Plan struct {
	Source   *Source // as the order shows it
	Ask      Ask
	Segments []schemas.Segment // of Source
	Rows     int64
	PartRows int64  // rows of the rank's whole part, before from and lane
	Adjusted string // what even dropped or repeated, in words; "" is nothing
	Order    string // what the seed did: the keys that say it, and words

	asked *Source // as NewPlan got it
}

// orderOf says what a seed does to the rows of an order of windows, each of at most n rows;
// one of several segments is made of what shards have over.
func orderOf(order []schemas.Segments, n int64, a Ask) string {
	if a.Seed == nil {
		return "stored"
	}
	said := fmt.Sprintf("order=%d", a.order())
	if a.order() > 1 {
		said += " shuffle=" + a.shuffle()
	}
	runs := 0
	for _, w := range order {
		runs += len(w)
	}
	switch {
	case a.rows():
		return fmt.Sprintf("%s: %d windows of at most %d rows in the order of the seed, the rows of each permuted", said, len(order), n)
	case runs < 2:
		return said + ": stored: the rows are one window, and the order of windows alone changes"
	}
	return fmt.Sprintf("%s: %d runs of at most %d rows in the order of the seed, each as it is stored", said, runs, n)
}

// Windows tells what a seed orders, and how many of them there are: for the manifest.
func (s *Source) Windows() (rows, windows int64) {
	rows = windowRows(s.Table.WindowRows, s.Rows())
	return rows, (s.Rows() + rows - 1) / rows
}

// windows gives an epoch's windows in the order of the ask, and the rows of a whole one.
func (s *Source) windows(a Ask) ([]schemas.Segments, int64) {
	shards, rows := make([]int64, len(s.shards)), int64(0)
	for i := range shards {
		shards[i] = s.ShardRows(i)
		rows += shards[i]
	}
	n := s.Table.WindowRows
	if a.order() > 1 {
		n = windowRows(n, rows)
	}
	return epochOrder(shards, n, a.order(), a.Seed, a.Epoch), n
}

// NewPlan plans one rank's stream. Errors: Invalid when from or start lie beyond
// the part.
func NewPlan(s *Source, a Ask) (*Plan, error) {
	asked, seeded := s, a.Seed != nil
	windows, n := s.windows(a)
	order := orderOf(windows, n, a)
	if a.rows() {
		s = s.permute(windows, *a.Seed, a.Epoch)
		windows = make([]schemas.Segments, len(windows))
		for i := range windows {
			windows[i] = schemas.Segments{segment(i, 0, s.ShardRows(i))}
		}
	}
	for _, st := range a.Start {
		parts := assign(windows, n, seeded, st.World)
		shortest, longest := lengths(parts)
		if st.Rows > longest {
			have := fmt.Sprintf("between %d and %d", shortest, longest)
			if shortest == longest {
				have = fmt.Sprint(longest)
			}
			return nil, schemas.BadField("stream", "start", "%d@%d lies beyond the part: each of the %d ranks has %s rows there", st.Rows,
				st.World, st.World, have)
		}
		windows = remaining(windows, parts, st.Rows)
	}
	p := &Plan{Source: s, Ask: a, Order: order, asked: asked}
	segments, shortest, longest := part(windows, n, seeded, a.World, a.Rank)
	p.PartRows = segments.Rows()
	switch {
	case a.Even == "drop" && p.PartRows > shortest:
		p.Adjusted = fmt.Sprintf("dropped=%d", p.PartRows-shortest)
		segments = segments.Cut(0, shortest)
	case a.Even == "pad" && p.PartRows < longest:
		p.Adjusted = fmt.Sprintf("repeated=%d", longest-p.PartRows)
		segments = append(segments, s.padRow(segments)...)
	}
	p.PartRows = segments.Rows()
	if a.From > p.PartRows {
		return nil, schemas.BadField("stream", "from", "%d lies beyond the part of this rank, which has %d rows", a.From, p.PartRows)
	}
	dealt, err := a.Lane.deal(segments.Cut(a.From, p.PartRows-a.From))
	if err != nil {
		return nil, err
	}
	if a.Most > 0 {
		dealt = dealt.Cut(0, a.Most)
	}
	p.Segments, p.Rows = dealt, dealt.Rows()
	return p, nil
}

// padRow is the one row that pads a part: its own first one, or the split's.
func (s *Source) padRow(p schemas.Segments) schemas.Segments {
	if len(p) > 0 {
		return schemas.Segments{segment(p[0].Shard, p[0].From, 1)}
	}
	for i := range s.shards {
		if s.ShardRows(i) > 0 {
			return schemas.Segments{segment(i, 0, 1)}
		}
	}
	return nil
}

// Stored names the rows in the order in which they come, as segments of the source that was
// planned for; of a permuted source one for each row.
func (p *Plan) Stored() []schemas.Segment {
	if !p.Source.Permuted() {
		return p.Segments
	}
	var out []schemas.Segment
	for _, group := range p.Source.Together(p.Source.Slices(p.Segments)) {
		window := p.Source.permuted.windows[group[0].Shard]
		for _, row := range p.Source.Permutation(group) {
			out = append(out, window.Cut(int64(row), 1)...)
		}
	}
	return out
}

// Slice is rows [From, From+Rows) of one batch as the view shows it.
type Slice struct {
	Shard, Batch int
	From, Rows   int64
	Whole        bool
}

// ShardSlices gives the slices of all of shard i.
func (s *Source) ShardSlices(i int) []Slice {
	return s.Slices([]schemas.Segment{segment(i, 0, s.ShardRows(i))})
}

// Slices cuts segments at batches.
func (s *Source) Slices(segments []schemas.Segment) []Slice {
	var out []Slice
	for _, seg := range segments {
		starts := s.shards[seg.Shard].starts
		b := sort.Search(len(starts), func(i int) bool { return starts[i] > seg.From }) - 1
		for at, end := seg.From, seg.From+seg.Rows; at < end; b++ {
			n := min(end, starts[b+1]) - at
			if n > 0 {
				out = append(out, Slice{seg.Shard, b, at - starts[b], n, n == starts[b+1]-starts[b]})
			}
			at += n
		}
	}
	return out
}

// Together groups slices whose rows one message may hold: of a permuted source those of a
// window that follow each other, else each alone.
func (s *Source) Together(list []Slice) [][]Slice {
	var out [][]Slice
	for i, sl := range list {
		if n := len(out) - 1; n >= 0 && s.Permuted() && list[i-1].Shard == sl.Shard {
			out[n] = append(out[n], sl)
			continue
		}
		out = append(out, list[i:i+1:i+1])
	}
	return out
}

// bounds gives the slices of segments for what bounds them, with those together as one of as
// many rows.
func (s *Source) bounds(segments []schemas.Segment) []Slice {
	list := s.Slices(segments)
	if !s.Permuted() {
		return list
	}
	var out []Slice
	for _, group := range s.Together(list) {
		out = append(out, Bound(group))
	}
	return out
}

// Bound is one slice that stands for slices that are together, where only the rows count.
func Bound(group []Slice) Slice {
	out := group[0]
	for _, sl := range group[1:] {
		out.Rows += sl.Rows
	}
	return out
}

// Most is the most that the stream can deliver, for its begin record: rows, and
// bytes of the messages that it touches, framing included. Nothing that the view hides
// moves it.
func (p *Plan) Most() (rows, bytes int64) {
	s := p.Source
	last := -1
	for _, sl := range s.bounds(p.Segments) {
		bytes += s.layout.most(sl)
		if sl.Shard != last && !s.View.Compact {
			for _, d := range s.layout.dictionaries(sl.Shard) {
				bytes += d.Len()
			}
			last = sl.Shard
		}
	}
	return p.Rows, bytes + int64(len(s.Schema())) + 8
}

// LargestMessage bounds, as Most does, the bytes of the largest message that the
// stream holds, for doors whose clients take only so much at once.
func (p *Plan) LargestMessage() int64 {
	s := p.Source
	var most int64
	last := -1
	for _, sl := range s.bounds(p.Segments) {
		most = max(most, s.layout.largest(sl))
		if sl.Shard != last {
			for _, d := range s.layout.dictionaries(sl.Shard) {
				most = max(most, d.Len()+maxReencoded)
			}
			last = sl.Shard
		}
	}
	return most
}

// BeyondBudget says why a first batch, of rows and bytes, is more than what the budget leaves,
// and what helps: more ranks, whose batches are shorter. otherwise is what is said where
// the batch would fit.
func (p *Plan) BeyondBudget(r *schemas.Release, rows, bytes int64, otherwise string) string {
	if rows <= r.MostRows && bytes <= r.MostBytes {
		return otherwise
	}
	text := fmt.Sprintf("the budget leaves %d rows and %d bytes, less than the first batch of this part, which has "+
		"%d rows and %d bytes and is sent whole or not at all", r.MostRows, r.MostBytes, rows, bytes)
	fits := func(world int) bool {
		a := p.Ask
		a.World, a.Rank, a.From = world, 0, 0
		q, err := NewPlan(p.asked, a)
		if err != nil {
			return false
		}
		first := q.Source.bounds(q.Segments)
		return len(first) > 0 && first[0].Rows <= r.MostRows && bytes/max(rows, 1)*first[0].Rows <= r.MostBytes // about
	}
	// In the widest of these a whole part fits. Each try costs as much as a plan, so they
	// are halved.
	most := 1 + max(p.PartRows/max(r.MostRows, 1), bytes/max(r.MostBytes, 1))
	widest := int(min(int64(p.Ask.World)*most, MaxWorld))
	world := p.Ask.World + 1 + sort.Search(max(widest-p.Ask.World, 0), func(i int) bool { return fits(p.Ask.World + 1 + i) })
	if world <= MaxWorld && fits(world) {
		return text + fmt.Sprintf("; with world=%d the first batch of rank 0 is short enough; or ask the provider for a larger budget", world)
	}
	return text + "; ask the provider for a larger budget, or for shorter batches"
}
