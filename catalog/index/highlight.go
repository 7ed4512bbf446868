package index

import (
	"maps"
	"slices"
	"strings"

	"guichet/catalog/index/words"
	"guichet/schemas"
)

// Highlighter gives what marks, by **, the words that a search matched in a dataset's title
// and description, as they are found: by themselves and by their stems. Fields without a match
// are absent; long texts are cut around the first match. It is made once for all hits.
func (x *Index) Highlighter(q *Query) func(d *schemas.Dataset) map[string]string {
	m := x.marker(q)
	if len(m.texts)+len(m.begins)+len(m.near) == 0 {
		return func(*schemas.Dataset) map[string]string { return nil }
	}
	return m.dataset
}

// dataset marks what is found in a dataset.
func (m *marker) dataset(d *schemas.Dataset) map[string]string {
	out := map[string]string{}
	left := maxMarked
	for i, text := range []schemas.Text{d.Title, d.Description} {
		for _, tag := range slices.Sorted(maps.Keys(text)) {
			if len(text[tag]) > left {
				continue
			}
			left -= len(text[tag])
			if marked := m.mark(text[tag], tag); marked != "" {
				key := []string{"title", "description"}[i]
				if tag != "" {
					key += "@" + tag
				}
				out[key] = marked
			}
		}
	}
	return out
}

// marker knows which words a search finds.
type marker struct {
	maker  *words.Maker
	texts  map[string]bool // words and stems
	begins []string
	near   []string
}

func (x *Index) marker(q *Query) *marker {
	m := &marker{maker: x.maker, texts: map[string]bool{}}
	if q.Read() != nil {
		return m
	}
	for _, c := range q.clauses {
		for _, w := range x.maker.Words(c.text, "") {
			switch {
			case c.begins:
				m.begins = append(m.begins, w.Text)
				continue
			case c.near:
				m.near = append(m.near, w.Text)
			}
			a := x.maker.Asked(c.text[w.Start:w.End])
			m.texts[a.Text] = true
			for _, stem := range a.Stems {
				m.texts[stem] = true
			}
		}
	}
	return m
}

// finds says whether a word of a text is one that was looked for.
func (m *marker) finds(w *words.Word) bool {
	return m.texts[w.Text] || slices.ContainsFunc(w.Stems, func(s string) bool { return m.texts[s] }) ||
		slices.ContainsFunc(m.begins, func(s string) bool { return strings.HasPrefix(w.Text, s) }) ||
		slices.ContainsFunc(m.near, func(s string) bool { return isNear([]rune(s), []rune(w.Text)) })
}

// isNear says whether words differ in one letter. Of those that differ in length alone no
// letters are compared: a text may have a word of a hundred thousand.
func isNear(a, b []rune) bool {
	return max(len(a), len(b))-min(len(a), len(b)) <= 1 && distance(a, b) <= 1
}

const (
	around    = 120     // bytes of a long text that are shown on each side of a match
	maxMarked = 100_000 // bytes of a dataset's texts that are looked at, in the order of their languages
)

// mark marks the words found in a text by **.
func (m *marker) mark(s, tag string) string {
	var b strings.Builder
	last, first := 0, -1
	for _, w := range m.maker.Words(s, tag) {
		if w.Start < last || !m.finds(&w) {
			continue
		}
		if first < 0 {
			first = w.Start
		}
		b.WriteString(s[last:w.Start] + "**" + s[w.Start:w.End] + "**")
		last = w.End
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
