// Package words makes words of texts and of what people type, so that both meet: in the
// languages of the EU, whatever accents, cases and forms they are written with.
//
// In: texts with the tags of their languages. Out: folded words, their stems with the
// language of each, the parts of compounds. Always: the same text gives the same words,
// whatever was read before; a word that is typed as it stands in a text finds it in every
// language; what is not known of a language is left out, never guessed at. It must not know
// datasets or indexes.
package words

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	letters "unicode"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/char/asciifolding"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/registry"

	"guichet/schemas"
)

// Word is one word of a text.
type Word struct {
	Text       string   // folded: without case and accents
	Stems      []string // each with its language before it, such as de/haus: its stem, and those of the parts of a compound
	Joined     string   // of words with hyphens, on the first of them: all in one, musiksammlung of Musik-Sammlung
	Start, End int      // its bytes in the text
}

// Asked is one word that is looked for.
type Asked struct {
	Text   string     // folded
	Stems  []string   // one of them stands for it, in the language before it
	Parts  [][]string // all stems of one of these stand for it: what a compound is made of
	Rarity float64    // how much it tells, from 0 to 1: less where many descriptions hold it
	Empty  bool       // in some language it says nothing by itself, as articles do
}

// Maker makes words. Safe for concurrent use.
type Maker struct {
	tokens    analysis.Tokenizer
	ascii     analysis.CharFilter
	by        map[string][]analysis.TokenFilter // Bleve's stemmers, by language
	light     map[string]*light                 // ours
	behind    map[string]*light                 // ours, for what Bleve's leave
	languages []string                          // of by and light
	splits    map[string]*lexicon               // of compounds
	tells     map[string][]string               // folded words that say nothing by themselves, with the languages that have them
	common    map[string]int                    // of a thousand descriptions

	mu    sync.Mutex
	known map[string]map[string]made // by language and word: texts repeat their words
	count int                        // words in known
	asked map[string]Asked           // words that were looked for
}

// made is what was made of one word of a language.
type made struct {
	text  string
	stems []string
}

// Bounds: words that are remembered, bytes of one that is, and of one that has stems. Longer
// ones are no words, and are found by their letters.
const (
	maxKnown      = 200_000
	maxAsked      = 5_000 // that are looked for
	maxRemembered = 48    // of all words in texts hardly one is longer: without it they would hold 400 MB
	maxWord       = 256
)

// New gives the Maker of all languages, one for the whole process: what is embedded is read
// once.
func New() (*Maker, error) { return shared() }

var shared = sync.OnceValues(newMaker)

func newMaker() (*Maker, error) {
	m := &Maker{
		tokens: unicode.NewUnicodeTokenizer(), ascii: asciifolding.New(), by: map[string][]analysis.TokenFilter{}, light: map[string]*light{},
		behind: map[string]*light{}, splits: map[string]*lexicon{},
		known: map[string]map[string]made{}, asked: map[string]Asked{},
	}
	cache := registry.NewCache()
	for tag, names := range stemmers() {
		for _, name := range names {
			f, err := cache.TokenFilterNamed(name)
			if err != nil {
				return nil, fmt.Errorf("make words of %s: %w", tag, err)
			}
			m.by[tag] = append(m.by[tag], f)
		}
	}
	for tag, stop := range lights() {
		l, err := readLight(tag, m.fold)
		if err != nil {
			return nil, err
		}
		for _, w := range listed(stop) {
			l.stop[m.fold(w)] = true
		}
		m.light[tag] = l
	}
	m.light[others] = &light{}
	m.languages = m.stemmed()
	for _, tag := range behind() {
		l, err := readLight(tag, m.fold)
		if err != nil {
			return nil, err
		}
		m.behind[tag] = l
	}
	var err error
	m.common, err = readCommon()
	if err != nil {
		return nil, err
	}
	tells, err := m.telling()
	if err != nil {
		return nil, err
	}
	m.tells = tells
	for tag, links := range compounding() {
		x, err := readLexicon(tag, links, func(word string) string { return m.stem(word, tag) })
		if err != nil {
			return nil, err
		}
		m.splits[tag] = x
	}
	return m, nil
}

// Language is the language of words with a BCP 47 tag, by its primary subtag: und for all
// that no stems are made for, whose words are told by their beginnings, and "" where there
// is no tag.
func (m *Maker) Language(tag string) string {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if primary == "nb" || primary == "nn" {
		primary = "no"
	}
	switch {
	case m.by[primary] != nil || m.light[primary] != nil:
		return primary
	case len(primary) == 2 || len(primary) == 3:
		return others
	}
	return ""
}

// Words are those of a text in a language, in their order; the tag "" is of any language.
func (m *Maker) Words(text, tag string) []Word {
	language := m.Language(tag)
	var out []Word
	tokens := m.tokens.Tokenize([]byte(text))
	if len(tokens) > 0 {
		out = make([]Word, 0, len(tokens))
	}
	for _, t := range tokens {
		w := m.make(t.Term, language)
		if w.text != "" {
			out = append(out, Word{Text: w.text, Stems: w.stems, Start: t.Start, End: t.End})
		}
	}
	join(text, out)
	return out
}

