package stream

import (
	"fmt"
	"sort"
	"strings"

	"guichet/policy/view"
	"guichet/schemas"
)

// Source is one split of one table of a version as an agreement's view shows it.
type Source struct {
	Version schemas.Version
	Table   *schemas.Table
	Split   *schemas.Split
	view    *view.View
	shards  []shown
	layout  *indexed // of a filtering view
}

// shown is one shard as a view shows it.
type shown struct {
	place   int     // among the split's shards
	starts  []int64 // first row of each batch, and the end
	batches []batch // of a filtering view; nil: those of the split's shard
}

// Rows is the number of rows that the view shows.
func (s *Source) Rows() int64 {
	var n int64
	for i := range s.shards {
		n += s.shardRows(i)
	}
	return n
}

func (s *Source) shardRows(i int) int64 {
	starts := s.shards[i].starts
	return starts[len(starts)-1]
}

// Batches gives the rows of each record batch of each shard, in their order. A view that
// filters rows numbers the shards that have any; where none has, one stands for all.
func (s *Source) Batches() [][]int64 {
	out := make([][]int64, len(s.shards))
	for i, sh := range s.shards {
		out[i] = make([]int64, len(sh.starts)-1)
		for j := range out[i] {
			out[i][j] = sh.starts[j+1] - sh.starts[j]
		}
	}
	return out
}

// Columns names the columns of the view with their types as they arrive.
func (s *Source) Columns() []schemas.TableColumn {
	out := make([]schemas.TableColumn, len(s.view.Fields))
	for i, f := range s.view.Fields {
		out[i] = schemas.TableColumn{Name: f.Name, Type: f.Type.String()}
		for _, c := range s.Table.Columns {
			if c.Name == f.Name {
				out[i].Unit, out[i].Concept, out[i].Description = c.Unit, c.Concept, c.Description
			}
		}
	}
	return out
}

// shard is where the rows of shard i lie.
func (s *Source) shard(i int) *schemas.Shard { return &s.Split.Shards[s.shards[i].place] }

// Schema is the view's schema message.
func (s *Source) Schema() []byte { return s.view.Schema }

// pick finds table and split; the only one may be left out.
func pick(v *schemas.Version, table, split string) (*schemas.Table, *schemas.Split, error) {
	var t *schemas.Table
	names := []string{}
	for i := range v.Data {
		names = append(names, v.Data[i].Name)
		if v.Data[i].Name == table || table == "" && len(v.Data) == 1 {
			t = &v.Data[i]
		}
	}
	if t == nil {
		return nil, nil, schemas.BadField("stream", "table", "%s; the version has the tables %s", missing("table", table), strings.Join(names, ", "))
	}
	names = names[:0]
	for i := range t.Splits {
		names = append(names, t.Splits[i].Name)
		if t.Splits[i].Name == split || split == "" && len(t.Splits) == 1 {
			return t, &t.Splits[i], nil
		}
	}
	return nil, nil, schemas.BadField("stream", "split", "%s; table %s has the splits %s", missing("split", split), t.Name, strings.Join(names, ", "))
}

func missing(what, name string) string {
	if name == "" {
		return "say which " + what
	}
	return fmt.Sprintf("there is no %s %q", what, name)
}

// newSource puts a view over a split. A filtering view has a layout of its own, which
// is nil for all others.
func newSource(v schemas.Version, t *schemas.Table, s *schemas.Split, vw *view.View, ix *indexed) *Source {
	src := &Source{Version: v, Table: t, Split: s, view: vw, layout: ix}
	if ix != nil {
		for _, sh := range ix.Shards {
			one := shown{place: sh.Shard, starts: []int64{0}, batches: sh.Batches}
			for j, b := range sh.Batches {
				one.starts = append(one.starts, one.starts[j]+b.Rows)
			}
			src.shards = append(src.shards, one)
		}
		if len(ix.Shards) == 0 && len(s.Shards) > 0 { // a file without rows says what the columns are
			src.shards = []shown{{starts: []int64{0}}}
		}
		return src
	}
	for i := range s.Shards {
		one := shown{place: i, starts: []int64{0}}
		for j, b := range s.Shards[i].Batches {
			one.starts = append(one.starts, one.starts[j]+b.Rows)
		}
		src.shards = append(src.shards, one)
	}
	return src
}

// Plan is what one stream reads: a pure function of the source and the ask.
type Plan struct {
	Source   *Source
	Ask      Ask
	Segments []schemas.Segment
	Rows     int64
	Part     int64  // rows of the rank's whole part, before from
	Changed  string // what even dropped or repeated, in words; "" is nothing
	Order    string // what the seed did, in words
}

// orderOf says what a seed does to rows in pieces, each of at most one window; the parts
// of a piece are what shards have over.
func orderOf(pieces []piece, window int64, seed *uint64) string {
	if seed == nil {
		return "stored"
	}
	runs := 0
	for _, p := range pieces {
		runs += len(p)
	}
	if runs < 2 {
		return "stored: the rows are one window, and a seed changes the order of windows only"
	}
	return fmt.Sprintf("%d runs of at most %d rows in the order of the seed, each as it is stored", runs, window)
}

