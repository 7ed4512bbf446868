package dcatap

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

var (
	dcmi    = regexp.MustCompile(`(?i)\b(start|end)\s*=\s*([^;]+)`)             // DCMI Period: start=2020; end=2021;
	ofUK    = regexp.MustCompile(`/id/(?:gregorian-)?(?:year|month|day)/(.+)$`) // reference.data.gov.uk/id/year/2020
	decades = regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2})?)?`)
)

// periods reads every time that a dataset is about, in every form that DCAT-AP and those
// before it have: dcat:, schema: and OWL-Time ends, intervals in words.
func (r *reader) periods(n rdf.Node) []schemas.Days {
	var out []schemas.Days
	for _, v := range r.values(n, nsDCT+"temporal") {
		p := schemas.Days{From: r.end(v, "startDate", "hasBeginning"), Until: r.end(v, "endDate", "hasEnd")}
		if p == (schemas.Days{}) {
			p = r.interval(v)
		}
		switch {
		case p == (schemas.Days{}):
			r.note("/dct:temporal",
				"it names no days that are read here%s: write dcat:startDate and dcat:endDate as xsd:date", quoted(v))
			r.leave(nsDCT+"temporal", v)
		case p.From != "" && p.Until != "" && p.Until[:min(len(p.From), len(p.Until))] < p.From[:min(len(p.From), len(p.Until))]:
			r.note("/dct:temporal", "not kept, as it ends (%s) before it begins (%s)", p.Until, p.From)
		case !slices.Contains(out, p):
			out = append(out, p)
		}
	}
	return out
}

// quoted shows what a value says, where that is short.
func quoted(v rdf.Node) string {
	s, _, _, _ := rdf.Literal(v)
	s = cmp.Or(s, rdf.ID(v))
	if s == "" || strings.HasPrefix(s, "_:") || len(s) > 200 {
		return ""
	}
	return " (" + s + ")"
}

// end is one end of a period, as a day, a month or a year.
func (r *reader) end(n rdf.Node, property, owl string) string {
	var said []rdf.Node
	for _, p := range []string{nsDCAT + property, nsSchema + property, "https://schema.org/" + property} {
		said = append(said, r.list(n, p)...)
	}
	for _, instant := range r.values(n, nsTime+owl) {
		if _, _, _, literal := rdf.Literal(instant); literal {
			said = append(said, instant)
		}
		for _, p := range []string{"inXSDDate", "inXSDDateTimeStamp", "inXSDDateTime", "inXSDgYearMonth", "inXSDgYear"} {
			said = append(said, r.list(instant, nsTime+p)...)
		}
		for _, described := range r.values(instant, nsTime+"inDateTime") {
			if d := r.described(described); d != "" {
				said = append(said, rdf.Node{"@value": d})
			}
		}
	}
	out := ""
	for _, v := range said {
		s, _, _, _ := rdf.Literal(v)
		d, ok := asDay(s)
		switch {
		case !ok && s != "" && s != "..": // an open end
			r.note("/dct:temporal", "%q is not a day that is read here", cut(s))
		case ok && out != "" && d != out:
			r.note("/dct:temporal", "of several ends of one period only %s is kept, not %s", out, d)
		case ok:
			out = d
		}
	}
	return out
}

// described reads a time:GeneralDateTimeDescription [OWL-Time §4.2.5].
func (r *reader) described(n rdf.Node) string {
	part := func(name string) string {
		s := strings.TrimLeft(r.word(n, nsTime+name), "-")
		return strings.TrimSuffix(s, "Z")
	}
	out := part("year")
	for _, name := range []string{"month", "day"} {
		p := part(name)
		if p == "" || out == "" {
			break
		}
		out += "-" + strings.Repeat("0", max(0, 2-len(p))) + p
	}
	return out
}

// interval reads periods that are said in one word: 2020, 2020/2021, DCMI's, or an IRI.
func (r *reader) interval(v rdf.Node) schemas.Days {
	s, _, _, _ := rdf.Literal(v)
	if m := ofUK.FindStringSubmatch(rdf.ID(v)); m != nil {
		s = m[1]
	}
	if s == "" || len(s) > 200 {
		return schemas.Days{}
	}
	var p schemas.Days
	for _, m := range dcmi.FindAllStringSubmatch(s, -1) {
		d, _ := asDay(strings.TrimSpace(m[2]))
		if strings.EqualFold(m[1], "start") {
			p.From = d
		} else {
			p.Until = d
		}
	}
	if p != (schemas.Days{}) {
		return p
	}
	from, until, two := strings.Cut(s, "/")
	a, okA := asDay(strings.TrimSpace(from))
	if !two {
		return schemas.Days{From: a, Until: a}
	}
	b, okB := asDay(strings.TrimSpace(until))
	open := func(s string) bool { s = strings.TrimSpace(s); return s == "" || s == ".." }
	if (okA || open(from)) && (okB || open(until)) {
		return schemas.Days{From: a, Until: b}
	}
	return schemas.Days{}
}

// asDay is the day, month or year of a time, as its own zone has it.
func asDay(s string) (string, bool) {
	s = strings.TrimSpace(s)
	_, err := schemas.ParsePeriod(s, true)
	if err != nil {
		return "", false
	}
	return decades.FindString(s), true
}

func cut(s string) string {
	r := []rune(s)
	return string(r[:min(len(r), 80)])
}
