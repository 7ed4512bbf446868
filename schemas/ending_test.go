package schemas

import (
	"testing"
	"time"
)

// What is allowed lteq 2026-11-28 lasts until the 28th for people, though its end, which
// is not part of it, is the first instant of the 29th.
func TestEnding(t *testing.T) {
	day, err := ParsePeriod("2026-11-28", false)
	if err != nil {
		t.Fatal(err)
	}
	paris, err := ParsePeriod("2026-11-28[Europe/Paris]", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		until time.Time
		want  string
	}{
		{day.Until, "28 November 2026"}, {day.Until.In(paris.Until.Location()), "28 November 2026"}, {paris.Until, "28 November 2026, 23:00 UTC"},
		{time.Date(2026, 11, 28, 12, 0, 5, 0, time.UTC), "28 November 2026, 12:00:05 UTC"},
	} {
		if got := Ending(c.until); got != c.want {
			t.Errorf("%s ends %q, want %q", c.until, got, c.want)
		}
	}
}
