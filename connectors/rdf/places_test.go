package rdf

import (
	"slices"
	"testing"
)

// Places in every form that catalogues write, as the countries that they are or lie in.
func TestPlaces(t *testing.T) {
	p, err := LoadPlaces()
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]struct {
		code  string // "" for none
		exact bool
	}{
		"http://publications.europa.eu/resource/authority/country/BEL": {"BE", true}, "https://publications.europa.eu/resource/authority/country/EUR": {"EU", true},
		"http://publications.europa.eu/resource/authority/country/BE": {"BE", true}, "http://publications.europa.eu/resource/authority/place/BEL_BRU": {"BE", false},
		"http://publications.europa.eu/resource/authority/atu/DEU_LND_BAY": {"DE", false}, "http://publications.europa.eu/resource/authority/continent/ANTARCTICA": {"AQ", true},
		"http://data.europa.eu/nuts/code/EL30": {"GR", false}, "http://data.europa.eu/nuts/code/FR": {"FR", true}, "http://nuts.geovocab.org/id/UKI3": {"GB", false},
		"http://rdfdata.eionet.europa.eu/ramon/nuts2008/DE300": {"DE", false}, "http://data.europa.eu/lau/BE_44021": {"BE", false},
		"https://sws.geonames.org/2802361/": {"BE", true}, "https://sws.geonames.org/3337388/": {"BE", false}, "https://www.geonames.org/390903": {"GR", true},
		"https://www.geonames.org/734077/thessaloniki.html": {"GR", false}, "http://sws.geonames.org/2950159/": {"DE", false}, "https://sws.geonames.org/4294967295/": {}, "https://sws.geonames.org/1/": {},
		"http://lexvo.org/id/iso3166/FR": {"FR", true}, "https://www.iso.org/obp/ui/#iso:code:3166:FI": {"FI", true}, "http://dbpedia.org/resource/Czech_Republic": {"", false}, "http://dbpedia.org/resource/Ireland": {"IE", true},
		"https://w3id.org/dpv/loc#SE": {"SE", true}, "http://dcat-ap.de/def/politicalGeocoding/stateKey/09": {"DE", false}, "http://datos.gob.es/recurso/sector-publico/territorio/Provincia/Madrid": {"ES", false},
		"http://standaarden.overheid.nl/owms/terms/Almere_(gemeente)": {"NL", false}, "https://linked.cuzk.cz/resource/ruian/kraj/19": {"CZ", false}, "https://ld.admin.ch/canton/1": {"CH", false},
		"https://example.org/location/DE": {}, "http://eurovoc.europa.eu/1085": {}, "not a place": {}, "": {}, "http://[::1": {},
		"Italy": {"IT", true}, "Deutschland": {"DE", true}, "Ελλάδα": {"GR", true}, "България": {"BG", true}, "DEU": {"DE", true}, "fr": {"FR", true}, "BE10": {"BE", false}, "FR-75": {"FR", false}, "ABC1": {},
	} {
		codes, exact := p.OfWords(s)
		if len(codes) == 0 && want.code == "" {
			continue
		}
		if len(codes) != 1 || codes[0] != want.code || exact != want.exact {
			t.Errorf("%s: %v %v, want %v", s, codes, exact, want)
		}
	}
	for continent, has := range map[string]string{"EUROPE": "FI", "AFRICA": "KE", "ASIA": "JP", "AMERICA": "BR", "OCEANIA": "NZ"} {
		codes, exact := p.OfIRI(Authority + "continent/" + continent)
		if !exact || len(codes) < 10 || !slices.Contains(codes, has) || slices.Contains(codes, "AQ") {
			t.Errorf("%s: %v", continent, codes)
		}
		for _, code := range codes {
			if _, listed := p.codes.PlaceIRI(code); !listed {
				t.Errorf("%s holds %s, which is not a country here", continent, code)
			}
		}
	}
	dup := 0
	for _, tag := range []string{"EUROPE", "AFRICA", "ASIA", "AMERICA", "OCEANIA"} {
		dup += len(p.continents[tag])
	}
	if dup < 230 {
		t.Errorf("the continents have %d countries", dup)
	}
}

// Languages in any usual form.
func TestLanguages(t *testing.T) {
	c, err := LoadCodes()
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]string{
		"http://publications.europa.eu/resource/authority/language/DEU": "de", "https://publications.europa.eu/resource/authority/language/ELL": "el",
		"de": "de", "DE": "de", "deu": "de", "ger": "de", "GRE": "el", "fra": "fr", "fre": "fr", "rum": "ro", "cze": "cs", "en-GB": "en-GB", "en_us": "en-US", "deu-AT": "de-AT", "zh-hant": "zh-Hant", "nob": "nb", "gsw": "gsw", "hsb": "hsb",
		"http://lexvo.org/id/iso639-3/deu": "de", "http://www.lexvo.org/id/iso639-1/fr": "fr", "http://lexvo.org/page/iso639-3/ell": "el", "http://id.loc.gov/vocabulary/iso639-1/en": "en", "http://id.loc.gov/vocabulary/iso639-2/ger": "de",
		"https://id.loc.gov/vocabulary/iso639-2/eng.html": "en", "https://iso639-3.sil.org/code/swe": "sv",
		"English": "", "http://x.example/en": "", "": "", "e": "", "xx1": "", "http://publications.europa.eu/resource/authority/country/DEU": "de",
	} {
		got, ok := c.LanguageTag(s)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q %v, want %q", s, got, ok, want)
		}
	}
}
