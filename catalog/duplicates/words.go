package duplicates

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"guichet/schemas"
)

// Bounds of what is compared of a text.
const (
	maxTitle     = 500  // bytes
	maxText      = 8192 // bytes of a description
	maxLanguages = 6
	maxYears     = 16
	prints       = 32 // numbers of a fingerprint
)

var (
	markup = regexp.MustCompile(`<[a-zA-Z/!][^<>]{0,500}>|&[a-zA-Z]{1,10};|&#[0-9a-fA-FxX]{1,7};`)
	named  = regexp.MustCompile(`https?://[^\s"'<>()\\|]+`)
)

// text is one language's words of a title or description, folded.
type text struct {
	Tag   string `json:"t,omitempty"`
	Words string `json:"w"`
}

// languages gives the tags of the texts that somebody wrote, in order; those that machines made
// of others say nothing of their own.
func languages(t schemas.Text) []string {
	var out []string
	for _, tag := range slices.Sorted(maps.Keys(t)) {
		if !schemas.Translated(tag) && strings.TrimSpace(t[tag]) != "" && len(out) < maxLanguages {
			out = append(out, tag)
		}
	}
	return out
}

// fold gives the words of a text: no case, no accents, no signs.
func fold(s string, most int) []string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	s = markup.ReplaceAllString(s, " ")
	return strings.FieldsFunc(schemas.Fold(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
}

// number says whether a word is a number, or has one in it: a year, a quarter, a sheet of a map.
func number(word string) bool { return strings.ContainsFunc(word, unicode.IsDigit) }

// year says whether a word is one of the years that data are of.
func year(word string) bool {
	return len(word) == 4 && (word[:2] == "19" || word[:2] == "20") && word[2] <= '9' && word[3] <= '9'
}

// print is the fingerprint of a description: texts of which most pairs of neighbouring words
// are the same have most numbers in common [Broder 1997, min-wise independent permutations].
type print struct {
	Tag     string   `json:"t,omitempty"`
	Words   int      `json:"n"`           // how many different ones
	Numbers uint64   `json:"d,omitempty"` // of the numbers in it: equal where they are the same
	Years   []string `json:"y,omitempty"`
	Sum     []byte   `json:"s"` // prints numbers of four bytes
}

// fingerprint makes a print of words.
func fingerprint(tag string, words []string) print {
	p := print{Tag: tag, Sum: make([]byte, 0, 4*prints)}
	least := [prints]uint32{}
	for i := range least {
		least[i] = ^uint32(0)
	}
	different, numbers := map[string]bool{}, []string{}
	last := ""
	for _, w := range words {
		if number(w) && !different[w] {
			numbers = append(numbers, w)
			if year(w) && len(p.Years) < maxYears {
				p.Years = append(p.Years, w)
			}
		}
		different[w] = true
		h := hash(last + " " + w)
		last = w
		for i := range least {
			mixed := h*(2*uint64(i)+0x9E3779B97F4A7C15) + uint64(i)*0xD6E8FEB86659FD93
			mixed ^= mixed >> 29
			mixed *= 0xBF58476D1CE4E5B9
			least[i] = min(least[i], uint32(mixed>>32))
		}
	}
	for _, n := range least {
		p.Sum = binary.LittleEndian.AppendUint32(p.Sum, n)
	}
	slices.Sort(numbers)
	p.Words = len(different)
	if len(numbers) > 0 {
		p.Numbers = hash(strings.Join(numbers, " "))
	}
	return p
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// alike is how much of two texts is the same, from 0 to 1, as their prints tell.
func (p *print) alike(q *print) float64 {
	if len(p.Sum) != 4*prints || len(q.Sum) != 4*prints {
		return 0
	}
	same := 0
	for i := 0; i < len(p.Sum); i += 4 {
		if [4]byte(p.Sum[i:i+4]) == [4]byte(q.Sum[i:i+4]) {
			same++
		}
	}
	return float64(same) / prints
}

// otherYears says whether descriptions in one language speak of years, and of no common one.
func otherYears(a, b []print) bool {
	for i := range a {
		for j := range b {
			if oneLanguage(a[i].Tag, b[j].Tag) && len(a[i].Years) > 0 && len(b[j].Years) > 0 &&
				!slices.ContainsFunc(a[i].Years, func(y string) bool { return slices.Contains(b[j].Years, y) }) {
				return true
			}
		}
	}
	return false
}

// fewest is how many different words a description needs to have a say.
const fewest = 12

// descriptions compares descriptions in the language in which they are most alike. agree says that the
// numbers in them are the same.
func descriptions(a, b []print) (alike float64, agree bool) {
	for i := range a {
		for j := range b {
			if !oneLanguage(a[i].Tag, b[j].Tag) || min(a[i].Words, b[j].Words) < fewest {
				continue
			}
			if n := a[i].alike(&b[j]); n > alike {
				alike, agree = n, a[i].Numbers == b[j].Numbers
			}
		}
	}
	return alike, agree
}

// oneLanguage says whether texts of two tags may be in one language.
func oneLanguage(a, b string) bool {
	first := func(tag string) string { s, _, _ := strings.Cut(strings.ToLower(tag), "-"); return s }
	return a == "" || b == "" || first(a) == first(b)
}

// likeness says how two titles stand to each other.
type likeness int

// From what speaks against one dataset to what speaks for it.
const (
	contrary likeness = iota // numbers differ
	strange                  // nearly all words differ
	unlike                   // each has words that the other has not
	foreign                  // in no language that both have
	longer                   // all words of one are in the other
	equal
)

// titles compares titles: the best likeness of those in one language, and contrary where they
// contradict in any.
func titles(a, b []text) likeness {
	best, met := contrary, false // of no titles nothing is known for it
	for i := range a {
		for j := range b {
			l := liken(a[i].Words, b[j].Words)
			switch {
			case oneLanguage(a[i].Tag, b[j].Tag):
				if l == contrary && a[i].Tag != "" && strings.EqualFold(a[i].Tag, b[j].Tag) {
					return contrary
				}
				met = true
				best = max(best, l)
			case l == equal: // a name that is the same in both languages
				met, best = true, equal
			}
		}
	}
	if met || len(a) == 0 || len(b) == 0 {
		return best
	}
	if !slices.Equal(numbersOf(a[0].Words), numbersOf(b[0].Words)) {
		return contrary
	}
	return foreign
}

// numbersOf gives the numbers of a folded title, each once, in order.
func numbersOf(words string) []string {
	out := slices.DeleteFunc(strings.Fields(words), func(w string) bool { return !number(w) })
	slices.Sort(out)
	return slices.Compact(out)
}

// liken compares two folded titles.
func liken(a, b string) likeness {
	if a == b {
		return equal
	}
	if !slices.Equal(numbersOf(a), numbersOf(b)) {
		return contrary
	}
	x, y := set(a), set(b)
	both := 0
	for w := range x {
		if y[w] {
			both++
		}
	}
	switch all := len(x) + len(y) - both; {
	case both == len(x) && both == len(y): // one may say a word twice, to name a part by it
		return unlike
	case 3*both < all:
		return strange
	case both >= 2 && (both == len(x) || both == len(y)):
		return longer
	}
	return unlike
}

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}

// telling says whether a folded title says what a dataset is about, as "Dataset" and "Budget" do not.
func telling(words string) bool {
	letters := strings.Count(words, "") - 1 - strings.Count(words, " ")
	return letters >= 18 || letters >= 10 && len(strings.Fields(words)) >= 2 && len(set(words)) >= 2
}
