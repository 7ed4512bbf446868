package duplicates

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"guichet/schemas"
)

// from says which source a dataset has.
func from(source schemas.SourceID) func(*schemas.Dataset) {
	return func(d *schemas.Dataset) { d.Source = source }
}

func by(publisher string) func(*schemas.Dataset) {
	return func(d *schemas.Dataset) { d.Publisher = publisher }
}

func told(words string) func(*schemas.Dataset) {
	return func(d *schemas.Dataset) { d.Description = schemas.Text{"en": words} }
}

func kept(rdf string) func(*schemas.Dataset) {
	return func(d *schemas.Dataset) { d.RDF = rdf }
}

func covers(days, until string) func(*schemas.Dataset) {
	return func(d *schemas.Dataset) { d.From, d.Until = days, until }
}

func titled(tag, title string) func(*schemas.Dataset) {
	return func(d *schemas.Dataset) { d.Title = schemas.Text{tag: title} }
}

const long = "The yields of wheat on each plot of the institute's own fields, as they were weighed at harvest time, with variety, soil and weather."

// TestCompare: what is one dataset and what is not.
func TestCompare(t *testing.T) {
	t.Parallel()
	wheat := func(more ...func(*schemas.Dataset)) schemas.Dataset { return of("Wheat yields by plot", more...) }
	here, there := from("here"), from("there")
	file, page := at("https://x.example/wheat.csv"), kept("<> dcat:landingPage <https://x.example/wheat> .")
	sum := kept("<> dct:issued \"2020\" .\n")
	for name, c := range map[string]struct {
		a, b schemas.Dataset
		same bool
		why  string
	}{
		"a DOI":                                 {wheat(called("10.1234/w"), here), of("Wheat yields, by plot", called("https://doi.org/10.1234/W"), here), true, "both are called doi:10.1234/w"},
		"a DOI, in two languages":               {wheat(called("10.1234/w")), of("", titled("fr", "Rendements du blé par parcelle"), called("10.1234/w")), true, "in different languages"},
		"a DOI, other words":                    {wheat(called("10.1234/w")), of("Names of all bridges and tunnels", called("10.1234/w")), false, ""},
		"a DOI, other years":                    {of("Wheat yields 2019", called("10.1234/w")), of("Wheat yields 2020", called("10.1234/w")), false, ""},
		"a DOI, no language said":               {of("", titled("", "Wastewater surveillance AMELAG"), called("10.1234/w"), page, here), of("", titled("", "Abwassersurveillance AMELAG"), called("10.1234/w"), page, there), true, "both name"},
		"a DOI alone, no language said":         {of("", titled("", "Wastewater surveillance AMELAG"), called("10.1234/w"), here), of("", titled("", "Abwassersurveillance AMELAG"), called("10.1234/w"), there), false, ""},
		"a file":                                {wheat(file), wheat(at("http://www.x.example/wheat.csv#a")), true, "both give the data at x.example/wheat.csv"},
		"a file, other title":                   {wheat(file), of("Barley yields by plot", file), false, ""},
		"a file, other year":                    {of("Budget of the city 2019", file), of("Budget of the city 2020", file), false, ""},
		"a file, years in the text":             {of("State summary: Kentucky", file, told("What was provided in fiscal year 2014.")), of("State summary: Kentucky", file, told("What was provided in fiscal year 2015.")), false, ""},
		"a file, other times":                   {wheat(file, covers("2019-01-01", "2019-12-31")), wheat(file, covers("2020-01-01", "2020-12-31")), false, ""},
		"a file, another end":                   {wheat(file, covers("2010", "2023")), wheat(file, covers("2010", "2024")), true, "same title"},
		"a file, other country":                 {wheat(file), wheat(file, func(d *schemas.Dataset) { d.Countries = []string{"BE"} }), false, ""},
		"a file, a part of the title":           {of("Motor carrier inspections", file, told(long)), of("Motor carrier inspections - data mining tool", file, told(long)), true, "part of the other's"},
		"one of the files, a part of it":        {of("Strategic projects", file, at("https://x.example/wms?a"), told(long)), of("Strategic projects (ongoing)", file, at("https://x.example/wms?b"), told(long)), false, ""},
		"a file, a part named":                  {of("Cores, ribbons, scattered - Cores", file, told(long)), of("Cores, ribbons, scattered - Ribbons", file, told(long)), false, ""},
		"a checksum":                            {wheat(kept(`<> spdx:checksum [ spdx:checksumValue "` + strings.Repeat("ab", 32) + `" ] .`)), wheat(kept(`<> spdx:checksum [ a spdx:Checksum ; spdx:checksumValue "` + strings.Repeat("AB", 32) + `" ] .`)), true, "both state the checksum abababababababab…"},
		"a checksum of nothing":                 {wheat(kept(`<> spdx:checksum [ spdx:checksumValue "d41d8cd98f00b204e9800998ecf8427e" ] .`)), wheat(kept(`<> spdx:checksum [ spdx:checksumValue "d41d8cd98f00b204e9800998ecf8427e" ] .`)), false, ""},
		"a page, two catalogues":                {wheat(page, here), wheat(page, there), true, "both name the address x.example/wheat"},
		"a page, one catalogue":                 {wheat(page, here), wheat(page, here), false, ""},
		"a page of the other's file":            {wheat(kept("<> dct:relation <https://x.example/wheat.csv> ."), here), wheat(file, there), true, "both name the address"},
		"a page in the text":                    {wheat(told("See https://code.example/wheat."), here), wheat(at("https://code.example/wheat"), there), true, "both name the address"},
		"the page of a portal":                  {wheat(kept("<> dcat:landingPage <https://x.example/> ."), here), wheat(kept("<> dcat:landingPage <https://x.example/> ."), there), false, ""},
		"a title that says nothing":             {of("Dataset", page, here), of("Dataset", page, there), false, ""},
		"a budget":                              {of("Budget", page, here), of("Budget", page, there), false, ""},
		"a title alone":                         {wheat(here), wheat(there), false, ""},
		"title, text and publisher":             {wheat(told(long), by("Institute"), here), wheat(told(long), by("institute"), there), true, "same publisher"},
		"title and text of two municipalities":  {of("Addresses in the municipality", told(long), by("Gent"), here), of("Addresses in the municipality", told(long), by("Antwerp"), there), false, ""},
		"title, text, publisher, one catalogue": {wheat(told(long), by("Institute"), here), wheat(told(long), by("Institute"), here), false, ""},
		"numbers in the text differ":            {wheat(told(long+" Sheet 7."), by("Institute"), here), wheat(told(long+" Sheet 8."), by("Institute"), there), false, ""},
		"a register's number":                   {wheat(called("USDA-20"), by("Institute"), here), wheat(called("usda-20"), by("Institute"), there), true, "both are called usda-20"},
		"a register's number, two publishers":   {wheat(called("USDA-20"), by("Institute"), here), wheat(called("usda-20"), by("Ministry"), there), false, ""},
		"nothing":                               {wheat(sum), wheat(sum), false, ""},
		"a machine's title":                     {of("", titled("en-t-nl", "Wheat yields by plot"), file), of("", titled("en-t-fr", "Wheat yields by plot"), file), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := Describe(&c.a), Describe(&c.b)
			p, same := Compare(&a, &b, nil)
			q, back := Compare(&b, &a, nil)
			if same != c.same || back != same || q.Strength != p.Strength {
				t.Errorf("%v %v, and the other way round %v %v", same, p, back, q)
			}
			if c.same && !slices.ContainsFunc(p.Why, func(w string) bool { return strings.Contains(w, c.why) }) {
				t.Errorf("why: %q, want %q", p.Why, c.why)
			}
		})
	}
}

