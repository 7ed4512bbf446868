package index

import (
	"strings"

	"guichet/schemas"
)

// Highlight marks, by **, what words matched in a dataset's title and description,
// by the analyzers that found them. Fields without a match are absent; long texts
// are cut around the first match.
func (x *Index) Highlight(d *schemas.Dataset, words []string) map[string]string {
	if len(words) == 0 {
		return nil
	}
	out := map[string]string{}
	for field, text := range map[string]schemas.Text{"title": d.Title, "description": d.Description} {
		for tag, s := range text {
			analyzers := []string{folded}
			if a := languages()[primaryTag(tag)]; a != "" {
				analyzers = append(analyzers, a)
			}
			for _, a := range analyzers {
				if marked := x.markText(a, s, words); marked != "" {
					key := field
					if tag != "" {
						key += "@" + tag
					}
					out[key] = marked
				}
			}
		}
	}
	return out
}

// around is how many bytes of a long text are shown on each side of a match.
const around = 120

// markText marks the words found in a text by **. Both are analysed alike, so that stems
// mark their words; where folding would move letters nothing is marked rather than the
// wrong ones.
func (x *Index) markText(analyzer, s string, words []string) string {
	a := x.mapping.AnalyzerNamed(analyzer)
	if a == nil || analyzer == folded && !isASCII(s) { // folding moves the offsets of other letters
		return ""
	}
	wanted := map[string]bool{}
	for _, t := range a.Analyze([]byte(strings.Join(words, " "))) {
		wanted[string(t.Term)] = true
	}
	if len(wanted) == 0 || len(s) > 100_000 {
		return ""
	}
	var b strings.Builder
	last, first := 0, -1
	for _, t := range a.Analyze([]byte(s)) {
		if !wanted[string(t.Term)] || t.Start < last || t.End > len(s) {
			continue
		}
		if first < 0 {
			first = t.Start
		}
		b.WriteString(s[last:t.Start] + "**" + s[t.Start:t.End] + "**")
		last = t.End
	}
	if first < 0 {
		return ""
	}
	b.WriteString(s[last:])
	return cutAround(b.String(), first)
}

// cutAround cuts a text to what stands around a place, at spaces where there are some.
func cutAround(s string, at int) string {
	if len(s) <= 2*around {
		return s
	}
	from, to := max(at-around, 0), min(at+around, len(s))
	if i := strings.IndexByte(s[from:], ' '); from > 0 && i >= 0 && from+i < at {
		from += i + 1
	}
	if i := strings.LastIndexByte(s[:to], ' '); to < len(s) && i > at {
		to = i
	}
	return strings.ToValidUTF8(s[from:to], "")
}

// isASCII says whether bytes and letters are the same in a text.
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
