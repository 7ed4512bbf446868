package duplicates

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"guichet/schemas"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"https://www.Example.org/Data/":                                  "example.org/Data",
		"http://example.org:80/Data":                                     "example.org/Data",
		"https://example.org:443/Data#top":                               "example.org/Data",
		"https://example.org:8443/Data":                                  "example.org:8443/Data",
		"https://example.org/a?b=2&a=1&utm_source=mail":                  "example.org/a?a=1&b=2",
		"https://example.org/a;jsessionid=0815?fbclid=x":                 "example.org/a",
		"https://example.org./a":                                         "example.org/a",
		"https://example.org/catalog#/metadata/0b1c":                     "example.org/catalog#/metadata/0b1c",
		"https://example.org/srv/search#!record/7/":                      "example.org/srv/search#!record/7",
		"https://example.org/?id=7":                                      "example.org?id=7",
		"ftp://example.org/a":                                            "ftp://example.org/a",
		"s3://bucket/a.csv":                                              "s3://bucket/a.csv",
		" https://doi.org/10.5281/ZENODO.7711111. ":                      "doi:10.5281/zenodo.7711111",
		"http://dx.doi.org/10.1000/182":                                  "doi:10.1000/182",
		"https://zenodo.org/record/22023335":                             "doi:10.5281/zenodo.22023335",
		"https://zenodo.org/records/22023335/":                           "doi:10.5281/zenodo.22023335",
		"https://zenodo.org/doi/10.5281/zenodo.22023335":                 "doi:10.5281/zenodo.22023335",
		"https://zenodo.org/record/22023335/files/[Dokumentation]_A.pdf": "zenodo.org/record/22023335/files/%5BDokumentation%5D_A.pdf",
		"https://doi.org/complete":                                       "",
		"https://example.org":                                            "", // a host is no dataset
		"https://www.example.org/":                                       "",
		"https://me:pw@example.org/a":                                    "",
		"file:///etc/passwd":                                             "",
		"/a.csv":                                                         "",
		"":                                                               "",
		"https://example.org/" + strings.Repeat("a", maxAddress):         "",
		"https://example.org/\xff":                                       "",
	} {
		if got := Address(s); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"10.5281/zenodo.7711111":                           "doi:10.5281/zenodo.7711111",
		"doi:10.5281/Zenodo.7711111":                       "doi:10.5281/zenodo.7711111",
		"DOI 10.5281/zenodo.7711111":                       "doi:10.5281/zenodo.7711111",
		"info:doi/10.5281/zenodo.7711111":                  "doi:10.5281/zenodo.7711111",
		"https://doi.org/10.5281/zenodo.7711111":           "doi:10.5281/zenodo.7711111",
		"0202B8DD-1c7e-4331-8ba7-35e1fef4037a":             "uuid:0202b8dd-1c7e-4331-8ba7-35e1fef4037a",
		"{0202b8dd-1c7e-4331-8ba7-35e1fef4037a}":           "uuid:0202b8dd-1c7e-4331-8ba7-35e1fef4037a",
		"urn:uuid:0202b8dd-1c7e-4331-8ba7-35e1fef4037a":    "uuid:0202b8dd-1c7e-4331-8ba7-35e1fef4037a",
		"https://www.portal.example/set/7/":                "portal.example/set/7",
		"urn:nbn:de:bvb:19-146642":                         "urn:nbn:de:bvb:19-146642",
		"USDA-FNS-20":                                      "(local) usda-fns-20",
		"00000000-0000-0000-0000-000000000000":             "(local) uuid:00000000-0000-0000-0000-000000000000",
		"42":                                               "",
		"dataset":                                          "",
		"https://portal.example/":                          "",
		"http:nonsense":                                    "",
		"10.1/too-short":                                   "(local) 10.1/too-short",
		strings.Repeat("9", maxAddress+1):                  "",
		"a\xff123456":                                      "",
		"urn:guichet:dataset:ds-2a43u2apt5egaoxtlktd":      "urn:guichet:dataset:ds-2a43u2apt5egaoxtlktd",
		"https://x.example/id?a=1#f":                       "x.example/id?a=1",
		"10.1234/a b":                                      "(local) 10.1234/a b",
		"https://zenodo.org/record/7711111":                "doi:10.5281/zenodo.7711111",
		"mailto:somebody@portal.example":                   "mailto:somebody@portal.example",
		"ds:x":                                             "",
		"https://portal.example/" + strings.Repeat("é", 3): "portal.example/%C3%A9%C3%A9%C3%A9",
	} {
		got, global := Name(s)
		if got != "" && !global {
			got = "(local) " + got
		}
		if got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
	for name, want := range map[string]string{
		"portal.example/items/0202b8dd-1c7e-4331-8ba7-35e1fef4037a":      "uuid:0202b8dd-1c7e-4331-8ba7-35e1fef4037a",
		"portal.example?id=0202b8dd-1c7e-4331-8ba7-35e1fef4037a":         "uuid:0202b8dd-1c7e-4331-8ba7-35e1fef4037a",
		"portal.example/0202b8dd-1c7e-4331-8ba7-35e1fef4037a/data":       "",
		"portal.example/items/mercator-0202b8dd-1c7e-4331-8ba7-35e1fef4": "",
		"portal.example/42": "", "": "",
	} {
		if got := uuidOf(name); got != want {
			t.Errorf("%q ends in %q, want %q", name, got, want)
		}
	}
}

