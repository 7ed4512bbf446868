package chart

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"guichet/gateway/web/words"
	"guichet/schemas"
	"guichet/schemas/values"
)

// reader reads in a language.
func reader(t *testing.T, tag string) *words.Reader {
	t.Helper()
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c.For(tag, "")
}

// rows writes a table in a line.
func rows(p *Picture) string {
	var out []string
	for _, r := range p.Rows {
		out = append(out, fmt.Sprintf("%s: %d %s", r.Label, r.Count, r.Share))
	}
	return strings.ReplaceAll(strings.Join(out, "; "), "\u00a0", " ")
}

// inside says whether all bars lie in the picture.
func inside(t *testing.T, bars []Bar) {
	t.Helper()
	for _, b := range bars {
		var at [4]float64
		for i, s := range []string{b.X, b.Y, b.W, b.H} {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatalf("%+v: %v", b, err)
			}
			at[i] = f
		}
		if at[0] < -0.1 || at[1] < -0.1 || at[2] < 0 || at[3] < 0 || at[0]+at[2] > width+1 || at[1]+at[3] > height+0.1 {
			t.Errorf("%+v lies outside", b)
		}
	}
}

// A column's values in words: whole numbers and years by the first and last of a bin.
func TestValues(t *testing.T) {
	t.Parallel()
	bin := func(from, until string, n int64) values.Bin { return values.Bin{From: from, Until: until, Count: n} }
	number := func(bins ...values.Bin) values.Distribution { return values.Distribution{Kind: "number", Bins: bins} }
	times := func(bins ...values.Bin) values.Distribution { return values.Distribution{Kind: "time", Bins: bins} }
	log := number(bin("1e+20", "1e+21", 10))
	log.Log = true
	odd := number(bin("x", "-1", 10), bin("-1", "y", 20))
	odd.Log = true
	missing := number(bin("0.5", "1.5", 20))
	missing.Missing = 180
	for name, x := range map[string]struct {
		tag   string
		d     values.Distribution
		whole bool
		want  string
	}{
		"whole": {
			"en", number(bin("", "1", 10), bin("1", "2", 20), bin("2", "10", 60), bin("10", "", 10)), true,
			"below 1: 10 10%; 1: 20 20%; 2 to 9: 60 60%; 10 and more: 10 10%",
		},
		"whole and negative": {
			"en", number(bin("-10", "-5", 10), bin("-5", "0", 10)), true,
			"-10 to -6: 10 50%; -5 to -1: 10 50%",
		},
		"fractions": {
			"en", number(bin("0.1", "0.2", 10)), false,
			"0.1 to below 0.2: 10 100%",
		},
		"french": {
			"fr", missing, false,
			"de 0,5 à moins de 1,5: 20 10 %; sans valeur: 180 90 %",
		},
		"french ends": {
			"fr", number(bin("", "1", 10), bin("1", "", 10)), false,
			"moins de 1: 10 50 %; 1 et plus: 10 50 %",
		},
		"years": {
			"en", times(bin("2020-01-01", "2021-01-01", 10), bin("2021-01-01", "2030-01-01", 990)), false,
			"2020: 10 1%; 2021 to 2029: 990 99%",
		},
		"open years": {
			"en", times(bin("", "2021-01-01", 10), bin("2021-01-01", "", 10)), false,
			"below 2021: 10 50%; 2021 and more: 10 50%",
		},
		"days": {
			"en", times(bin("2020-02-01", "2020-03-01", 10)), false,
			"1 February 2020 to 29 February 2020: 10 100%",
		},
		"a day": {
			"fr", times(bin("2020-02-01", "2020-02-02", 10)), false,
			"1er février 2020: 10 100 %",
		},
		"hours": {
			"en", times(bin("2020-02-01T00:00:00Z", "2020-02-01T01:00:00Z", 10)), false,
			"1 February 2020 00:00:00 UTC to below 1 February 2020 01:00:00 UTC: 10 100%",
		},
		"big": {
			"en", log, true,
			"1e+20 to below 1e+21: 10 100%",
		},
		"any": {
			"en", number(bin("", "", 40)), true,
			"any value: 40 100%",
		},
		"words": {
			"en",
			values.Distribution{
				Kind:   "category",
				Values: []values.ValueCount{{Value: "wheat", Count: 50}, {Value: " ", Count: 10}},
				Others: 9940,
			},
			false,
			"wheat: 50 1%; (empty text): 10 < 1%; other values: 9940 99%",
		},
		"one word": {
			"fr",
			values.Distribution{
				Kind:   "category",
				Values: []values.ValueCount{{Value: "blé", Count: 50}},
			},
			false,
			"blé: 50 100 %",
		},
		"none": {
			"en", number(), true,
			"",
		},
		"no word": {
			"en", values.Distribution{Kind: "category"}, false,
			"",
		},
		"odd": {
			"en", odd, true,
			"x to -2: 10 33%; -1 to below y: 20 67%",
		},
		"odd times": {
			"en", times(bin("soon", "later", 10)), false,
			" to below : 10 100%",
		},
	} {
		p := Values(reader(t, x.tag), &x.d, x.whole)
		if got := rows(p); got != x.want {
			t.Errorf("%s: %s; want %s", name, got, x.want)
		}
		inside(t, p.Bars)
		if len(p.Bars) > len(p.Rows) || len(p.Rows) > 0 && p.Sentence == "" {
			t.Errorf("%s: %d bars, %q", name, len(p.Bars), p.Sentence)
		}
	}
}