// NewPlan plans one rank's stream. Errors: Invalid when from or start lie beyond
// the part.
func NewPlan(s *Source, a Ask) (*Plan, error) {
	shards := make([]int64, len(s.shards))
	for i := range shards {
		shards[i] = s.shardRows(i)
	}
	n, seeded := s.Table.WindowRows, a.Seed != nil
	pieces := epochOrder(shards, n, a.Seed, a.Epoch)
	order := orderOf(pieces, n, a.Seed)
	for _, st := range a.Start {
		parts := deal(pieces, n, seeded, st.World)
		shortest, longest := lengths(parts)
		if st.Rows > longest {
			have := fmt.Sprintf("between %d and %d", shortest, longest)
			if shortest == longest {
				have = fmt.Sprint(longest)
			}
			return nil, schemas.BadField("stream", "start", "%d@%d lies beyond the part: each of the %d ranks has %s rows there", st.Rows, st.World, st.World, have)
		}
		pieces = left(pieces, parts, st.Rows)
	}
	p := &Plan{Source: s, Ask: a, Order: order}
	parts := deal(pieces, n, seeded, a.World)
	shortest, longest := lengths(parts)
	segments := join(parts[a.Rank])
	p.Part = segments.rows()
	switch {
	case a.Even == "drop" && p.Part > shortest:
		p.Changed = fmt.Sprintf("dropped=%d", p.Part-shortest)
		segments = segments.cut(0, shortest)
	case a.Even == "pad" && p.Part < longest:
		p.Changed = fmt.Sprintf("repeated=%d", longest-p.Part)
		segments = append(segments, s.filler(segments)...)
	}
	p.Part = segments.rows()
	if a.From > p.Part {
		return nil, schemas.BadField("stream", "from", "%d lies beyond the part of this rank, which has %d rows", a.From, p.Part)
	}
	p.Segments = segments.cut(a.From, p.Part-a.From)
	p.Rows = p.Part - a.From
	return p, nil
}

// filler is the one row that pads a part: its own first one, or the split's.
func (s *Source) filler(p piece) piece {
	if len(p) > 0 {
		return piece{segment(p[0].Shard, p[0].From, 1)}
	}
	for i := range s.shards {
		if s.shardRows(i) > 0 {
			return piece{segment(i, 0, 1)}
		}
	}
	return nil
}

// slice is rows [From, From+Rows) of one batch as the view shows it.
type slice struct {
	shard, batch int
	from, rows   int64
	whole        bool
}

// slices cuts segments at batches.
func (s *Source) slices(segments []schemas.Segment) []slice {
	var out []slice
	for _, seg := range segments {
		starts := s.shards[seg.Shard].starts
		b := sort.Search(len(starts), func(i int) bool { return starts[i] > seg.From }) - 1
		for at, end := seg.From, seg.From+seg.Rows; at < end; b++ {
			n := min(end, starts[b+1]) - at
			if n > 0 {
				out = append(out, slice{seg.Shard, b, at - starts[b], n, n == starts[b+1]-starts[b]})
			}
			at += n
		}
	}
	return out
}

// Most is the most that the stream can deliver, for its begin record: rows, and
// bytes of the messages that it touches, framing included. Nothing that the view hides
// moves it.
func (p *Plan) Most() (rows, bytes int64) {
	s := p.Source
	last := -1
	for _, sl := range s.slices(p.Segments) {
		bytes += s.most(sl)
		if sl.shard != last && !s.view.Compact {
			for _, d := range s.dictionaries(sl.shard) {
				bytes += d.Len()
			}
			last = sl.shard
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
	for _, sl := range s.slices(p.Segments) {
		most = max(most, s.largest(sl))
		if sl.shard != last {
			for _, d := range s.dictionaries(sl.shard) {
				most = max(most, d.Len()+maxAnew)
			}
			last = sl.shard
		}
	}
	return most
}

// beyond says why a first batch, of rows and bytes, is more than what the budget leaves,
// and what helps: more ranks, whose batches are shorter. otherwise is what is said where
// the batch would fit.
func (p *Plan) beyond(r *schemas.Release, rows, bytes int64, otherwise string) string {
	if rows <= r.MostRows && bytes <= r.MostBytes {
		return otherwise
	}
	text := fmt.Sprintf("the budget leaves %d rows and %d bytes, less than the first batch of this part, which has %d rows and %d bytes and is sent whole or not at all", r.MostRows, r.MostBytes, rows, bytes)
	fits := func(world int) bool {
		a := p.Ask
		a.World, a.Rank, a.From = world, 0, 0
		q, err := NewPlan(p.Source, a)
		if err != nil {
			return false
		}
		first := p.Source.slices(q.Segments)
		return len(first) > 0 && first[0].rows <= r.MostRows && bytes/max(rows, 1)*first[0].rows <= r.MostBytes // about
	}
	// In the widest of these a whole part fits. Each try costs as much as a plan, so they
	// are halved.
	most := 1 + max(p.Part/max(r.MostRows, 1), bytes/max(r.MostBytes, 1))
	widest := int(min(int64(p.Ask.World)*most, MaxWorld))
	world := p.Ask.World + 1 + sort.Search(max(widest-p.Ask.World, 0), func(i int) bool { return fits(p.Ask.World + 1 + i) })
	if world <= MaxWorld && fits(world) {
		return text + fmt.Sprintf("; with world=%d the first batch of rank 0 is short enough; or ask the provider for a larger budget", world)
	}
	return text + "; ask the provider for a larger budget, or for shorter batches"
}
