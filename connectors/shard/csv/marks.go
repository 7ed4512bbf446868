package csv

import (
	"strings"
	"unicode/utf8"
)

// marks notes which marks a number has, and what they can only mean.
func (c *Column) marks(cell string, line int) {
	m, other, ok := numberMarks(cell)
	if !ok {
		c.Seen.Not |= aMarked
		return
	}
	c.Seen.Has |= m
	if other {
		note(&c.Seen.Group, cell, line)
	}
	if m&(commaIsMark|commaGroups) != 0 && (c.Seen.Comma == nil || m&commaIsMark != 0 && c.guess) {
		c.Seen.Comma, c.guess = example(cell, line), m&commaIsMark == 0
	}
	if m&pointed != 0 && (c.Seen.Point == nil || m&pointGroups != 0 && c.pointGuess) {
		c.Seen.Point, c.pointGuess = example(cell, line), m&pointGroups == 0
	}
}

// note keeps the first example.
func note(e **Example, cell string, line int) {
	if *e == nil {
		*e = example(cell, line)
	}
}

// groupMarks are marks between groups of digits beside point and comma: spaces of any
// width, apostrophes.
const groupMarks = " '’\u00a0\u2009\u202f"

// numberMarks reads a number of any locale: groups of three digits behind one mark,
// then a decimal mark. It says what its point and comma can only mean, and whether
// another mark stands between its groups.
func numberMarks(s string) (m Marks, other, ok bool) {
	s = strings.TrimLeft(s, "+-")
	var group rune // between groups
	var groups, digits int
	lead := s != "" && s[0] == '0'
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
			continue
		case r != '.' && r != ',' && !strings.ContainsRune(groupMarks, r):
			return 0, false, false
		}
		rest := s[i+utf8.RuneLen(r):]
		grouped := digits == 3 || groups == 0 && digits > 0 && digits < 3 // what stands before the mark
		if (r == '.' || r == ',') && allDigits(rest) && (rest != "" || digits > 0) && (group == 0 || r != group) {
			if group != 0 && digits != 3 {
				return 0, false, false
			}
			return endMark(r, group, grouped && !lead, rest), strings.ContainsRune(groupMarks, group) && group != 0, true
		}
		if !grouped || lead || group != 0 && r != group {
			return 0, false, false
		}
		group, digits = r, 0
		groups++
	}
	if digits == 0 || group != 0 && digits != 3 {
		return 0, false, false
	}
	switch group {
	case 0:
		return 0, false, true
	case '.':
		return pointed | pointGroups, false, true
	case ',':
		return commaGroups, false, true
	}
	return 0, true, true
}

// endMark is for a number's last mark, which stands once: it may be the decimal mark,
// or one between groups where it is the only one and three digits follow.
func endMark(r, group rune, grouped bool, rest string) Marks {
	ambiguous := group == 0 && grouped && len(rest) == 3
	var m Marks
	switch group {
	case '.':
		m = pointed | pointGroups
	case ',':
		m = commaGroups
	}
	switch {
	case r == '.' && ambiguous:
		return m | pointed | pointGroups
	case r == '.':
		return m | pointed | pointIsMark
	case ambiguous:
		return m | commaGroups
	}
	return m | commaIsMark
}

// allDigits is true for the empty text.
func allDigits(s string) bool {
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// sights says, after a file, what its columns tell about the marks of the others. Where
// fields end at commas, a quoted 12,5 is as often a list: there a whole column has to be
// numbers.
func (s *Source) sights() {
	for _, c := range s.columns {
		v := &c.Seen
		if !c.marked() {
			continue
		}
		if v.Has&commaIsMark != 0 && (s.delim != ',' || v.Not&aMarked == 0) {
			v.Has |= commaInSight
		}
		if v.Has&pointIsMark != 0 && s.delim == ',' {
			v.Has |= pointInSight
		}
	}
}
