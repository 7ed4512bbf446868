package duplicates

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
)

// TestHolders: what is read of the holders of a key says of each origin whether it is a crowd, and of all, however
// many there are.
func TestHolders(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := dbtest.Open(t, kind)
			var rows [][]any
			add := func(key, origin string, n int) {
				for i := range n {
					rows = append(rows, []any{key, origin, fmt.Sprintf("ds-%s-%s-%03d", key, origin, i)})
				}
			}
			for i := range 40 {
				add("everywhere", fmt.Sprintf("o%02d", i), 10)
			}
			add("portal", "large", 300)
			add("portal", "small", 3)
			add("portal", "other", Crowd)
			add("rare", "one", 1)
			add("rare", "two", 2)
			must(t, d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				return tx.InsertMany(ctx, "duplicate_held", []string{"key", "origin", "dataset"}, rows)
			}))
			have, err := holders(t.Context(), d, []string{"everywhere", "portal", "rare", "none"})
			must(t, err)
			if h := have["everywhere"]; len(h) <= Crowd || len(h) > Crowd+2 || h.counts("o00") {
				t.Errorf("everywhere: %d origins", len(h))
			}
			h := have["portal"]
			if len(h) != 3 || h.counts("large") || !h.counts("small") || !h.counts("other") || len(h["small"]) != 3 || len(h["other"]) != Crowd ||
				len(h["large"]) > Crowd+2 {
				t.Errorf("portal: %v", h)
			}
			if h := have["rare"]; len(h) != 2 || len(h["one"]) != 1 || len(h["two"]) != 2 || have["none"] != nil {
				t.Errorf("rare: %v, none: %v", h, have["none"])
			}
			bad := crowded(have, "small", "large")
			if !bad["portal"] || !bad["everywhere"] || bad["rare"] || crowded(have, "small", "other")["portal"] {
				t.Errorf("crowded: %v", bad)
			}
		})
	}
}

// TestFlips: one dataset more or less of an origin has others compared anew where it makes a crowd, and nowhere else.
func TestFlips(t *testing.T) {
	t.Parallel()
	some := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprint(i))
		}
		return out
	}
	origins := func(n, each int) held {
		h := held{}
		for i := range n {
			h[fmt.Sprint("o", i)] = some(each)
		}
		return h
	}
	full := origins(Crowd-1, 1)
	full["mine"] = some(Crowd)
	for name, c := range map[string]struct {
		h    held
		want int
	}{
		"the first":             {held{}, 0},
		"one of few":            {held{"mine": some(3), "o": some(2)}, 0},
		"the thirteenth":        {held{"mine": some(Crowd), "o": some(2), "crowd": some(Crowd + 1)}, Crowd + 2},
		"the fourteenth":        {held{"mine": some(Crowd + 1), "o": some(2)}, 0},
		"the thirteenth origin": {origins(Crowd, 2), 2 * Crowd},
		"the fourteenth origin": {origins(Crowd+1, 2), 0},
		"of a twelfth origin":   {full, Crowd + Crowd - 1},
		"nobody's":              {nil, 0},
	} {
		if got := c.h.flips("mine"); len(got) != c.want {
			t.Errorf("%s: %d are compared anew, want %d", name, len(got), c.want)
		}
	}
	h := held{"a": {"1", "2"}, "b": {"1"}}
	if got := h.without("1"); len(got) != 1 || !slices.Equal(got["a"], []string{"2"}) || len(h["a"]) != 2 || len(h["b"]) != 1 {
		t.Errorf("%v of %v", got, h)
	}
}
