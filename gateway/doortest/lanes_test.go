package doortest

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"guichet/schemas"
)

// lanes: what readers of one rank take in turn is the rank's order, on every door, of every
// view, and is charged as that many rows.
func lanes(t *testing.T, r *Rig, doors []Door) {
	filter := schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: "gteq", Values: []string{"50"}}}
	for name, duties := range map[string][]schemas.Duty{
		"raw":      nil,
		"hidden":   {{Kind: schemas.DutyHide, Columns: []string{"word"}}},
		"filtered": {filter},
		"budget":   {{Kind: schemas.DutyBudget, Rows: 1 << 20}},
	} {
		id, lease := r.Ready(t, "lanes-"+name, Open(duties...), FileOf(t, numbers(0, 3000)), FileOf(t, numbers(3000, 17)))
		for _, d := range doors {
			if !d.Ranks() {
				continue
			}
			for _, order := range []url.Values{{}, {"seed": {"7"}}, {"seed": {"7"}, "shuffle": {"windows"}}} {
				order.Set("world", "2")
				order.Set("rank", "1")
				whole := ints(all(t, d, lease, id, order))
				before := used(t, r, id)[0]
				var parts [3][]int64
				for i := range parts {
					order.Set("lane", fmt.Sprintf("%d@%d", i, len(parts)))
					order.Set("block", "100")
					parts[i] = ints(all(t, d, lease, id, order))
				}
				var got []int64
				for i := 0; len(got) < len(whole) && i < len(whole); i++ {
					part := &parts[i%len(parts)]
					n := min(100, len(*part))
					got, *part = append(got, (*part)[:n]...), (*part)[n:]
				}
				if !slices.Equal(got, whole) {
					t.Errorf("%s of %s, %v: lanes give other rows, or others first", name, d.Name(), order)
				}
				equal(t, d.Name()+" charged for lanes of "+name, int64(len(whole)), used(t, r, id)[0]-before)
			}
			refused(t, d, lease, id, url.Values{"lane": {"2@2"}, "block": {"5"}}, schemas.Invalid, "lane")
			refused(t, d, lease, id, url.Values{"lane": {"1@2"}}, schemas.Invalid, "give block")
		}
	}
}
