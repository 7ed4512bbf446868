package words

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"guichet/schemas"
)

// What is said in another language: how many sentences stand in one another at most, and of how many bytes.
const (
	deepest = 4
	longest = 4 << 10
)

// sentence is one that rules and the API say, and what it is in another language. What differs each time
// stands in it as {1}, {2} ….
type sentence struct {
	between []string // the words around what differs, one more than there are places
	places  []int    // the number of each, as {1} has 1
	said    string   // in the other language, with the same numbers; {1|purpose} is of codes, of which people read the labels
}

// sentences are those of a language. Read-only.
//
// A text is looked up whole first, then held against each sentence with places, the one with the most words of its
// own first, so that what is special wins over what is general. What stands in a place is said in turn: a reason may
// hold a purpose, a fault another fault. What stands in quotes is left as it is, and so is what nobody knows.
type sentences struct {
	whole map[string]string // those in which nothing differs
	parts []sentence        // the one with the most words of its own first
	coded coding            // of its reader
}

// coding is how a reader reads codes: the label of each, and several of which any will do.
type coding struct {
	label func(of, code string) string
	any   func(labels []string) string
}

// place is one in a sentence, and coded one in what it is in another language, which says what its codes are of.
var (
	place = regexp.MustCompile(`\{[1-9]\}`)
	coded = regexp.MustCompile(`\{([1-9])(?:\|([a-z]+))?\}`)
)

// parse reads "a {1} b" into its words and places.
func parse(english, said string) sentence {
	s := sentence{said: said}
	from := 0
	for _, at := range place.FindAllStringIndex(english, -1) {
		s.between, s.places = append(s.between, english[from:at[0]]), append(s.places, int(english[at[0]+1]-'0'))
		from = at[1]
	}
	s.between = append(s.between, english[from:])
	return s
}

// words are how many bytes of it are its own.
func (s sentence) words() int { return len(strings.Join(s.between, "")) }

// quoted says whether a place stands within quotes: what is there is somebody's own word.
func (s sentence) quoted(i int) bool {
	return strings.HasSuffix(s.between[i], `"`) && strings.HasPrefix(s.between[i+1], `"`)
}

// match gives what stands in the places of a text, by their numbers. Each place takes as little as it can; one that
// comes twice must hold the same twice. ok is false where the text is another sentence.
func (s sentence) match(text string) (in [10]string, ok bool) {
	last := len(s.between) - 1
	rest, ok := strings.CutPrefix(text, s.between[0])
	if !ok || !strings.HasSuffix(rest, s.between[last]) {
		return in, false
	}
	for i, number := range s.places {
		end := len(rest) - len(s.between[last])
		if i+1 < last {
			end = strings.Index(rest, s.between[i+1])
		}
		if end < 0 {
			return in, false
		}
		if in[number] != "" && in[number] != rest[:end] {
			return in, false
		}
		in[number], rest = rest[:end], rest[end+len(s.between[i+1]):]
	}
	return in, true
}

// spoken reads the sentences of a language from said/LANGUAGE, those of the closed list of purposes among them; none
// where there is no such folder.
func spoken(files fs.FS, tag string, labels map[string]schemas.Text, c coding) (*sentences, error) {
	all := &sentences{whole: map[string]string{}, coded: c}
	for _, label := range labels {
		all.whole[label["en"]] = label[label.For(tag)]
	}
	found, err := fs.Glob(files, path.Join("said", tag, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("find the sentences in %q: %w", tag, err)
	}
	for _, f := range found {
		b, err := fs.ReadFile(files, f)
		if err != nil {
			return nil, fmt.Errorf("read the sentences: %w", err)
		}
		var part map[string]string
		err = json.Unmarshal(b, &part)
		if err != nil {
			return nil, fmt.Errorf("read the sentences in %s: %w", f, err)
		}
		for english, said := range part {
			s := parse(english, said)
			if len(s.places) == 0 {
				all.whole[english] = said
				continue
			}
			all.parts = append(all.parts, s)
		}
	}
	slices.SortFunc(all.parts, func(a, b sentence) int {
		return cmp.Or(cmp.Compare(b.words(), a.words()), slices.Compare(a.between, b.between))
	})
	return all, nil
}

// in says a text in the language. What it does not know stays as it is: ok says whether it knew the
// sentence, whatever stood in its places.
func (all *sentences) in(text string, depth int) (said string, ok bool) {
	if said, ok := all.whole[text]; ok {
		return said, true
	}
	if depth > deepest || len(text) > longest {
		return text, false
	}
	for _, s := range all.parts {
		in, ok := s.match(text)
		if !ok {
			continue
		}
		return coded.ReplaceAllStringFunc(s.said, func(at string) string {
			of := coded.FindStringSubmatch(at)
			number := int(of[1][0] - '0')
			switch {
			case of[2] != "":
				return all.labels(of[2], in[number])
			case s.quoted(slices.Index(s.places, number)):
				return in[number]
			}
			return all.fill(in[number], depth+1)
		}), true
	}
	return text, false
}

// fill says what stands in a place: a sentence, or a list of such.
func (all *sentences) fill(text string, depth int) string {
	said, ok := all.in(text, depth)
	if ok || !strings.Contains(text, ", ") {
		return said
	}
	items := strings.Split(text, ", ")
	for i, item := range items {
		items[i], _ = all.in(item, depth)
	}
	return strings.Join(items, ", ")
}

// labels are those of codes that stand beside each other, as one chooses from them.
func (all *sentences) labels(of, codes string) string {
	items := strings.Split(codes, ", ")
	for i, code := range items {
		items[i] = all.coded.label(of, code)
	}
	return all.coded.any(items)
}

// Said gives what a rule or the API says, which is in English, in the reader's language. The second
// is the language that it is in where that is another: "en" where nobody has translated it.
func (r *Reader) Said(english string) (said, lang string) {
	if r.said == nil {
		return english, ""
	}
	said, ok := r.said.in(english, 0)
	if ok || r.Tag == "en" {
		return said, ""
	}
	return english, "en"
}
