package words

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

var update = flag.Bool("update", false, "write the table of docs/search.md anew")

// TestLanguagesTable writes what is known of each language into docs/search.md.
func TestLanguagesTable(t *testing.T) {
	m := made1(t)
	forms, err := os.ReadFile("testdata/forms.txt")
	if err != nil {
		t.Fatal(err)
	}
	pairs, example := map[string]int{}, map[string]string{}
	for line := range strings.Lines(string(forms)) {
		tag, rest, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if ok {
			all := strings.Split(rest, " / ")
			pairs[tag], example[tag] = len(all), strings.ReplaceAll(all[1], " ", ", ")
		}
	}
	var out strings.Builder
	out.WriteString("| language | tag | words are told by | forms that meet, such as | pairs tested |\n| --- | --- | --- | --- | --- |\n")
	for _, tag := range m.Languages() {
		by := "Bleve's stemmer"
		switch {
		case byBeginning(tag):
			by = "beginnings"
		case m.light[tag] != nil:
			by = "a table of endings"
		case slices.Contains(behind(), tag):
			by += ", then a table"
		}
		if m.splits[tag] != nil {
			by += "; compounds by their parts"
		}
		name := display.English.Languages().Name(language.Make(tag))
		if tag == others {
			name = "any other"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %d |\n", name, tag, by, example[tag], pairs[tag])
	}
	const page, begin, end = "../../../docs/search.md", "<!-- languages -->\n", "<!-- end of languages -->"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	have, after, whole := strings.Cut(rest, end)
	switch {
	case !ok || !whole:
		t.Fatal("docs/search.md has no table of languages")
	case *update:
		err := os.WriteFile(page, []byte(before+begin+out.String()+end+after), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	case have != out.String():
		t.Errorf("docs/search.md is not what is known (go test ./catalog/index/words -run TestLanguagesTable -update writes it anew):\n%s", out.String())
	}
}
