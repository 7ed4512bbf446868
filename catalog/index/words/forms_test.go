package words

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// european are the 24 official languages of the EU.
func european() []string {
	return strings.Fields("bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv")
}

// meets says whether a word of a text is found by one that is typed, beside by its letters.
func meets(m *Maker, language, text, typed string) bool {
	a := m.Asked(typed)
	for _, w := range m.Words(text, language) {
		for _, stem := range w.Stems {
			if slices.Contains(a.Stems, stem) {
				return true
			}
		}
		if w.Text == a.Text {
			return true
		}
	}
	return false
}

// Forms of one word find each other in all 24 languages, and different words do not.
func TestForms(t *testing.T) {
	m := made1(t)
	b, err := os.ReadFile("testdata/forms.txt")
	if err != nil {
		t.Fatal(err)
	}
	together, apart := map[string]int{}, map[string]int{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		language, same := f[0], f[1] == "="
		for _, pair := range strings.Split(strings.Join(f[2:], " "), " / ") {
			one, other, _ := strings.Cut(pair, " ")
			for _, p := range [][2]string{{one, other}, {other, one}, {one, m.fold(other)}} {
				if meets(m, language, p[0], p[1]) != same {
					t.Errorf("%s: %s found by %s: %v", language, p[0], p[1], !same)
					t.Log(m.Words(p[0], language), m.Words(p[1], language))
				}
			}
			if same {
				together[language]++
			} else {
				apart[language]++
			}
		}
	}
	for _, language := range european() {
		if together[language] < 8 || apart[language] < 4 {
			t.Errorf("%s has %d pairs that meet and %d that do not", language, together[language], apart[language])
		}
	}
}
