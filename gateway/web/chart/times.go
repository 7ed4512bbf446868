package chart

import (
	"strconv"
	"strings"
	"time"

	"guichet/gateway/web/words"
	"guichet/schemas"
)

// The facets of a search that have pictures.
const (
	Time  = "time"
	Place = "place"
)

// Narrow is the search with other values of its filters; taken says that it has them already, and the
// search is then the one without.
type Narrow func(values map[string]string) (to string, taken bool)

// Strip shows times along a line.
type Strip struct{ Picture }

// Times shows how many hits cover each period, of the facet of a search; nil where none says a time.
func Times(r *words.Reader, f schemas.Facet, narrow Narrow) *Strip {
	if len(f.Values) == 0 {
		return nil
	}
	s := &Strip{Picture: Picture{Title: r.T("times.title"), Of: r.T("times.period"), Count: r.T("times.datasets")}}
	var counts []int64
	most := 0
	for i, v := range f.Values {
		from, until, _ := strings.Cut(v.Value, "/")
		row := Row{Count: int64(v.Count), Label: period(r, from, until)}
		row.To, row.Taken = narrow(map[string]string{"from": strings.Trim(from, "."), "to": strings.Trim(until, ".")})
		s.Rows, counts = append(s.Rows, row), append(counts, row.Count)
		if v.Count > f.Values[most].Count {
			most = i
		}
	}
	s.Bars = even(counts)
	for i := range s.Bars {
		s.Bars[i].To, s.Bars[i].Label = s.Rows[i].To, s.Rows[i].Label
		s.Bars[i].Open = strings.Contains(f.Values[i].Value, "..")
	}
	s.From, s.To = s.Rows[0].Label, s.Rows[len(s.Rows)-1].Label
	s.Sentence = r.T("times.most", "Period", s.Rows[most].Label, "Datasets", r.T("datasets", "Count", counts[most]))
	if f.Remainder > 0 {
		s.Notes = append(s.Notes, r.T("times.unsaid", "Count", f.Remainder))
	}
	return s
}

// period names years: one, several, or open ones.
func period(r *words.Reader, from, until string) string {
	from, until = plainYear(from), plainYear(until)
	switch {
	case from == until:
		return from
	case from == "..":
		return r.T("times.until", "Year", until)
	case until == "..":
		return r.T("times.from", "Year", from)
	}
	return from + "–" + until
}

// plainYear is a year without zeros before it.
func plainYear(s string) string {
	n, err := strconv.Atoi(s)
	if err != nil {
		return s
	}
	return strconv.Itoa(n)
}

// most spans that are drawn of one dataset.
const mostSpans = 200

// Covered shows the times that a dataset covers on a line that ends with this year; nil for none that
// can be read.
func Covered(r *words.Reader, list []schemas.Days, now time.Time) *Strip {
	type span struct{ from, until float64 }
	year := func(s string, end bool, open float64) float64 {
		if s == "" {
			return open
		}
		p, err := schemas.ParsePeriod(s, true)
		if err != nil {
			return -1
		}
		t := p.From
		if end {
			t = p.Until
		}
		return float64(t.Year()) + float64(t.YearDay()-1)/366
	}
	this := float64(now.Year()) + float64(now.YearDay())/366
	var spans []span
	low, high := this, 0.0
	s := &Strip{Picture: Picture{Title: r.T("times.covered"), Of: r.T("times.period")}}
	for _, d := range list[:min(len(list), mostSpans)] {
		from, until := year(d.From, false, -2), year(d.Until, true, -2)
		if from == -1 || until == -1 || d.From == "" && d.Until == "" {
			continue
		}
		label := r.T("dist.to", "From", d.From, "Until", d.Until)
		switch {
		case d.From == "":
			from, label = until-1, r.T("times.until", "Year", d.Until)
		case d.Until == "":
			until, label = max(this, from+1), r.T("times.from", "Year", d.From)
		case d.From == d.Until:
			label = d.From
		}
		if until < from {
			continue
		}
		low, high = min(low, from), max(high, until)
		spans, s.Rows = append(spans, span{from, until}), append(s.Rows, Row{Label: label})
		s.Bars = append(s.Bars, Bar{Open: d.From == "" || d.Until == ""})
	}
	if len(spans) == 0 {
		return nil
	}
	first, last := axis(low, max(high, this))
	scale := width / (last - first)
	for i, x := range spans {
		s.Bars[i].X, s.Bars[i].Y = say((x.from-first)*scale), "0"
		s.Bars[i].W, s.Bars[i].H = say(max((x.until-x.from)*scale, 1)), say(height/2)
	}
	s.From, s.To = strconv.Itoa(int(first)), strconv.Itoa(int(last))
	s.Sentence = r.T("times.coversone", "Period", s.Rows[0].Label)
	if len(s.Rows) > 1 {
		s.Sentence = r.T("times.coversmany", "Count", len(list), "First", strconv.Itoa(int(low)), "Last", strconv.Itoa(int(high)))
	}
	return s
}

// axis gives round years around a time.
func axis(low, high float64) (first, last float64) {
	for _, step := range []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000} {
		first, last = step*float64(int(low/step)), step*float64(int(high/step)+1)
		if (last-first)/step <= 6 {
			break
		}
	}
	return first, last
}
