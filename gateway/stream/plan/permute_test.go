package plan

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// orderCase is a job as the executable specification reads it, testdata/order2.py.
type orderCase struct {
	Shards []int64      `json:"shards"`
	N      int64        `json:"n"`
	Seed   string       `json:"seed"`
	Epoch  uint64       `json:"epoch"`
	World  int          `json:"world"`
	Chain  [][2]int64   `json:"chain"`
	Parts  [][][2]int64 `json:"parts,omitempty"`
}

// parts gives the rows of each rank as NewPlan plans them. Windows of fewer rows than 512 are
// those of the table.
func (c orderCase) parts(t testing.TB) [][][2]int64 {
	t.Helper()
	shards := make([][]int64, len(c.Shards))
	for i, rows := range c.Shards {
		for at := int64(0); at < rows; at += c.N {
			shards[i] = append(shards[i], min(c.N, rows-at))
		}
	}
	seed, err := strconv.ParseUint(c.Seed, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s, a := sourceFor(t, published(c.N, shards...)), Ask{Seed: &seed, Epoch: c.Epoch, World: c.World}
	for _, st := range c.Chain {
		a.Start = append(a.Start, Stage{World: int(st[0]), Rows: st[1]})
	}
	out := make([][][2]int64, c.World)
	for a.Rank = range c.World {
		p, err := NewPlan(s, a)
		if err != nil {
			t.Fatal(err)
		}
		out[a.Rank] = rowsAsPairs(p.Stored())
	}
	return out
}

func rowsAsPairs(segments []schemas.Segment) [][2]int64 {
	out := [][2]int64{}
	for _, s := range segments {
		for i := range s.Rows {
			out = append(out, [2]int64{int64(s.Shard), s.From + i})
		}
	}
	return out
}

func TestOrder2Vectors(t *testing.T) {
	b, err := os.ReadFile("testdata/order2.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Permutation []int32 `json:"permutation_12_seed42_epoch0_window3"`
		Vectors     []orderCase
	}
	err = json.Unmarshal(b, &doc)
	if err != nil || len(doc.Vectors) == 0 {
		t.Fatalf("%d vectors: %v", len(doc.Vectors), err)
	}
	if diff := cmp.Diff(doc.Permutation, permutation(42, 0, 3, 12)); diff != "" {
		t.Errorf("the permutation of a window (-want +got):\n%s", diff)
	}
	for i, v := range doc.Vectors {
		if diff := cmp.Diff(v.Parts, v.parts(t)); diff != "" {
			t.Errorf("vector %d (-want +got):\n%s", i, diff)
		}
	}
}

// randomCase is a job on a chain of worlds; no rank consumed more than the shortest part had.
func randomCase(t testing.TB, r *rand.Rand) orderCase {
	t.Helper()
	c := orderCase{N: int64(1) << r.IntN(5), Seed: strconv.FormatUint([]uint64{0, 7, math.MaxUint64, r.Uint64()}[r.IntN(4)], 10), Epoch: r.Uint64N(3)}
	c.Shards = make([]int64, r.IntN(7))
	for i := range c.Shards {
		c.Shards[i] = r.Int64N(5*c.N + 1)
	}
	for range r.IntN(4) {
		c.World = []int{1, 2, 3, 5, 8, 13}[r.IntN(6)]
		shortest := int64(math.MaxInt64)
		for _, p := range c.parts(t) {
			shortest = min(shortest, int64(len(p)))
		}
		c.Chain = append(c.Chain, [2]int64{int64(c.World), r.Int64N(shortest + 1)})
	}
	c.World = []int{1, 2, 3, 6, 8}[r.IntN(5)]
	return c
}

// The executable specification and the product give every rank the same rows in the same
// order, over 20,000 random jobs.
func TestOrder2IsAsSpecified(t *testing.T) {
	python := sharedtest.Python(t)
	out, err := exec.Command(python, "testdata/order2.py").CombinedOutput()
	if err != nil {
		t.Fatalf("the specification does not hold its own vectors: %v\n%s", err, out)
	}
	number := 20_000
	if testing.Short() {
		number = 1_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	cases := make([]orderCase, number)
	var lines bytes.Buffer
	for i := range cases {
		cases[i] = randomCase(t, r)
		err := json.NewEncoder(&lines).Encode(cases[i])
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "cases")
	err = os.WriteFile(path, lines.Bytes(), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/order2.py", path)
	cmd.Stderr = os.Stderr
	out, err = cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(bytes.NewReader(out))
	in.Buffer(nil, 1<<20)
	for i, c := range cases {
		if !in.Scan() {
			t.Fatalf("the specification answered %d of %d cases", i, number)
		}
		got, err := json.Marshal(c.parts(t))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, in.Bytes()) {
			t.Fatalf("case %+v:\nproduct       %s\nspecification %s", c, got, in.Bytes())
		}
	}
}

// The bounds of what is permuted hold on every part of it, and are those of the windows that
// the part has: a whole epoch is bounded by little more than its bytes.
func TestPermutedBounds(t *testing.T) {
	v := published(512, slices.Repeat([]int64{512}, 70))
	seed := uint64(3)
	s := sourceFor(t, v)
	stored, err := NewPlan(s, Ask{World: 1})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(s, Ask{World: 1, Seed: &seed})
	if err != nil {
		t.Fatal(err)
	}
	_, plain := stored.Most()
	rows, most := p.Most()
	if each := int64(1200 + maxReencoded + 1000); rows != 70*512 || most < plain || most > plain+70*each {
		t.Errorf("%d rows in at most %d bytes, %d as they are stored", rows, most, plain)
	}
	if n := p.LargestMessage(); n <= 0 || n > 4<<20 {
		t.Errorf("messages of at most %d bytes", n)
	}
}

// How many rows a window has: at least 64 windows, and twice as many, where there are 65,536 rows.
func TestWindowRows(t *testing.T) {
	for _, c := range []struct{ table, rows, want int64 }{
		{65_536, 65_536, 512}, {65_536, 10 << 20, 65_536}, {65_536, 128 * 65_536, 65_536}, {65_536, 128*65_536 - 1, 32_768},
		{65_536, 100, 512}, {65_536, 0, 512}, {16_384, 200_000, 1024}, {256, 1000, 256}, {1, 10, 1},
	} {
		got := windowRows(c.table, c.rows)
		if got != c.want || c.rows >= 65_536 && c.rows/got < 128 {
			t.Errorf("%d rows of a table with windows of %d: %d, want %d", c.rows, c.table, got, c.want)
		}
	}
}

// A permutation has every row once, whatever its number of rows.
func TestPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 5000).Draw(t, "rows")
		state := rapid.Uint64().Draw(t, "state")
		got := byKeys(state, n)
		want := make([]int32, n)
		keys := make([]uint64, n)
		for i := range want {
			want[i], keys[i] = int32(i), splitMix(state+uint64(i+1)*splitGamma)
		}
		slices.SortFunc(want, func(a, b int32) int {
			if keys[a] < keys[b] {
				return -1
			}
			return 1
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// rankCorrelation is Spearman's of the order in which rows come with the stored one: 1 is as
// they are stored, 0 tells nothing of it.
func rankCorrelation(stored []int64) float64 {
	n := float64(len(stored))
	var sum float64
	for i, at := range stored {
		sum += (float64(i) - (n-1)/2) * (float64(at) - (n-1)/2)
	}
	return sum / (n * (n*n - 1) / 12)
}

// An epoch in the order of a seed goes nowhere: over every seed and epoch, tables of one
// file and of many, the rank correlation with the stored order stays below 0.05, and no
// neighbours of the table stay neighbours.
func TestRowsAreShuffled(t *testing.T) {
	for name, shards := range map[string][]int64{
		"one file":           {65_536 + 100},
		"a long remainder":   {65_536 + 511},
		"a few":              {40_000, 70_000, 5_000},
		"half over":          slices.Repeat([]int64{750}, 200),
		"many smaller files": slices.Repeat([]int64{700}, 150),
	} {
		var firsts []int64 // of the shards, among all rows
		var all int64
		batches := make([][]int64, len(shards))
		for i, rows := range shards {
			firsts, all = append(firsts, all), all+rows
			for at := int64(0); at < rows; at += 16_384 {
				batches[i] = append(batches[i], min(16_384, rows-at))
			}
		}
		s := sourceFor(t, published(16_384, batches...))
		for seed := range uint64(8) {
			p, err := NewPlan(s, Ask{World: 1, Seed: &seed, Epoch: seed % 3})
			if err != nil {
				t.Fatal(err)
			}
			var order []int64
			neighbours := 0
			for _, x := range p.Stored() {
				at := firsts[x.Shard] + x.From
				if n := len(order); n > 0 && at == order[n-1]+1 {
					neighbours++
				}
				order = append(order, at)
			}
			if r := rankCorrelation(order); int64(len(order)) != all || math.Abs(r) >= 0.05 {
				t.Errorf("%s, seed %d: %d of %d rows, the rank correlation is %.3f", name, seed, len(order), all, r)
			}
			if neighbours > len(order)/300 {
				t.Errorf("%s, seed %d: %d of %d rows follow the one before them", name, seed, neighbours, len(order))
			}
		}
	}
}

// BenchmarkPermutation is what a row's place costs.
func BenchmarkPermutation(b *testing.B) {
	for _, n := range []int{1024, 16_384, 65_536} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				permutation(7, 0, 1, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
		})
	}
}
