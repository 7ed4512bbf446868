package licence

import (
	"strings"
	"testing"
)

// One licence has one name in the catalogue, however a document points at it.
func TestID(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"http://www.opendefinition.org/licenses/cc-by":                              "http://www.opendefinition.org/licenses/cc-by", // of which version nobody says
		"http://www.opendefinition.org/licenses/odc-odbl":                           "ODbL-1.0",
		"http://publications.europa.eu/resource/authority/licence/CC_BY_4_0":        "CC-BY-4.0",
		"https://publications.europa.eu/resource/authority/licence/CC_BYNCSA_3_0":   "CC-BY-NC-SA-3.0",
		"http://publications.europa.eu/resource/authority/licence/CC_BYNCND_2_5":    "CC-BY-NC-ND-2.5",
		"http://publications.europa.eu/resource/authority/licence/CC0":              "CC0-1.0",
		"http://publications.europa.eu/resource/authority/licence/ODC_BL":           "ODbL-1.0",
		"http://publications.europa.eu/resource/authority/licence/ODC_BY":           "ODC-By-1.0",
		"http://publications.europa.eu/resource/authority/licence/OGL_3_0":          "OGL-UK-3.0",
		"http://publications.europa.eu/resource/authority/licence/DL_DE_ZERO_2_0":   "DL-DE-ZERO-2.0",
		"https://creativecommons.org/licenses/by/4.0/":                              "CC-BY-4.0",
		"http://creativecommons.org/licenses/by-sa/2.5":                             "CC-BY-SA-2.5",
		"https://www.creativecommons.org/licenses/by-nc-nd/4.0/legalcode.de":        "CC-BY-NC-ND-4.0",
		"https://creativecommons.org/licenses/by/4.0/deed.pt-br":                    "CC-BY-4.0",
		"https://creativecommons.org/publicdomain/zero/1.0/":                        "CC0-1.0",
		"https://opendatacommons.org/licenses/odbl/1-0/":                            "ODbL-1.0",
		"https://www.govdata.de/dl-de/by-2-0":                                       "DL-DE-BY-2.0",
		"http://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/": "OGL-UK-3.0",
		"http://spdx.org/licenses/CC-BY-4.0":                                        "CC-BY-4.0",
		"CC-BY-4.0":                                                                 "CC-BY-4.0",
		"our own terms":                                                             "our own terms",
		"":                                                                          "",
		"https://creativecommons.org/licenses/by/3.0/at/":                           "https://creativecommons.org/licenses/by/3.0/at/",
		"http://publications.europa.eu/resource/authority/licence/CC_BY":            "http://publications.europa.eu/resource/authority/licence/CC_BY",
		"http://publications.europa.eu/resource/authority/licence/COM_REUSE":        "http://publications.europa.eu/resource/authority/licence/COM_REUSE",
		"https://hospital.example/licences/secondary-use":                           "https://hospital.example/licences/secondary-use",
		"https://mirror.example/?of=https://creativecommons.org/licenses/by/4.0/":   "https://mirror.example/?of=https://creativecommons.org/licenses/by/4.0/",
	} {
		got := ID(given)
		if got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}

// TestStrictest: of several the one that leaves the least holds; one whose words nobody here has read
// leaves nothing that is known.
func TestStrictest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		said []string
		want string
		all  string
	}{
		"none": {},
		"one": {
			said: []string{"", "CC-BY-4.0"},
			want: "CC-BY-4.0",
		},
		"one in two words": {
			said: []string{"CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"},
			want: "CC-BY-4.0",
		},
		"with and without a name": {
			said: []string{"CC0-1.0", "CC-BY-4.0"},
			want: "CC-BY-4.0",
			all:  "CC-BY-4.0 CC0-1.0",
		},
		"alike": {
			said: []string{"CC-BY-4.0", "CC-BY-SA-4.0"},
			want: "CC-BY-SA-4.0",
			all:  "CC-BY-4.0 CC-BY-SA-4.0",
		},
		"not for money": {
			said: []string{"CC-BY-SA-4.0", "CC-BY-NC-4.0"},
			want: "CC-BY-NC-4.0",
			all:  "CC-BY-NC-4.0 CC-BY-SA-4.0",
		},
		"unchanged": {
			said: []string{"CC-BY-NC-4.0", "CC-BY-ND-4.0"},
			want: "CC-BY-ND-4.0",
			all:  "CC-BY-NC-4.0 CC-BY-ND-4.0",
		},
		"unread": {
			said: []string{"CC-BY-ND-4.0", "https://x.example/own"},
			want: "https://x.example/own",
			all:  "CC-BY-ND-4.0 https://x.example/own",
		},
	} {
		got, all := Strictest(c.said)
		if got != c.want || strings.Join(all, " ") != c.all {
			t.Errorf("%s: %q, %q; want %q, %q", name, got, all, c.want, c.all)
		}
	}
}
