package plan

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/schemas"
)

// anySource is a table of a few shards, some without rows.
func anySource(t *rapid.T, outer testing.TB) *Source {
	window := rapid.SampledFrom([]int64{1, 2, 4, 8}).Draw(t, "window")
	batches := rapid.SliceOfN(rapid.Int64Range(1, window), 0, 6)
	return sourceFor(outer, published(window, rapid.SliceOfN(batches, 1, 4).Draw(t, "shards")...))
}

func anyOrder(t *rapid.T) Ask {
	a := Ask{World: rapid.IntRange(1, 9).Draw(t, "world"), Epoch: rapid.Uint64Range(0, 2).Draw(t, "epoch")}
	if rapid.Bool().Draw(t, "seeded") {
		seed := rapid.Uint64().Draw(t, "seed")
		a.Seed = &seed
		a.Shuffle = rapid.SampledFrom([]string{"rows", "windows"}).Draw(t, "shuffle")
	}
	return a
}

// rowsOf names each row that segments read, in order.
func rowsOf(segments []schemas.Segment) (out []string) {
	for _, s := range segments {
		for i := range s.Rows {
			out = append(out, fmt.Sprint(s.Shard, ":", s.From+i))
		}
	}
	return out
}

// On any world, and resumed on others in between, the ranks of the last world read what no
// rank before them consumed, each row once.
func TestResumedWorldsReadEachRowOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, a := anySource(rt, t), anyOrder(rt)
		seen := map[string]int{}
		take := func(a Ask, most int64) {
			for a.Rank = range a.World {
				p, err := NewPlan(s, a)
				if err != nil {
					rt.Fatal(err)
				}
				rows := rowsOf(p.Stored())
				if int64(len(rows)) != p.Rows || p.Rows != p.PartRows {
					rt.Fatalf("%d rows are planned as %d of %d", len(rows), p.Rows, p.PartRows)
				}
				for _, row := range rows[:min(most, p.Rows)] {
					seen[row]++
				}
			}
		}
		for range rapid.IntRange(0, 3).Draw(rt, "earlier worlds") {
			earlier := a
			earlier.World = rapid.IntRange(1, 9).Draw(rt, "earlier world")
			k := rapid.Int64Range(0, s.Rows()/int64(earlier.World)).Draw(rt, "consumed")
			shortest := s.Rows()
			for earlier.Rank = range earlier.World {
				p, err := NewPlan(s, earlier)
				if err != nil {
					rt.Fatal(err)
				}
				shortest = min(shortest, p.PartRows)
			}
			k = min(k, shortest)
			take(earlier, k)
			a.Start = append(a.Start, Stage{World: earlier.World, Rows: k})
		}
		take(a, s.Rows())
		if int64(len(seen)) != s.Rows() {
			rt.Fatalf("%d of %d rows are read", len(seen), s.Rows())
		}
		for row, times := range seen {
			if times != 1 {
				rt.Errorf("row %s is read %d times", row, times)
			}
		}
	})
}

// With even=drop every rank has as many rows as the shortest, with even=pad as many as the
// longest; what is dropped or repeated is said, and a padded part repeats its own first row.
func TestEvenParts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, a := anySource(rt, t), anyOrder(rt)
		plans := map[string][]*Plan{}
		for _, even := range []string{"", "drop", "pad"} {
			for a.Rank = range a.World {
				a.Even = even
				p, err := NewPlan(s, a)
				if err != nil {
					rt.Fatal(err)
				}
				plans[even] = append(plans[even], p)
			}
		}
		shortest, longest := s.Rows(), int64(0)
		for _, p := range plans[""] {
			shortest, longest = min(shortest, p.PartRows), max(longest, p.PartRows)
			if p.Adjusted != "" {
				rt.Errorf("an uneven part is adjusted: %s", p.Adjusted)
			}
		}
		if longest-shortest > 1 {
			rt.Fatalf("parts have %d to %d rows", shortest, longest)
		}
		for rank := range a.World {
			whole, drop, pad := plans[""][rank], plans["drop"][rank], plans["pad"][rank]
			rows := rowsOf(whole.Stored())
			said := ""
			if whole.PartRows > shortest {
				said = "dropped=1"
			}
			if got := rowsOf(drop.Stored()); drop.PartRows != shortest || strings.Join(got, " ") != strings.Join(rows[:shortest], " ") ||
				drop.Adjusted != said {
				rt.Errorf("rank %d drops %v to %v, %q", rank, rows, got, drop.Adjusted)
			}
			want, said := rows, ""
			if whole.PartRows < longest {
				first := *whole
				first.Segments = whole.Source.padRow(whole.Segments)
				want, said = append(rows[:len(rows):len(rows)], rowsOf(first.Stored())...), "repeated=1"
			}
			if len(rows) > 0 && whole.PartRows < longest && want[len(want)-1] != rows[0] {
				rt.Errorf("rank %d is padded with %s, not its first row %s", rank, want[len(want)-1], rows[0])
			}
			if got := rowsOf(pad.Stored()); strings.Join(got, " ") != strings.Join(want, " ") || pad.Adjusted != said {
				rt.Errorf("rank %d pads %v to %v, %q", rank, rows, got, pad.Adjusted)
			}
		}
	})
}

