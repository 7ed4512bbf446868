package main

import (
	"strings"
	"testing"

	"guichet/schemas"
)

// A cell that a spreadsheet would run as a formula comes as text.
func TestRecordsCSVHoldsNoFormulas(t *testing.T) {
	var b strings.Builder
	err := recordsCSV(&b, []schemas.Record{{Kind: "review", Values: map[string]string{"by": "=HYPERLINK(1)", "dataset": "@SUM", "reason": "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"'=HYPERLINK(1)", "'@SUM"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}
