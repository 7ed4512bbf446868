package document

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"guichet/schemas"
)

// spans are the times that a dataset covers, in order and apart from each other, in days as
// Day writes them.
func spans(d *schemas.Dataset) [][2]int32 {
	var all [][2]int32
	for _, p := range d.Covered() {
		from, begins := Day(p.From, false)
		until, ends := Day(p.Until, true)
		if !ends { // it goes on
			until = math.MaxInt32
		}
		if begins || ends {
			all = append(all, [2]int32{from, until})
		}
	}
	slices.SortFunc(all, func(a, b [2]int32) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	var out [][2]int32
	for _, s := range all {
		if n := len(out); n > 0 && s[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], s[1])
			continue
		}
		out = append(out, s)
	}
	return out
}

// Day turns YYYY[-MM[-DD]] into a number that sorts like it; the end of a year or
// month is its last day. False for what is no such day: years have four figures at most.
func Day(s string, end bool) (int32, bool) {
	parts := strings.Split(s, "-")
	fill, most := []int{0, 1, 1}, []int{9999, 12, 31}
	if end {
		fill = []int{0, 12, 31}
	}
	for i := range parts {
		if i > 2 {
			return 0, false
		}
		n, err := strconv.ParseUint(parts[i], 10, 16)
		if err != nil || int(n) > most[i] || n == 0 && i > 0 {
			return 0, false
		}
		fill[i] = int(n)
	}
	return int32(fill[0]*10000 + fill[1]*100 + fill[2]), true
}