// From leaves out the first rows of a part, and no others; the bounds of what is left are
// no higher than those of the whole.
func TestFrom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, a := anySource(rt, t), anyOrder(rt)
		whole, err := NewPlan(s, a)
		if err != nil {
			rt.Fatal(err)
		}
		a.From = rapid.Int64Range(0, whole.PartRows).Draw(rt, "from")
		p, err := NewPlan(s, a)
		if err != nil {
			rt.Fatal(err)
		}
		if got, want := rowsOf(p.Stored()), rowsOf(whole.Stored())[a.From:]; strings.Join(got, " ") != strings.Join(want, " ") {
			rt.Errorf("from %d: %v, want %v", a.From, got, want)
		}
		a.From = whole.PartRows + 1
		_, err = NewPlan(s, a)
		want := fmt.Sprintf("%d lies beyond the part of this rank, which has %d rows", a.From, whole.PartRows)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), want) {
			rt.Errorf("got %v, want %s", err, want)
		}
	})
}

// A start beyond the parts of its world is refused with what they have.
func TestStartBeyondTheParts(t *testing.T) {
	s := sourceFor(t, published(4, []int64{4, 3}))
	for _, c := range []struct {
		start []Stage
		want  string
	}{
		{[]Stage{{World: 1, Rows: 8}}, "8@1 lies beyond the part: each of the 1 ranks has 7 rows there"},
		{[]Stage{{World: 2, Rows: 5}}, "5@2 lies beyond the part: each of the 2 ranks has between 3 and 4 rows there"},
		{[]Stage{{World: 2, Rows: 3}, {World: 1, Rows: 2}}, "2@1 lies beyond the part: each of the 1 ranks has 1 rows there"},
	} {
		_, err := NewPlan(s, Ask{World: 1, Start: c.start})
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %s", c.start, err, c.want)
		}
	}
}

// Slices are what the segments of a plan have of each batch, in order, whole or not.
func TestSlices(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, a := anySource(rt, t), anyOrder(rt)
		a.Rank = rapid.IntRange(0, a.World-1).Draw(rt, "rank")
		p, err := NewPlan(s, a)
		if err != nil {
			rt.Fatal(err)
		}
		var got []string
		s = p.Source // of windows, where rows are permuted
		for _, sl := range s.Slices(p.Segments) {
			batches := s.Batches()[sl.Shard]
			before := int64(0)
			for _, rows := range batches[:sl.Batch] {
				before += rows
			}
			if sl.Rows < 1 || sl.From+sl.Rows > batches[sl.Batch] || sl.Whole != (sl.Rows == batches[sl.Batch]) {
				rt.Fatalf("slice %+v of a batch of %d rows", sl, batches[sl.Batch])
			}
			got = append(got, rowsOf([]schemas.Segment{{Shard: sl.Shard, From: before + sl.From, Rows: sl.Rows}})...)
		}
		if want := rowsOf(p.Segments); strings.Join(got, " ") != strings.Join(want, " ") {
			rt.Errorf("slices of %v, want %v", got, want)
		}
	})
}

