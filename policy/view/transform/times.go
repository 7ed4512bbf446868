package transform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"guichet/schemas"
)

// instants compares days and instants with periods: a day is the whole day, as in the
// constraints of offers.
func (c *compiler) instants(typ arrow.DataType, values []string) (func(a arrow.Array, i, v int) (int, bool), error) {
	want := make([]schemas.Period, len(values))
	for j, s := range values {
		p, err := c.period(s)
		if err != nil {
			return nil, err
		}
		switch {
		case p.Instant():
		// A day that is written with a zone, 2026-03-29+02:00, begins the evening before in
		// UTC; to a column of days it is 29 March all the same.
		case typ.ID() == arrow.DATE32: // days on a calendar lie in no zone
			p = schemas.Period{From: civil(p.From), Until: civil(p.Until)}
		default:
			c.whole = true
		}
		want[j] = p
	}
	join(want) // ascending: a value is sought in them as in a list of numbers
	return func(a arrow.Array, i, v int) (int, bool) {
		var have time.Time
		switch a := a.(type) {
		case *array.Date32:
			have = a.Value(i).ToTime()
		case *array.Date64:
			have = a.Value(i).ToTime()
		case *array.Timestamp:
			have = a.Value(i).ToTime(typ.(*arrow.TimestampType).Unit)
		}
		switch p := &want[v]; {
		case have.Before(p.From):
			return -1, true
		case have.Before(p.Until) || have.Equal(p.From):
			return 0, true
		}
		return 1, true
	}, nil
}

// civil is midnight in UTC of the day that a period begins or ends on.
func civil(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// join sorts periods, of which a value may lie in any, and gives those that overlap the
// span of all of them: so they stand in one order, in which values are sought.
func join(list []schemas.Period) {
	slices.SortFunc(list, func(a, b schemas.Period) int { return a.From.Compare(b.From) })
	for first := 0; first < len(list); {
		all, n := list[first], first+1
		for ; n < len(list) && (list[n].From.Before(all.Until) || list[n].From.Equal(all.From)); n++ {
			if list[n].Until.After(all.Until) {
				all.Until = list[n].Until
			}
		}
		for i := first; i < n; i++ {
			list[i] = all
		}
		first = n
	}
}

// period reads a day, a month, a year, an instant (in UTC where it names no zone), now,
// or now-P<n>D|W|M|Y.
func (c *compiler) period(s string) (schemas.Period, error) {
	if s == "now" {
		return schemas.Period{From: c.now, Until: c.now}, nil
	}
	if rest, ok := strings.CutPrefix(s, "now-P"); ok && len(rest) > 1 {
		n, err := strconv.Atoi(rest[:len(rest)-1])
		steps := map[byte][3]int{'D': {0, 0, 1}, 'W': {0, 0, 7}, 'M': {0, 1, 0}, 'Y': {1, 0, 0}}
		step, known := steps[rest[len(rest)-1]]
		if err == nil && known && n >= 0 && n <= 100_000 {
			t := c.now.AddDate(-n*step[0], -n*step[1], -n*step[2])
			return schemas.Period{From: t, Until: t}, nil
		}
	}
	p, err := schemas.ParsePeriod(s, true)
	if err != nil {
		return p, fmt.Errorf("%w; or now, or now-P30D (D, W, M, Y)", err)
	}
	return p, nil
}
