// Package licence knows licences by their SPDX ids, however catalogues name them, and which of
// several leaves the least.
//
// In flow names and addresses as they are written, out flow ids, and those that are not known as they
// are. It must not know what a dataset is, nor what terms mean.
package licence

import (
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/rdf"
)

// Strictest gives the one that holds where several are named, the strictest, and all of
// them, in order, where there is more than one.
func Strictest(said []string) (strictest string, all []string) {
	for _, l := range said {
		if l = ID(l); l != "" && !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	slices.Sort(all)
	for _, l := range all {
		if strictest == "" || strictness(l) > strictness(strictest) {
			strictest = l
		}
	}
	if len(all) < 2 {
		all = nil
	}
	return strictest, all
}

// strictness orders licences by what they leave: a known one leaves more than one whose
// words nobody here has read.
func strictness(licence string) int {
	id := "-" + strings.ToUpper(licence) + "-"
	known := slices.ContainsFunc(
		[]string{"-CC-BY", "-CC0-", "-PDDL-", "-ODC-BY-", "-ODBL-", "-DL-DE-", "-OGL-", "-ETALAB-"},
		func(p string) bool { return strings.HasPrefix(id, p) })
	out := 0
	for i, mark := range []string{"-BY-", "-OGL-", "-ETALAB-", "-SA-", "-ODBL-", "-NC-", "-ND-"} {
		if strings.Contains(id, mark) {
			out |= []int{1, 1, 1, 2, 2, 4, 8}[i]
		}
	}
	if !known {
		return 16
	}
	return out
}

// Addresses of licences are written in many ways; without scheme, www. and what follows
// the licence's own name few are left.
var (
	creativeCommons = regexp.MustCompile(
		`^creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/([1-4]\.[05])(?:/(?:deed|legalcode)(?:\.[a-z-]+)?)?$`,
	)
	ofEU = regexp.MustCompile(`^CC_BY(NC)?(ND|SA)?_([1-4])_([05])$`) // codes of the EU authority table licence
)

// ID is the SPDX id of a licence that is given by its IRI: the Creative Commons
// licences, CC0, those of Open Data Commons, the German and the UK's, as the EU authority
// table and their own pages name them. Other licences stay as they are; so do versions for
// one country, which are other texts.
func ID(licence string) string {
	_, address, ok := strings.Cut(licence, "://")
	if !ok || !strings.HasPrefix(licence, "http") {
		return licence
	}
	address = strings.TrimRight(strings.TrimPrefix(address, "www."), "/")
	code, ok := strings.CutPrefix(rdf.PlainAuthority(licence), rdf.Authority+"licence/")
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
		"eu:CC0": "CC0-1.0", "creativecommons.org/publicdomain/zero/1.0": "CC0-1.0",
		"creativecommons.org/publicdomain/zero/1.0/legalcode": "CC0-1.0", "creativecommons.org/publicdomain/zero/1.0/deed.en": "CC0-1.0",
		"eu:ODC_BL": "ODbL-1.0", "opendatacommons.org/licenses/odbl/1-0": "ODbL-1.0", "opendatacommons.org/licenses/odbl/1.0": "ODbL-1.0",
		"eu:ODC_BY": "ODC-By-1.0", "opendatacommons.org/licenses/by/1-0": "ODC-By-1.0", "opendatacommons.org/licenses/by/1.0": "ODC-By-1.0",
		"eu:ODC_PDDL": "PDDL-1.0", "opendatacommons.org/licenses/pddl/1-0": "PDDL-1.0", "opendatacommons.org/licenses/pddl/1.0": "PDDL-1.0",
		"eu:DL_DE_BY_2_0": "DL-DE-BY-2.0", "govdata.de/dl-de/by-2-0": "DL-DE-BY-2.0", "dcat-ap.de/def/licenses/dl-by-de/2.0": "DL-DE-BY-2.0",
		"eu:DL_DE_ZERO_2_0": "DL-DE-ZERO-2.0", "govdata.de/dl-de/zero-2-0": "DL-DE-ZERO-2.0",
		"dcat-ap.de/def/licenses/dl-zero-de/2.0": "DL-DE-ZERO-2.0",
		"eu:OGL_1_0":                             "OGL-UK-1.0", "nationalarchives.gov.uk/doc/open-government-licence/version/1": "OGL-UK-1.0",
		"opendefinition.org/licenses/cc-zero": "CC0-1.0", "opendefinition.org/licenses/odc-by": "ODC-By-1.0",
		"opendefinition.org/licenses/odc-odbl": "ODbL-1.0", "opendefinition.org/licenses/odc-pddl": "PDDL-1.0",
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
