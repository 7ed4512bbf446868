package chart

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/policy/agreement/throughput"
)

// bins are as many, from the first of March 2026 on.
func bins(by string, n int, change func(b []throughput.Interval)) *throughput.Throughput {
	step := map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour}[by]
	t := &throughput.Throughput{By: by, From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	for i := range n {
		t.Bins = append(t.Bins, throughput.Interval{From: t.From.Add(time.Duration(i) * step)})
	}
	t.To = t.From.Add(time.Duration(n) * step)
	if change != nil {
		change(t.Bins)
	}
	return t
}

// flow is what some streams sent.
func flow(streams, rows, bytes int64) throughput.Flow {
	return throughput.Flow{Streams: streams, Rows: rows, Bytes: bytes}
}

// What was released in words, bars and lines: exact ones stand on the ground, others upon them, dashed; no sum holds both.
func TestFlows(t *testing.T) {
	t.Parallel()
	most := flow(2, 7, 3000)
	for _, c := range []struct {
		name     string
		by       string
		n        int
		change   func(b []throughput.Interval)
		lang     string
		sentence string
		bars     []Bar
		lines    int
		tall     string
	}{
		{"nothing", "day", 31, nil, "en", "Nothing was released from 1 March 2026 to 31 March 2026 (UTC).", nil, 0, ""},
		{"no bins", "day", 0, nil, "en", "Nothing was released from  to  (UTC).", nil, 0, ""},
		{"a day", "day", 2, func(b []throughput.Interval) { b[1].Flow = flow(1, 2, 4000) }, "en",
			"From 1 March 2026 to 2 March 2026 (UTC): 4 kB, 2 rows, in 1 stream. The tallest bar is 2 March 2026: 4 kB. " +
				"A stream counts when it has ended.",
			[]Bar{{X: "120", W: "118.5", Y: "0", H: "48"}}, 1, "4 kB"},
		{"both", "hour", 2, func(b []throughput.Interval) { b[0].Flow, b[0].AtMost = flow(1, 2, 1000), &most }, "en",
			"From 1 March 2026 00:00 to 1 March 2026 01:00 (UTC): 1 kB, 2 rows, in 1 stream. The tallest bar is 1 March 2026 00:00: " +
				"4 kB. Besides, dashed, at most 3 kB, 7 rows, in 2 streams of which it is not known exactly. A stream counts when it has ended.",
			[]Bar{{X: "0", W: "118.5", Y: "36", H: "12"}, {X: "0", W: "118.5", Y: "0", H: "36", Open: true}}, 1, "4 kB"},
		{"at most alone", "day", 1, func(b []throughput.Interval) { b[0].AtMost = &most }, "fr",
			"Du 1er mars 2026 au 1er mars 2026 (UTC) : 0 octets, 0 ligne, en 0 flux. La barre la plus haute : 1er mars 2026, 3 ko. En plus, " +
				"en pointillé, au plus 3 ko, 7 lignes, en 2 flux dont on ne connaît pas le compte exact. Un flux compte une fois terminé.",
			[]Bar{{X: "0", W: "238.5", Y: "0", H: "48", Open: true}}, 1, "3 ko"},
		{"streams without a byte", "day", 1, func(b []throughput.Interval) { b[0].Flow = flow(3, 0, 0) }, "en",
			"From 1 March 2026 to 1 March 2026 (UTC): 0 bytes, 0 rows, in 3 streams. A stream counts when it has ended.", nil, 1, ""},
		{"little beside much", "day", 2, func(b []throughput.Interval) {
			b[0].Flow, b[0].AtMost, b[1].Flow = flow(1, 1, 1), &throughput.Flow{Streams: 1, Bytes: 1}, flow(1, 1, 1<<40)
		}, "en", "", []Bar{{X: "0", W: "118.5", Y: "47", H: "1"}, {X: "0", W: "118.5", Y: "46", H: "1", Open: true},
			{X: "120", W: "118.5", Y: "0", H: "48"}}, 2, ""},
		{"much beside little", "day", 1, func(b []throughput.Interval) {
			b[0].Flow, b[0].AtMost = flow(1, 1, 1<<40), &throughput.Flow{Streams: 1, Bytes: 1}
		}, "en", "", []Bar{{X: "0", W: "238.5", Y: "0", H: "48"}, {X: "0", W: "238.5", Y: "0", H: "1", Open: true}}, 1, ""},
	} {
		p := Flows(reader(t, c.lang), bins(c.by, c.n, c.change))
		inside(t, p.Bars)
		said := strings.ReplaceAll(strings.ReplaceAll(strings.Join(append([]string{p.Sentence}, p.Notes...), " "), "\u00a0", " "), "\u202f", " ")
		if c.sentence != "" && said != c.sentence {
			t.Errorf("%s: %s\nwant %s", c.name, said, c.sentence)
		}
		if fmt.Sprint(p.Bars) != fmt.Sprint(c.bars) || len(p.Lines) != c.lines {
			t.Errorf("%s: %+v, %d lines", c.name, p.Bars, len(p.Lines))
		}
		if tall := strings.ReplaceAll(p.Tall, "\u00a0", " "); c.tall != "" && tall != c.tall {
			t.Errorf("%s: it is %s high", c.name, tall)
		}
	}
}

// A year of days and three days of hours fit into the picture, each bin with its own bar.
func TestManyFlows(t *testing.T) {
	t.Parallel()
	for by, n := range map[string]int{"day": 367, "hour": 73} {
		p := Flows(reader(t, "en"), bins(by, n, func(b []throughput.Interval) {
			for i := range b {
				b[i].Flow = flow(1, 1, int64(i+1))
				b[i].AtMost = &throughput.Flow{Streams: 1, Bytes: int64(n - i)}
			}
		}))
		inside(t, p.Bars)
		if len(p.Bars) != 2*n || len(p.Lines) != n {
			t.Errorf("%d bars and %d lines of %d %ss", len(p.Bars), len(p.Lines), n, by)
		}
	}
}
