package stream

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/policy/view"
	"guichet/schemas"
)

func anyDuties(t *rapid.T) []schemas.Duty {
	var out []schemas.Duty
	if rapid.Bool().Draw(t, "hide") {
		out = append(
			out,
			schemas.Duty{
				Kind:    schemas.DutyHide,
				Columns: []string{"secret", rapid.SampledFrom([]string{"secret", "kind", "n", "many"}).Draw(t, "hidden")},
			},
		)
	}
	if rapid.Bool().Draw(t, "pseudonymise") {
		out = append(out, schemas.Duty{Kind: schemas.DutyPseudonymise,
			Columns: []string{rapid.SampledFrom([]string{"name", "kind", "ok"}).Draw(t, "pseudonym")}})
	}
	if rapid.Bool().Draw(t, "generalise") {
		out = append(
			out,
			schemas.Duty{
				Kind:    schemas.DutyGeneralise,
				Columns: []string{rapid.SampledFrom([]string{"name", "region"}).Draw(t, "coarser")},
				To:      "first:3",
			},
			schemas.Duty{Kind: schemas.DutyGeneralise, Columns: []string{"n"}, To: "10"},
		)
	}
	if rapid.Bool().Draw(t, "filter") {
		f := rapid.SampledFrom([]schemas.Filter{
			{
				Column: "n",
				Op:     "lt",
				Values: []string{"50"},
			}, {Column: "n", Op: "lt", Values: []string{"4"}}, {Column: "n", Op: "gteq", Values: []string{"0"}},
			{Column: "kind", Op: "in", Values: []string{"value 1", "value 3"}}, {Column: "n", Op: "lt", Values: []string{"0"}},
		}).Draw(t, "rows")
		out = append(out, schemas.Duty{Kind: schemas.DutyFilter, Filter: &f})
	}
	return out
}

// shownRows applies a view to whole decoded records: what streams must equal.
func shownRows(t testing.TB, l *lab, v *view.View) []string {
	t.Helper()
	rd, err := ipc.NewReader(bytes.NewReader(l.stream(t, l.source(t, nil), plan.Ask{World: 1})))
	streamtest.Must(t, err)
	var out []string
	for rd.Next() {
		rec := rd.Record()
		var cols []arrow.Array
		for _, i := range v.Columns {
			a := rec.Column(i)
			if slices.Contains(v.Edited, i) {
				a, err = v.Apply(i, a)
				streamtest.Must(t, err)
			}
			cols = append(cols, a)
		}
		for i := range int32(rec.NumRows()) {
			if v.Filter != nil && !slices.Contains(v.Filter.Rows(rec.Columns(), int(rec.NumRows())), i) {
				continue
			}
			var b strings.Builder
			for _, c := range cols {
				b.WriteString(c.ValueStr(int(i)) + "|")
			}
			out = append(out, b.String())
		}
	}
	streamtest.Must(t, rd.Err())
	return out
}

