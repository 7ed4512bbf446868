package read_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// seeded is a whole epoch, or a part of it, in the order of a seed.
func seeded(t testing.TB, s *plan.Source, seed uint64, world, rank int) *plan.Plan {
	t.Helper()
	p, err := plan.NewPlan(s, plan.Ask{World: world, Rank: rank, Seed: &seed})
	streamtest.Must(t, err)
	return p
}

// planned gives the reads of a plan.
func planned(p *plan.Plan, most int64) []read.Range {
	return read.PlanReads(p.Source, p.Source.Slices(p.Segments), most)
}

// storedRows gives the rows of each shard as the view shows them.
func storedRows(t testing.TB, l *lab, s *plan.Source) [][]string {
	t.Helper()
	all := streamtest.Rows(t, l.stream(t, s, ranges(t, s, read.MaxRange), s.View.Compact))
	out := make([][]string, s.NumShards())
	for i := range out {
		n := s.ShardRows(i)
		out[i], all = all[:n], all[n:]
	}
	return out
}

// inOrder picks rows as a plan names them.
func inOrder(stored [][]string, p *plan.Plan) (out []string) {
	for _, seg := range p.Stored() {
		out = append(out, stored[seg.Shard][seg.From:seg.From+seg.Rows]...)
	}
	return out
}

// Rows of windows come exactly in the order that the plan names, whatever a view makes of them,
// also those of windows that are joined of many shards; within the bounds of the plan.
func TestWindowsComeInTheirOrder(t *testing.T) {
	for name, duties := range map[string][]schemas.Duty{
		"raw":           nil,
		"hidden":        {streamtest.Hide("secret")},
		"pseudonymised": {streamtest.Pseudonymise("name")},
		"filtered": {{
			Kind:   schemas.DutyFilter,
			Filter: &schemas.Filter{Column: "n", Op: "lt", Values: []string{"50"}},
		}},
		"counted": {{
			Kind: schemas.DutyBudget,
			Rows: 10_000,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, l := range []*lab{people(t, 100, 40, 7), people(t, 5, 5, 5, 5, 5, 5, 5, 5)} {
				s := l.source(t, duties)
				stored := storedRows(t, l, s)
				for _, world := range []int{1, 3} {
					for rank := range world {
						p := seeded(t, s, 7, world, rank)
						stream := l.stream(t, p.Source, planned(p, read.MaxRange), s.View.Compact)
						if diff := cmp.Diff(inOrder(stored, p), streamtest.Rows(t, stream)); diff != "" {
							t.Fatalf("rank %d of %d (-want +got):\n%s", rank, world, diff)
						}
						if _, most := p.Most(); int64(len(stream)) > most {
							t.Errorf("%d bytes came, at most %d were planned", len(stream), most)
						}
					}
				}
			}
		})
	}
}

// small is a shard whose dictionary column has an index of one byte, and values of its own.
func small(shard, rows int) arrow.Record {
	fields := []arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{
			Name: "kind",
			Type: &arrow.DictionaryType{
				IndexType: arrow.PrimitiveTypes.Int8,
				ValueType: arrow.BinaryTypes.String,
			},
		},
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(shard*rows + i))
		err := b.Field(1).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprintf("shard %d, kind %d", shard, i))
		if err != nil {
			panic(err)
		}
	}
	return b.NewRecord()
}

// A window that is joined of shards whose dictionaries together have more values than an index
// tells apart comes as several messages, each with a dictionary that fits.
func TestDictionariesOfManyShards(t *testing.T) {
	var records []arrow.Record
	for i := range 6 {
		records = append(records, small(i, 100))
	}
	l := newLab(t, 512, records...)
	s := l.source(t, nil)
	p := seeded(t, s, 7, 1, 0)
	reads := planned(p, read.MaxRange)
	rd := read.NewReader(p.Source, l.Open, false)
	messages := 0
	for i, one := range reads {
		res := rd.Fetch(t.Context(), one, i == 0)
		streamtest.Must(t, res.Err)
		for _, m := range res.Messages {
			if m.Rows > 0 {
				messages++
			}
			if int64(len(m.Bytes)) > p.LargestMessage() {
				t.Errorf("a message of %d bytes, at most %d were planned", len(m.Bytes), p.LargestMessage())
			}
		}
	}
	if messages <= len(reads) {
		t.Errorf("%d messages of %d windows", messages, len(reads))
	}
	stream := l.stream(t, p.Source, reads, false)
	got := streamtest.Rows(t, stream)
	if diff := cmp.Diff(inOrder(storedRows(t, l, s), p), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, most := p.Most(); int64(len(stream)) > most {
		t.Errorf("%d bytes came, at most %d were planned", len(stream), most)
	}
}

// A store that gives other bytes, or none, ends the stream: nothing of the window comes.
func TestWindowsOfOtherBytes(t *testing.T) {
	for name, harm := range map[string]func(l *lab){
		"gone": func(l *lab) { l.Gone.Store(true) },
		"another body": func(l *lab) {
			b := l.Split().Shards[0].Batches[0]
			object := slices.Clone(l.Objects["0.arrow"])
			object[b.Offset+int64(b.Meta)+8] ^= 1
			l.Objects["0.arrow"] = object
		},
		"another number of rows": func(l *lab) { l.Split().Shards[0].Batches[0].Rows-- },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 16, streamtest.People(rand.New(rand.NewPCG(1, 2)), 16))
			p := seeded(t, l.source(t, nil), 7, 1, 0)
			reads := planned(p, read.MaxRange)
			harm(l)
			res := read.NewReader(p.Source, l.Open, false).Fetch(context.Background(), reads[0], true)
			if res.Err == nil || len(res.Messages) > 0 {
				t.Errorf("%d messages came: %v", len(res.Messages), res.Err)
			}
		})
	}
}

// What a seed orders has the schema of the stored order and is whole.
func TestSeededStreamsAreWhole(t *testing.T) {
	l := people(t, 50)
	s := l.source(t, nil)
	p := seeded(t, s, 3, 1, 0)
	stream := string(l.stream(t, p.Source, planned(p, 0), false))
	if !strings.HasPrefix(stream, string(s.Schema())) || !strings.HasSuffix(stream, string(ipc.EndOfStream())) {
		t.Error("the stream lacks its schema or its end")
	}
}

// An epoch that goes on inside windows, on another world, gives each row once: those that
// were consumed before, and those that come now.
func TestWindowsGoOnInside(t *testing.T) {
	l := people(t, 90, 21, 3)
	s := l.source(t, []schemas.Duty{streamtest.Hide("secret")})
	stored := storedRows(t, l, s)
	seed := uint64(11)
	var got []string
	take := func(a plan.Ask, most int64) {
		for a.Rank = range a.World {
			p, err := plan.NewPlan(s, a)
			streamtest.Must(t, err)
			rows := streamtest.Rows(t, l.stream(t, p.Source, planned(p, read.MaxRange), false))
			got = append(got, rows[:min(most, int64(len(rows)))]...)
		}
	}
	first := plan.Stage{World: 3, Rows: 13}
	second := plan.Stage{World: 2, Rows: 5}
	take(plan.Ask{World: first.World, Seed: &seed}, first.Rows)
	take(plan.Ask{
		World: second.World,
		Seed:  &seed,
		Start: []plan.Stage{first},
	}, second.Rows)
	take(plan.Ask{
		World: 4,
		Seed:  &seed,
		Start: []plan.Stage{first, second},
	}, s.Rows())
	want := slices.Concat(stored...)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
