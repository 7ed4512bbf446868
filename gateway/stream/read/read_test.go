package read_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// people is a table of random shards with so many rows, and windows of 16 rows.
func people(t testing.TB, shards ...int) *lab {
	t.Helper()
	var records []arrow.Record
	for i, rows := range shards {
		records = append(records, streamtest.People(rand.New(rand.NewPCG(7, uint64(i))), rows))
	}
	return newLab(t, 16, records...)
}

// The ranges of any part of any order hold its batches and nothing else, in order; none is
// longer than it may be, unless a single batch is, or its batches are read one by one; and
// none could have been joined with the one before it.
func TestRangesHoldWhatIsPlanned(t *testing.T) {
	l := people(t, 300, 40, 500)
	raw, edited := l.source(t, nil), l.source(t, []schemas.Duty{streamtest.Pseudonymise("name")})
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]*plan.Source{raw, edited}).Draw(t, "view")
		a := plan.Ask{World: rapid.IntRange(1, 5).Draw(t, "world")}
		a.Rank = rapid.IntRange(0, a.World-1).Draw(t, "rank")
		if rapid.Bool().Draw(t, "seeded") {
			seed := rapid.Uint64().Draw(t, "seed")
			a.Seed, a.Shuffle = &seed, "windows"
		}
		p, err := plan.NewPlan(s, a)
		if err != nil {
			t.Fatal(err)
		}
		most := rapid.Int64Range(0, 20_000).Draw(t, "most")
		slices := s.Slices(p.Segments)
		at, shardBefore, endBefore, passedBefore := 0, -1, int64(0), false
		makes := func(i int) int64 { return s.OutputBound(slices[i]) }
		small := func(i int) bool { // others take their parts of the same batch
			return !slices[i].Whole && 2*slices[i].Rows <= s.StoredShard(slices[i].Shard).Batches[slices[i].Batch].Rows
		}
		lengthBefore, madeBefore, smallBefore, wovenBefore := int64(0), int64(0), false, false
		for i, r := range read.PlanReads(s, slices, most) {
			shard, from, length := r.Span()
			first, made := at, int64(0)
			batches := 0
			for end := from; end < from+length; batches++ {
				if at == len(slices) || slices[at].Shard != shard {
					t.Fatalf("range %d goes on beyond slice %d", i, at)
				}
				b := s.StoredShard(shard).Batches[slices[at].Batch]
				if b.Offset != end {
					t.Fatalf("range %d: batch %d lies at %d, not %d", i, slices[at].Batch, b.Offset, end)
				}
				if passes := s == raw && slices[at].Whole; passes != r.Passes() {
					t.Errorf("range %d passes: %t", i, r.Passes())
				}
				made += makes(at)
				end += b.Len()
				for at++; at-first < len(r.Slices()) && slices[at].Batch == slices[at-1].Batch; at++ { // its bytes are there
					made += makes(at)
				}
			}
			if small(first) && batches > 1 {
				t.Errorf("range %d: a small part of a batch does not stand alone", i)
			}
			if max(length, made) > most && batches > 1 && !r.Passes() {
				t.Errorf("range %d has %d bytes of %d batches, at most %d", i, length, batches, most)
			}
			fits := lengthBefore+s.StoredShard(shard).Batches[slices[first].Batch].Len() <= most && madeBefore+makes(first) <= most
			woven := s == edited && slices[first].Whole // and cuts are read otherwise than whole ones
			fits = fits && !small(first) && !smallBefore && woven == wovenBefore
			if shard == shardBefore && from == endBefore && r.Passes() == passedBefore && (fits || r.Passes()) {
				t.Errorf("range %d of %d bytes could have held the batch after it, at most %d", i-1, lengthBefore, most)
			}
			shardBefore, endBefore, lengthBefore, madeBefore, passedBefore = shard, from+length, length, made, r.Passes()
			smallBefore, wovenBefore = small(first), woven
		}
		if at != len(slices) {
			t.Errorf("%d of %d slices are read", at, len(slices))
		}
	})
}

