// Package spread counts how the hits of a search are spread over time and over the earth.
//
// In: of each hit the times and the area that it covers. Out: counts of hits for periods and for cells
// of a grid, as facets whose values narrow the search to them. Always: a hit counts once in each period
// and cell that it touches, as the filters from, to and box find it; which periods and cells there are
// follows from the hits alone. It must not know datasets or searches.
//
// How: what a hit covers is added at the beginning and taken away behind the end, in one array for each
// length that periods may have, and for each width that cells may have: which is fit is known when all
// hits are seen.
package spread

import (
	"fmt"
	"math"

	"guichet/schemas"
)

// The facets of this package.
const (
	Time  = "time"
	Place = "place"
)

// Names lists the facets of this package.
func Names() []string { return []string{Time, Place} }

// The most periods of a strip beside its two open ones, and the share of hits that may lie in these.
const (
	mostPeriods = 48
	outside     = 0.01
)

// years is how many there are: 0 to 9999.
const years = 10000

// periods are the lengths that periods may have, in years.
func periods() []int { return []int{1, 10, 100} }

// Times counts periods. Not safe for concurrent use.
type Times struct {
	hits, said  int
	first, last []int32   // by years: how many begin there first, and end there last; open ends do not
	open        int32     // that have no beginning
	ongoing     int32     // that have no end
	now         int       // the year up to which these go on for a reader
	changes     [][]int32 // by lengths, then periods
}

// NewTimes counts nothing yet; now is the year that it is.
func NewTimes(now int) *Times {
	t := &Times{now: now, first: make([]int32, years), last: make([]int32, years)}
	for _, n := range periods() {
		t.changes = append(t.changes, make([]int32, years/n+1))
	}
	return t
}

// Hit counts a hit that says nothing of its time.
func (t *Times) Hit() { t.hits++ }

// Add counts what a hit covers, in spans of days as YYYYMMDD, in order. 0 and the largest number
// are open ends.
func (t *Times) Add(from, until []int32) {
	if len(from) == 0 {
		return
	}
	t.said++
	if from[0] == 0 {
		t.open++
	} else {
		t.first[year(from[0])]++
	}
	if end := until[len(until)-1]; end != math.MaxInt32 {
		t.last[year(end)]++
	} else {
		t.ongoing++
	}
	for i, length := range periods() {
		behind := 0 // the first period that this hit is not counted in yet
		for j := range from {
			a, b := max(year(from[j])/length, behind), year(until[j])/length
			if a > b {
				continue
			}
			t.changes[i][a]++
			t.changes[i][b+1]--
			behind = b + 1
		}
	}
}

// year is that of a day.
func year(d int32) int { return min(max(int(d/10000), 0), years-1) }

// Facet gives the periods: as short as a strip has room for. What lies before and behind the bulk of the
// hits is in two open ones. Values are FROM/UNTIL in years, ".." where open; the remainder says nothing
// of its time.
func (t *Times) Facet() schemas.Facet {
	f := schemas.Facet{Values: []schemas.FacetValue{}, Remainder: t.hits - t.said}
	low, high, any := t.bulk()
	if !any {
		return f
	}
	at := len(periods()) - 1
	for i, length := range periods() {
		if high/length-low/length < mostPeriods {
			at = i
			break
		}
	}
	length := periods()[at]
	from, until := low/length, high/length
	// Open periods: all that begin before the first, all that go on behind the last.
	before, behind := t.open, int32(0)
	for y := range from * length {
		before += t.first[y]
	}
	for y := (until + 1) * length; y < years; y++ {
		behind += t.last[y]
	}
	if before > 0 {
		f.Values = append(f.Values, schemas.FacetValue{Value: fmt.Sprintf("../%04d", from*length-1), Count: int(before)})
	}
	n := int32(0)
	for i := range until + 1 {
		n += t.changes[at][i]
		if i >= from {
			f.Values = append(f.Values, schemas.FacetValue{Value: fmt.Sprintf("%04d/%04d", i*length, (i+1)*length-1), Count: int(n)})
		}
	}
	if next := (until + 1) * length; behind > 0 && next < years {
		f.Values = append(f.Values, schemas.FacetValue{Value: fmt.Sprintf("%04d/..", next), Count: int(behind + t.ongoing)})
	}
	return f
}

// bulk are the years between which the hits begin and end, but for a few.
func (t *Times) bulk() (low, high int, any bool) {
	ends := make([]int32, years) // of whatever kind
	all := int32(0)
	for y := range years {
		ends[y] = t.first[y] + t.last[y]
		all += ends[y]
	}
	ends[min(max(t.now, 0), years-1)] += t.ongoing
	all += t.ongoing
	few := int32(float64(all) * outside)
	if all == 0 {
		return 0, 0, false
	}
	low, high = 0, years-1
	for n := ends[low]; n <= few; n += ends[low] {
		low++
	}
	for n := ends[high]; n <= few; n += ends[high] {
		high--
	}
	return low, high, true
}
