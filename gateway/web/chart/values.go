package chart

import (
	"math"
	"strconv"
	"strings"
	"time"

	"guichet/gateway/web/words"
	"guichet/schemas/values"
)

// Values shows how the values of a column are distributed. whole says that they are whole numbers.
func Values(r *words.Reader, d *values.Distribution, whole bool) *Picture {
	p := &Picture{Title: r.T("dist.of", "Column", d.Column), Of: r.T("dist.value"), Count: r.T("dist.rows")}
	all := d.Missing + d.Others
	for _, b := range d.Bins {
		all += b.Count
	}
	for _, v := range d.Values {
		all += v.Count
	}
	if d.Kind == "category" {
		p.categories(r, d, all)
	} else {
		p.bins(r, d, all, whole)
	}
	if d.Missing > 0 {
		p.Rows = append(p.Rows, Row{Label: r.T("dist.none"), Count: d.Missing, Share: share(r, d.Missing, all)})
		p.Notes = append(p.Notes, r.T("dist.missing", "Share", share(r, d.Missing, all)))
	}
	if d.Sampled {
		p.Notes = append(p.Notes, r.T("dist.sampled", "Count", d.Rows))
	}
	return p
}

// categories shows the most frequent values, in their order.
func (p *Picture) categories(r *words.Reader, d *values.Distribution, all int64) {
	var counts []int64
	for _, v := range d.Values {
		label := v.Value
		if strings.TrimSpace(label) == "" {
			label = r.T("dist.empty")
		}
		counts = append(counts, v.Count)
		p.Rows = append(p.Rows, Row{Label: label, Count: v.Count, Share: share(r, v.Count, all)})
	}
	if d.Others > 0 {
		counts = append(counts, d.Others)
		p.Rows = append(p.Rows, Row{Label: r.T("dist.others"), Count: d.Others, Share: share(r, d.Others, all)})
		p.Notes = append(p.Notes, r.T("dist.rest", "Share", share(r, d.Others, all)))
	}
	p.Bars = even(counts)
	if d.Others > 0 {
		p.Bars[len(p.Bars)-1].Open = true
	}
	if len(p.Rows) > 0 {
		p.Sentence = r.T("dist.frequent", "Value", p.Rows[0].Label, "Share", p.Rows[0].Share)
	}
}

// bins shows numbers and times along their line: the area of a bar is how many it holds.
func (p *Picture) bins(r *words.Reader, d *values.Distribution, all int64, whole bool) {
	label := labels(r, d, whole)
	from, until := ends(d)
	tallest, most := 0.0, 0
	for i, b := range d.Bins {
		p.Rows = append(p.Rows, Row{Label: label(b), Count: b.Count, Share: share(r, b.Count, all)})
		tallest = max(tallest, float64(b.Count)/(until[i]-from[i]))
		if b.Count > d.Bins[most].Count {
			most = i
		}
	}
	if len(d.Bins) == 0 {
		return
	}
	scale := width / (until[len(until)-1] - from[0])
	for i, b := range d.Bins {
		x, w := (from[i]-from[0])*scale, (until[i]-from[i])*scale
		one := bar(x, w-min(1.5, w/4), float64(b.Count)/(until[i]-from[i])/tallest)
		one.Open = b.From == "" || b.Until == ""
		p.Bars = append(p.Bars, one)
	}
	p.From, p.To = p.Rows[0].Label, p.Rows[len(p.Rows)-1].Label
	p.Sentence = r.T("dist.most", "Value", p.Rows[most].Label, "Share", p.Rows[most].Share)
}

// ends are where bins begin and end on their line; open ones are as wide as the narrowest.
func ends(d *values.Distribution) (from, until []float64) {
	at := func(s string) float64 {
		if f := place(d, s); !math.IsNaN(f) {
			return f
		}
		return 0
	}
	narrow := math.Inf(1)
	for _, b := range d.Bins {
		from, until = append(from, at(b.From)), append(until, at(b.Until))
		if b.From != "" && b.Until != "" {
			narrow = min(narrow, at(b.Until)-at(b.From))
		}
	}
	if math.IsInf(narrow, 1) || narrow <= 0 {
		narrow = 1
	}
	for i, b := range d.Bins {
		switch {
		case b.From == "" && b.Until == "":
			from[i], until[i] = 0, narrow
		case b.From == "":
			from[i] = until[i] - narrow
		case b.Until == "":
			until[i] = from[i] + narrow
		}
		if until[i] <= from[i] { // of an edge that cannot be read
			until[i] = from[i] + narrow
		}
	}
	return from, until
}

// place is an edge on the line of a picture.
func place(d *values.Distribution, s string) float64 {
	if d.Kind == "time" {
		t, ok := instant(s)
		if !ok {
			return math.NaN()
		}
		return float64(t.Unix())
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || d.Log && f <= 0 {
		return math.NaN()
	}
	if d.Log {
		return math.Log10(f)
	}
	return f
}

// instant reads an edge of times.
func instant(s string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		t, err := time.Parse(layout, s)
		if err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// labels gives a function that names a bin: whole numbers and whole years by their first and last.
func labels(r *words.Reader, d *values.Distribution, whole bool) func(b values.Bin) string {
	edge, last := r.Decimal, func(s string) string { return "" }
	years, days := d.Kind == "time", d.Kind == "time"
	for _, b := range d.Bins {
		for _, s := range []string{b.From, b.Until} {
			years = years && (s == "" || strings.HasSuffix(s, "-01-01"))
			days = days && (s == "" || len(s) == len(time.DateOnly))
		}
	}
	switch {
	case years:
		edge = func(s string) string { return strings.TrimSuffix(s, "-01-01") }
		last = func(s string) string { t, _ := instant(s); return strconv.Itoa(t.Year() - 1) }
	case days:
		edge = func(s string) string { t, _ := instant(s); return r.Date(t) }
		last = func(s string) string { t, _ := instant(s); return r.Date(t.AddDate(0, 0, -1)) }
	case d.Kind == "time":
		edge = func(s string) string { t, _ := instant(s); return r.Moment(t) }
	case whole:
		last = func(s string) string {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil || math.Abs(f) > 1<<53 {
				return ""
			}
			return r.Decimal(strconv.FormatFloat(f-1, 'f', -1, 64))
		}
	}
	return func(b values.Bin) string {
		switch {
		case b.From == "" && b.Until == "":
			return r.T("dist.all")
		case b.From == "":
			return r.T("dist.below", "Value", edge(b.Until))
		case b.Until == "":
			return r.T("dist.from", "Value", edge(b.From))
		}
		end := last(b.Until)
		switch end {
		case "":
			return r.T("dist.between", "From", edge(b.From), "Until", edge(b.Until))
		case edge(b.From):
			return end
		}
		return r.T("dist.to", "From", edge(b.From), "Until", end)
	}
}
