// Package labels finds the codes that words stand for: themes, countries, languages, formats
// and data spaces by their names in the EU's languages, so that vervoer finds what is
// described in French alone and has the theme TRAN.
//
// In: words that are looked for. Out: fields of the index with codes. Always: the same words
// give the same codes, at most Most of them; a word that stands in the names of many codes
// gives none. It must not know datasets or indexes.
package labels

import (
	"cmp"
	_ "embed" // themes
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"guichet/catalog/index/words"
	"guichet/schemas/spaces"
)

// Code is a value of a facet of the index, such as theme TRAN.
type Code struct{ Field, Value string }

// Most is how many codes one word, or several beside each other, can stand for.
const Most = 8

// many is in how many codes of a field a word must stand to say nothing about them.
const many = 3

// Labels are the names of codes. Safe for concurrent use.
type Labels struct {
	by       map[string][]Code  // by a stem, =text or the stems of a whole name
	concepts map[string]Concept // by IRI
}

// themes are the EU's data themes, one a line: code, language, label.
//
//go:embed themes.txt
var themes string

// New reads the names: those embedded here, those of CLDR for countries and languages, those
// of the set for data spaces and formats.
func New(m *words.Maker, set *spaces.Set) (*Labels, error) {
	known, err := embedded()
	if err != nil {
		return nil, err
	}
	l := &Labels{by: make(map[string][]Code, len(known.by)), concepts: conceptsOf(set)}
	for key, codes := range known.by {
		l.by[key] = slices.Clip(codes)
	}
	for _, p := range set.Spaces {
		for tag, title := range p.Title {
			l.add(m, Code{"space", string(p.ID)}, m.Language(tag), title, true)
		}
	}
	for code, label := range set.Vocabularies["file-type"].Concepts {
		l.format(m, code, label["en"])
	}
	for key, codes := range l.by {
		l.by[key] = few(codes)
		if len(l.by[key]) == 0 {
			delete(l.by, key)
		}
	}
	return l, nil
}

// embedded are the names that no set adds to, made once for the whole process.
var embedded = sync.OnceValues(func() (*Labels, error) {
	m, err := words.New()
	if err != nil {
		return nil, err
	}
	l := &Labels{by: map[string][]Code{}}
	for line := range strings.Lines(themes) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if f[0] == "#" {
			continue
		}
		if len(f) != 3 || m.Language(f[1]) != f[1] {
			return nil, fmt.Errorf("names of themes: %q is no code, language and name", line)
		}
		l.add(m, Code{"theme", f[0]}, f[1], f[2], true)
	}
	for _, tag := range tongues() {
		l.places(m, tag)
	}
	return l, nil
})

// Codes are those that one word, or several words beside each other, stand for. One word is
// a word of a name; several are a whole name, its articles left out.
func (l *Labels) Codes(asked ...words.Asked) []Code {
	var out []Code
	if len(asked) == 1 {
		for _, stem := range asked[0].Stems {
			out = append(out, l.by[stem]...)
		}
		out = append(out, l.by["="+asked[0].Text]...)
	} else {
		for _, tag := range tongues() {
			for _, name := range whole(tag, asked) {
				out = append(out, l.by[name]...)
			}
		}
		out = append(out, l.by["="+texts(asked)]...)
	}
	out = unique(out)
	return out[:min(len(out), Most)]
}

// texts are words beside each other as they are typed.
func texts(asked []words.Asked) string {
	var out []string
	for _, a := range asked {
		out = append(out, a.Text)
	}
	return strings.Join(out, " ")
}

// whole are the names that words may be in a language: with accents and without them a word
// may have two stems.
func whole(tag string, asked []words.Asked) []string {
	names := []string{tag + ":"}
	for _, a := range asked {
		var next []string
		for _, stem := range a.Stems {
			if !strings.HasPrefix(stem, tag+"/") || strings.Contains(stem, "~") {
				continue
			}
			for _, name := range names {
				next = append(next, name+" "+stem[len(tag)+1:])
			}
		}
		if len(next) > 0 { // else it says nothing in this language
			names = next[:min(len(next), Most)]
		}
	}
	return names
}

