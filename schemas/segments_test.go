package schemas

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// row is one row by its shard and number.
type row struct {
	shard int
	at    int64
}

// each gives the rows of segments one by one.
func each(s Segments) (out []row) {
	for _, x := range s {
		for i := range x.Rows {
			out = append(out, row{x.Shard, x.From + i})
		}
	}
	return out
}

// TestSegments: segments are held against the rows that they stand for.
func TestSegments(t *testing.T) {
	some := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) Segment {
		return Segment{Shard: rapid.IntRange(0, 2).Draw(r, "shard"), From: rapid.Int64Range(0, 12).Draw(r, "from"), Rows: rapid.Int64Range(0, 6).Draw(r, "rows")}
	}), 0, 8)
	set := func(rows []row) map[row]bool {
		out := map[row]bool{}
		for _, x := range rows {
			out[x] = true
		}
		return out
	}
	rapid.Check(t, func(r *rapid.T) {
		a, b := Segments(some.Draw(r, "a")), Segments(some.Draw(r, "b"))
		all := each(a)
		if a.Rows() != int64(len(all)) {
			r.Fatalf("%v has %d rows, not %d", a, len(all), a.Rows())
		}
		first, count := rapid.IntRange(0, len(all)+2).Draw(r, "first"), rapid.IntRange(0, len(all)+2).Draw(r, "count")
		want := all[min(first, len(all)):min(first+count, len(all))]
		if got := each(a.Cut(int64(first), int64(count))); !slices.Equal(got, want) {
			r.Fatalf("%d rows of %v from %d on are %v, not %v", count, a, first, got, want)
		}
		as, bs := a.Set(), b.Set()
		both := as.Union(bs)
		if !reflect.DeepEqual(set(each(both)), set(append(all, each(b)...))) || both.Rows() != int64(len(set(each(both)))) {
			r.Fatalf("%v and %v together are %v", a, b, both)
		}
		for _, s := range []Segments{as, bs, both} {
			for i := 1; i < len(s); i++ {
				if s[i-1].Compare(s[i]) >= 0 || s[i-1].Shard == s[i].Shard && s[i-1].From+s[i-1].Rows >= s[i].From || s[i].Rows == 0 {
					r.Fatalf("%v is no set", s)
				}
			}
		}
	})
}
