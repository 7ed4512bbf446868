package words

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bounds of a guess.
const (
	mostGuessed = 400 // words that are looked at
	leastWeight = 0.9 // of the words of the language: one that no other language has
	leastLead   = 1.4 // times that of the next language
	leastWords  = 2   // different ones
)

// Guess says in which of the languages that have stems texts are that have no tag, by the
// words that say nothing by themselves, such as articles, and a few that catalogues often
// use; "" where that is not clear, as of most short titles. A text in another language may
// be taken for one of these that is near to it.
func (m *Maker) Guess(texts ...string) string {
	weight, words := map[string]float64{}, map[string]map[string]bool{}
	left := mostGuessed
	for _, text := range texts {
		for _, t := range m.tokens.Tokenize([]byte(text[:min(len(text), 16*mostGuessed)])) {
			if left == 0 {
				break
			}
			left--
			for _, word := range m.said(string(t.Term)) {
				for _, language := range m.tells[word] {
					weight[language] += tell(word) / float64(len(m.tells[word])) // what many languages say tells little
					if words[language] == nil {
						words[language] = map[string]bool{}
					}
					words[language][word] = true
				}
			}
		}
	}
	best := slices.SortedFunc(maps.Keys(weight), func(a, b string) int {
		return cmp.Or(cmp.Compare(weight[b], weight[a]), strings.Compare(a, b))
	})
	switch {
	case len(best) == 0 || weight[best[0]] < leastWeight || len(words[best[0]]) < leastWords:
		return ""
	case len(best) > 1 && weight[best[0]] < leastLead*weight[best[1]]:
		return ""
	}
	if language := m.Language(best[0]); language != others {
		return language
	}
	return ""
}

// tell is how much a word tells: letters alone are as often numbers and abbreviations.
func tell(word string) float64 {
	if len(word) <= 2 {
		return 0.5
	}
	return 1
}

// said are a text's word and what stands before its apostrophe, folded, and the letters in
// it that tell a language.
func (m *Maker) said(word string) []string {
	before, _, cut := strings.Cut(strings.ReplaceAll(word, "\u2019", "'"), "'")
	folded := m.fold(word)
	if cut {
		return []string{m.fold(before) + "'", folded}
	}
	out := []string{folded}
	for letters := range lettersOf() {
		if strings.ContainsAny(folded, letters) {
			out = append(out, letters)
		}
	}
	return out
}

// lettersOf are letters that one language has of those that are written alike: Greek ones, and
// Cyrillic ones that Bulgarian lacks.
func lettersOf() map[string]string {
	return map[string]string{"αεηιοω": "el", "ыэ": "ru", "іїєґ": "uk", "јљњђћџ": "sr"}
}

// telling maps the words that tell languages to those that have them.
func (m *Maker) telling() (map[string][]string, error) {
	out := map[string][]string{}
	add := func(language, word string) {
		if word != "" && !slices.Contains(out[word], language) {
			out[word] = append(out[word], language)
		}
	}
	for tag, l := range m.light {
		for word := range l.stop {
			add(tag, word)
		}
	}
	for tag, list := range said() {
		for _, word := range listed(list) {
			add(tag, m.fold(word))
		}
	}
	for tag, list := range elided() {
		for _, word := range list {
			add(tag, word+"'")
		}
	}
	for letters, language := range lettersOf() {
		add(language, letters)
	}
	b, err := tables.ReadFile("light/telling.txt")
	if err != nil {
		return nil, fmt.Errorf("words that tell languages: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		for _, word := range f[1:] {
			if f[0] != "#" {
				add(f[0], m.fold(word))
			}
		}
	}
	for _, languages := range out {
		slices.Sort(languages)
	}
	return out, nil
}