// FuzzAddress: one spelling stays as it is, and is of bounded length.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{
		"https://www.example.org:80/a/?b=2&a=1&utm_x=1#/metadata/1", "s3://b/k", "https://doi.org/10.1000/182", "https://zenodo.org/record/1/",
		"ftp://h:21/a;JSESSIONID=1", "http://[::1]/a", "http://a/%2F%ff", "//a/b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		one := Address(s)
		if one == "" || strings.HasPrefix(one, "doi:") {
			return
		}
		again := one
		if !strings.HasPrefix(one, "ftp://") && !strings.HasPrefix(one, "s3://") {
			again = "https://" + one
		}
		if two := Address(again); two != one || len(one) > 4*maxAddress {
			t.Errorf("%q is %q, which is %q", s, one, two)
		}
	})
}

// FuzzName: likewise, with everything that a DOI is written as.
func FuzzName(f *testing.F) {
	for _, s := range []string{"10.1000/182", "doi:10.1000/182.", "urn:uuid:0202b8dd-1c7e-4331-8ba7-35e1fef4037a", "https://x.example/a", "ABC-123456", "urn:x:Y1234567890"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		one, global := Name(s)
		if strings.HasPrefix(one, "doi:") || strings.HasPrefix(one, "uuid:") {
			if two, same := Name(one); two != one && strings.HasPrefix(one, "doi:") || global != same && strings.HasPrefix(one, "doi:") {
				t.Errorf("%q is %q, which is %q", s, one, two)
			}
		}
		if len(one) > 4*maxAddress || !utf8.ValidString(one) {
			t.Errorf("%q is %q", s, one)
		}
	})
}

// FuzzDescribe: what is compared of any description is bounded, and is read again as it was written.
func FuzzDescribe(f *testing.F) {
	f.Add("Wheat", "See https://x.example/a. <p>By plot</p>", "<> dcat:landingPage <https://x.example/b> ; spdx:checksum [ spdx:checksumValue \"00\" ] .", "https://x.example/c")
	f.Add("", "", "@base <a> .\n<> a", "")
	f.Add("2019 2020", strings.Repeat("1999 ", 40), `<> owl:sameAs <https://x.example/d>, "e\"" ; foaf:page [ [ ] ] . <https://o.example/> foaf:page <https://o.example/p> .`, "s3://a/b")
	f.Fuzz(func(t *testing.T, title, words, rdf, address string) {
		d := schemas.Dataset{Title: schemas.Text{"": title, "en": words}, Description: schemas.Text{"fr": words, "": title}, RDF: rdf,
			Identifiers: []string{words, address}, Links: []schemas.Link{{URL: address, RDF: rdf}}}
		one := Describe(&d)
		b, err := json.Marshal(&one)
		var again Described
		if err == nil {
			err = json.Unmarshal(b, &again)
		}
		if err != nil || len(b) > 1<<19 || len(one.Keys()) > 2*maxNames+maxFiles+maxPages+maxSums+maxLanguages {
			t.Fatalf("%d bytes, %d keys, %v", len(b), len(one.Keys()), err)
		}
		Compare(&one, &again, nil)
	})
}
