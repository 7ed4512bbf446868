package dcatap

import (
	"regexp"
	"strings"

	"guichet/connectors/rdf"
)

// Addresses of licences are written in many ways; without scheme, www. and what follows
// the licence's own name few are left.
var (
	creativeCommons = regexp.MustCompile(`^creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/([1-4]\.[05])(?:/(?:deed|legalcode)(?:\.[a-z-]+)?)?$`)
	ofEU            = regexp.MustCompile(`^CC_BY(NC)?(ND|SA)?_([1-4])_([05])$`) // codes of the EU authority table licence
)

// LicenceID is the SPDX id of a licence that is given by its IRI: the Creative Commons
// licences, CC0, those of Open Data Commons, the German and the UK's, as the EU authority
// table and their own pages name them. Other licences stay as they are; so do versions for
// one country, which are other texts.
func LicenceID(licence string) string {
	_, address, ok := strings.Cut(licence, "://")
	if !ok || !strings.HasPrefix(licence, "http") {
		return licence
	}
	address = strings.TrimRight(strings.TrimPrefix(address, "www."), "/")
	code, ok := strings.CutPrefix(plain(licence), rdf.Authority+"licence/")
	if ok {
		address = "eu:" + code
		if m := ofEU.FindStringSubmatch(code); m != nil {
			return spdxCC("by", m[1], m[2], m[3]+"."+m[4])
		}
	}
	m := creativeCommons.FindStringSubmatch(strings.ToLower(address))
	if m != nil {
		return spdxCC(m[1], "", "", m[2])
	}
	id, ok := map[string]string{
		"eu:CC0": "CC0-1.0", "creativecommons.org/publicdomain/zero/1.0": "CC0-1.0", "creativecommons.org/publicdomain/zero/1.0/legalcode": "CC0-1.0", "creativecommons.org/publicdomain/zero/1.0/deed.en": "CC0-1.0",
		"eu:ODC_BL": "ODbL-1.0", "opendatacommons.org/licenses/odbl/1-0": "ODbL-1.0", "opendatacommons.org/licenses/odbl/1.0": "ODbL-1.0",
		"eu:ODC_BY": "ODC-By-1.0", "opendatacommons.org/licenses/by/1-0": "ODC-By-1.0", "opendatacommons.org/licenses/by/1.0": "ODC-By-1.0",
		"eu:ODC_PDDL": "PDDL-1.0", "opendatacommons.org/licenses/pddl/1-0": "PDDL-1.0", "opendatacommons.org/licenses/pddl/1.0": "PDDL-1.0",
		"eu:DL_DE_BY_2_0": "DL-DE-BY-2.0", "govdata.de/dl-de/by-2-0": "DL-DE-BY-2.0", "dcat-ap.de/def/licenses/dl-by-de/2.0": "DL-DE-BY-2.0",
		"eu:DL_DE_ZERO_2_0": "DL-DE-ZERO-2.0", "govdata.de/dl-de/zero-2-0": "DL-DE-ZERO-2.0", "dcat-ap.de/def/licenses/dl-zero-de/2.0": "DL-DE-ZERO-2.0",
		"eu:OGL_1_0": "OGL-UK-1.0", "nationalarchives.gov.uk/doc/open-government-licence/version/1": "OGL-UK-1.0",
		"eu:OGL_2_0": "OGL-UK-2.0", "nationalarchives.gov.uk/doc/open-government-licence/version/2": "OGL-UK-2.0",
		"eu:OGL_3_0": "OGL-UK-3.0", "nationalarchives.gov.uk/doc/open-government-licence/version/3": "OGL-UK-3.0",
	}[address]
	if ok {
		return id
	}
	for _, p := range []string{"http://spdx.org/licenses/", "https://spdx.org/licenses/"} {
		if rest, ok := strings.CutPrefix(licence, p); ok {
			return strings.TrimSuffix(rest, ".html")
		}
	}
	return licence
}

// spdxCC puts an id together: CC-BY-NC-SA-4.0.
func spdxCC(by, nc, more, version string) string {
	id := "CC-" + by
	for _, part := range []string{nc, more} {
		if part != "" {
			id += "-" + part
		}
	}
	return strings.ToUpper(id + "-" + version)
}

// plain is an IRI of the EU's as the authority tables write it.
func plain(iri string) string {
	return strings.Replace(iri, "https://publications.europa.eu/", "http://publications.europa.eu/", 1)
}
