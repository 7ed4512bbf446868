package main

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
		d, err := parseSpan(text)
		if d != want || (err == nil) != (want > 0) {
			t.Errorf("%q is read as %s, %v; want %s", text, d, err, want)
		}
	}
}
