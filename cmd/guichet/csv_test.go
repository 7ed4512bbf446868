package main

import (
	"strings"
	"testing"

	"guichet/schemas"
)

// A cell that a spreadsheet would run as a formula comes as text.
func TestRecordsCSVHoldsNoFormulas(t *testing.T) {
	var b strings.Builder
	err := recordsCSV(&b, []schemas.Record{{Kind: "review", Values: map[string]string{"by": "=HYPERLINK(1)", "dataset": "@SUM", "reason": "x"}}, {Kind: "review", Values: map[string]string{"by": "\t=1+1", "reason": "fine\n9,forged"}}, {Kind: "review", Values: map[string]string{"by": "+1", "dataset": "-2\u202e"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"'=HYPERLINK(1)", "'@SUM", `\t=1+1`, "'+1", `'-2\u{202E}`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "\n"); n != 4 {
		t.Errorf("3 records are %d lines:\n%s", n, b.String())
	}
}
