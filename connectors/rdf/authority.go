package rdf

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"guichet/schemas"
)

// Authority is where the EU's authority tables stand.
const Authority = "http://publications.europa.eu/resource/authority/"

// Codes translates between IRIs of authority tables and codes: countries (ISO
// 3166-1 alpha-2) and languages (BCP 47). Read-only, safe for concurrent use.
type Codes struct {
	countries, languages map[string]string // authority code to ours
	alpha3, iso639       map[string]string // ours to authority code
}

// codes are decoded once: they are read for every dataset.
var codes = sync.OnceValues(newCodes)

// LoadCodes gives the embedded tables.
func LoadCodes() (*Codes, error) { return codes() }

func newCodes() (*Codes, error) {
	b, err := schemas.JSONLD.ReadFile("jsonld/authority.json")
	if err != nil {
		return nil, fmt.Errorf("read the authority tables: %w", err)
	}
	var doc struct{ Countries, Languages map[string]string }
	err = json.Unmarshal(b, &doc)
	if err != nil {
		return nil, fmt.Errorf("decode the authority tables: %w", err)
	}
	c := &Codes{countries: doc.Countries, languages: doc.Languages, alpha3: map[string]string{}, iso639: map[string]string{}}
	for k, v := range doc.Countries {
		if len(k) == 3 && k[0] >= 'A' {
			c.alpha3[v] = k
		}
	}
	for k, v := range doc.Languages {
		c.iso639[v] = k
	}
	return c, nil
}

// Place gives the code of a country or union: from the authority table country
// (also as https), or the DPV's locations; false for any other IRI.
func (c *Codes) Place(iri string) (string, bool) {
	code, ok := strings.CutPrefix(PlainAuthority(iri), Authority+"country/")
	if ok {
		if code == "EUR" {
			return "EU", true
		}
		code, ok = c.countries[code]
		return code, ok
	}
	code, ok = strings.CutPrefix(iri, "https://w3id.org/dpv/loc#")
	_, known := c.alpha3[code]
	return code, ok && (known || code == "EU" || code == "EEA")
}

// PlaceIRI is the inverse of Place for countries and the EU.
func (c *Codes) PlaceIRI(code string) (string, bool) {
	if code == "EU" {
		return Authority + "country/EUR", true
	}
	a, ok := c.alpha3[code]
	return Authority + "country/" + a, ok
}

// Language gives the BCP 47 tag of an IRI of the authority table language.
func (c *Codes) Language(iri string) (string, bool) {
	code, ok := strings.CutPrefix(PlainAuthority(iri), Authority+"language/")
	if !ok {
		return "", false
	}
	tag, ok := c.languages[code]
	return tag, ok
}

// LanguageIRI is the inverse of Language.
func (c *Codes) LanguageIRI(tag string) (string, bool) {
	code, ok := c.iso639[tag]
	return Authority + "language/" + code, ok
}

// PlainAuthority is an IRI of the EU's as its authority tables write it: with http.
func PlainAuthority(iri string) string {
	rest, ok := strings.CutPrefix(iri, "https://publications.europa.eu/")
	if ok {
		return "http://publications.europa.eu/" + rest
	}
	return iri
}