// A bar's area is what it holds: one ten times as wide with as many is a tenth as high.
func TestAreas(t *testing.T) {
	t.Parallel()
	p := Values(reader(t, "en"), &values.Distribution{Kind: "number", Sampled: true, Rows: 2000,
		Bins: []values.Bin{{From: "0", Until: "1", Count: 100}, {From: "1", Until: "11", Count: 100}}}, false)
	if p.Bars[0].H != "48" || p.Bars[1].H != "4.8" || p.Sentence != "Most values: 0 to below 1 (50%)." || len(p.Notes) != 1 {
		t.Errorf("%+v", p)
	}
}

// narrow is a search that has some values already.
func narrow(have string) Narrow {
	return func(values map[string]string) (string, bool) {
		s := values["from"] + ">" + values["to"] + values["box"]
		return "/datasets?" + s, s == have
	}
}

// Each period of a strip leads to the search for it.
func TestTimes(t *testing.T) {
	t.Parallel()
	if Times(reader(t, "en"), schemas.Facet{}, narrow("")) != nil {
		t.Error("nothing has a picture")
	}
	f := schemas.Facet{Remainder: 3, Values: []schemas.FacetValue{{Value: "../1999", Count: 1}, {Value: "2000/2009", Count: 5}, {Value: "0900/0900", Count: 0}, {Value: "2010/..", Count: 2}}}
	s := Times(reader(t, "en"), f, narrow("2000>2009"))
	inside(t, s.Bars)
	if got := rows(&s.Picture); got != "until 1999: 1 ; 2000–2009: 5 ; 900: 0 ; from 2010 on: 2 " {
		t.Errorf("%s", got)
	}
	if s.Rows[0].To != "/datasets?>1999" || s.Rows[3].To != "/datasets?2010>" || !s.Rows[1].Taken || s.Rows[0].Taken || !s.Bars[0].Open || s.Bars[1].Open {
		t.Errorf("%+v", s)
	}
	if s.Sentence != "Most cover 2000–2009: 5 datasets." || s.Notes[0] != "3 do not say their time." {
		t.Errorf("%s %s", s.Sentence, s.Notes)
	}
}

// A dataset's times on their line.
func TestCovered(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	r := reader(t, "en")
	for _, none := range [][]schemas.Days{nil, {{}}, {{From: "x", Until: "y"}}, {{From: "2020", Until: "2010"}}} {
		if Covered(r, none, now) != nil {
			t.Errorf("%v has a picture", none)
		}
	}
	for want, list := range map[string][]schemas.Days{
		"It covers 2020-05 to 2024.":                    {{From: "2020-05", Until: "2024"}},
		"It covers 2020.":                               {{From: "2020", Until: "2020"}},
		"It covers from 1843 on.":                       {{From: "1843"}},
		"It covers until 1843.":                         {{Until: "1843"}},
		"It covers 2 times, between 1990 and 2030.":     {{From: "1990", Until: "1991"}, {From: "2020", Until: "2029-12-31"}},
		"It covers 1900-01-01 to 1900-01-01T00:00:00Z.": {{From: "1900-01-01", Until: "1900-01-01T00:00:00Z"}},
	} {
		s := Covered(r, list, now)
		if s == nil || s.Sentence != want {
			t.Errorf("%v: %+v; want %s", list, s, want)
			continue
		}
		inside(t, s.Bars)
	}
}

