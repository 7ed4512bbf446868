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
	"slices"
	"strings"
	"sync"

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
	Text  string     // folded
	Stems []string   // one of them stands for it, in the language before it
	Parts [][]string // all stems of one of these stand for it: what a compound is made of
}

// Maker makes words. Safe for concurrent use.
type Maker struct {
	tokens analysis.Tokenizer
	ascii  analysis.CharFilter
	by     map[string][]analysis.TokenFilter // by language
	mu     sync.Mutex
	known  map[string]made // by tag and word: texts repeat their words
}

// made is what was made of one word of a language.
type made struct {
	text  string
	stems []string
}

// maxKnown bounds what is remembered.
const maxKnown = 200_000

// New makes a Maker of all languages.
func New() (*Maker, error) {
	m := &Maker{
		tokens: unicode.NewUnicodeTokenizer(), ascii: asciifolding.New(), by: map[string][]analysis.TokenFilter{}, known: map[string]made{},
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
	return m, nil
}

// Language is the language of words with a BCP 47 tag, by its primary subtag; "" where its
// words have no stems here.
func (m *Maker) Language(tag string) string {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if primary == "nb" || primary == "nn" {
		primary = "no"
	}
	if m.by[primary] == nil {
		return ""
	}
	return primary
}

// Words are those of a text in a language, in their order; the tag "" is of any language.
func (m *Maker) Words(text, tag string) []Word {
	language := m.Language(tag)
	var out []Word
	for _, t := range m.tokens.Tokenize([]byte(text)) {
		w := m.make(string(t.Term), language)
		if w.text != "" {
			out = append(out, Word{Text: w.text, Stems: w.stems, Start: t.Start, End: t.End})
		}
	}
	join(text, out)
	return out
}

// make gives a word's folded form, and its stems in a language.
func (m *Maker) make(word, language string) made {
	key := language + "/" + word
	m.mu.Lock()
	w, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		return w
	}
	w = made{text: m.fold(word)}
	if stem := m.stem(word, language); stem != "" {
		w.stems = []string{language + "/" + stem}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= maxKnown {
		clear(m.known)
	}
	m.known[key] = w
	return w
}

// fold is the form in which words are compared that are not stemmed.
func (m *Maker) fold(word string) string { return string(m.ascii.Filter([]byte(schemas.Fold(word)))) }

// stem is a word's stem in a language; "" where it has none.
func (m *Maker) stem(word, language string) string {
	s := analysis.TokenStream{{Term: []byte(strings.ToLower(schemas.Key(word))), Position: 1}}
	for _, f := range m.by[language] {
		s = f.Filter(s)
	}
	if len(m.by[language]) == 0 || len(s) != 1 || len(s[0].Term) == 0 {
		return ""
	}
	return m.fold(string(s[0].Term))
}

// join notes on the first of words that are written with hyphens what they are in one.
func join(text string, all []Word) {
	for i := 0; i < len(all); {
		end := i + 1
		joined := all[i].Text
		for end < len(all) && isHyphen(text[all[end-1].End:all[end].Start]) {
			joined += all[end].Text
			end++
		}
		if end > i+1 {
			all[i].Joined = joined
		}
		i = end
	}
}

func isHyphen(s string) bool { return s == "-" || s == "\u2010" || s == "\u2011" }

// Asked is a word that is looked for, in whatever language it is.
func (m *Maker) Asked(word string) Asked {
	a := Asked{Text: m.fold(word)}
	for _, language := range m.Languages() {
		for _, form := range []string{word, a.Text} { // typed with accents, or without
			for _, stem := range m.make(form, language).stems {
				if !slices.Contains(a.Stems, stem) {
					a.Stems = append(a.Stems, stem)
				}
			}
		}
	}
	return a
}

// Languages are those whose words have stems.
func (m *Maker) Languages() []string {
	var out []string
	for tag := range m.by {
		out = append(out, tag)
	}
	slices.Sort(out)
	return out
}