// A lane reads each batch and each window that it takes rows of once, whatever its blocks.
func TestLanesReadBatchesOnce(t *testing.T) {
	l := people(t, 300, 40, 500)
	s := l.source(t, nil)
	seed := uint64(3)
	for name, a := range map[string]plan.Ask{"stored": {World: 1}, "windows": {World: 1, Seed: &seed, Shuffle: "windows"}, "rows": {World: 1, Seed: &seed}} {
		whole, err := plan.NewPlan(s, a)
		streamtest.Must(t, err)
		a.Lane = plan.Lane{Of: 2, Block: 3}
		p, err := plan.NewPlan(s, a)
		streamtest.Must(t, err)
		length := func(p *plan.Plan) (n int64) {
			for _, r := range read.PlanReads(p.Source, p.Source.Slices(p.Segments), read.MaxRange) {
				_, _, length := r.Span()
				n += length
			}
			return n
		}
		if got, want := length(p), length(whole); got != want {
			t.Errorf("%s: %d bytes are read for a lane, %d for all", name, got, want)
		}
	}
}

// What a raw view reads passes as it lies in the store, under the published checksum; what
// a view changes is made here, and has none.
func TestBatchesPassAsTheyLie(t *testing.T) {
	l := people(t, 100)
	object, sh := l.Objects["0.arrow"], &l.Split().Shards[0]
	for name, duties := range map[string][]schemas.Duty{"raw": nil, "hidden": {streamtest.Hide("secret")},
		"edited": {streamtest.Pseudonymise("name")}} {
		t.Run(name, func(t *testing.T) {
			s := l.source(t, duties)
			rd := read.NewReader(s, l.Open, false)
			blocks := append(slices.Clone(sh.Dictionaries), sh.Batches...)
			n := 0
			for i, one := range ranges(t, s, read.MaxRange) {
				res := rd.Fetch(t.Context(), one, i == 0)
				streamtest.Must(t, res.Err)
				for m, err := range res.Each(false) {
					streamtest.Must(t, err)
					b := blocks[n]
					stored := object[b.Offset:][:b.Len()]
					asItLies := bytes.Equal(m.Bytes, stored)
					if dictionary := n < len(sh.Dictionaries); asItLies != (name == "raw" || dictionary) {
						t.Errorf("message %d is as it lies: %t", n, asItLies)
					}
					if asItLies != (m.Sum != 0) || m.Sum != 0 && m.Sum != ipc.Sum(m.Bytes) {
						t.Errorf("message %d has the sum %08x", n, m.Sum)
					}
					if m.Rows != b.Rows || m.Meta+int(bodyOf(m)) != len(m.Bytes) {
						t.Errorf("message %d has %d rows, %d bytes of metadata, %d in all", n, m.Rows, m.Meta, len(m.Bytes))
					}
					n++
				}
			}
			if n != len(blocks) {
				t.Errorf("%d of %d messages came", n, len(blocks))
			}
		})
	}
}

func bodyOf(m read.Message) int64 {
	meta, err := ipc.ParseMeta(m.Bytes[:m.Meta])
	if err != nil {
		return -1
	}
	return meta.BodyLen
}

// Cut into ranges of any size, a stream has the same bytes; filtered ones whose batches
// begin in one range and end in another too.
func TestRangesOfAnySizeGiveTheSameBytes(t *testing.T) {
	l := people(t, 200, 3, 90)
	for name, duties := range map[string][]schemas.Duty{
		"raw":               nil,
		"hidden":            {streamtest.Hide("kind")},
		"edited":            {streamtest.Pseudonymise("kind", "name")},
		"filtered":          {streamtest.Filter("n", "lt", "30")},
		"filtered, edited":  {streamtest.Filter("n", "lt", "60"), streamtest.Pseudonymise("region")},
		"filtered to a few": {streamtest.Filter("n", "lt", "2")},
	} {
		t.Run(name, func(t *testing.T) {
			s := l.source(t, duties)
			want := l.stream(t, s, ranges(t, s, read.MaxRange), false)
			for _, most := range []int64{0, 1, 1500, 4000, 20_000} {
				reads := ranges(t, s, most)
				if !bytes.Equal(l.stream(t, s, reads, false), want) {
					t.Errorf("%d ranges of at most %d bytes give other bytes", len(reads), most)
				}
			}
		})
	}
}

