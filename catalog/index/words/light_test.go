package words

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Texts of a language that is not known here are found by beginnings, and no short word finds
// all that begins like it.
func TestBeginnings(t *testing.T) {
	m := made1(t)
	for _, c := range []struct {
		tag, text, typed string
		want             bool
	}{
		{"uk", "енергія", "енергії", true}, {"sr", "саобраћај", "саобраћаја", true}, {"eu", "energia", "energiaren", false},
		{"eu", "garraioa", "garraio", true}, {"uk", "енергетика", "енергія", false}, {"mt", "internazzjonali", "internet", false},
		{"is", "sjór", "sjóri", true}, {"uk", "газ", "газета", false},
	} {
		if got := meets(m, c.tag, c.text, c.typed); got != c.want {
			t.Errorf("%s: %s found by %s: %v", c.tag, c.text, c.typed, got)
		}
	}
	if got := m.Asked("gas").Stems; slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "~") }) {
		t.Errorf("gas is looked for by %v", got)
	}
}

func TestLanguage(t *testing.T) {
	m := made1(t)
	for tag, want := range map[string]string{
		"de-AT": "de", "PT-br": "pt", "nb": "no", "nn-NO": "no", "en-t-nl": "en", "mt": "mt", "uk": "und", "und": "und", "": "", "x-private": "",
		"klingon": "", "tr": "tr",
	} {
		if got := m.Language(tag); got != want {
			t.Errorf("%q is %q, not %q", tag, got, want)
		}
	}
	known := m.Languages()
	for _, language := range european() {
		if !slices.Contains(known, language) {
			t.Errorf("%s has no stems", language)
		}
	}
}

// Each language leaves out what says nothing, also typed without accents.
func TestStopWords(t *testing.T) {
	m := made1(t)
	for _, w := range []string{
		"bg и", "cs který", "da og", "de und", "el και", "en the", "es para", "et mille", "fi ja", "fr les", "ga agus", "hr koji", "hu hogy", "it della",
		"lt arba", "lv kuri", "mt għal", "nl van", "pl jest", "pt para", "ro pentru", "sk ktorý", "sl med", "sv och",
	} {
		language, word, _ := strings.Cut(w, " ")
		if got := m.Words(word, language); len(got) != 1 || len(got[0].Stems) > 0 || got[0].Text == "" {
			t.Errorf("%s: %+v", w, got)
		}
	}
}

// A table with a fault is named by its line.
func TestBadTables(t *testing.T) {
	s := newStep()
	for _, line := range []string{"-a", "-a b", "a 3", "-a- 3", "-a 3 b c"} {
		if s.add(strings.Fields(line)) == nil {
			t.Errorf("%q is taken", line)
		}
	}
	if _, err := readLight("xx", strings.ToLower); err == nil {
		t.Error("a language without a table has one")
	}
}

// Every table is worked through in whole: an ending that is never taken, because a line before
// it takes all that it would, is a mistake.
func TestTablesAreUsed(t *testing.T) {
	m := made1(t)
	for language, l := range m.light {
		for i, s := range l.steps {
			for ending, c := range s.endings {
				if len(ending) == 0 || c.least < 1 || strings.HasSuffix(c.instead, ending) && c.instead != ending {
					t.Errorf("%s, step %d: -%s %+v", language, i, ending, c)
				}
				if got := string(s.apply([]rune("qqqqqq" + ending))); got != "qqqqqq"+c.instead {
					t.Errorf("%s, step %d: -%s makes %s", language, i, ending, got)
				}
			}
		}
	}
}

// What is too long for a word is found by its letters, and not remembered.
func TestLongWords(t *testing.T) {
	m := made1(t)
	long := strings.Repeat("luftqualitat", 1000)
	for _, language := range []string{"de", "cs", "mt", "uk"} {
		w := m.Words(long, language)
		if len(w) != 1 || w[0].Text != long || len(w[0].Stems) > 0 {
			t.Errorf("%s: %d words, %d stems", language, len(w), len(w[0].Stems))
		}
	}
	if a := m.Asked(long); a.Text != long || len(a.Stems)+len(a.Parts) > 0 {
		t.Errorf("%d stems, %d parts", len(a.Stems), len(a.Parts))
	}
	for _, known := range m.known {
		for word := range known {
			if len(word) > maxWord {
				t.Errorf("%d bytes are remembered", len(word))
			}
		}
	}
}

// The same text gives the same words, whatever was read before.
func TestSameWords(t *testing.T) {
	texts := []string{"Luftqualitätsdaten der Städte", "les écoles de l'agglomération", "kvaliteten", "mokyklų duomenys", "ta' Malta"}
	first := made1(t)
	second, err := newMaker() // of its own
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		for _, language := range first.Languages() {
			second.Words(texts[len(texts)-1-i], language)
		}
	}
	for _, text := range texts {
		for _, language := range first.Languages() {
			if a, b := first.Words(text, language), second.Words(text, language); !reflect.DeepEqual(a, b) {
				t.Errorf("%s in %s: %+v and %+v", text, language, a, b)
			}
		}
		if a, b := first.Asked(text), second.Asked(text); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %+v and %+v", text, a, b)
		}
	}
}