// The bounds of a plan over bytes as they lie are those bytes; a part of a batch is bounded
// by what it could take at most.
func TestBounds(t *testing.T) {
	v := published(8, []int64{8, 8}, []int64{5})
	s := sourceFor(t, v)
	frame := int64(len(s.Schema())) + 8
	dictionary, batch := int64(1200), func(rows int64) int64 { return 256 + 64*(rows+1) }
	for _, c := range []struct {
		ask     Ask
		rows    int64
		bytes   int64 // 0: not to be known exactly
		largest int64
	}{
		{Ask{World: 1}, 21, frame + 2*dictionary + 2*batch(8) + batch(5), dictionary + maxReencoded},
		{Ask{World: 1, From: 16}, 5, frame + dictionary + batch(5), dictionary + maxReencoded},
		{Ask{World: 1, From: 21}, 0, frame, 0},
		{Ask{World: 2}, 10, 0, 0},
	} {
		p, err := NewPlan(s, c.ask)
		if err != nil {
			t.Fatal(err)
		}
		rows, bytes := p.Most()
		if rows != c.rows || c.bytes > 0 && bytes != c.bytes || c.bytes == 0 && bytes <= frame+dictionary+batch(8) {
			t.Errorf("%s: at most %d rows, %d bytes; want %d, %d", c.ask, rows, bytes, c.rows, c.bytes)
		}
		if got := p.LargestMessage(); c.bytes > 0 && got != c.largest {
			t.Errorf("%s: the largest message has %d bytes, want %d", c.ask, got, c.largest)
		}
	}
	compact := sourceFor(t, v, schemas.Duty{Kind: schemas.DutyBudget, Rows: 100})
	p, err := NewPlan(compact, Ask{World: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, bytes := p.Most(); bytes < frame+3*(dictionary+maxReencoded)+2*batch(8) {
		t.Errorf("three batches with dictionaries of their own are bounded by %d bytes", bytes)
	}
}

// A first batch that a budget does not cover is refused with both sizes and, where more
// ranks have shorter ones, with the smallest world that does.
func TestBeyondBudget(t *testing.T) {
	s := sourceFor(t, published(64, []int64{30}))
	for _, c := range []struct {
		mostRows, rows, bytes int64
		want                  string
	}{
		{30, 30, 3000, "as it was"},
		{12, 30, 3000, "leaves 12 rows and 100000 bytes, less than the first batch of this part, which has 30 rows " +
			"and 3000 bytes and is sent whole or not at all; with world=3 "},
		{1, 30, 3000, "with world=16 the first batch of rank 0 is short enough"},
		{0, 30, 3000, "ask the provider for a larger budget, or for shorter batches"},
	} {
		p, err := NewPlan(s, Ask{World: 1})
		if err != nil {
			t.Fatal(err)
		}
		got := p.BeyondBudget(&schemas.Release{MostRows: c.mostRows, MostBytes: 100_000}, c.rows, c.bytes, "as it was")
		if !strings.Contains(got, c.want) {
			t.Errorf("%d rows: %s; want %s", c.mostRows, got, c.want)
		}
	}
}

// The example of the package: what each rank reads of two shards, and what is left for a
// third rank when each has consumed six rows.
func ExampleNewPlan() {
	v := published(4, []int64{4, 4, 2}, []int64{4, 3})
	s := sourceFor(&testing.T{}, v)
	seed := uint64(7)
	show := func(a Ask) {
		a.Number = 1
		p, err := NewPlan(s, a)
		if err != nil {
			fmt.Println(err)
			return
		}
		var parts []string
		for _, seg := range p.Segments {
			parts = append(parts, fmt.Sprintf("%d:%d-%d", seg.Shard, seg.From, seg.From+seg.Rows-1))
		}
		fmt.Printf("%s, %d rows: %s\n", a, p.Rows, strings.Join(parts, " "))
	}
	show(Ask{World: 1, Seed: &seed})
	show(Ask{World: 2, Seed: &seed})
	show(Ask{World: 2, Rank: 1, Seed: &seed})
	show(Ask{World: 1, Seed: &seed, Start: []Stage{{World: 2, Rows: 6}}})
	// Output:
	// world=1 rank=0 seed=7 order=1 epoch=0, 17 rows: 0:0-3 1:4-6 0:8-8 0:4-7 1:0-3 0:9-9
	// world=2 rank=0 seed=7 order=1 epoch=0, 8 rows: 0:0-3 0:4-7
	// world=2 rank=1 seed=7 order=1 epoch=0, 9 rows: 1:4-6 0:8-8 1:0-3 0:9-9
	// world=1 rank=0 seed=7 order=1 epoch=0 start=6@2, 5 rows: 0:6-7 1:2-3 0:9-9
}