// Where each batch carries its own dictionaries the rows are the same, and no dictionary
// has a value that its batch does not use.
func TestCompactBatchesCarryTheirOwnValues(t *testing.T) {
	l := people(t, 120, 50)
	s := l.source(t, []schemas.Duty{{Kind: schemas.DutyBudget, Rows: 1000}})
	if !s.View.Compact {
		t.Fatal("under a budget of rows batches are not compact")
	}
	reads := ranges(t, s, read.MaxRange)
	compact := l.stream(t, s, reads, true)
	if diff := cmp.Diff(streamtest.Rows(t, l.stream(t, s, reads, false)), streamtest.Rows(t, compact)); diff != "" {
		t.Errorf("other rows (-shared +own dictionaries):\n%s", diff)
	}
	rd := read.NewReader(s, l.Open, true)
	for i, one := range reads {
		res := rd.Fetch(t.Context(), one, i == 0)
		streamtest.Must(t, res.Err)
		dictionaries := 0
		for m, err := range res.Each(false) {
			streamtest.Must(t, err)
			if m.Rows == 0 {
				dictionaries++
				continue
			}
			if dictionaries != 2 { // kind and region
				t.Fatalf("a batch has %d dictionaries before it", dictionaries)
			}
			dictionaries = 0
		}
	}
}

// A store that gives other batches than the manifest says ends the stream, also an own one,
// whose checksums are not compared.
func TestManifestAndStoreDisagree(t *testing.T) {
	for name, spoil := range map[string]func(b *schemas.Block){
		"rows":            func(b *schemas.Block) { b.Rows++ },
		"bytes":           func(b *schemas.Block) { b.Body -= 64 },
		"metadata":        func(b *schemas.Block) { b.Meta -= 8 },
		"another message": func(b *schemas.Block) { b.Offset -= 64 },
	} {
		for _, own := range []bool{true, false} {
			for _, duties := range [][]schemas.Duty{nil, {streamtest.Hide("secret")}} {
				t.Run(fmt.Sprint(name, " own ", own, " ", len(duties)), func(t *testing.T) {
					l := people(t, 60)
					l.Own.Store(own)
					spoil(&l.Split().Shards[0].Batches[1])
					s := l.source(t, duties)
					var err error
					rd := read.NewReader(s, l.Open, false)
					for i, one := range ranges(t, s, 0) {
						res := rd.Fetch(t.Context(), one, i == 0)
						for _, failed := range res.Each(false) {
							err = errors.Join(err, failed)
						}
						rd.Recycle(res)
					}
					if schemas.KindOf(err) != schemas.Gone {
						t.Errorf("got %v", err)
					}
				})
			}
		}
	}
}

// The ranges of a filtering view hold the batches that rows are taken from, in order, each
// once; none is longer than it may be, unless a single batch is.
func TestRangesOfFilteringViews(t *testing.T) {
	l := people(t, 400, 30, 200)
	for _, below := range []string{"2", "30", "95"} {
		s := l.source(t, []schemas.Duty{streamtest.Filter("n", "lt", below)})
		var want []string // shard and batch, in the order of their rows
		for i := range s.NumShards() {
			for _, sl := range s.ShardSlices(i) {
				for _, o := range s.Origins(sl) {
					want = append(want, fmt.Sprint(i, ":", o.Batch))
				}
			}
		}
		want = slices.Compact(want)
		for _, most := range []int64{0, 3000, 20_000, read.MaxRange} {
			var got []string
			for i, r := range ranges(t, s, most) {
				shard, from, length := r.Span()
				first := len(got)
				for j, b := range s.StoredShard(shard).Batches {
					if b.Offset >= from && b.Offset+b.Len() <= from+length {
						got = append(got, fmt.Sprint(shard, ":", j))
					}
				}
				if length > min(most, read.MaxRange/2) && len(got)-first > 1 {
					t.Errorf("range %d has %d bytes of %d batches, at most %d", i, length, len(got)-first, most)
				}
			}
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Errorf("below %s, at most %d: batches %v are read, want %v", below, most, got, want)
			}
		}
	}
}

