package chart

import (
	"time"

	"guichet/gateway/web/words"
	"guichet/policy/agreement/throughput"
)

// Flow shows how much was released in each hour or day: what is exact stands at the bottom of a bar, what is only known at
// most above it, dashed.
type Flow struct {
	Picture
	Lines []FlowLine // of the table: bins in which something ended
	Tall  string     // how much the picture is high
	Spans []Span
}

// FlowLine is a line of the table.
type FlowLine struct {
	Label string
	throughput.Flow
	AtMost *throughput.Flow
}

// Span is a link to the same picture of another time.
type Span struct {
	To, Label string
	Taken     bool // it is shown
}

// Flows lays out what was released.
func Flows(r *words.Reader, t *throughput.Throughput) *Flow {
	p := &Flow{Picture: Picture{Title: r.T("flow.title"), Of: r.T("flow.day")}}
	if t.By == "hour" {
		p.Of = r.T("flow.hour")
	}
	var sum, most throughput.Flow
	tallest, at := int64(0), 0
	for i, b := range t.Bins {
		line := FlowLine{Label: p.bin(r, t.By, b.From), Flow: b.Flow, AtMost: b.AtMost}
		all := b.Bytes
		sum = plus(sum, b.Flow)
		if b.AtMost != nil {
			all += b.AtMost.Bytes
			most = plus(most, *b.AtMost)
		}
		if all > tallest {
			tallest, at = all, i
		}
		if b.Streams > 0 || b.AtMost != nil {
			p.Lines = append(p.Lines, line)
		}
	}
	if len(t.Bins) > 0 {
		p.From, p.To = p.bin(r, t.By, t.From), p.bin(r, t.By, t.Bins[len(t.Bins)-1].From)
	}
	if len(p.Lines) == 0 {
		p.Sentence = r.T("flow.none", "From", p.From, "To", p.To)
		return p
	}
	p.Sentence = r.T("flow.sum", "Size", r.Size(sum.Bytes), "Rows", r.T("facts.rows", "Count", sum.Rows),
		"Streams", r.T("flow.streams", "Count", sum.Streams), "From", p.From, "To", p.To)
	if tallest > 0 {
		p.Tall = r.Size(tallest)
		p.Notes = append(p.Notes, r.T("flow.most", "When", p.bin(r, t.By, t.Bins[at].From), "Size", p.Tall))
	}
	if most.Streams > 0 {
		p.Notes = append(p.Notes, r.T("flow.atmost", "Size", r.Size(most.Bytes), "Rows", r.T("facts.rows", "Count", most.Rows),
			"Streams", r.T("flow.streams", "Count", most.Streams)))
	}
	p.Notes = append(p.Notes, r.T("flow.counted"))
	p.stack(t.Bins, tallest)
	return p
}

// stack draws a bar for each bin, and another upon it for what is known at most.
func (p *Flow) stack(bins []throughput.Interval, tallest int64) {
	step := float64(width) / float64(max(len(bins), 1))
	gap := min(1.5, step/4)
	for i, b := range bins {
		x, foot := float64(i)*step, 0.0
		if b.Bytes > 0 {
			foot = max(height*float64(b.Bytes)/float64(tallest), 1)
			p.Bars = append(p.Bars, Bar{X: say(x), W: say(step - gap), Y: say(height - foot), H: say(foot)})
		}
		if b.AtMost != nil && b.AtMost.Bytes > 0 {
			foot = min(foot, height-1)
			h := min(max(height*float64(b.AtMost.Bytes)/float64(tallest), 1), height-foot)
			p.Bars = append(p.Bars, Bar{X: say(x), W: say(step - gap), Y: say(height - foot - h), H: say(h), Open: true})
		}
	}
}

// bin names one: a day, or the hour that begins then; both in UTC.
func (p *Flow) bin(r *words.Reader, by string, from time.Time) string {
	if by == "day" {
		return r.Date(from)
	}
	return r.Date(from) + " " + from.UTC().Format("15:04")
}

// plus is both.
func plus(a, b throughput.Flow) throughput.Flow {
	return throughput.Flow{Streams: a.Streams + b.Streams, Rows: a.Rows + b.Rows, Bytes: a.Bytes + b.Bytes}
}