// add notes a name by its words and as a whole; by its words only where each says what it is
// about.
func (l *Labels) add(m *words.Maker, c Code, tag, label string, each bool) {
	name, text := tag+":", "="
	content := 0
	for i, w := range m.Words(label, tag) {
		if i > 0 {
			text += " "
		}
		text += w.Text
		if len(w.Stems) == 0 {
			continue
		}
		content++
		if strings.Contains(w.Stems[0], "~") { // told by beginnings: only the whole word is sure
			if each {
				l.by["="+w.Text] = append(l.by["="+w.Text], c)
			}
			continue
		}
		stem := w.Stems[0] // of the whole word: parts of compounds are about less
		if each && !vague(w.Text) && len([]rune(stem)) > len(tag)+3 {
			l.by[stem] = append(l.by[stem], c)
			l.by["="+w.Text] = append(l.by["="+w.Text], c)
		}
		name += " " + stem[len(tag)+1:]
	}
	if content > 1 {
		l.by[text] = append(l.by[text], c)
		if strings.Contains(name, " ") {
			l.by[name] = append(l.by[name], c)
		}
	}
}

// format notes a format by its code and the words of its name.
func (l *Labels) format(m *words.Maker, code, label string) {
	c := Code{"format", strings.ToLower(code)}
	for _, w := range m.Words(strings.ReplaceAll(code, "_", " ")+" "+label, "") {
		if len(w.Text) > 1 && !slices.Contains(technical(), w.Text) {
			l.by["="+w.Text] = append(l.by["="+w.Text], c)
		}
	}
}

// places notes countries and languages by their names in a language. Names of European ones
// are known in all their cases; of others, of which some are common words elsewhere, as they
// stand in dictionaries.
func (l *Labels) places(m *words.Maker, tag string) {
	t := language.Make(tag)
	regions, languages := display.Regions(t), display.Languages(t)
	if regions == nil || languages == nil {
		return
	}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			r, err := language.ParseRegion(code)
			if err != nil || !r.IsCountry() || r.Canonicalize().String() != code || slices.Contains(noCountries(), code) {
				continue
			}
			l.name(m, Code{"country", code}, tag, regions.Name(r), slices.Contains(near(), code))
		}
	}
	for _, code := range append(tongues(), "no", "ru", "uk", "tr", "ar", "zh") {
		l.name(m, Code{"language", code}, tag, languages.Name(language.Make(code)), true)
	}
}

// name notes a name of one word in all its cases or as it stands, and one of several as a
// whole.
func (l *Labels) name(m *words.Maker, c Code, tag, label string, cases bool) {
	said := m.Words(label, tag)
	switch {
	case len(said) == 1 && (len(said[0].Text) < 4 || ambiguous(said[0].Text)):
	case len(said) == 1:
		l.by["="+said[0].Text] = append(l.by["="+said[0].Text], c)
		if cases && len(said[0].Stems) > 0 && !ambiguous(said[0].Stems[0][len(tag)+1:]) && !strings.Contains(said[0].Stems[0], "~") {
			l.by[said[0].Stems[0]] = append(l.by[said[0].Stems[0]], c)
		}
	case len(said) > 1:
		l.add(m, c, tag, label, false)
	}
}

// few are the codes of a word, none of a field in which it stands for many.
func few(all []Code) []Code {
	all = unique(all)
	count := map[string]int{}
	for _, c := range all {
		count[c.Field]++
	}
	return slices.DeleteFunc(all, func(c Code) bool {
		return c.Field != "format" && count[c.Field] >= many || count[c.Field] > Most
	})
}

// unique puts codes in order, each once.
func unique(all []Code) []Code {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Code) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Value, b.Value))
	})
	return slices.Compact(all)
}