// TestCrowded: of what many have, nothing counts.
func TestCrowded(t *testing.T) {
	t.Parallel()
	x := of("Wheat yields by plot", at("https://x.example/all.zip"), called("10.1234/w"), told(long), by("Institute"), from("here"))
	y := of("Wheat yields by plot", at("https://x.example/all.zip"), called("10.1234/w"), told(long), by("Institute"), from("there"))
	a, b := Describe(&x), Describe(&y)
	crowded := map[string]bool{}
	for n, k := range []string{key("a", "doi:10.1234/w"), key("a", "x.example/all.zip"), key("t", "wheat yields by plot")} {
		if _, same := Compare(&a, &b, crowded); !same {
			t.Errorf("with %d crowded they are no more the same", n)
		}
		crowded[k] = true
	}
	if p, same := Compare(&a, &b, crowded); same {
		t.Errorf("all is crowded: %v", p)
	}
}

// TestTitles: how titles stand to each other.
func TestTitles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want likeness
	}{
		{"wheat yields", "wheat yields", equal},
		{"wheat yields", "yields wheat", unlike},
		{"wheat yields by plot", "wheat yields", longer},
		{"wheat yields in gent", "wheat yields in brugge", unlike},
		{"wheat yields 2019", "wheat yields 2020", contrary},
		{"wheat yields", "wheat yields 2020", contrary},
		{"wheat yields", "bridges tunnels roads", strange},
		{"", "wheat", strange},
	} {
		if got, back := liken(c.a, c.b), liken(c.b, c.a); got != c.want || back != got {
			t.Errorf("%q and %q: %d, %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
	en, fr := []text{{"en", "wheat yields 2019"}}, []text{{"fr", "rendements 2020"}}
	if titles(en, fr) != contrary || titles(en, []text{{"fr", "rendements 2019"}}) != foreign || titles(nil, en) != contrary {
		t.Error("titles in two languages")
	}
	both := []text{{"en", "wheat yields 2019"}, {"fr", "rendements 2018"}}
	if titles(both, []text{{"en", "wheat yields 2019"}, {"fr", "rendements 2020"}}) != contrary {
		t.Error("they contradict in one language")
	}
}

// TestPrints: prints of texts that differ in little are alike, and of others are not.
func TestPrints(t *testing.T) {
	t.Parallel()
	words := fold(strings.Repeat(long+" ", 2)+" It has a table for each year and a map.", maxText)
	a := fingerprint("en", words)
	for n, least := range map[int]float64{0: 1, 1: 0.7, 2: 0.6} {
		other := slices.Clone(words)
		for i := range n {
			other[10*i+3] = fmt.Sprint("changed", string(rune('a'+i)))
		}
		b := fingerprint("en", other)
		if got := a.alike(&b); got < least || n > 0 && got == 1 && n > 3 {
			t.Errorf("%d words changed: %v alike", n, got)
		}
	}
	b := fingerprint("en", fold("Bridges, tunnels and roads of the province, with their length, width, age and the year of the last inspection.", maxText))
	if got := a.alike(&b); got > 0.2 {
		t.Errorf("two texts are %v alike", got)
	}
	if a.alike(&print{}) != 0 {
		t.Error("a print of nothing is alike")
	}
	if n, _ := descriptions([]print{fingerprint("en", fold("too few words", maxText))}, []print{fingerprint("en", fold("too few words", maxText))}); n != 0 {
		t.Errorf("texts of three words are %v alike", n)
	}
}

// TestDescribe: what is taken out of a description.
func TestDescribe(t *testing.T) {
	t.Parallel()
	d := of("Wheat yields by plot", called("10.1234/w", "local-77", "x"), at("https://x.example/wheat.csv", "https://x.example/wheat.csv/"),
		told("<p>Yields of 2019 &amp; 2020, see https://code.example/wheat, also at https://x.example/wheat.csv.</p>"), by("An  Institute"),
		kept(`<> dcat:landingPage <https://x.example/wheat>, <https://doi.org/10.1234/page> ;
    dct:source <https://other.example/origin> ;
    foaf:page [ a foaf:Document ; rdfs:label "a ; b . <https://no.example/label>" ] ;
    owl:sameAs <https://same.example/1> .
<https://agent.example/1> foaf:page <https://agent.example/page> .
`))
	d.IRI, d.Source = "https://portal.example/set/0202b8dd-1c7e-4331-8ba7-35e1fef4037a", "portal"
	d.Title["nl-t-en"] = "Tarwe"
	d.Links[0].RDF = `<> dcat:downloadURL <https://x.example/second.csv> ; dcat:landingPage <https://file.example/page> ; spdx:checksum [ spdx:checksumValue "` + strings.Repeat("0c", 16) + `" ] .`
	got := Describe(&d)
	for name, c := range map[string]struct{ got, want []string }{
		"names":  {got.Names, []string{"portal.example/set/0202b8dd-1c7e-4331-8ba7-35e1fef4037a", "uuid:0202b8dd-1c7e-4331-8ba7-35e1fef4037a", "doi:10.1234/w", "same.example/1"}},
		"local":  {got.Local, []string{"local-77"}},
		"files":  {got.Files, []string{"x.example/second.csv", "x.example/wheat.csv"}},
		"pages":  {got.Pages, []string{"x.example/wheat", "doi:10.1234/page", "code.example/wheat"}},
		"sums":   {got.Sums, []string{strings.Repeat("0c", 16)}},
		"titles": {[]string{fmt.Sprint(got.Titles)}, []string{"[{en wheat yields by plot}]"}},
		"years":  {got.Prints[0].Years, []string{"2019", "2020"}},
		"origin": {[]string{got.Origin, got.Publisher}, []string{"source:portal", "an institute"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s are %q, want %q", name, c.got, c.want)
		}
	}
	if n := len(got.Keys()); n != 4+1+2+3+1+1 {
		t.Errorf("%d keys", n)
	}
}

// TestBounds: a dataset of thousands of everything is compared by a few.
func TestBounds(t *testing.T) {
	t.Parallel()
	d := of("Wheat yields by plot")
	for i := range 8000 {
		at(fmt.Sprintf("https://x.example/%d.csv", i))(&d)
		called(fmt.Sprintf("10.1234/%d", i))(&d)
	}
	for i := range 40 {
		d.Title[fmt.Sprintf("x%d", i)] = strings.Repeat("word ", 1000)
	}
	got := Describe(&d)
	slices.Reverse(d.Links)
	if again := Describe(&d); !slices.Equal(again.Files, got.Files) || again.All != got.All {
		t.Error("the same files in another order are others")
	}
	if len(got.Files) != maxFiles || len(got.Names) != maxNames || len(got.Titles) != maxLanguages || len(got.Titles[1].Words) > maxTitle {
		t.Errorf("%d files, %d names, %d titles", len(got.Files), len(got.Names), len(got.Titles))
	}
}

// Of two pairs with the same kind of evidence the one with more of it is grouped first: who says that a copy is
// not the same keeps what others harvested of the own.
func TestStrength(t *testing.T) {
	d := func(id, iri, publisher string) *Described {
		o := Describe(&schemas.Dataset{ID: schemas.DatasetID(id), IRI: iri, Provider: schemas.ParticipantID("https://" + id + ".example"), Publisher: publisher,
			Title: schemas.Text{"en": "Allotment gardens of the northern quarter"}, Identifiers: []string{"https://doi.org/10.5281/zenodo.424242"}})
		return &o
	}
	mine, copied, harvested := d("mine", "https://north.example/a", "The North"), d("copied", "https://south.example/b", "The South"), d("harvested", "https://north.example/a", "The North")
	own, _ := Compare(mine, harvested, nil)
	other, same := Compare(copied, harvested, nil)
	if !same || own.Strength <= other.Strength {
		t.Errorf("%d is not more than %d", own.Strength, other.Strength)
	}
}
