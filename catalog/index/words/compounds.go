package words

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// parts are the words that compounds of a language are often made of, one a line, folded:
// wasser anywhere, landes- only before others, -qualitat only at the end. SOURCE.txt says
// where they come from.
//
//go:embed parts/*.txt
var parts embed.FS

// Bounds of compounds, in letters: shorter words and parts have too many meanings, longer
// words are no words.
const (
	leastCompound = 8
	leastPart     = 4
	mostCompound  = 60
	mostParts     = 4
)

// lexicon splits the compounds of a language.
type lexicon struct {
	before map[string]bool // what stands before another part
	ends   map[string]bool // stems of what stands at the end
	whole  map[string]bool // stems of words that are not split further: they are parts themselves
	links  []string        // what joins two parts, the longest first
	stem   func(string) string
}

// compounding are the languages whose compounds are split, with the letters between parts.
func compounding() map[string][]string {
	return map[string][]string{"de": {"ens", "es", "en", "er", "s", "n", "e"}, "nl": {"en", "s", "e", "n"}}
}

// wholeWord is the length of a word that is a part itself, beyond which it is split all the
// same: luftdruck is one word, umweltinformationen are two.
const wholeWord = 10

func readLexicon(language string, links []string, stem func(string) string) (*lexicon, error) {
	b, err := parts.ReadFile("parts/" + language + ".txt")
	if err != nil {
		return nil, fmt.Errorf("parts of compounds of %s: %w", language, err)
	}
	x := &lexicon{before: map[string]bool{}, ends: map[string]bool{}, whole: map[string]bool{}, links: links, stem: stem}
	for _, line := range strings.Fields(string(b)) {
		word := strings.Trim(line, "-")
		if !strings.HasPrefix(line, "-") {
			x.before[word] = true
		}
		s := stem(word)
		if !strings.HasSuffix(line, "-") && s != "" {
			x.ends[s] = true
		}
		if s != "" && len(word) <= wholeWord {
			x.whole[s] = true
		}
	}
	return x, nil
}

// split gives the parts of a folded compound; nil where it is none. Of several ways the one
// with the fewest parts is taken, then the one whose first part is the shortest.
func (x *lexicon) split(word string) []string {
	if len(word) < leastCompound || len(word) > mostCompound || strings.ContainsFunc(word, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return nil
	}
	if x.whole[x.stem(word)] {
		return nil
	}
	known := map[int]bool{} // stemming is what takes time: only where a part ends, and once
	ends := func(at int) bool {
		is, asked := known[at]
		if !asked {
			is = x.ends[x.stem(word[at:])]
			known[at] = is
		}
		return is
	}
	for most := 2; most <= mostParts; most++ {
		if out := x.from(word, 0, most, ends); out != nil {
			return out
		}
	}
	return nil
}

// from splits what is left of a word into so many parts.
func (x *lexicon) from(word string, at, most int, ends func(at int) bool) []string {
	if most == 1 {
		if ends(at) {
			return []string{word[at:]}
		}
		return nil
	}
	for next := at + leastPart; next <= len(word)-leastPart*(most-1); next++ {
		part, ok := x.first(word[at:next])
		if !ok {
			continue
		}
		if tail := x.from(word, next, most-1, ends); tail != nil {
			return slices.Insert(tail, 0, part)
		}
	}
	return nil
}

// first says which part letters before others are, without what links them.
func (x *lexicon) first(letters string) (string, bool) {
	if x.before[letters] {
		return letters, true
	}
	for _, link := range x.links {
		if part, ok := strings.CutSuffix(letters, link); ok && len(part) >= leastPart && x.before[part] {
			return part, true
		}
	}
	return "", false
}
