package main

import (
	"fmt"
	"time"
)

// moment is an instant of the command line: RFC 3339, or a day, which is its first
// instant in UTC, the zone of the record.
type moment struct{ time.Time }

// UnmarshalText is for kong.
func (m *moment) UnmarshalText(b []byte) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		ts, err := time.Parse(layout, string(b))
		if err == nil {
			m.Time = ts
			return nil
		}
	}
	return fmt.Errorf("%q is not a time; write 2026-11-25 or 2026-11-25T08:00:00Z", b)
}

func (m moment) query() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339)
}

// lastDay is an instant until which something lasts; a day lasts to its end.
type lastDay struct{ moment }

// UnmarshalText is for kong.
func (m *lastDay) UnmarshalText(b []byte) error {
	err := m.moment.UnmarshalText(b)
	if err == nil && len(b) == len(time.DateOnly) {
		m.Time = m.AddDate(0, 0, 1)
	}
	return err
}
