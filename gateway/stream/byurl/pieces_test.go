package byurl

import (
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"pgregory.net/rapid"

	"guichet/connectors/direct"
	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/policy/view"
	"guichet/schemas"
)

// published is a split of shards whose batches have so many rows of 64 bytes, without objects.
func published(t testing.TB, window int64, shards ...[]int64) *plan.Source {
	t.Helper()
	fields := []arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "d", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}}}
	table := schemas.Table{Name: "t", WindowRows: window, Schema: ipc.EncodeSchema(fields), Splits: []schemas.Split{{Name: "all"}}}
	for i, batches := range shards {
		sh := schemas.Shard{Key: fmt.Sprint(i), Dictionaries: []schemas.Block{{Offset: 512, Meta: 200, Body: 1000}}}
		at := int64(1712)
		for _, rows := range batches {
			b := schemas.Block{Offset: at, Meta: 256, Body: 64 * rows, Rows: rows}
			sh.Batches = append(sh.Batches, b)
			at += b.Len()
		}
		table.Splits[0].Shards = append(table.Splits[0].Shards, sh)
	}
	v := schemas.Version{Dataset: "ds-1", VersionSummary: schemas.VersionSummary{Version: "v1"}, Data: []schemas.Table{table}}
	vw, err := view.New(&v.Data[0], &schemas.Agreement{}, nil, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return plan.NewSource(v, &v.Data[0], &v.Data[0].Splits[0], vw)
}

// row is a row of a shard.
type row struct {
	shard int
	at    int64
}

// shown are the rows that a piece's spans have, and those of them that it takes, in its order. The
// spans are whole batches, and no larger than they may be.
func shown(t *rapid.T, src *plan.Source, p *plan.Plan, one piece) (all, taken []row) {
	for _, sp := range one.spans {
		sh := src.Split.Shards[sp.shard]
		if sp.dictionaries {
			if sp.offset != sh.Dictionaries[0].Offset || sp.length != sh.Dictionaries[0].Len() {
				t.Fatalf("%+v are no dictionaries", sp)
			}
			continue
		}
		var first, rows, batches int64
		at := sp.offset
		for _, b := range sh.Batches {
			if b.Offset < sp.offset {
				first += b.Rows
			}
			if b.Offset == at && at < sp.offset+sp.length {
				at, rows, batches = at+b.Len(), rows+b.Rows, batches+1
			}
		}
		if at != sp.offset+sp.length || rows != sp.rows || batches != sp.batches || batches > 1 && sp.length > rangeBytes {
			t.Fatalf("%+v is no run of whole batches: they have %d rows", sp, rows)
		}
		for i := range rows {
			all = append(all, row{sp.shard, first + i})
			if i >= sp.skip && i < sp.skip+sp.take {
				taken = append(taken, row{sp.shard, first + i})
			}
		}
	}
	if w := one.window; w != nil {
		group := []plan.Slice{{Shard: int(w.Number), From: w.From, Rows: one.rows}}
		var ordered []row
		for _, at := range p.Source.Permutation(group) {
			ordered = append(ordered, taken[at])
		}
		if int64(len(taken)) != w.Rows {
			t.Fatalf("a window of %d rows has %d", w.Rows, len(taken))
		}
		taken = ordered
	}
	return all, taken
}

// TestPiecesAreThePlan: whatever part of an epoch is asked for, over however many answers, the rows
// that pieces take are those of the plan, in its order; who may have these rows alone gets no
// batch with others.
func TestPiecesAreThePlan(t *testing.T) {
	t.Parallel()
	byURL, byStream := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var shards [][]int64
		for range rapid.IntRange(1, 4).Draw(t, "shards") {
			shards = append(shards, rapid.SliceOfN(rapid.Int64Range(0, 40), 0, 6).Draw(t, "batches"))
		}
		src := published(&testing.T{}, rapid.SampledFrom([]int64{4, 16, 32}).Draw(t, "window"), shards...)
		a := plan.Ask{World: rapid.IntRange(1, 3).Draw(t, "world"), Even: rapid.SampledFrom([]string{"", "drop", "pad"}).Draw(t, "even")}
		a.Rank = rapid.IntRange(0, a.World-1).Draw(t, "rank")
		if rapid.Bool().Draw(t, "seeded") {
			seed := uint64(7)
			a.Seed, a.Number, a.Shuffle = &seed, 2, rapid.SampledFrom([]string{"rows", "windows"}).Draw(t, "shuffle")
		}
		if rapid.Bool().Draw(t, "resumed") {
			a.Start = []plan.Stage{{World: 2, Rows: 3}}
		}
		exact := rapid.Bool().Draw(t, "exact")
		want, err := plan.NewPlan(src, a)
		if err != nil {
			t.Skip(err)
		}
		var rows []row
		for _, seg := range want.Stored() {
			for i := range seg.Rows {
				rows = append(rows, row{seg.Shard, seg.From + i})
			}
		}
		had := int64(0)
		for had < want.Rows {
			a.From = had
			p, err := plan.NewPlan(src, a)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range pick(p, exact, rapid.SampledFrom([]int64{1, 3000, 1 << 30}).Draw(t, "bytes")) {
				all, taken := shown(t, src, p, one)
				next := rows[had : had+one.rows]
				switch {
				case len(one.spans) == 0:
					byStream++
				case !slices.Equal(taken, next):
					t.Fatalf("after %d rows come %v, want %v", had, taken, next)
				case exact && len(all) != len(next):
					t.Fatalf("%d rows for %d that are the lease's", len(all), len(next))
				default:
					byURL++
				}
				had += one.rows
			}
		}
	})
	if !testing.Short() && (byURL < 5 || byStream < 5) { // a short run draws a fifth of the asks
		t.Errorf("%d pieces by URL and %d by the stream: the test tries too little", byURL, byStream)
	}
}

// TestLargeBatchesStayAway: what does not fit into one signed range comes by the stream, and so does
// what needs a dictionary that does not.
func TestLargeBatchesStayAway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(s *schemas.Split)
		want   string // of each piece: rows, and whether they are given
	}{
		{"as they are", func(*schemas.Split) {}, "[30 true]"},
		{"a large batch", func(s *schemas.Split) { s.Shards[0].Batches[1].Body = direct.MaxRange }, "[10 true 10 false 10 true]"},
		{"a batch that just fits", func(s *schemas.Split) { s.Shards[0].Batches[1].Body = direct.MaxRange - 256 }, "[10 true 10 true 10 true]"},
		{"a large dictionary", func(s *schemas.Split) { s.Shards[0].Dictionaries[0].Body = direct.MaxRange }, "[30 false]"},
	} {
		src := published(t, 16, []int64{10, 10, 10})
		c.change(src.Split)
		p, err := plan.NewPlan(src, plan.Ask{World: 1})
		if err != nil {
			t.Fatal(err)
		}
		var got []any
		for _, one := range pick(p, false, direct.MaxBytes) {
			got = append(got, one.rows, len(one.spans) > 0)
			for _, sp := range one.spans {
				if sp.length > direct.MaxRange {
					t.Errorf("%s: a range of %d bytes", c.name, sp.length)
				}
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}
