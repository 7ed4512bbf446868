package policy

import (
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"guichet/connectors/rdf"
)

// Places knows countries by their ISO 3166-1 alpha-2 codes, and the unions EU and EEA.
// Safe for concurrent use.
type Places struct {
	names map[string]string // folded name or alpha-3 code to our code; "" where it has two meanings
	codes *rdf.Codes
}

// spoken are the languages in which names of countries are understood: those of the EU
// and the EEA.
func spoken() []language.Tag {
	var out []language.Tag
	for _, s := range strings.Fields("en bg cs da de el es et fi fr ga hr hu is it lt lv mt nl nb pl pt ro sk sl sv") {
		out = append(out, language.MustParse(s))
	}
	return out
}

// NewPlaces reads the names of countries.
func NewPlaces() (*Places, error) {
	codes, err := rdf.LoadCodes()
	if err != nil {
		return nil, err
	}
	p := &Places{names: map[string]string{"eea": "EEA", "european economic area": "EEA", "eur": "EU", "uk": "GB", "el": "GR", "xk": "XK", "united states of america": "US"}, codes: codes}
	var regions []language.Region
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			r, err := language.ParseRegion(string([]rune{a, b}))
			if err != nil || r.String() != string([]rune{a, b}) || r.Canonicalize() != r {
				continue // no code, or that of a country which is no more
			}
			_, listed := codes.PlaceIRI(r.String())
			if listed && r.IsCountry() {
				p.name(r.ISO3(), r.String())
			}
			if listed && (r.IsCountry() || r.String() == "EU") {
				regions = append(regions, r)
				p.name(r.String(), r.String())
			}
		}
	}
	for _, tag := range spoken() {
		namer := display.Regions(tag)
		for _, r := range regions {
			p.name(namer.Name(r), r.String())
		}
	}
	return p, nil
}

// name notes that a name means a code. One that means two is nobody's.
func (p *Places) name(name, code string) {
	k := folded(name)
	have, known := p.names[k]
	if known && have != code {
		code = ""
	}
	p.names[k] = code
}

func folded(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// Country says whether s is the code of a country, as organisations and factories give
// theirs; bodies of the EU are in it as a whole.
func (p *Places) Country(s string) bool {
	code, ok := p.code(s)
	return ok && code == s && code != "EEA"
}

// code gives the code of the place that a value surely means: a code, an IRI of an
// authority, or a country's name in a language of the EU; false for all others.
func (p *Places) code(s string) (string, bool) {
	if strings.Contains(s, ":") {
		s, _ = p.codes.Place(s)
	}
	code := p.names[folded(s)]
	return code, code != ""
}
