package words

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"guichet/schemas"
)

func load(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestEveryLanguageIsWhole: each language has the messages of English, with the same things in
// them, and every plural form that it needs.
func TestEveryLanguageIsWhole(t *testing.T) {
	t.Parallel()
	read := func(tag string) map[string]any {
		all, err := messages(text, tag)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	named := regexp.MustCompile(`{{\.[A-Za-z]+}}`)
	things := func(v any) []string {
		if forms, is := v.(map[string]any); is {
			v = forms["other"]
		}
		s, _ := v.(string)
		found := named.FindAllString(s, -1)
		slices.Sort(found)
		return found
	}
	english := read("en")
	for _, r := range load(t).Readers() {
		ids, err := IDs(r.Tag)
		if err != nil {
			t.Fatal(err)
		}
		there := read(r.Tag)
		for id, said := range english {
			if !slices.Contains(ids, id) {
				t.Errorf("%s lacks %q", r.Tag, id)
				continue
			}
			if a, b := things(said), things(there[id]); !slices.Equal(a, b) {
				t.Errorf("%s says %v in %q, English %v", r.Tag, b, id, a)
			}
			_, plural := said.(map[string]any)
			if _, is := there[id].(map[string]any); is != plural {
				t.Errorf("%s and English do not both have plurals of %q", r.Tag, id)
			}
			for _, n := range []int64{0, 1, 2, 3, 5, 11, 21, 100, 101, 1_000_000, 3_000_000, 1_000_000_000} {
				if plural && r.T(id, "Count", n) == id {
					t.Errorf("%s has no form of %q for %d", r.Tag, id, n)
				}
			}
		}
		if len(ids) != len(english) {
			t.Errorf("%s has %d messages, English %d", r.Tag, len(ids), len(english))
		}
		if n := len(strings.Fields(r.T("date.months"))); n != 12 {
			t.Errorf("%s has %d months", r.Tag, n)
		}
	}
}

// TestFor: the language that was chosen, else what the browser likes best of those that there are.
func TestFor(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, x := range []struct{ chosen, accept, want string }{
		{"", "", "en"},
		{"", "fr", "fr"},
		{"", "fr-CA,en;q=0.5", "fr"},
		{"", "de,fr;q=0.8,en;q=0.2", "fr"},
		{"", "zz, ;;;", "en"},
		{"", strings.Repeat("fr,", 5000), "en"},
		{"en", "fr", "en"},
		{"xx", "fr", "fr"},
	} {
		if got := c.For(x.chosen, x.accept).Tag; got != x.want {
			t.Errorf("chosen %q, said %.20q: %s, want %s", x.chosen, x.accept, got, x.want)
		}
	}
}

// TestForms: numbers, sizes, days and plurals as each language writes them.
func TestForms(t *testing.T) {
	t.Parallel()
	c := load(t)
	en, fr := c.For("en", ""), c.For("fr", "")
	day := time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC)
	for i, x := range [][2]string{
		{en.Number(1234567), "1,234,567"},
		{fr.Number(uint64(1234567)), "1\u00a0234\u00a0567"},
		{en.Size(0), "0\u00a0bytes"},
		{en.Size(999), "999\u00a0bytes"},
		{en.Size(1500), "1.5\u00a0kB"},
		{fr.Size(1500), "1,5\u00a0ko"},
		{en.Size(999_960), "1\u00a0MB"},
		{en.Size(123_456_789), "123\u00a0MB"},
		{en.Date(day), "1 July 2027"},
		{fr.Date(day), "1er juillet 2027"},
		{en.Date(time.Time{}), ""},
		{en.Last(day), "30 June 2027"},
		{en.Moment(day), "1 July 2027 00:00:00 UTC"},
		{en.T("datasets", "Count", 1), "1 dataset"},
		{en.T("datasets", "Count", 0), "0 datasets"},
		{fr.T("datasets", "Count", 0), "0 jeu de données"},
		{fr.T("datasets", "Count", int64(2000)), "2\u00a0000 jeux de données"},
		{fr.T("datasets", "Count", 1_000_000), "1\u00a0000\u00a0000 de jeux de données"},
		{en.T("no such message"), "no such message"},
		{en.Wait(&schemas.Wait{Hours: 1}), "1 hour"},
		{fr.Wait(&schemas.Wait{Hours: 96}), "4 jours"},
		{en.List(nil), ""},
		{en.List([]string{"a"}), "a"},
		{en.List([]string{"a", "b", "c"}), "a, b and c"},
		{fr.Purpose("train-model"), "entraîner, tester et évaluer des algorithmes"},
		{fr.Purpose("something else"), "something else"},
		{fr.Label("country", "DE"), "Allemagne"},
		{en.Label("country", "nowhere"), ""},
		{fr.Label("language", "en"), "anglais"},
		{fr.Label("space", "health"), "santé"},
		{fr.Label("space", "robotics"), ""},
		{fr.Label("theme", "HEAL"), "santé"},
		{en.Label("theme", "nothing"), ""},
	} {
		if x[0] != x[1] {
			t.Errorf("%d: %q, want %q", i, x[0], x[1])
		}
	}
	if slices.Contains(en.Purposes(), "marketing") || !slices.Contains(en.Purposes(), "train-model") {
		t.Errorf("purposes to choose from: %v", en.Purposes())
	}
}

// TestLabelsAndUnknown: a message that is not there is its own id, so that a page still says something.
func TestLabelsAndUnknown(t *testing.T) {
	t.Parallel()
	r := load(t).For("fr", "")
	if r.Has("mark.something") || !r.Has("mark.now") {
		t.Error("what there is and is not")
	}
	if r.Language != "Français" || r.Tag != "fr" {
		t.Errorf("%s, %s", r.Language, r.Tag)
	}
	if got := r.T("verdict.until", "Day", "demain"); got != ", jusqu’au demain" {
		t.Error(got)
	}
	if got := load(t).Readers()[0].Tag; got != "en" {
		t.Errorf("%s is what is read where nothing fits", got)
	}
	_, err := IDs("xx")
	if err == nil {
		t.Error("a language that is not there has messages")
	}
	if got := r.T("list.last", "Rest", "a", "Last", "b"); got != "a et b" {
		t.Error(got)
	}
	if got := r.T("datasets"); got == "" {
		t.Error("a message with plurals, of no number, says nothing")
	}
	if got := r.Purposes(); len(got) == 0 || r.Purpose(got[0]) == got[0] {
		t.Errorf("purposes %v", got)
	}
}

// TestFilesOfALanguage: its messages stand in several files, each in one of them, and what is wrong is
// said with its place.
func TestFilesOfALanguage(t *testing.T) {
	t.Parallel()
	file := func(said string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(said)} }
	for _, c := range []struct {
		files fstest.MapFS
		want  string
	}{
		{fstest.MapFS{"text/en/a.json": file(`{"a": "A"}`), "text/en/b.json": file(`{"b": "B"}`)}, ""},
		{fstest.MapFS{"text/en/a.json": file(`{"a": "A"}`), "text/en/b.json": file(`{"a": "B"}`)}, `"a" is said twice in en`},
		{fstest.MapFS{"text/en/a.json": file(`{"a": `)}, "text/en/a.json"},
		{fstest.MapFS{"text/fr/a.json": file(`{"a": "A"}`)}, `there are no words in "en"`},
	} {
		all, err := messages(c.files, "en")
		switch {
		case c.want == "" && (err != nil || len(all) != 2):
			t.Errorf("%v, %v", all, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestCountries: each country once, under its own code of today, by its name as the reader sorts it.
func TestCountries(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string][]Country{
		"en": {{"AT", "Austria"}, {"DE", "Germany"}, {"ES", "Spain"}, {"US", "United States"}},
		"fr": {{"DE", "Allemagne"}, {"AT", "Autriche"}, {"ES", "Espagne"}, {"EE", "Estonie"}},
	} {
		all := load(t).For(tag, "").Countries()
		at, seen := -1, map[string]bool{}
		for _, c := range all {
			if seen[c.Code] || c.Name == "" {
				t.Errorf("%s: %v", tag, c)
			}
			seen[c.Code] = true
		}
		for _, c := range want {
			i := slices.Index(all, c)
			if i <= at {
				t.Errorf("%s: %v is at %d of %d, after %d", tag, c, i, len(all), at)
			}
			at = i
		}
		if len(all) < 190 || len(all) > 260 || seen["EU"] || seen["EZ"] || seen["UN"] || seen["UK"] || seen["ZZ"] {
			t.Errorf("%s: %d countries", tag, len(all))
		}
	}
}

// Numbers of others as a language writes them: years without a sign between their thousands.
func TestDecimalsAndShares(t *testing.T) {
	t.Parallel()
	c := load(t)
	en, fr := c.For("en", ""), c.For("fr", "")
	for s, want := range map[string][2]string{
		"2024":  {"2024", "2024"},
		"0.25":  {"0.25", "0,25"},
		"1e+20": {"1e+20", "1e+20"},
		"x":     {"x", "x"},
	} {
		if got := [2]string{en.Decimal(s), fr.Decimal(s)}; got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
	if got := en.Share(0.001) + en.Share(0.5) + en.Share(0); got != "<\u00a01%50%0%" {
		t.Errorf("%q", got)
	}
}