// make gives a word's folded form, and its stems in a language.
func (m *Maker) make(letters []byte, language string) made {
	m.mu.Lock()
	w, ok := m.known[language][string(letters)]
	m.mu.Unlock()
	if ok {
		return w
	}
	word := string(letters)
	w = made{text: m.fold(word)}
	if len(word) > maxWord {
		return w
	}
	for _, stem := range m.stems(word, language) {
		w.stems = append(w.stems, language+"/"+stem)
	}
	if len(word) > maxRemembered {
		return w
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count >= maxKnown {
		clear(m.known)
		m.count = 0
	}
	if m.known[language] == nil {
		m.known[language] = map[string]made{}
	}
	if _, ok := m.known[language][word]; !ok {
		m.known[language][word] = w
		m.count++
	}
	return w
}

// fold is the form in which words are compared that are not stemmed. A slash, which some
// signs of fractions become, is left out: it stands behind the language of a stem.
func (m *Maker) fold(word string) string {
	return strings.ReplaceAll(string(m.ascii.Filter([]byte(schemas.Fold(word)))), "/", ".")
}

// stems are a text's word's stems in a language.
func (m *Maker) stems(word, language string) []string {
	if byBeginning(language) {
		folded := m.fold(word)
		if m.light[language].stop[folded] {
			return nil
		}
		return beginnings(folded)
	}
	stem := m.stem(word, language)
	if stem == "" {
		return nil
	}
	out := []string{stem}
	for _, part := range m.parts(word, language) {
		if !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}

// parts are the stems of the parts of a compound.
func (m *Maker) parts(word, language string) []string {
	x := m.splits[language]
	if x == nil {
		return nil
	}
	var out []string
	for _, part := range x.split(m.fold(word)) {
		if stem := m.stem(part, language); stem != "" {
			out = append(out, stem)
		}
	}
	return out
}

// stem is a word's stem in a language that has stems; "" where it says nothing.
func (m *Maker) stem(word, language string) string {
	if l := m.light[language]; l != nil {
		return l.stem(m.fold(word))
	}
	s := analysis.TokenStream{{Term: []byte(strings.ToLower(schemas.Key(word))), Position: 1}}
	for _, f := range m.by[language] {
		s = f.Filter(s)
	}
	if len(m.by[language]) == 0 || len(s) != 1 || len(s[0].Term) == 0 {
		return ""
	}
	stem := m.fold(string(s[0].Term))
	if l := m.behind[language]; l != nil {
		return l.stem(stem)
	}
	return stem
}

// join notes on the first of words that are written with hyphens what they are in one, where
// that is no longer than words are: a text may be one row of letters and hyphens.
func join(text string, all []Word) {
	for i := 0; i < len(all); {
		end := i + 1
		joined := all[i].Text
		for end < len(all) && isHyphen(text[all[end-1].End:all[end].Start]) {
			if len(joined) <= maxWord {
				joined += all[end].Text
			}
			end++
		}
		if end > i+1 && len(joined) <= maxWord {
			all[i].Joined = joined
		}
		i = end
	}
}

func isHyphen(s string) bool { return s == "-" || s == "\u2010" || s == "\u2011" }

// Asked is a word that is looked for, in whatever language it is. What it holds is shared and
// not to be changed.
func (m *Maker) Asked(word string) Asked {
	m.mu.Lock()
	a, known := m.asked[word]
	m.mu.Unlock()
	if known {
		return a
	}
	a = m.ask(word)
	if len(word) > maxRemembered {
		return a
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.asked) >= maxAsked {
		clear(m.asked)
	}
	m.asked[strings.Clone(word)] = a
	return a
}

// ask makes an Asked.
func (m *Maker) ask(word string) Asked {
	a := Asked{Text: m.fold(word)}
	for _, language := range m.languages {
		if byBeginning(language) {
			if stem := beginning(a.Text); stem != "" && len(word) <= maxWord && !m.light[language].stop[a.Text] {
				a.Stems = append(a.Stems, language+"/"+stem)
			}
			continue
		}
		for _, form := range []string{word, a.Text} { // typed with accents, or without
			stems := m.make([]byte(form), language).stems
			// blé says something, though ble says nothing in Norwegian
			a.Empty = a.Empty || form == word && len(stems) == 0 && len(form) <= maxWord && isLetters(a.Text)
			if len(stems) > 0 && !slices.Contains(a.Stems, stems[0]) {
				a.Stems = append(a.Stems, stems[0])
			}
			if len(stems) > 2 && !slices.ContainsFunc(a.Parts, func(p []string) bool { return slices.Equal(p, stems[1:]) }) {
				a.Parts = append(a.Parts, stems[1:])
			}
		}
	}
	most := m.common[a.Text]
	for _, stem := range a.Stems {
		most = max(most, m.common[stem])
	}
	a.Rarity = rarity(most)
	return a
}

func isLetters(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !letters.IsLetter(r) })
}

// Languages are those whose words have stems, and und for all others among them.
func (m *Maker) Languages() []string { return m.languages }

// stemmed are the languages that there are stemmers or tables of.
func (m *Maker) stemmed() []string {
	out := map[string]bool{}
	for tag := range m.by {
		out[tag] = true
	}
	for tag := range m.light {
		out[tag] = true
	}
	return slices.Sorted(maps.Keys(out))
}