// Cells are shaded by how many lie in them, and stand in the table as on the map.
func TestPlaces(t *testing.T) {
	t.Parallel()
	r := reader(t, "en")
	for _, none := range []schemas.Facet{{}, {Values: []schemas.FacetValue{{Value: "a,b,c,d"}, {Value: "1,2"}, {Value: "5,0,0,5"}}}} {
		if Places(r, none, narrow("")) != nil {
			t.Errorf("%v has a picture", none)
		}
	}
	f := schemas.Facet{Remainder: 1, Values: []schemas.FacetValue{{Value: "0,50,10,60", Count: 9}, {Value: "-10,40,0,50", Count: 1}, {Value: "0,40,10,50", Count: 5}, {Value: "0,-10,10,0", Count: 1}}}
	m := Places(r, f, narrow(">0,40,10,50"))
	var shades []string
	for _, c := range m.Cells {
		shades = append(shades, fmt.Sprintf("%d %s %s %s %s", c.Shade, c.X, c.Y, c.W, c.H))
	}
	if got := strings.Join(shades, "; "); got != "5 0 -60 10 10; 1 -10 -50 10 10; 3 0 -50 10 10; 1 0 0 10 10" || m.View != "-10 -60 20 70" {
		t.Errorf("%s in %s", got, m.View)
	}
	if strings.Join(m.Heads, "|") != "10° W to 0°|0° to 10° E" || m.Lines[1].Head != "40° N to 50° N" || m.Lines[0].Cells[0] != nil ||
		m.Lines[1].Cells[1].Count != 5 || !m.Lines[1].Cells[1].Taken || m.Lines[2].Head != "10° S to 0°" {
		t.Errorf("%v %+v", m.Heads, m.Lines)
	}
	if m.Sentence != "Most cover 50° N to 60° N, 0° to 10° E: 9 datasets." || m.Notes[0] != "1 does not say its area." {
		t.Errorf("%s %s", m.Sentence, m.Notes)
	}
	all := Places(r, schemas.Facet{Values: f.Values[:1]}, narrow(""))
	if all.Cells[0].Shade != shades0 {
		t.Errorf("one cell has shade %d", all.Cells[0].Shade)
	}
}

// shades0 is the darkest.
const shades0 = shades

// Whatever is counted, bars lie in the picture and stand for the rows of the table.
func TestWhateverIsCounted(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	en := reader(t, "en")
	for range 300 {
		d := values.Distribution{Kind: "number", Log: r.IntN(2) == 0}
		at := 1 + r.Float64()
		edge := ""
		if r.IntN(2) == 0 {
			edge = strconv.FormatFloat(at, 'f', -1, 64)
		}
		for range 1 + r.IntN(20) {
			at *= 1 + r.Float64()*3
			next := strconv.FormatFloat(at, 'g', -1, 64)
			d.Bins = append(d.Bins, values.Bin{From: edge, Until: next, Count: int64(10 + r.IntN(1000))})
			edge = next
		}
		if r.IntN(2) == 0 {
			d.Bins = append(d.Bins, values.Bin{From: edge, Count: 10})
		}
		p := Values(en, &d, false)
		inside(t, p.Bars)
		if len(p.Bars) != len(d.Bins) || len(p.Rows) != len(d.Bins) {
			t.Fatalf("%d bars, %d rows of %d bins", len(p.Bars), len(p.Rows), len(d.Bins))
		}
		for i, b := range p.Bars {
			if b.Open != (d.Bins[i].From == "" || d.Bins[i].Until == "") {
				t.Fatalf("bar %d of %+v is open: %t", i, d.Bins, b.Open)
			}
		}
	}
}

// Texts of others stand in the table and the sentence, never in the picture.
func TestNoTextInPictures(t *testing.T) {
	t.Parallel()
	const text = "<script>alert(1)</script>"
	p := Values(reader(t, "en"), &values.Distribution{
		Column: text,
		Kind:   "category",
		Values: []values.ValueCount{{Value: text, Count: 10}},
	}, false)
	for _, b := range p.Bars {
		if b.Label != "" || b.To != "" {
			t.Errorf("%+v", b)
		}
	}
	if p.Rows[0].Label != text || !strings.Contains(p.Sentence, text) || !strings.Contains(p.Title, text) {
		t.Errorf("%+v", p)
	}
}