// Whatever a view hides, edits and filters, all ranks together send each row that it
// shows once, whole or resumed, in no more bytes and no larger messages than the plan
// says; and its files hold the same rows.
func TestViewsShowEveryRowOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "data"), 1))
		var shards []arrow.Record
		for range 1 + r.IntN(4) {
			shards = append(shards, streamtest.People(r, r.IntN(60)))
		}
		l := newLab(t, int64(4)<<r.IntN(3), shards...)
		var columns []string
		if r.IntN(3) == 0 {
			columns = []string{"region", "name", "ok"}[r.IntN(2):]
		}
		src := l.source(t, anyDuties(rt), columns...)
		want := shownRows(t, l, src.View)
		if diff := cmp.Diff(want, streamtest.Rows(t, l.stream(t, src, plan.Ask{World: 1}))); diff != "" {
			rt.Fatalf("stored order (-want +got):\n%s", diff)
		}
		if src.Rows() != int64(len(want)) {
			rt.Fatalf("the view says %d rows and shows %d", src.Rows(), len(want))
		}
		ask := plan.Ask{World: 1 + r.IntN(5)}
		if r.IntN(3) > 0 {
			seed := r.Uint64()
			ask.Seed, ask.Shuffle = &seed, []string{"rows", "windows"}[r.IntN(2)]
		}
		var got []string
		for range r.IntN(3) { // ranks that stop after some rows each
			stage := plan.Stage{World: 1 + r.IntN(4)}
			least := src.Rows()
			for rank := range stage.World {
				p, err := plan.NewPlan(src, plan.Ask{Seed: ask.Seed, Shuffle: ask.Shuffle, World: stage.World, Rank: rank, Start: ask.Start})
				streamtest.Must(t, err)
				least = min(least, p.PartRows)
			}
			stage.Rows = r.Int64N(least + 1)
			for rank := range stage.World {
				one := streamtest.Rows(t, l.stream(t, src, plan.Ask{Seed: ask.Seed, Shuffle: ask.Shuffle, World: stage.World, Rank: rank, Start: ask.Start}))
				got = append(got, one[:stage.Rows]...)
			}
			ask.Start = append(ask.Start, stage)
		}
		for ask.Rank = range ask.World {
			bounded(t, l, src, ask)
			whole := streamtest.Rows(t, l.stream(t, src, ask))
			got = append(got, whole...)
			lane := plan.Lane{Of: 1 + r.IntN(3), Block: 1 + r.Int64N(9)}
			for lane.Number = range lane.Of {
				ask := ask
				ask.Lane = lane
				bounded(t, l, src, ask)
				var want []string
				for i, row := range whole {
					if int64(i)/lane.Block%int64(lane.Of) == int64(lane.Number) {
						want = append(want, row)
					}
				}
				if diff := cmp.Diff(want, streamtest.Rows(t, l.stream(t, src, ask))); diff != "" {
					rt.Fatalf("%s (-want +got):\n%s", lane, diff)
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("all ranks (-want +got):\n%s", diff)
		}
		var filed []string
		for i := range src.NumShards() {
			filed = append(filed, rowsOfFile(t, l, src, i)...)
		}
		slices.Sort(filed)
		if diff := cmp.Diff(want, filed); diff != "" {
			rt.Fatalf("files (-want +got):\n%s", diff)
		}
	})
}

// bounded holds the messages of a stream against the bounds of its plan.
func bounded(t testing.TB, l *lab, src *plan.Source, a plan.Ask) {
	t.Helper()
	p, err := plan.NewPlan(src, a)
	streamtest.Must(t, err)
	n, largest := int64(len(src.Schema()))+8, int64(0)
	l.each(t, src, a, func(m read.Message) {
		n, largest = n+int64(len(m.Bytes)), max(largest, int64(len(m.Bytes)))
	})
	_, most := p.Most()
	if n > most || largest > p.LargestMessage() {
		t.Fatalf("%s: %d bytes, the largest message %d; planned at most %d and %d", a, n, largest, most, p.LargestMessage())
	}
}

func rowsOfFile(t testing.TB, l *lab, src *plan.Source, n int) (out []string) {
	t.Helper()
	rd, err := ipc.NewFileReader(bytes.NewReader(l.file(t, src, n)))
	streamtest.Must(t, err)
	for i := range rd.NumRecords() {
		rec, err := rd.RecordAt(i)
		streamtest.Must(t, err)
		out = append(out, streamtest.Texts(rec)...)
	}
	return out
}

// differing are two versions of a table of which the filter n < 50 and hiding secret
// and kind show the same rows: hidden rows stand elsewhere and are more, hidden values
// are longer.
func differing() (one, other []arrow.Record) {
	build := func(hidden, long int, from, to int) arrow.Record {
		rec := streamtest.People(rand.New(rand.NewPCG(1, 1)), 0)
		b := array.NewRecordBuilder(memory.DefaultAllocator, rec.Schema())
		row := func(n int64, i int) {
			b.Field(0).(*array.Int64Builder).Append(n)
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("name ", i%13))
			_ = b.Field(2).(*array.BinaryDictionaryBuilder).AppendString(strings.Repeat("k", long))
			b.Field(3).(*array.ListBuilder).AppendNull()
			_ = b.Field(4).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprint("region ", i%5, n/50))
			b.Field(5).(*array.BooleanBuilder).Append(i%3 == 0)
			b.Field(6).(*array.StringBuilder).Append(strings.Repeat("s", long*(i%4)))
		}
		for i := from; i < to; i++ {
			for range hidden * (i % 3) {
				row(50, i)
			}
			row(int64(i%50), i)
		}
		for range 10 * hidden {
			row(60, 1)
		}
		return b.NewRecord()
	}
	empty := build(2, 5, 0, 0) // a shard without a row that is shown
	return []arrow.Record{build(0, 1, 0, 40), build(0, 1, 40, 150)}, []arrow.Record{build(3, 30, 0, 40), empty, build(1, 9, 40, 150)}
}

