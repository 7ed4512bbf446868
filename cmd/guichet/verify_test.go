package main

import (
	"strings"
	"testing"

	"guichet/cmd/guichet/terminal"
	"guichet/policy/audit"
)

// A verification says what it has shown, and no more.
func TestVerifiedSaysNoMoreThanItShows(t *testing.T) {
	for _, c := range []struct {
		name        string
		report      audit.Report
		says, never []string
	}{
		{"the whole record", audit.Report{Size: 50, Records: 50, FirstBad: -1}, []string{"the record is whole: all 50 records"}, []string{"erased"}},
		{"a bundle", audit.Report{Size: 50, Records: 7, FirstBad: -1}, []string{"7 records stand in the record of 50, unaltered", "only a verification of the whole record"}, []string{"whole:"}},
		{"one record of a bundle", audit.Report{Size: 50, Records: 1, FirstBad: -1}, []string{"1 record stands in the record of 50"}, []string{"whole:"}},
		{"an empty bundle", audit.Report{Size: 50, FirstBad: -1}, []string{"no record is in it"}, []string{"whole:", "unaltered"}},
		{"a value was erased", audit.Report{Size: 50, Records: 50, Erased: 1, FirstBad: -1}, []string{"the record is whole", "1 value was erased"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			printVerified(&terminal.Terminal{Out: &b}, &c.report, false, 0)
			for _, want := range c.says {
				if !strings.Contains(b.String(), want) {
					t.Errorf("it does not say %q:\n%s", want, b.String())
				}
			}
			for _, never := range c.never {
				if strings.Contains(b.String(), never) {
					t.Errorf("it says %q:\n%s", never, b.String())
				}
			}
		})
	}
}
