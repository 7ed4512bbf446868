package rdf

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"guichet/schemas/vocab"
)

// Places knows countries by their ISO 3166-1 alpha-2 codes, and the unions EU and EEA;
// and in which country the places lie that catalogues name. Safe for concurrent use.
type Places struct {
	names      map[string]string   // folded name or alpha-3 code to our code; "" where it has two meanings
	continents map[string][]string // of the EU's authority table, to codes
	geonames   *vocab.GeoNames
	codes      *Codes
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

// places is read once in a process: it never changes.
var places = sync.OnceValues(newPlaces)

// LoadPlaces reads the embedded gazetteer.
func LoadPlaces() (*Places, error) { return places() }

func newPlaces() (*Places, error) {
	codes, err := LoadCodes()
	if err != nil {
		return nil, err
	}
	geonames, err := vocab.LoadGeoNames()
	if err != nil {
		return nil, err
	}
	p := &Places{
		continents: map[string][]string{},
		geonames:   geonames,
		names: map[string]string{
			"eea":                      "EEA",
			"european economic area":   "EEA",
			"eur":                      "EU",
			"uk":                       "GB",
			"el":                       "GR",
			"xk":                       "XK",
			"united states of america": "US",
		},
		codes: codes,
	}
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
	for name, number := range map[string]string{"EUROPE": "150", "AFRICA": "002", "ASIA": "142", "AMERICA": "019", "OCEANIA": "009"} {
		continent, err := language.ParseRegion(number)
		if err != nil {
			return nil, fmt.Errorf("read the continents: %w", err)
		}
		for _, r := range regions {
			if r.IsCountry() && continent.Contains(r) && r.String() != "AQ" { // it is one by itself
				p.continents[name] = append(p.continents[name], r.String())
			}
		}
	}
	p.continents["ANTARCTICA"] = []string{"AQ"}
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
	k := plainName(name)
	have, known := p.names[k]
	if known && have != code {
		code = ""
	}
	p.names[k] = code
}

func plainName(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// Country says whether s is the code of a country, as organisations and factories give
// theirs; bodies of the EU are in it as a whole.
func (p *Places) Country(s string) bool {
	code, ok := p.Code(s)
	return ok && code == s && code != "EEA"
}

// Code gives the code of the place that a value surely means: a code, an IRI of an
// authority, or a country's name in a language of the EU; false for all others.
func (p *Places) Code(s string) (string, bool) {
	if strings.Contains(s, ":") {
		s, _ = p.codes.Place(s)
	}
	code := p.names[plainName(s)]
	return code, code != ""
}

var (
	nuts    = regexp.MustCompile(`^([A-Z]{2})[A-Z0-9]{0,3}$`)
	part    = regexp.MustCompile(`^([A-Z]{2})-[A-Z0-9]{1,3}$`)        // ISO 3166-2
	unit    = regexp.MustCompile(`^([A-Z]{3})_[A-Z0-9_]+$`)           // the EU's tables of places and administrative units
	lau     = regexp.MustCompile(`^([A-Z]{2})_[A-Za-z0-9._-]+$`)      // local administrative units of Eurostat
	iso3166 = regexp.MustCompile(`(?i)iso[:/_-]?(?:code[:/_-])?3166`) // lexvo.org/id/iso3166/FR, iso:code:3166:FR
)

// national lists vocabularies of one country's places.
func national() map[string]string {
	return map[string]string{
		"dcat-ap.de/def/politicalGeocoding/": "DE", "datos.gob.es/recurso/sector-publico/territorio/": "ES", "w3id.org/italia/": "IT",
		"data.vlaanderen.be/": "BE", "vocab.belgif.be/": "BE",
		"standaarden.overheid.nl/owms/terms/": "NL", "linked.cuzk.cz/resource/ruian/": "CZ", "linked.opendata.cz/resource/ruian/": "CZ",
		"id.insee.fr/geo/": "FR", "rdf.insee.fr/geo/": "FR",
		"statistics.data.gov.uk/": "GB", "data.ordnancesurvey.co.uk/": "GB", "ld.admin.ch/": "CH",
		"data.geonorge.no/administrativeEnheter/": "NO", "data.norge.no/administrativeEnheter/": "NO",
	}
}

// OfIRI gives the countries that an IRI of a place names or lies in, and whether it names
// them, rather than a part of them: countries, continents, places and administrative units
// of the EU's authority tables, NUTS, GeoNames and national vocabularies. None where it is
// not known.
func (p *Places) OfIRI(iri string) (codes []string, exact bool) {
	if code, ok := p.codes.Place(iri); ok {
		return []string{code}, true
	}
	u, err := url.Parse(iri)
	if err != nil || u.Host == "" {
		return nil, false
	}
	host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	last := path.Base(strings.TrimSuffix(u.Path, "/"))
	if u.Fragment != "" {
		last = u.Fragment
	}
	in := host + strings.ToLower(u.Path) + "/"
	one := func(name string, exact bool) ([]string, bool) {
		code := p.names[strings.ToLower(name)]
		if code == "" {
			return nil, false
		}
		return []string{code}, exact
	}
	switch {
	case host == "publications.europa.eu" && strings.Contains(in, "/continent/"):
		return p.continents[last], true
	case host == "publications.europa.eu" && unit.MatchString(last):
		return one(last[:3], false)
	case host == "publications.europa.eu" && strings.Contains(in, "/country/"):
		return one(last, true)
	case strings.HasSuffix(host, "geonames.org"):
		return p.geoname(u.Path)
	case strings.Contains(in, "nuts") && nuts.MatchString(last):
		return one(last[:2], len(last) == 2)
	case strings.Contains(in, "/lau") && lau.MatchString(last):
		return one(last[:2], false)
	case iso3166.MatchString(iri):
		return p.OfWords(last[strings.LastIndexByte(last, ':')+1:])
	case host == "dbpedia.org" || strings.HasSuffix(host, ".dbpedia.org"):
		return one(strings.ReplaceAll(last, "_", " "), true)
	}
	for prefix, code := range national() {
		if strings.HasPrefix(host+u.Path, prefix) {
			return []string{code}, false
		}
	}
	return nil, false
}

// geoname finds the number in a path of GeoNames.
func (p *Places) geoname(at string) ([]string, bool) {
	for _, s := range strings.Split(at, "/") {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			continue
		}
		code, exact := p.geonames.Country(uint32(n))
		if _, listed := p.codes.PlaceIRI(code); !listed {
			return nil, false
		}
		return []string{code}, exact
	}
	return nil, false
}

// OfWords is OfIRI for words: a code or name of a country, a code of NUTS or of a
// subdivision (ISO 3166-2).
func (p *Places) OfWords(s string) (codes []string, exact bool) {
	s = strings.TrimSpace(s)
	if strings.Contains(s, "://") {
		return p.OfIRI(s)
	}
	code := p.names[plainName(s)]
	exact = code != ""
	for _, form := range []*regexp.Regexp{part, nuts} {
		m := form.FindStringSubmatch(s)
		if code == "" && m != nil && (form == part || strings.ContainsAny(s, "0123456789")) {
			code = p.names[strings.ToLower(m[1])]
		}
	}
	if code == "" {
		return nil, false
	}
	return []string{code}, exact
}

// LanguageTag is the BCP 47 tag of a language in any usual form: a code of ISO 639-1, -2
// or -3 or a tag, or an IRI of the EU's authority table, of lexvo.org, of the Library of
// Congress, of SIL; false for what is none.
func (c *Codes) LanguageTag(s string) (string, bool) {
	if tag, ok := c.Language(s); ok {
		return tag, true
	}
	u, err := url.Parse(s)
	if err == nil && u.Host != "" {
		host := strings.ToLower(u.Hostname())
		if !slices.ContainsFunc(
			[]string{"publications.europa.eu", "lexvo.org", "id.loc.gov", "iso639-3.sil.org", "w3id.org", "cef.eu", "iana.org"},
			func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) }) {
			return "", false
		}
		s = path.Base(strings.TrimSuffix(u.Path, "/"))
		if u.Fragment != "" {
			s = u.Fragment
		}
		s = strings.TrimSuffix(s, ".html")
	}
	s = strings.ReplaceAll(strings.TrimSpace(s), "_", "-")
	tag, err := (language.BCP47 | language.Legacy).Parse(s)
	if err != nil || len(s) > 35 || !languageTag.MatchString(s) {
		return "", false
	}
	if strings.Contains(s, "-") { // what a tag says beside its language stays as it is
		primary, rest, _ := strings.Cut(s, "-")
		base, err := (language.BCP47 | language.Legacy).Parse(primary)
		if err != nil {
			return "", false
		}
		return Tag(base.String() + "-" + rest), true
	}
	return tag.String(), true
}

// languageTag has a language of two or three letters: words such as English are no tag.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$`)
