package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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

// unseen says whether a character shows nothing, or moves others: control characters,
// ends of lines, directions, zero-width ones.
func unseen(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) || r == utf8.RuneError
}

// Visible writes words of others for a terminal or a table in one line: what shows
// nothing, moves the cursor or turns the direction is written by its code, so that no word
// can pass for a line, a column or a word of ours.
func Visible(s string) string {
	if !strings.ContainsFunc(s, unseen) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unseen(r):
			fmt.Fprintf(&b, `\u{%X}`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// IsLine says whether s can stand in one line as a name or a short word: no control
// characters, no ends of lines, nothing that turns the direction of what follows.
func IsLine(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e ||
			r == 0x200f
	})
}

// IsProse says whether s can stand in a text of several lines: no control characters but
// those that part lines and words.
func IsProse(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cc, r) && !strings.ContainsRune("\n\r\t", r) })
}

// VisibleIn writes every word within a decoded JSON value for a terminal.
func VisibleIn(v any) any {
	switch v := v.(type) {
	case string:
		return Visible(v)
	case []any:
		for i := range v {
			v[i] = VisibleIn(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[Visible(k)] = VisibleIn(x)
		}
		return out
	}
	return v
}
