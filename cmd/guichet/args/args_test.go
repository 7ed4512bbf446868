package args

import (
	"testing"
	"time"
)

// Times are read as people and Slurm write them; what could mean two is refused.
func TestTimesOfSchedulers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"72h": 72 * time.Hour, "3d": 72 * time.Hour, "1h30m": 90 * time.Minute, "0.5d": 12 * time.Hour, "90m": 90 * time.Minute,
		"3-00:00:00": 72 * time.Hour, "1-12": 36 * time.Hour, "0-1:30": 90 * time.Minute, "12:30:00": 12*time.Hour + 30*time.Minute,
		"": 0, "d": 0, "1h2d": 0, "NaNd": 0, "Infd": 0, "0h": 0, "-3d": 0, "-1-0": 0, "soon": 0, "10:30": 0, "1:2:3:4": 0, "3-": 0, "3-x": 0, "0-0": 0, "9999999d": 0, "99999-0": 0,
	} {
		var span Span
		err := span.UnmarshalText([]byte(text))
		d := time.Duration(span)
		if d != want || (err == nil) != (want > 0) {
			t.Errorf("%q is read as %s, %v; want %s", text, d, err, want)
		}
	}
}

// A day is its first instant, as an end its last; other instants have their zone.
func TestMoments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-11-25": "2026-11-25T00:00:00Z", "2026-11-25T08:00:00+01:00": "2026-11-25T08:00:00+01:00", "": "", "25.11.2026": "", "2026-11-25T08:00": "",
	} {
		var m Moment
		err := m.UnmarshalText([]byte(text))
		if got := m.Query(); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
	var m LastDay
	err := m.UnmarshalText([]byte("2026-12-31"))
	if err != nil || m.Query() != "2027-01-01T00:00:00Z" {
		t.Errorf("the last day ends %s, %v", m.Query(), err)
	}
	err = m.UnmarshalText([]byte("2026-12-31T08:00:00Z"))
	if err != nil || m.Query() != "2026-12-31T08:00:00Z" {
		t.Errorf("an instant ends %s, %v", m.Query(), err)
	}
}

// A reason says something, and a list of names holds one.
func TestWhatIsSaid(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{"a person objected": true, "": false, "  x ": false, "no!": true} {
		if err := Why(text).Validate(); (err == nil) != good {
			t.Errorf("%q as a reason: %v", text, err)
		}
	}
	for text, good := range map[string]bool{"a": true, "a,b": true, "": false, " , ": false} {
		if err := Some(text).Validate(); (err == nil) != good {
			t.Errorf("%q as names: %v", text, err)
		}
	}
}
