package words

import (
	"bufio"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"guichet/connectors/sharedtest"
)

// A sentence tells its language, in all 24.
func TestGuess(t *testing.T) {
	m := made1(t)
	b, err := os.ReadFile("testdata/sentences.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		language, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		n++
		if got := m.Guess(text); got != language {
			t.Errorf("%s is taken for %q: %s", language, got, text)
		}
	}
	if n != len(european()) {
		t.Errorf("%d languages", n)
	}
	for text, language := range map[string]string{
		"Данные о численности населения и о состоянии дорог в городе за каждый год": "ru", "Дані про чисельність населення та про стан доріг у місті": "",
		"Подаци о саобраћају у граду објављују се сваке године": "", "Gögn sveitarfélagsins eru birt á hverju ári": "",
	} {
		if got := m.Guess(text); got != language {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
	for _, text := range []string{"", "PM2.5", "Roads", "data data data", strings.Repeat("x", 100_000), "\xff\xfe"} {
		if got := m.Guess(text); got != "" {
			t.Errorf("%.20q is taken for %s", text, got)
		}
	}
}

// The Belgian catalogue's texts without their tags: nearly none is taken for another
// language, and the longer ones are told. Some of the tags are wrong: "json export of" is nl there.
func TestGuessBelgium(t *testing.T) {
	if testing.Short() { // under the race detector
		t.Skip("reads a whole catalogue")
	}
	m := made1(t)
	type count struct{ right, wrong, none int }
	counts := map[string]*count{}
	for language, texts := range belgian(t) {
		for _, text := range texts {
			length := "200 bytes and more"
			switch {
			case len(text) < 60:
				length = "less than 60 bytes"
			case len(text) < 200:
				length = "less than 200 bytes"
			}
			c := counts[language+", "+length]
			if c == nil {
				c = &count{}
				counts[language+", "+length] = c
			}
			switch m.Guess(text) {
			case language:
				c.right++
			case "":
				c.none++
			default:
				c.wrong++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		c := counts[name]
		n := float64(c.right + c.wrong + c.none)
		t.Logf("%-24s %6.0f texts: %5.1f %% right, %4.1f %% not told, %4.1f %% wrong", name, n, 100*float64(c.right)/n, 100*float64(c.none)/n, 100*float64(c.wrong)/n)
		if float64(c.wrong)/n > 0.05 || strings.HasSuffix(name, "more") && float64(c.right)/n < 0.97 {
			t.Errorf("%s: %+v", name, *c)
		}
	}
}

// belgian are the different titles and descriptions of the Belgian catalogue, by the tag that
// they have there.
func belgian(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open(sharedtest.Path(t, "reference-data", "catalogue", "dcat-ap", "be-datagov-ldes", "be-datagov-full-2025-04-13.ttl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	text := regexp.MustCompile(`"((?:[^"\\]|\\.)*)"@(nl|fr|de|en)\b`)
	out, seen := map[string][]string{}, map[string]bool{}
	lines := bufio.NewScanner(plain)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := lines.Text()
		if !strings.Contains(line, "terms/title") && !strings.Contains(line, "terms/description") {
			continue
		}
		for _, v := range text.FindAllStringSubmatch(line, -1) {
			if !seen[v[0]] {
				seen[v[0]] = true
				out[v[2]] = append(out[v[2]], strings.ReplaceAll(v[1], `\n`, " "))
			}
		}
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	return out
}
