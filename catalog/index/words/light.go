package words

import (
	"bufio"
	"embed"
	"fmt"
	"strconv"
	"strings"
)

// tables are the endings of languages, one a file. Worked out from their grammars.
//
//	# a comment
//	stop na pod       words that say nothing by themselves, as they are written
//	-ech 3            this ending goes where 3 letters or more stay
//	-ec 2 c           and this is written in its place
//	mb- 2 b           the same with a beginning
//	--                what follows is done to what stayed
//
// Of the lines of one step the longest that fits is taken, and no other. All but the words
// behind stop is folded: without accents, case and final sigma.
//
//go:embed light/*.txt
var tables embed.FS

// light makes stems by a table.
type light struct {
	stop  map[string]bool // folded
	steps []step
}

// step is one pass over a word: changes at one of its ends, by what stands there.
type step struct {
	endings, beginnings map[string]change
	longest             int // letters of the longest of both
}

// change is what becomes of an ending or a beginning.
type change struct {
	least   int // letters that stay
	instead string
}

// readLight reads the table of a language.
func readLight(language string, fold func(string) string) (*light, error) {
	b, err := tables.ReadFile("light/" + language + ".txt")
	if err != nil {
		return nil, fmt.Errorf("endings of %s: %w", language, err)
	}
	out := &light{stop: map[string]bool{}}
	lines := bufio.NewScanner(strings.NewReader(string(b)))
	for n := 1; lines.Scan(); n++ {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) == 0 || f[0] == "#":
		case f[0] == "stop":
			for _, w := range f[1:] {
				out.stop[fold(w)] = true
			}
		case f[0] == "--":
			out.steps = append(out.steps, newStep())
		default:
			if len(out.steps) == 0 {
				out.steps = append(out.steps, newStep())
			}
			err := out.steps[len(out.steps)-1].add(f)
			if err != nil {
				return nil, fmt.Errorf("endings of %s, line %d: %w", language, n, err)
			}
		}
	}
	return out, lines.Err()
}

func newStep() step { return step{endings: map[string]change{}, beginnings: map[string]change{}} }

// add reads a line of a table.
func (s *step) add(f []string) error {
	if len(f) < 2 || len(f) > 3 {
		return fmt.Errorf("%q is no ending with the letters that stay", f)
	}
	least, err := strconv.Atoi(f[1])
	if err != nil {
		return fmt.Errorf("%q is no number of letters", f[1])
	}
	c := change{least: least, instead: strings.Join(f[2:], "")}
	ending, isEnding := strings.CutPrefix(f[0], "-")
	beginning, isBeginning := strings.CutSuffix(f[0], "-")
	switch {
	case isEnding == isBeginning:
		return fmt.Errorf("%q is neither ending nor beginning", f[0])
	case isEnding:
		s.endings[ending] = c
		s.longest = max(s.longest, len([]rune(ending)))
	default:
		s.beginnings[beginning] = c
		s.longest = max(s.longest, len([]rune(beginning)))
	}
	return nil
}

// stem makes the stem of a folded word; "" where it says nothing.
func (l *light) stem(word string) string {
	if l.stop[word] {
		return ""
	}
	r := []rune(word)
	for i := range l.steps {
		r = l.steps[i].apply(r)
	}
	return string(r)
}

func (s *step) apply(r []rune) []rune {
	for n := min(s.longest, len(r)); n > 0; n-- {
		stays := len(r) - n
		if c, ok := s.endings[string(r[stays:])]; ok && stays >= c.least {
			return append(r[:stays:stays], []rune(c.instead)...)
		}
		if c, ok := s.beginnings[string(r[:n])]; ok && stays >= c.least {
			return append([]rune(c.instead), r[n:]...)
		}
	}
	return r
}

// listed are the words of one of Bleve's lists, whose comments stand behind | or #.
func listed(b []byte) []string {
	var out []string
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "|")
		line, _, _ = strings.Cut(line, "#")
		out = append(out, strings.Fields(line)...)
	}
	return out
}