// Degrees are told as on maps.
func TestDegrees(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		tag  string
		n    int
		want string
	}{
		{"en", 50, "50° N 50° E"},
		{"en", 0, "0° 0°"},
		{"en", -10, "10° S 10° W"},
		{"fr", -10, "10° S 10° O"},
	} {
		r := reader(t, x.tag)
		if got := latitude(r, x.n) + " " + longitude(r, x.n); got != x.want {
			t.Errorf("%d in %s: %s; want %s", x.n, x.tag, got, x.want)
		}
	}
	for s, ok := range map[string]bool{
		"0,40,10,50":   true,
		"-10,-5,0,5":   true,
		"0,40,10":      false,
		"0,40,10,50,1": false,
		"0,40,x,50":    false,
		"10,40,0,50":   false,
		"0,50,10,40":   false,
		"":             false,
	} {
		if _, is := corners(s); is != ok {
			t.Errorf("%q is a cell: %t", s, is)
		}
	}
}

// Years around what is shown are round, and few.
func TestAxis(t *testing.T) {
	t.Parallel()
	for _, x := range [][4]float64{
		{2020.5, 2021.5, 2020, 2022},
		{2000.1, 2026.9, 2000, 2030},
		{1843, 2026, 1800, 2050},
		{2026, 2026, 2026, 2027},
		{0, 9999, 0, 10000},
	} {
		first, last := axis(x[0], x[1])
		if first != x[2] || last != x[3] {
			t.Errorf("%g to %g: %g to %g", x[0], x[1], first, last)
		}
	}
	for from, want := range map[string]string{
		"2000/2000": "2000",
		"2000/2009": "2000–2009",
		"../0999":   "until 999",
		"2027/..":   "from 2027 on",
		"x/y":       "x–y",
	} {
		a, b, _ := strings.Cut(from, "/")
		if got := period(reader(t, "en"), a, b); got != want {
			t.Errorf("%s: %s; want %s", from, got, want)
		}
	}
}

// The sentence, the notes and the ends of a picture, in both languages.
func TestSentences(t *testing.T) {
	t.Parallel()
	number := values.Distribution{
		Column:  "yield",
		Kind:    "number",
		Rows:    1200,
		Sampled: true,
		Missing: 40,
		Bins: []values.Bin{
			{Until: "0", Count: 10},
			{From: "0", Until: "10", Count: 150},
		},
	}
	category := values.Distribution{
		Column: "crop",
		Kind:   "category",
		Others: 25,
		Values: []values.ValueCount{{Value: "rye", Count: 75}},
	}
	for _, x := range []struct {
		tag   string
		d     *values.Distribution
		title string
		said  string
		notes string
		ends  string
	}{
		{
			"en", &number,
			"How the values of yield are distributed",
			"Most values: 0 to 9 (75%).",
			"20% of the rows have no value. Counted in 1,200 rows, spread evenly over the table.",
			"below 0 – 0 to 9",
		},
		{
			"fr", &number,
			"Répartition des valeurs de yield",
			"Le plus souvent : de 0 à 9 (75 %).",
			"20 % des lignes sont sans valeur. Comptage sur 1 200 lignes, prises régulièrement dans la table.",
			"moins de 0 – de 0 à 9",
		},
		{
			"en", &category,
			"How the values of crop are distributed",
			"Most frequent: rye (75%).",
			"25% have other values.",
			" – ",
		},
		{
			"fr", &category,
			"Répartition des valeurs de crop",
			"La plus fréquente : rye (75 %).",
			"25 % ont d’autres valeurs.",
			" – ",
		},
	} {
		p := Values(reader(t, x.tag), x.d, true)
		plain := strings.NewReplacer("\u00a0", " ", "\u202f", " ")
		got := []string{p.Title, p.Sentence, strings.Join(p.Notes, " "), p.From + " – " + p.To}
		for i, want := range []string{x.title, x.said, x.notes, x.ends} {
			if plain.Replace(got[i]) != want {
				t.Errorf("%s: %q, want %q", x.tag, got[i], want)
			}
		}
	}
}
