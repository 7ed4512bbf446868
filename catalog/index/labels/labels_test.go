package labels

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"guichet/catalog/index/words"
	"guichet/schemas/spaces"
)

func made(t *testing.T) (*words.Maker, *Labels) {
	t.Helper()
	m, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	set, err := spaces.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(m, &set)
	if err != nil {
		t.Fatal(err)
	}
	return m, l
}

func asked(m *words.Maker, typed string) []words.Asked {
	var out []words.Asked
	for _, w := range strings.Fields(typed) {
		out = append(out, m.Asked(w))
	}
	return out
}

// What people type in any of the EU's languages stands for codes, in whatever case and form.
func TestCodes(t *testing.T) {
	m, l := made(t)
	for typed, want := range map[string]Code{
		"vervoer": {"theme", "TRAN"}, "Santé": {"theme", "HEAL"}, "sante": {"theme", "HEAL"}, "Gesundheit": {"space", "health"},
		"Duitsland": {"country", "DE"}, "Belgique": {"country", "BE"}, "belgië": {"country", "BE"}, "Ελλάδας": {"country", "GR"},
		"united kingdom": {"country", "GB"}, "Vereinigtes Königreich": {"country", "GB"}, "états unis": {"country", "US"},
		"français": {"language", "fr"}, "német": {"language", "de"}, "csv": {"format", "csv"}, "Excel": {"format", "xlsx"}, "GeoJSON": {"format", "geojson"},
		"economie en financiën": {"theme", "ECON"}, "Wirtschaft und Finanzen": {"theme", "ECON"}, "mobilité": {"space", "mobility"},
		"здравето": {"theme", "HEAL"}, "doprava": {"theme", "TRAN"}, "sundhed": {"theme", "HEAL"}, "υγεία": {"theme", "HEAL"}, "education": {"theme", "EDUC"},
		"salud": {"theme", "HEAL"}, "keskkonna": {"theme", "ENVI"}, "terveyden": {"theme", "HEAL"}, "sláinte": {"theme", "HEAL"},
		"prometa": {"theme", "TRAN"}, "közlekedés": {"theme", "TRAN"}, "trasporti": {"theme", "TRAN"}, "sveikatos": {"theme", "HEAL"},
		"veselības": {"theme", "HEAL"}, "saħħa": {"theme", "HEAL"}, "zdrowia": {"theme", "HEAL"}, "saúde": {"theme", "HEAL"}, "sănătate": {"theme", "HEAL"},
		"dopravy": {"theme", "TRAN"}, "zdravje": {"theme", "HEAL"}, "hälsa": {"theme", "HEAL"}, "energia": {"theme", "ENER"},
	} {
		got := l.Codes(asked(m, typed)...)
		if !slices.Contains(got, want) {
			t.Errorf("%s stands for %v, not for %v", typed, got, want)
		}
		if len(got) > Most || !slices.IsSortedFunc(got, func(a, b Code) int { return strings.Compare(a.Field+" "+a.Value, b.Field+" "+b.Value) }) {
			t.Errorf("%s: %v", typed, got)
		}
	}
}

// Words that say too little stand for nothing.
func TestNoCodes(t *testing.T) {
	m, l := made(t)
	for _, typed := range []string{
		"data", "and", "en", "other", "sector", "system", "gegevens", "united", "islands", "file", "open", "over", "island", "PM2.5", "wxyz",
		"kingdom united", "red", "issues", "", "données publiques",
	} {
		if got := l.Codes(asked(m, typed)...); len(got) > 0 {
			t.Errorf("%q stands for %v", typed, got)
		}
	}
	if got := l.Codes(); len(got) > 0 {
		t.Errorf("no word stands for %v", got)
	}
}

// The names are read the same at every start, and no word stands for many codes of a field.
func TestAlwaysTheSame(t *testing.T) {
	m, l := made(t)
	_, again := made(t)
	if !reflect.DeepEqual(l.by, again.by) {
		t.Error("two starts read different names")
	}
	themes, countries := map[string]bool{}, map[string]bool{}
	for name, codes := range l.by {
		count := map[string]int{}
		for _, c := range codes {
			count[c.Field]++
			switch c.Field {
			case "theme":
				themes[c.Value] = true
			case "country":
				countries[c.Value] = true
			}
		}
		for field, n := range count {
			if field != "format" && n >= many || n > Most {
				t.Errorf("%q stands for %v", name, codes)
			}
		}
	}
	if len(themes) != 13 || len(countries) < 200 {
		t.Errorf("%d themes, %d countries", len(themes), len(countries))
	}
	for _, tag := range tongues() {
		if m.Language(tag) != tag {
			t.Errorf("%s is no language", tag)
		}
	}
	for _, code := range near() {
		if !countries[code] {
			t.Errorf("%s has no name", code)
		}
	}
}
