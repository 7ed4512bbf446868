package tally

import (
	"math"
	"slices"
	"strconv"
	"time"

	"guichet/schemas/values"
)

// mostSteps is how many steps the bulk of the values is cut into: with an open bin at each end
// there are at most twenty.
const mostSteps = 18

// Of the sample, this share lies beyond the edges at either end.
const beyond = 0.005

// largest is the most that an edge may be: the width of all bins is a number too.
const largest = 1e300

// Seconds of the times that calendars have names for.
const (
	day      = 24 * 60 * 60.0
	earliest = -62135596800.0 // 0001-01-01
	latest   = 253402300799.0 // 9999-12-31
)

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// edges cut a line into bins: one before the first, one from each on.
type edges struct {
	at  []float64 // ascending
	say []string  // each as it is told
	log bool
}

// place is the bin of a value: how many edges lie at or before it.
func (e *edges) place(f float64) int {
	i, is := slices.BinarySearch(e.at, f)
	if is {
		i++
	}
	return i
}

// edgesOf chooses round edges by a sample; whole says that values are whole numbers, or days.
func edgesOf(sample []float64, times, whole bool) edges {
	if len(sample) == 0 {
		return edges{}
	}
	slices.Sort(sample)
	n := len(sample)
	tail := min(max(int(float64(n)*beyond), values.LeastCount), (n-1)/2) // no edge stands for few
	within := func(f float64) float64 { return min(max(f, -largest), largest) }
	low, high := within(sample[tail]), within(sample[n-1-tail])
	if times {
		return timeEdges(min(max(low, earliest), latest), min(max(high, earliest), latest), whole)
	}
	// Where most values are small beside the largest, equal steps would show one column.
	if low > 0 && high/low >= 1000 && sample[n/2]-low < (high-low)/mostSteps {
		return logEdges(low, high)
	}
	return linearEdges(low, high, whole)
}

// linearEdges are at multiples of 1, 2 or 5 times a power of ten.
func linearEdges(low, high float64, integral bool) edges {
	e := int(math.Floor(math.Log10(max((high-low)/mostSteps, math.Abs(high)*1e-9, 1e-300))))
	switch {
	case low == 0 && high == 0:
		e = 0
	case low == high:
		e = max(int(math.Floor(math.Log10(math.Abs(low))))-1, -300) // below it are numbers without steps
	}
	if integral {
		e = max(e, 0)
	}
	for ; ; e++ {
		for _, m := range []float64{1, 2, 5} {
			width := m * math.Pow10(e)
			first, last := math.Floor(low/width), math.Floor(high/width)+1
			if last-first > mostSteps || math.IsInf(width, 0) {
				continue
			}
			var out edges
			for k := first; k <= last; k++ {
				at := k * width
				if e < 0 {
					at = k * m / math.Pow10(-e) // as it is written
				}
				out.at, out.say = append(out.at, at), append(out.say, plain(at))
			}
			return out
		}
	}
}

// logEdges are at 1, 2 and 5 times powers of ten, or at some of these powers.
func logEdges(low, high float64) edges {
	out := edges{log: true}
	from, to := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
	steps, stride := []float64{1, 2, 5}, 1
	if (to-from)*len(steps) > mostSteps {
		steps, stride = steps[:1], (to-from)/mostSteps+1
	}
	for e := from; e <= to; e += stride {
		for _, m := range steps {
			at := m * math.Pow10(e)
			if e < 0 {
				at = m / math.Pow10(-e)
			}
			out.at, out.say = append(out.at, at), append(out.say, plain(at))
		}
	}
	for len(out.at) > 2 && out.at[1] <= low { // no bin without need
		out.at, out.say = out.at[1:], out.say[1:]
	}
	for n := len(out.at); n > 2 && out.at[n-2] > high; n = len(out.at) {
		out.at, out.say = out.at[:n-1], out.say[:n-1]
	}
	return out
}

// plain writes a number as people do, unless it is too long for that.
func plain(f float64) string {
	if f == 0 {
		return "0" // not -0
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e15 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// step is a length of time that calendars have: seconds, or months.
type step struct {
	seconds float64
	months  int
}

// steps are those that bins may have, ascending.
func steps() []step {
	var out []step
	for _, s := range []float64{1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, day, 7 * day} {
		out = append(out, step{seconds: s})
	}
	for _, m := range []int{1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12000} {
		out = append(out, step{months: m})
	}
	return out
}

// begin is the beginning of the step that an instant lies in: weeks begin on Mondays.
func (s step) begin(t float64) float64 {
	if s.months == 0 {
		monday := 0.0
		if s.seconds == 7*day {
			monday = 4 * day // 1970-01-05
		}
		return math.Floor((t-monday)/s.seconds)*s.seconds + monday
	}
	at := time.Unix(int64(math.Floor(t)), 0).UTC()
	months := at.Year()*12 + int(at.Month()) - 1
	months -= months % s.months
	return float64(time.Date(months/12, time.Month(months%12+1), 1, 0, 0, 0, 0, time.UTC).Unix())
}

// next is the beginning of the step after one.
func (s step) next(t float64) float64 {
	if s.months == 0 {
		return t + s.seconds
	}
	return float64(time.Unix(int64(t), 0).UTC().AddDate(0, s.months, 0).Unix())
}

// timeEdges are at beginnings of seconds, minutes, hours, days, weeks, months or years; days says that
// the values are days.
func timeEdges(low, high float64, days bool) edges {
	var out edges
	for _, s := range steps() {
		if days && s.months == 0 && s.seconds < day {
			continue
		}
		at := []float64{s.begin(low)}
		for len(at) <= mostSteps && at[len(at)-1] <= high {
			at = append(at, s.next(at[len(at)-1]))
		}
		out.at = at
		if at[len(at)-1] > high {
			break
		}
	}
	layout := time.DateOnly
	for _, t := range out.at {
		if math.Mod(t, day) != 0 {
			layout = time.RFC3339
		}
	}
	for _, t := range out.at {
		out.say = append(out.say, time.Unix(int64(t), 0).UTC().Format(layout))
	}
	return out
}

// bins are the counts with their edges; those that are too small are joined with the smaller one
// beside them. An open bin that is empty is none. The first and the last have no outer edge: it would say, to a step,
// what the least and the largest value is.
func (c *Column) bins() []values.Bin {
	var out []values.Bin
	for i, n := range c.counts {
		b := values.Bin{Count: n}
		if i > 0 {
			b.From = c.edges.say[i-1]
		}
		if i < len(c.edges.say) {
			b.Until = c.edges.say[i]
		}
		if n > 0 || b.From != "" && b.Until != "" {
			out = append(out, b)
		}
	}
	for {
		i := slices.IndexFunc(out, func(b values.Bin) bool { return b.Count < values.LeastCount })
		if i < 0 || len(out) < 2 {
			break
		}
		if i == len(out)-1 || i > 0 && out[i-1].Count < out[i+1].Count {
			i--
		}
		out[i] = values.Bin{From: out[i].From, Until: out[i+1].Until, Count: out[i].Count + out[i+1].Count}
		out = slices.Delete(out, i+1, i+2)
	}
	for i := range out {
		out[i].Count = told(out[i].Count)
	}
	if n := len(out); n > 0 {
		out[0].From, out[n-1].Until = "", ""
	}
	return out
}
