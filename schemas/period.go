package schemas

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones of places, also where the machine has none
)

// Period is what a word of time means: all instants from From on and before Until. A day,
// a month or a year is the whole of it; an instant is one, with Until equal to From.
type Period struct {
	From, Until time.Time
}

// Instant says whether the period is a single instant.
func (p Period) Instant() bool { return p.From.Equal(p.Until) }

// Upper bounds for people and machines: what is longer is no time.
const maxPeriod = 128

var (
	calendar = regexp.MustCompile(`^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(Z|[+-]\d{2}:\d{2}|\[[A-Za-z0-9_+/-]{1,64}\])?$`)
	clock    = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,32}))?(Z|[+-]\d{2}:\d{2})?$`)
)

// ParsePeriod reads a day, month or year (xsd:date, xsd:gYearMonth, xsd:gYear) or an
// instant (RFC 3339, xsd:dateTime). A zone may stand behind each: Z, +02:00, and behind a
// day, month or year also that of a place, as in 2026-11-28[Europe/Paris]; without one
// it is UTC. An instant needs its zone, unless loose is set, as descriptions often leave
// it out: then UTC too. Errors: a sentence that says what to write.
func ParsePeriod(s string, loose bool) (Period, error) {
	bad := func(why string) (Period, error) {
		if len(s) > maxPeriod {
			s = "…"
		}
		return Period{}, fmt.Errorf(
			"%q is not a time%s: write a day (2026-11-28, with a zone 2026-11-28+01:00 or 2026-11-28[Europe/Paris]), a month, a year, or an "+
				"instant with its zone (RFC 3339: 2026-11-28T12:00:00Z)",
			s,
			why,
		)
	}
	if len(s) > maxPeriod {
		return bad("")
	}
	if m := calendar.FindStringSubmatch(upper(s)); m != nil {
		loc, ok := zone(m[4])
		if !ok {
			return bad(", as there is no zone " + strings.Trim(m[4], "[]"))
		}
		y, month, day := number(m[1]), 1, 1
		step := [3]int{1, 0, 0}
		if m[2] != "" {
			month, step = number(m[2]), [3]int{0, 1, 0}
		}
		if m[3] != "" {
			day, step = number(m[3]), [3]int{0, 0, 1}
		}
		if !dated(y, month, day) {
			return bad(", as there is no such day")
		}
		return Period{
			time.Date(y, time.Month(month), day, 0, 0, 0, 0, loc),
			time.Date(y+step[0], time.Month(month+step[1]), day+step[2], 0, 0, 0, 0, loc),
		}, nil
	}
	m := clock.FindStringSubmatch(upper(s))
	if m == nil {
		return bad("")
	}
	if m[8] == "" && !loose {
		return bad(", as it has no zone")
	}
	loc, ok := zone(m[8])
	hour, minute, second := number(m[4]), number(m[5]), number(m[6])
	nanos, _ := strconv.Atoi((m[7] + "000000000")[:9]) // digits only
	end := hour == 24 && minute == 0 && second == 0 && strings.Trim(m[7], "0") == ""
	if !ok || !dated(number(m[1]), number(m[2]), number(m[3])) || minute > 59 || second > 60 || hour > 23 && !end {
		return bad("")
	}
	at := time.Date(number(m[1]), time.Month(number(m[2])), number(m[3]), hour, minute, second, nanos, loc)
	if u := at.UTC(); second == 60 && (u.Hour() != 0 || u.Minute() != 0) { // a leap second is the last of a day in UTC
		return bad("")
	}
	return Period{at, at}, nil
}

// upper writes the letters of a time as most readers want them (t and z may be small
// [RFC 3339 §5.6]); names of zones stay.
func upper(s string) string {
	day, rest, named := strings.Cut(s, "[")
	day = strings.ToUpper(day)
	if named {
		return day + "[" + rest
	}
	return day
}

// PlainPeriod is the usual spelling of what ParsePeriod reads.
func PlainPeriod(s string) string {
	return strings.Replace(strings.Replace(upper(s), " ", "T", 1), ",", ".", 1)
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // digits, by the pattern
	return n
}

func dated(y, month, day int) bool {
	return month >= 1 && month <= 12 && day >= 1 && day <= time.Date(y, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// zone reads Z, an offset, or the name of a place's zone in brackets; UTC for none.
func zone(s string) (*time.Location, bool) {
	switch {
	case s == "" || s == "Z":
		return time.UTC, true
	case s[0] == '[':
		name := strings.Trim(s, "[]")
		if name == "Local" { // of whoever runs the gateway
			return nil, false
		}
		loc, err := time.LoadLocation(name)
		return loc, err == nil
	}
	hours, minutes := number(s[1:3]), number(s[4:6])
	if hours > 23 || minutes > 59 {
		return nil, false
	}
	seconds := hours*3600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone(s, seconds), true
}

// Ending is an end as people say it, in UTC: what ends as a day begins lasts to the end of
// the day before, "28 November 2026"; other ends have their time.
func Ending(until time.Time) string {
	t := until.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.AddDate(0, 0, -1).Format("2 January 2006")
	}
	if t.Second() == 0 && t.Nanosecond() == 0 {
		return t.Format("2 January 2006, 15:04 MST")
	}
	return t.Format("2 January 2006, 15:04:05 MST")
}
