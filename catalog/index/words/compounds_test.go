package words

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Compounds are split where their parts are known, and nothing else is.
func TestCompounds(t *testing.T) {
	m := made1(t)
	b, err := os.ReadFile("testdata/compounds.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		want := f[2:]
		if want[0] == "-" {
			want = nil
		}
		if got := m.splits[f[0]].split(m.fold(f[1])); !slices.Equal(got, want) {
			t.Errorf("%s is %v, not %v", f[1], got, want)
		}
	}
}

// A compound is found by each part, and finds texts that have them all: also without accents.
func TestParts(t *testing.T) {
	m := made1(t)
	text := m.Words("Luftqualitätsdaten der Stadt", "de")
	for _, word := range []string{"Luft", "Qualität", "qualitaten", "Daten", "Luftqualitätsdaten", "luftqualitatsdaten"} {
		if !slices.ContainsFunc(m.Asked(word).Stems, func(s string) bool { return slices.Contains(text[0].Stems, s) }) {
			t.Errorf("%s does not find %v", word, text[0].Stems)
		}
	}
	for _, word := range []string{"Luftqualitätsdaten", "luftqualitatsdaten"} {
		a := m.Asked(word)
		if len(a.Parts) != 1 || !slices.Equal(a.Parts[0], []string{"de/luft", "de/qualitat", "de/dat"}) {
			t.Errorf("%s asks for %v", word, a.Parts)
		}
		if slices.Contains(a.Stems, "de/luft") {
			t.Errorf("%s is satisfied by a part: %v", word, a.Stems)
		}
	}
	if a := m.Asked("Stadt"); len(a.Parts) > 0 {
		t.Errorf("Stadt has parts: %v", a.Parts)
	}
}

// The lists stay small enough to be read, and in order.
func TestListsOfParts(t *testing.T) {
	for language := range compounding() {
		b, err := parts.ReadFile("parts/" + language + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Fields(string(b))
		word := func(s string) string { return strings.Trim(s, "-") }
		if len(b) > 60_000 || !slices.IsSortedFunc(lines, func(a, b string) int { return strings.Compare(word(a), word(b)) }) {
			t.Errorf("%s: %d bytes, or not in order", language, len(b))
		}
		for _, line := range lines {
			if len(word(line)) < leastPart {
				t.Errorf("%s: %s", language, line)
			}
		}
	}
}

// Whatever is typed, or harvested, splits in bounded time and into pieces of the word.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"luftqualitätsdaten", strings.Repeat("haus", 15), strings.Repeat("landes", 10), "größe", "\xff\xfe", strings.Repeat("e", 60)} {
		f.Add(s)
	}
	m, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, language := range []string{"de", "nl", "hu", "ga", "und"} {
			for _, w := range m.Words(s, language) {
				if !utf8.ValidString(w.Text) || w.Start < 0 || w.End > len(s) {
					t.Errorf("%q: %+v", s, w)
				}
			}
		}
		m.Asked(s)
		if language := m.Guess(s); language != "" && !slices.Contains(m.Languages(), language) {
			t.Errorf("%q is taken for %s", s, language)
		}
		at := m.fold(s)
		for _, part := range m.splits["de"].split(at) {
			_, rest, ok := strings.Cut(at, part)
			if !ok {
				t.Fatalf("%q has no %q", s, part)
			}
			at = rest
		}
	})
}
