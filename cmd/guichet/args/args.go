// Package args reads the values that verbs take on the command line.
//
// In: what somebody typed. Out: values that hold what their flags promise. Always: what is not
// understood is refused with an example of what is. It must not know verbs.
package args

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span is a time as schedulers and people write it: 72h, 3d, 90m, 3-00:00:00, 12:30:00.
type Span time.Duration

// UnmarshalText reads one.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := parse(string(text))
	*s = Span(d)
	return err
}

// parse reads hours and days as Go does (72h, 1h30m; 3d), or as Slurm's --time does:
// days-hours[:minutes[:seconds]], hours:minutes:seconds.
func parse(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no time: write it like 72h, 3d or 3-00:00:00", s)
	if !strings.ContainsAny(s, ":-") {
		if n, ok := strings.CutSuffix(s, "d"); ok {
			days, err := strconv.ParseFloat(n, 64)
			if err != nil || !(days > 0 && days < 100_000) {
				return 0, bad
			}
			return time.Duration(days * 24 * float64(time.Hour)), nil
		}
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return 0, bad
		}
		return d, nil
	}
	days, clock, dashed := strings.Cut(s, "-")
	if !dashed {
		days, clock = "0", s
	}
	parts := strings.Split(clock, ":")
	if len(parts) > 3 || !dashed && len(parts) != 3 { // 10:30 is minutes to Slurm and hours to people
		return 0, bad
	}
	var d time.Duration
	for i, part := range append([]string{days}, parts...) {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return 0, bad
		}
		d += time.Duration(n) * []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second}[i]
	}
	if d <= 0 {
		return 0, bad
	}
	return d, nil
}

// Why is a reason that somebody gives; it stands in the record.
type Why string

// Validate is for kong.
func (w Why) Validate() error {
	if len(strings.TrimSpace(string(w))) < 3 {
		return errors.New("say why, in three letters or more: it stands in the record")
	}
	return nil
}

// Some is a list of names that is left out, or holds at least one.
type Some string

// Validate is for kong, which asks when it was given.
func (s Some) Validate() error {
	if strings.Trim(string(s), ", ") == "" {
		return errors.New("name at least one, or leave the flag out")
	}
	return nil
}

// Moment is an instant of the command line: RFC 3339, or a day, which is its first
// instant in UTC, the zone of the record.
type Moment struct{ time.Time }

// UnmarshalText is for kong.
func (m *Moment) UnmarshalText(b []byte) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		ts, err := time.Parse(layout, string(b))
		if err == nil {
			m.Time = ts
			return nil
		}
	}
	return fmt.Errorf("%q is not a time; write 2026-11-25 or 2026-11-25T08:00:00Z", b)
}

// Query is the instant as the API takes it; "" where none was given.
func (m Moment) Query() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339)
}

// LastDay is an instant until which something lasts; a day lasts to its end.
type LastDay struct{ Moment }

// UnmarshalText is for kong.
func (m *LastDay) UnmarshalText(b []byte) error {
	err := m.Moment.UnmarshalText(b)
	if err == nil && len(b) == len(time.DateOnly) {
		m.Time = m.AddDate(0, 0, 1)
	}
	return err
}
