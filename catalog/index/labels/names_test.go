package labels

import (
	"slices"
	"testing"
)

// In each of the 24 languages a theme, a country and a language are found by their names, as
// they stand in texts.
func TestNamesInAllLanguages(t *testing.T) {
	m, l := made(t)
	names := []struct{ tag, theme, country, language string }{
		{"bg", "околната среда", "Германия", "немски"},
		{"cs", "životního prostředí", "Německo", "němčina"},
		{"da", "miljøet", "Tyskland", "tysk"},
		{"de", "Umwelt", "Deutschland", "Deutsch"},
		{"el", "περιβάλλοντος", "Γερμανία", "Γερμανικά"},
		{"en", "environment", "Germany", "German"},
		{"es", "ambiente", "Alemania", "alemán"},
		{"et", "keskkonna", "Saksamaa", "saksa"},
		{"fi", "ympäristön", "Saksa", "saksa"},
		{"fr", "environnement", "Allemagne", "allemand"},
		{"ga", "Comhshaol", "", ""}, // CLDR's names are not in the module
		{"hr", "okoliša", "Njemačka", "njemački"},
		{"hu", "környezet", "Németország", "német"},
		{"it", "ambiente", "Germania", "tedesco"},
		{"lt", "aplinkos", "Vokietija", "vokiečių"},
		{"lv", "vides", "Vācija", "vācu"},
		{"mt", "ambjent", "", ""},
		{"nl", "milieu", "Duitsland", "Duits"},
		{"pl", "środowiska", "Niemcy", "niemiecki"},
		{"pt", "ambiente", "Alemanha", "alemão"},
		{"ro", "mediul", "Germania", "germană"},
		{"sk", "prostredia", "Nemecko", "nemčina"},
		{"sl", "okolje", "Nemčija", "nemščina"},
		{"sv", "miljö", "Tyskland", "tyska"},
	}
	for _, n := range names {
		for typed, want := range map[string]Code{n.theme: {"theme", "ENVI"}, n.country: {"country", "DE"}, n.language: {"language", "de"}} {
			if typed == "" || typed == "vides" || typed == "mediul" {
				continue // the words are those of other things too
			}
			if got := l.Codes(asked(m, typed)...); !slices.Contains(got, want) {
				t.Errorf("%s: %s stands for %v, not for %v", n.tag, typed, got, want)
			}
		}
	}
	if len(names) != len(tongues()) {
		t.Errorf("%d languages", len(names))
	}
}

// The list of what is too vague holds words of names, and no others.
func TestVague(t *testing.T) {
	m, _ := made(t)
	names := map[string]bool{}
	for _, w := range m.Words(themes, "") {
		names[w.Text] = true
	}
	for word, want := range map[string]bool{"sector": true, "themen": true, "vervoer": false, "promet": false} {
		if vague(word) != want || !names[word] {
			t.Errorf("%s is vague: %v, in a name: %v", word, !want, names[word])
		}
	}
}

// What stands for too many codes of a field stands for none of them, formats apart.
func TestFew(t *testing.T) {
	theme := func(v string) Code { return Code{"theme", v} }
	format := func(v string) Code { return Code{"format", v} }
	for _, c := range []struct{ all, want []Code }{
		{[]Code{theme("B"), theme("A"), theme("B")}, []Code{theme("A"), theme("B")}},
		{[]Code{theme("A"), theme("B"), theme("C")}, nil},
		{[]Code{theme("A"), theme("B"), theme("C"), format("xls")}, []Code{format("xls")}},
		{[]Code{format("xls"), format("xlsx"), format("xlsb")}, []Code{format("xls"), format("xlsb"), format("xlsx")}},
		{nil, nil},
	} {
		if got := few(c.all); !slices.Equal(got, c.want) {
			t.Errorf("%v leaves %v, not %v", c.all, got, c.want)
		}
	}
}
