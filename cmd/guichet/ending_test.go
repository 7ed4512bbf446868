package main

import (
	"strings"
	"testing"
	"time"

	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// An end on the first instant of a day is told as the day before, the last on which
// something is allowed.
func TestDecisionsTellTheLastDay(t *testing.T) {
	got := terminal.Decided(&schemas.Decision{Verdict: schemas.VerdictYes, Until: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)})
	if !strings.HasPrefix(got, "Yes, until 28 November 2026.\n") {
		t.Errorf("what lasts lteq 2026-11-28: %q", got)
	}
}