// The sum of a stream is that of its bytes, whether a message brings its published one or
// was made here.
func TestSumsJoin(t *testing.T) {
	l := people(t, 60, 5)
	for name, duties := range map[string][]schemas.Duty{"raw": nil, "hidden": {streamtest.Hide("ok")}} {
		s := l.source(t, duties)
		rd := read.NewReader(s, l.Open, false)
		sum, stream, last := ipc.Sum(s.Schema()), slices.Clone(s.Schema()), -1
		for _, one := range ranges(t, s, 2000) {
			shard, _, _ := one.Span()
			res := rd.Fetch(t.Context(), one, shard != last)
			streamtest.Must(t, res.Err)
			last = shard
			for m, err := range res.Each(false) {
				streamtest.Must(t, err)
				sum, stream = m.JoinSum(sum), append(stream, m.Bytes...)
			}
			rd.Recycle(res)
		}
		if sum != ipc.Sum(stream) {
			t.Errorf("%s: %08x, of the bytes %08x", name, sum, ipc.Sum(stream))
		}
	}
}

// What trips over foreign bytes is a refusal that keeps its place, for the log.
func TestRecoverCorrupt(t *testing.T) {
	fails := func(f func()) (err error) {
		defer read.RecoverCorrupt(&err)
		f()
		return nil
	}
	if err := fails(func() {}); err != nil {
		t.Errorf("nothing happened: %v", err)
	}
	err := fails(func() { var none []int; none[len(none)]++ })
	if schemas.KindOf(err) != schemas.Gone || !strings.Contains(err.Error(), "the shard's bytes are not those that were published") ||
		!strings.Contains(err.Error(), "index out of range") || !strings.Contains(err.Error(), "read_test.go") {
		t.Errorf("got %v", err)
	}
}

// The dictionaries of a shard are read once, however many of its ranges need them.
func TestDictionariesAreReadOnce(t *testing.T) {
	l := people(t, 200)
	s := l.source(t, []schemas.Duty{streamtest.Pseudonymise("kind")})
	reads := ranges(t, s, 0)
	l.Gets.Store(0)
	l.stream(t, s, reads, false)
	if got, want := l.Gets.Load(), int64(1+len(s.View.Needed)); got != want || len(reads) < 2 {
		t.Errorf("%d reads for %d ranges and %d dictionaries", got, len(reads), len(s.View.Needed))
	}
}

// A part of a batch has its rows and no others, whatever the view does with them; nothing
// is read for nothing.
func TestPartsOfBatches(t *testing.T) {
	l := people(t, 50)
	for name, duties := range map[string][]schemas.Duty{
		"raw":      nil,
		"hidden":   {streamtest.Hide("name", "region")},
		"edited":   {streamtest.Pseudonymise("ok", "kind")},
		"filtered": {streamtest.Filter("n", "lt", "80")},
	} {
		s := l.source(t, duties)
		all := streamtest.Rows(t, l.stream(t, s, ranges(t, s, read.MaxRange), false))
		rapid.Check(t, func(rt *rapid.T) {
			from := rapid.Int64Range(0, s.Rows()-1).Draw(rt, "from")
			rows := rapid.Int64Range(1, s.Rows()-from).Draw(rt, "rows")
			part := s.Slices([]schemas.Segment{{Shard: 0, From: from, Rows: rows}})
			got := streamtest.Rows(t, l.stream(t, s, read.PlanReads(s, part, read.MaxRange), false))
			if diff := cmp.Diff(all[from:from+rows], got); diff != "" {
				rt.Errorf("%s: rows [%d, %d) (-want +got):\n%s", name, from, from+rows, diff)
			}
		})
		l.Gets.Store(0)
		if got := l.stream(t, s, read.PlanReads(s, nil, read.MaxRange), false); len(streamtest.Rows(t, got)) != 0 || l.Gets.Load() != 0 {
			t.Errorf("%s: no rows need %d reads", name, l.Gets.Load())
		}
	}
}