// What a view hides moves no byte, size or number that leaves.
func TestNothingHiddenShows(t *testing.T) {
	hide := schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"secret", "kind"}}
	filter := schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "lt", Values: []string{"50"}}}
	one, other := differing()
	a, b := newLab(t, 16, one...), newLab(t, 16, other...)
	seed := uint64(5)
	for name, duties := range map[string][]schemas.Duty{
		"filtered": {hide, filter},
		"edited": {hide, filter, {Kind: schemas.DutyPseudonymise, Columns: []string{"name"}},
			{Kind: schemas.DutyGeneralise, Columns: []string{"region"}, To: "first:8"}},
	} {
		t.Run(name, func(t *testing.T) {
			s1, s2 := a.source(t, duties), b.source(t, duties)
			if diff := cmp.Diff(s1.Batches(), s2.Batches()); diff != "" {
				t.Fatalf("rows of shards (-one +other):\n%s", diff)
			}
			for _, ask := range []plan.Ask{{World: 1}, {World: 1, Seed: &seed}, {World: 3, Rank: 1, Seed: &seed}, {World: 1, From: 7},
				{World: 2, Rank: 1}} {
				p1, err := plan.NewPlan(s1, ask)
				streamtest.Must(t, err)
				p2, err := plan.NewPlan(s2, ask)
				streamtest.Must(t, err)
				r1, m1 := p1.Most()
				r2, m2 := p2.Most()
				if r1 != r2 || m1 != m2 || p1.LargestMessage() != p2.LargestMessage() {
					t.Errorf("%s: at most %d rows in %d bytes, then %d in %d; messages of %d and %d", ask, r1, m1, r2, m2, p1.LargestMessage(),
						p2.LargestMessage())
				}
				if !bytes.Equal(a.stream(t, s1, ask), b.stream(t, s2, ask)) {
					t.Errorf("%s: other bytes", ask)
				}
			}
			for i := range s1.NumShards() {
				if !bytes.Equal(a.file(t, s1, i), b.file(t, s2, i)) {
					t.Errorf("file %d has other bytes", i)
				}
			}
		})
	}
}

// Columns that are hidden move no size of a view that shows all rows.
func TestHiddenColumnsAreNotMeasured(t *testing.T) {
	table := func(long int) arrow.Record {
		r := rand.New(rand.NewPCG(3, 3))
		rec := streamtest.People(r, 100)
		cols := slices.Clone(rec.Columns())
		b := array.NewStringBuilder(memory.DefaultAllocator)
		for i := range 100 {
			b.Append(strings.Repeat("s", long*(i%7)))
		}
		cols[6] = b.NewArray()
		return array.NewRecord(rec.Schema(), cols, 100)
	}
	a, b := newLab(t, 16, table(1)), newLab(t, 16, table(100))
	for _, sized := range []bool{true, false} {
		hiddenColumnsAreNotMeasured(t, a, b, sized)
		for _, l := range []*lab{a, b} { // as manifests were before columns were sized, and are of wide tables
			for i := range l.Version.Data[0].Splits[0].Shards[0].Batches {
				l.Version.Data[0].Splits[0].Shards[0].Batches[i].Columns = nil
			}
		}
	}
}

func hiddenColumnsAreNotMeasured(t *testing.T, a, b *lab, sized bool) {
	t.Helper()
	for _, duties := range [][]schemas.Duty{
		{{Kind: schemas.DutyHide, Columns: []string{"secret"}}},
		{{Kind: schemas.DutyHide, Columns: []string{"secret"}}, {Kind: schemas.DutyGeneralise, Columns: []string{"name"}, To: "first:1"}},
	} {
		for _, ask := range []plan.Ask{{World: 1}, {World: 3, Rank: 1}, {World: 1, From: 5}} {
			p1, err := plan.NewPlan(a.source(t, duties), ask)
			streamtest.Must(t, err)
			p2, err := plan.NewPlan(b.source(t, duties), ask)
			streamtest.Must(t, err)
			_, m1 := p1.Most()
			_, m2 := p2.Most()
			if m1 != m2 || p1.LargestMessage() != p2.LargestMessage() {
				t.Errorf("%s: at most %d and %d bytes, messages of %d and %d", ask, m1, m2, p1.LargestMessage(), p2.LargestMessage())
			}
			n := int64(len(a.stream(t, p1.Source, ask)))
			if n > m1 {
				t.Errorf("%d bytes were bounded by %d", n, m1)
			}
			if sized && ask.World == 1 && ask.From == 0 && len(duties) == 1 {
				if n != m1 {
					t.Errorf("a projection of %d bytes was bounded by %d", n, m1)
				}
			}
		}
	}
}

