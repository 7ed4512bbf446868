package release

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

func drawSegments(t *rapid.T, name string) []schemas.Segment {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) schemas.Segment {
		return schemas.Segment{
			Shard: rapid.IntRange(0, 2).Draw(t, "shard"), From: rapid.Int64Range(0, 30).Draw(t, "from"),
			Rows: rapid.Int64Range(1, 9).Draw(t, "rows"),
		}
	}), 0, 8).Draw(t, name)
}

type row struct {
	shard int
	n     int64
}

func each(segments []schemas.Segment, do func(row)) {
	for _, s := range segments {
		for i := range s.Rows {
			do(row{s.Shard, s.From + i})
		}
	}
}

// Sets of spans are sets of rows, whatever they were made of, and are stored as they
// are.
func TestRowSets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		one, two := drawSegments(t, "one"), drawSegments(t, "two")
		want := map[row]bool{}
		each(one, func(r row) { want[r] = true })
		a, b := schemas.Segments(one).Set(), schemas.Segments(two).Set()
		if a.Rows() != int64(len(want)) {
			t.Fatalf("%v has %d rows, want %d", a, a.Rows(), len(want))
		}
		var got []bool
		for _, s := range stretches(a, two) {
			for range s.rows {
				got = append(got, s.paid)
			}
		}
		var in []bool
		each(two, func(r row) { in = append(in, want[r]) })
		if n := len(two) - 1; n >= 0 { // the last segment alone is held against its own plan
			seen := map[row]bool{}
			each(two[:n], func(r row) { seen[r] = true })
			in = in[:len(in)-int(two[n].Rows)]
			each(two[n:], func(r row) { in = append(in, want[r] || seen[r]) })
		}
		if d := cmp.Diff(in, got); d != "" {
			t.Fatalf("rows of %v in %v (-want +got):\n%s", two, a, d)
		}
		each(two, func(r row) { want[r] = true })
		u := a.Union(b)
		if u.Rows() != int64(len(want)) {
			t.Fatalf("%v and %v are %v", a, b, u)
		}
		for i := 1; i < len(u); i++ {
			if u[i].Shard == u[i-1].Shard && u[i].From <= u[i-1].From+u[i-1].Rows {
				t.Fatalf("%v is not merged", u)
			}
		}
		for _, s := range [][]schemas.Segment{one, u} {
			back, err := readSegments(appendSegments(nil, s))
			if err != nil || len(s) > 0 && cmp.Diff(s, back) != "" {
				t.Fatalf("%v came back as %v, %v", s, back, err)
			}
		}
		n := rapid.Int64Range(0, 80).Draw(t, "first")
		if got, all := rowsOf(schemas.Segments(one).Cut(0, n)), rowsOf(one); got != min(n, all) {
			t.Fatalf("the first %d of %d rows are %d", n, all, got)
		}
	})
}

func TestTornSegments(t *testing.T) {
	t.Parallel()
	whole := appendSegments(nil, []schemas.Segment{{Shard: 300, From: 1 << 40, Rows: 1 << 20}})
	for n := 1; n < len(whole); n++ {
		_, err := readSegments(whole[:n])
		if err == nil {
			t.Errorf("%d of %d bytes are read as whole", n, len(whole))
		}
	}
}

// What a run has paid for stays small in the middle of a shuffled epoch, when it is in
// most pieces, and is next to nothing at its end.
func TestPaidRowsStaySmall(t *testing.T) {
	t.Parallel()
	const windows, window, perShard, world = 100_000, 8192, 500, 64
	random := rand.New(rand.NewPCG(1, 2))
	parts := make([][]schemas.Segment, world)
	for i, w := range random.Perm(windows) {
		parts[i%world] = append(parts[i%world], schemas.Segment{Shard: w / perShard, From: int64(w%perShard) * window, Rows: window})
	}
	var set schemas.Segments
	most, plan, began := 0, 0, time.Now()
	for _, p := range parts {
		plan = max(plan, len(appendSegments(nil, p)))
		b := appendSegments(nil, set.Union(schemas.Segments(p).Set()))
		most = max(most, len(b))
		var err error
		set, err = readSegments(b)
		agreementtest.Must(t, err)
	}
	t.Logf("at most %d bytes, and %d of a rank's plan; %s for each end", most, plan, time.Since(began)/world)
	if most > 256<<10 || plan > 16<<10 {
		t.Errorf("%d bytes are stored for a run in one epoch, %d for a rank's plan", most, plan)
	}
	if len(set) != windows/perShard || set.Rows() != windows*window {
		t.Errorf("at the end of the epoch there are %d spans of %d rows", len(set), set.Rows())
	}
}
