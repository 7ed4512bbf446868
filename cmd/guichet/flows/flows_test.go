package flows

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"guichet/cmd/guichet/terminal"
	"guichet/policy/agreement/throughput"
	"guichet/schemas"
)

// TestThroughput: only what holds something has a line, and what is known at most is in no sum.
func TestThroughput(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	x := &throughput.Throughput{By: "day", From: day(1), To: day(4), Note: "a note", Bins: []throughput.Interval{
		{From: day(1), Flow: throughput.Flow{Streams: 2, Rows: 30, Bytes: 4000}}, {From: day(2)},
		{From: day(3), Flow: throughput.Flow{Streams: 1, Rows: 1, Bytes: 1000}, AtMost: &throughput.Flow{Streams: 1, Rows: 700, Bytes: 9000}}}}
	for name, c := range map[string]struct {
		x       *throughput.Throughput
		has     []string
		without string
	}{
		"days":    {x, []string{"DAY", "2026-11-01", "2026-11-03", "3 streams, 31 rows, 5", "at most 700 rows, 9", "a note"}, "2026-11-02"},
		"nothing": {&throughput.Throughput{By: "hour", From: day(1), To: day(2)}, []string{"nothing was released from 2026-11-01 00:00 to"}, "HOUR"},
	} {
		var out bytes.Buffer
		err := showThroughput(&terminal.Terminal{Out: &out}, c.x)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.has {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, out.String())
			}
		}
		if strings.Contains(out.String(), c.without) {
			t.Errorf("%s tells %q:\n%s", name, c.without, out.String())
		}
	}
}

// TestLineage: outputs stand for who may read the run, and words of others begin no line.
func TestLineage(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := showLineage(&terminal.Terminal{Out: &out}, &throughput.Lineage{LeftOut: 3, Uses: []throughput.Use{
		{Dataset: "ds-1", Run: "run-1", MayRead: true, Outputs: []schemas.Output{{Kind: "model", Name: "wheat\nds-forged\x1b[2J"}}},
		{Dataset: "ds-1", Run: "run-2"}, {Dataset: "ds-1", Run: "run-3", MayRead: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"model wheat", "(not told)", "and 3 older uses\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\nds-forged") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("words of others are a line of ours:\n%q", out.String())
	}
	out.Reset()
	if err := showLineage(&terminal.Terminal{Out: &out}, &throughput.Lineage{}); err != nil || out.String() != "no run used it yet\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