// A version that was published before columns were sized streams as before.
func TestUnsizedManifest(t *testing.T) {
	l := newLab(t, 8, streamtest.People(rand.New(rand.NewPCG(1, 9)), 50))
	duties := []schemas.Duty{
		{Kind: schemas.DutyHide, Columns: []string{"secret"}},
		{Kind: schemas.DutyPseudonymise, Columns: []string{"kind"}},
	}
	batches := l.Version.Data[0].Splits[0].Shards[0].Batches
	sized := slices.Clone(batches)
	for _, columns := range [][]string{nil, {"n", "ok", "region"}} {
		copy(batches, sized)
		want := l.stream(t, l.source(t, duties, columns...), plan.Ask{World: 1})
		for i := range batches {
			batches[i].Columns = nil
			if columns != nil { // all of fixed width: what is hidden does not matter
				batches[i].Body += 1 << 40
			}
		}
		src := l.source(t, duties, columns...)
		p, err := plan.NewPlan(src, plan.Ask{World: 1})
		streamtest.Must(t, err)
		_, most := p.Most()
		if most < int64(len(want)) || most > 1<<30 {
			t.Errorf("%v: %d bytes, bounded by %d", columns, len(want), most)
		}
		if columns == nil && !bytes.Equal(want, l.stream(t, src, plan.Ask{World: 1})) {
			t.Error("other bytes")
		}
	}
}

// Edits that make a batch longer than a message cut it; every message fits.
func TestGrownBatchesAreCut(t *testing.T) {
	const n = 1 << 17
	var fields []arrow.Field
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprint("c", i))
		fields = append(fields, arrow.Field{Name: names[i], Type: arrow.PrimitiveTypes.Int8, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range n {
		for j := range fields {
			b.Field(j).(*array.Int8Builder).Append(int8(i * j))
		}
	}
	l := newLab(t, 0, b.NewRecord())
	src := l.source(t, []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: names[:5]}})
	p, err := plan.NewPlan(src, plan.Ask{World: 1})
	streamtest.Must(t, err)
	_, most := p.Most()
	var sum, count, sent int64
	l.each(t, src, plan.Ask{World: 1}, func(m read.Message) {
		sum, count, sent = sum+m.Rows, count+1, sent+int64(len(m.Bytes))
		if len(m.Bytes) > view.MaxMessage {
			t.Errorf("a message of %d bytes", len(m.Bytes))
		}
	})
	if sum != n || count <= n/p.Source.Table.WindowRows || sent > most || p.LargestMessage() > view.MaxMessage {
		t.Errorf("%d of %d rows in %d messages, %d of at most %d bytes, messages of at most %d", sum, n, count, sent, most, p.LargestMessage())
	}
}

// A filtered view of more columns than its index sizes apart is bounded all the same,
// whatever columns are asked for.
func TestWideFilteredView(t *testing.T) {
	var fields []arrow.Field
	for i := range plan.MaxSizedColumns + 5 {
		fields = append(fields, arrow.Field{Name: fmt.Sprint("c", i), Type: arrow.PrimitiveTypes.Int32})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range 100 {
		for j := range fields {
			b.Field(j).(*array.Int32Builder).Append(int32(i + j))
		}
	}
	l := newLab(t, 8, b.NewRecord())
	duties := []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "c3", Op: "lt", Values: []string{"70"}}}}
	for _, columns := range [][]string{nil, {"c9", "c7"}} {
		src := l.source(t, duties, columns...)
		p, err := plan.NewPlan(src, plan.Ask{World: 1})
		streamtest.Must(t, err)
		_, most := p.Most()
		if n := int64(len(l.stream(t, src, plan.Ask{World: 1}))); n > most || columns == nil && n != most {
			t.Errorf("%v: %d bytes, at most %d", columns, n, most)
		}
	}
}
