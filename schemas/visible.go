package schemas

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

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
		return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f
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
