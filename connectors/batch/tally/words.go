package tally

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"guichet/schemas/values"
)

// The limits of a category.
const (
	mostWords = 1000 // candidates that are counted
	mostShown = 10
	mostRunes = 60
)

// shown is a value as it is told.
func shown(s string) string {
	if len(s) > mostRunes && utf8.RuneCountInString(s) > mostRunes {
		n := 0
		for i := range s {
			if n == mostRunes {
				s = s[:i] + "…"
				break
			}
			n++
		}
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// candidate notes a value of the first pass: what makes up more than one in mostWords of all
// values is among the candidates at the end [Misra and Gries 1982].
func (c *Column) candidate(s string) {
	s = shown(s)
	n, is := c.words[s]
	switch {
	case is:
		c.words[s] = n + 1
	case len(c.words) < mostWords:
		c.words[strings.Clone(s)] = 1 // s may share the bytes of a batch
	default:
		for w, n := range c.words {
			if n == 1 {
				delete(c.words, w)
			} else {
				c.words[w] = n - 1
			}
		}
	}
}

// frequent are the most frequent values, and how many rows have others.
func (c *Column) frequent() (list []values.ValueCount, others int64) {
	others = c.others
	for s, n := range c.words {
		if n >= values.LeastCount {
			list = append(list, values.ValueCount{Value: s, Count: n})
		} else {
			others += n
		}
	}
	slices.SortFunc(list, func(a, b values.ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	for _, v := range list[min(mostShown, len(list)):] {
		others += v.Count
	}
	list = list[:min(mostShown, len(list))]
	for i := range list {
		list[i].Count = told(list[i].Count)
	}
	return list, told(others)
}
