package plan

import (
	"encoding/json"
	"guichet/schemas"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestOrderVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/order.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Words   []string `json:"keystream_seed42_epoch0_stream0"`
		Vectors []struct {
			Shards []int64
			N      int64
			Seed   *string
			Epoch  uint64
			Chain  [][2]int64
			World  int
			Parts  [][][3]int64
		}
	}
	err = json.Unmarshal(b, &doc)
	if err != nil {
		t.Fatal(err)
	}
	k := newKeystream(1, 42, 0, 0)
	for i, want := range doc.Words {
		if got := strconv.FormatUint(k.next(), 10); got != want {
			t.Fatalf("word %d is %s, want %s", i, got, want)
		}
	}
	if len(doc.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	for i, v := range doc.Vectors {
		var seed *uint64
		if v.Seed != nil {
			s, err := strconv.ParseUint(*v.Seed, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			seed = &s
		}
		var chain []Stage
		for _, c := range v.Chain {
			chain = append(chain, Stage{int(c[0]), c[1]})
		}
		for rank := range v.World {
			segments, _, _ := partAfter(v.Shards, v.N, seed, v.Epoch, v.World, rank, chain)
			got := [][3]int64{}
			for _, s := range segments {
				got = append(got, [3]int64{int64(s.Shard), s.From, s.Rows})
			}
			if diff := cmp.Diff(v.Parts[rank], got); diff != "" {
				t.Errorf("vector %d, rank %d (-want +got):\n%s", i, rank, diff)
			}
		}
	}
}

// Whatever chain of worlds an epoch is read in, every row comes once, none twice,
// and the ranks of a world differ by at most one row.
func TestEveryRowOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int64{1, 2, 4, 8}).Draw(t, "n")
		shards := rapid.SliceOfN(rapid.Int64Range(0, 5*n), 0, 6).Draw(t, "shards")
		var seed *uint64
		if rapid.Bool().Draw(t, "seeded") {
			s := rapid.Uint64().Draw(t, "seed")
			seed = &s
		}
		epoch := rapid.Uint64Range(0, 3).Draw(t, "epoch")
		seen := map[[2]int64]int{}
		read := func(p schemas.Segments) {
			for _, s := range p {
				for r := range s.Rows {
					seen[[2]int64{int64(s.Shard), s.From + r}]++
				}
			}
		}
		var chain []Stage
		for range rapid.IntRange(0, 3).Draw(t, "stages") {
			world := rapid.IntRange(1, 13).Draw(t, "world")
			_, shortest, longest := partAfter(shards, n, seed, epoch, world, 0, chain)
			if longest-shortest > 1 {
				t.Fatalf("ranks differ by %d rows", longest-shortest)
			}
			k := rapid.Int64Range(0, shortest).Draw(t, "k")
			for rank := range world {
				p, _, _ := partAfter(shards, n, seed, epoch, world, rank, chain)
				read(p.Cut(0, k))
			}
			chain = append(chain, Stage{world, k})
		}
		world := rapid.IntRange(1, 8).Draw(t, "last world")
		for rank := range world {
			p, _, _ := partAfter(shards, n, seed, epoch, world, rank, chain)
			read(p)
		}
		var rows int64
		for _, s := range shards {
			rows += s
		}
		if int64(len(seen)) != rows {
			t.Fatalf("%d rows seen of %d", len(seen), rows)
		}
		for at, times := range seen {
			if times != 1 {
				t.Fatalf("row %v seen %d times", at, times)
			}
		}
	})
}

// partAfter is one rank's part after a chain of earlier worlds, as NewPlan makes it.
func partAfter(shards []int64, n int64, seed *uint64, epoch uint64, world, rank int, chain []Stage) (segments schemas.Segments, shortest, longest int64) {
	windows := epochOrder(shards, n, 1, seed, epoch)
	for _, st := range chain {
		windows = remaining(windows, assign(windows, n, seed != nil, st.World), st.Rows)
	}
	return part(windows, n, seed != nil, world, rank)
}

// One rank's part is what all parts say of it, in any world, also a larger one than there are rows.
func TestAPartIsOneOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.SliceOfN(rapid.Int64Range(0, 60), 0, 6).Draw(t, "shards")
		n := rapid.SampledFrom([]int64{1, 4, 16}).Draw(t, "window")
		var seed *uint64
		if rapid.Bool().Draw(t, "seeded") {
			seed = new(rapid.Uint64().Draw(t, "seed"))
		}
		windows := epochOrder(shards, n, 1, seed, 0)
		parts := assign(windows, n, seed != nil, rapid.IntRange(1, 100).Draw(t, "world"))
		shortest, longest := lengths(parts)
		for rank := range parts {
			got, least, most := part(windows, n, seed != nil, len(parts), rank)
			if !slices.Equal(got, join(parts[rank])) || least != shortest || most != longest {
				t.Errorf("rank %d has %v of %d to %d rows, want %v of %d to %d", rank, got, least, most, join(parts[rank]), shortest, longest)
			}
		}
	})
}

// What a seed does is said, and by which keys: where windows alone move, one window stays.
func TestOrderIsSaid(t *testing.T) {
	seed := uint64(7)
	for _, x := range []struct {
		shards  []int64
		seed    *uint64
		shuffle string
		want    string
	}{
		{[]int64{100, 100}, nil, "", "stored"},
		{[]int64{100, 28}, &seed, "", "order=2 shuffle=rows: 2 windows of at most 64 rows"},
		{[]int64{100, 28}, &seed, "windows", "order=2 shuffle=windows: 3 runs of at most 64 rows"},
		{[]int64{60}, &seed, "windows", "order=2 shuffle=windows: stored: the rows are one window"},
		{[]int64{0, 30, 30}, &seed, "windows", "order=2 shuffle=windows: 2 runs of at most 64 rows"},
		{nil, &seed, "windows", "order=2 shuffle=windows: stored: the rows are one window"},
	} {
		a := Ask{Seed: x.seed, Shuffle: x.shuffle}
		got := orderOf(epochOrder(x.shards, 64, 2, x.seed, 0), 64, a)
		if !strings.HasPrefix(got, x.want) {
			t.Errorf("%v: %s", x.shards, got)
		}
	}
}
