package schemas

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Normal is the one form in which text is kept and compared [Unicode NFC]: an accent that
// is written by itself is part of its letter, so that what looks the same is the same.
func Normal(s string) string { return norm.NFC.String(s) }

// Normal is the text in its normal form, in every language.
func (t Text) Normal() Text {
	if t == nil {
		return nil
	}
	out := make(Text, len(t))
	for tag, s := range t {
		out[tag] = Normal(s)
	}
	return out
}

// For picks the tag of the words for readers of a language, given by its primary subtag:
// those in the language, in its variants, those that were translated into it [RFC 6497:
// en-t-de-t0-mtec is English, made of German by a machine], else the first by tag.
func (t Text) For(primary string) string {
	rank := func(tag string) int {
		first, _, _ := strings.Cut(strings.ToLower(tag), "-")
		switch {
		case strings.TrimSpace(t[tag]) == "":
			return 4
		case strings.EqualFold(tag, primary):
			return 0
		case first == primary && !Translated(tag):
			return 1
		case first == primary:
			return 2
		}
		return 3
	}
	best := ""
	for i, tag := range slices.Sorted(maps.Keys(t)) {
		if i == 0 || rank(tag) < rank(best) {
			best = tag
		}
	}
	return best
}

// Translated says whether a tag is of words that were made from another language's.
func Translated(tag string) bool {
	for _, part := range strings.Split(strings.ToLower(tag), "-")[1:] {
		if len(part) == 1 {
			return part == "t"
		}
	}
	return false
}

// Key is what two texts have in common that people cannot tell apart: the normal form,
// without characters that are not seen, with plain single spaces.
func Key(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, Normal(s))), " ")
}

// Fold is Key for words to be found: without case, and without the accents of Latin,
// Greek and Cyrillic letters but for those that make another letter of one (й, ї). Final
// sigma is sigma; ligatures and wide forms are plain letters [Unicode NFKD].
func Fold(s string) string {
	var b strings.Builder
	base := rune(0)
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Cf, r):
			continue
		case unicode.Is(unicode.Mn, r) && unicode.In(base, unicode.Latin, unicode.Greek):
			continue
		case unicode.Is(unicode.Mn, r) && unicode.Is(unicode.Cyrillic, base):
			e := base == 'е' // ё is written е
			if r == '\u0300' || r == '\u0301' || r == '\u0308' && e {
				continue
			}
		case !unicode.Is(unicode.Mn, r):
			r = unicode.ToLower(r)
			base = r
		}
		if r == 'ς' {
			r = 'σ'
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}
