package ckan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

// packageOf is a package with members, extras and one resource.
func packageOf(t *testing.T, members map[string]any, extras map[string]any, resource map[string]any) []byte {
	t.Helper()
	doc := map[string]any{"id": "p", "title": "T", "owner_org": "o"}
	for name, v := range members {
		doc[name] = v
	}
	list := []any{}
	for key, v := range extras {
		list = append(list, map[string]any{"key": key, "value": v})
	}
	doc["extras"] = list
	r := map[string]any{"url": "https://x.example/a"}
	for name, v := range resource {
		r[name] = v
	}
	doc["resources"] = []any{r}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestExtras: what extensions say lands in a field, as RDF, or in the notes.
func TestExtras(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members, extras, resource map[string]any
		want                      schemas.Dataset // beside what every one here has
		rdf, link, note           string
	}{
		"a name for a title": {
			members: map[string]any{"title": "", "name": "grain-yields"},
			want:    schemas.Dataset{Title: schemas.Text{"": "grain-yields"}},
		},
		"translations": {
			members: map[string]any{
				"title_translated": map[string]any{"en": "Grain", "de": "Getreide", "fr": ""},
				"notes":            "untold",
			},
			want: schemas.Dataset{
				Title:       schemas.Text{"en": "Grain", "de": "Getreide"},
				Description: schemas.Text{"": "untold"},
			},
		},
		"a publisher in extras": {
			members: map[string]any{"organization": map[string]any{"title": "Office"}},
			extras: map[string]any{
				"publisher_name": "Bureau", "publisher_uri": "https://x.example/bureau",
				"publisher_url": "https://bureau.example/", "publisher_email": "office@bureau.example",
				"publisher_type": "https://x.example/public",
			},
			want: schemas.Dataset{Publisher: "Bureau"},
			rdf: "foaf:homepage <https://bureau.example/> ;\n    foaf:mbox <mailto:office@bureau.example> ;\n" +
				"    foaf:name \"Bureau\" .",
		},
		"a contact in extras": {
			members: map[string]any{"maintainer_email": "undefined", "author": "A. Person"},
			extras:  map[string]any{"contact-email": "mailto:ask@x.example"},
			want:    schemas.Dataset{Contact: "ask@x.example"},
			rdf:     "vcard:fn \"A. Person\" ;\n        vcard:hasEmail <mailto:ask@x.example> ] .",
		},
		"nobody to ask": {
			members: map[string]any{"maintainer": "B. Person"},
			note:    "maintainer, author: not carried over, as there is no address of mail: B. Person",
		},
		"a box": {
			extras: map[string]any{"spatial": "-100.0 0.0 0.5 45.0"},
			want:   schemas.Dataset{Box: []float64{-100, 0, 0.5, 45}},
		},
		"a box in four": {
			extras: map[string]any{
				"bbox-west-long": "\n  1\n", "bbox-south-lat": "2", "bbox-east-long": "3", "bbox-north-lat": "4",
			},
			want: schemas.Dataset{Box: []float64{1, 2, 3, 4}},
		},
		"a box between commas": {
			extras: map[string]any{"spatial": "170, -5,-170, 5"},
			want:   schemas.Dataset{Box: []float64{170, -5, -170, 5}},
		},
		"a shape": {
			extras: map[string]any{"spatial": `{"type": "Polygon", "coordinates": [[[1,2],[3,2],[3,4],[1,2]]]}`},
			want:   schemas.Dataset{Box: []float64{1, 2, 3, 4}},
			rdf:    `locn:geometry "{\"type\": \"Polygon\", \"coordinates\": [[[1,2],[3,2],[3,4],[1,2]]]}"`,
		},
		"a level of access": {
			extras: map[string]any{"accessLevel": "non-public"},
			want:   schemas.Dataset{Visibility: schemas.VisibleToOwn},
			rdf:    "<> dct:accessRights <http://publications.europa.eu/resource/authority/access-right/NON_PUBLIC> .",
		},
		"a region": {
			extras: map[string]any{"spatial_uri": "http://data.europa.eu/nuts/code/BE10"},
			want:   schemas.Dataset{Countries: []string{"BE"}, Regions: []string{"BE10"}},
		},
		"no box": {
			extras: map[string]any{"spatial": "1 2 3 north"},
			rdf:    `rdfs:label "1 2 3 north" ] .`,
		},
		"a country in words": {
			extras: map[string]any{"spatial": "France"},
			want:   schemas.Dataset{Countries: []string{"FR"}},
		},
		"a time by its ends": {
			extras: map[string]any{"temporal-extent-begin": "2003", "temporal-extent-end": "2006-03-13"},
			want:   schemas.Dataset{From: "2003", Until: "2006-03-13"},
		},
		"a language as Python writes it": {
			extras: map[string]any{"language": "['en-US', 'de']"},
			want:   schemas.Dataset{Languages: []string{"en-US", "de"}},
		},
		"a frequency": {
			extras: map[string]any{"accrualPeriodicity": "R/P3M"},
			rdf:    "frequency/QUARTERLY> .",
		},
		"a frequency of nobody": {
			extras: map[string]any{"frequency": "now and then"},
			note:   "frequency: not carried over, as it is not known here: now and then",
		},
		"addresses": {
			extras: map[string]any{
				"conforms_to": `["https://x.example/s1", "words"]`, "documentation": []any{"https://x.example/doc"},
			},
			rdf:  "dct:conformsTo <https://x.example/s1> ;\n    foaf:page <https://x.example/doc> .",
			note: "conforms_to: not carried over, as it is no address: words",
		},
		"rights and provenance": {
			extras: map[string]any{"rights": "Ask first.", "provenance": "Measured."},
			rdf: "dct:provenance [ a dct:ProvenanceStatement ;\n        rdfs:label \"Measured.\" ] ;\n" +
				"    dct:rights [ a dct:RightsStatement ;\n        rdfs:label \"Ask first.\" ] .",
		},
		"identifiers": {
			extras: map[string]any{"guid": "10.1/a", "alternate_identifier": `["b"]`},
			want:   schemas.Dataset{Identifiers: []string{"10.1/a", "p", "b"}},
		},
		"themes": {
			extras: map[string]any{
				"theme": `["http://publications.europa.eu/resource/authority/data-theme/ENER", "geospatial"]`,
			},
			want: schemas.Dataset{Themes: []string{"ENER"}, Space: "energy", Keywords: []string{"geospatial"}},
		},
		"what nobody reads": {
			members: map[string]any{"odd": "x", "empty": "", "isopen": true},
			extras:  map[string]any{"bureauCode": []any{"1"}, "nothing": nil},
			note:    "extras: not carried over: bureauCode\nnot carried over: odd",
		},
		"control characters": {
			members: map[string]any{"notes": "a\u0080\u0099b"},
			want:    schemas.Dataset{Description: schemas.Text{"": "ab"}},
			note:    "notes: taken over without the control characters in it",
		},
		"a resource with a file": {
			resource: map[string]any{
				"download_url": "https://x.example/a.zip", "access_url": "https://x.example/page", "hash": "MD5:ABCD",
				"language": "de", "rights": "https://x.example/rights", "description": "All of it",
			},
			link: "dct:description \"All of it\" ;\n    dct:language \"de\" ;",
		},
	} {
		got, err := Read(packageOf(t, c.members, c.extras, c.resource), "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		notes := strings.Join(got.Notes, "\n")
		if c.note != "" && !strings.Contains(notes, c.note) {
			t.Errorf("%s: %q, want %q", name, notes, c.note)
		}
		if !strings.Contains(got.Links[0].RDF, c.link) {
			t.Errorf("%s: %s\nwant %s", name, got.Links[0].RDF, c.link)
		}
		if !strings.Contains(got.RDF, c.rdf) {
			t.Errorf("%s: %s\nwant %s", name, got.RDF, c.rdf)
		}
		if c.want.Title == nil {
			c.want.Title = schemas.Text{"": "T"}
		}
		if c.want.Identifiers == nil {
			c.want.Identifiers = []string{"p"}
		}
		if c.link == "" && got.Links[0].RDF == "" {
			c.want.Links = []schemas.Link{{URL: "https://x.example/a"}}
		} else {
			c.want.Links = got.Links
		}
		got.RDF, got.Notes = "", nil
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestLicences: the id, the address, or what an extra says; what names no licence is noted.
func TestLicences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members map[string]any
		want    string
		note    string
	}{
		"none": {},
		"an id": {
			members: map[string]any{"license_id": "cc-zero", "license_url": "http://www.opendefinition.org/licenses/cc-zero"},
			want:    "CC0-1.0",
		},
		"a version": {
			members: map[string]any{"license_id": "CC-BY-SA-4.0"},
			want:    "CC-BY-SA-4.0",
		},
		"an address": {
			members: map[string]any{"license_id": "cc-by", "license_url": "https://creativecommons.org/licenses/by/4.0/"},
			want:    "CC-BY-4.0",
		},
		"no version": {
			members: map[string]any{"license_id": "cc-by"},
			want:    "http://www.opendefinition.org/licenses/cc-by",
		},
		"an address as id": {
			members: map[string]any{"license_id": "http://dcat-ap.de/def/licenses/dl-by-de/2.0"},
			want:    "DL-DE-BY-2.0",
		},
		"other": {
			members: map[string]any{"license_id": "other-license-specified", "license_title": "Other (not said)"},
			note:    "license_id: not carried over, as it names no licence: Other (not said)",
		},
		"another field": {
			members: map[string]any{"license_id": "notspecified", "license": "https://l.example/own"},
			want:    "https://l.example/own",
		},
		"its own": {
			members: map[string]any{"license_id": "MIT"},
			want:    "MIT",
		},
	} {
		got, err := Read(packageOf(t, c.members, nil, nil), "")
		if err != nil || got.Licence != c.want || !strings.Contains(strings.Join(got.Notes, "\n"), c.note) {
			t.Errorf("%s: %q, %q, %v; want %q", name, got.Licence, got.Notes, err, c.want)
		}
	}
}

// TestResources: those with an address are links, and their files are told as DCAT-AP has them.
func TestResources(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		resource map[string]any
		want     schemas.Link
	}{
		"bare": {
			want: schemas.Link{URL: "https://x.example/a"},
		},
		"an upload": {
			resource: map[string]any{"url_type": "upload", "format": "CSV", "size": json.Number("12")},
			want: schemas.Link{
				URL: "https://x.example/a", Format: "CSV",
				RDF: "<> dcat:byteSize \"12\"^^xsd:nonNegativeInteger ;\n    dcat:downloadURL <https://x.example/a> .\n",
			},
		},
		"a page and a file": {
			resource: map[string]any{"access_url": "https://x.example/page", "download_url": "https://x.example/file", "name": "N"},
			want: schemas.Link{
				URL: "https://x.example/file", Title: "N",
				RDF: "<> dcat:accessURL <https://x.example/page> ;\n    dcat:downloadURL <https://x.example/file> .\n",
			},
		},
		"a sum": {
			resource: map[string]any{"hash": "ABCD", "hash_algorithm": "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"},
			want: schemas.Link{
				URL: "https://x.example/a",
				RDF: "<> spdx:checksum [ a spdx:Checksum ;\n        spdx:algorithm spdx:checksumAlgorithm_sha256 ;\n" +
					"        spdx:checksumValue \"abcd\"^^xsd:hexBinary ] .\n",
			},
		},
		"times and more": {
			resource: map[string]any{
				"created": "2020-01-01", "last_modified": "2021-01-01T00:00:00", "describedBy": "https://x.example/doc",
				"conformsTo": "https://x.example/s", "status": "https://x.example/done", "hash": "x", "size": "1GB",
			},
			want: schemas.Link{
				URL: "https://x.example/a",
				RDF: "<> dct:conformsTo <https://x.example/s> ;\n    dct:issued \"2020-01-01\"^^xsd:date ;\n" +
					"    dct:modified \"2021-01-01T00:00:00\"^^xsd:dateTime ;\n    adms:status <https://x.example/done> ;\n" +
					"    foaf:page <https://x.example/doc> .\n",
			},
		},
	} {
		got, err := Read(packageOf(t, nil, nil, c.resource), "")
		if err != nil || len(got.Links) != 1 {
			t.Errorf("%s: %+v, %v", name, got.Links, err)
			continue
		}
		if diff := cmp.Diff(c.want, got.Links[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestReadSearch: what is none of ours to list is passed over, what is faulty does not spoil the
// others, and an answer that is none is refused.
func TestReadSearch(t *testing.T) {
	t.Parallel()
	const good = `{"id": "a", "title": "A", "owner_org": "o", "resources": []}`
	for name, c := range map[string]struct {
		results  string
		items    int
		found    int
		faulty   int
		refused  schemas.Kind
		mustSay  string
		wholeDoc string
	}{
		"one": {
			results: good,
			items:   1,
			found:   1,
		},
		"a private one": {
			results: good + `, {"id": "b", "title": "B", "private": true}`,
			items:   1,
			found:   2,
		},
		"one without a title": {
			results: good + `, {"id": "b"}, {"id": "c", "title": "C", "notes": 7}`,
			items:   3,
			found:   3,
			faulty:  1,
		},
		"no objects": {
			results: good + `, 7, null, "x"`,
			items:   4,
			found:   4,
			faulty:  3,
		},
		"nothing": {
			results: ``,
		},
		"a failure": {
			wholeDoc: `{"success": false, "error": {"__type": "Search Error", "message": "away"}}`,
			refused:  schemas.Unavailable,
			mustSay:  "Search Error away",
		},
		"a package": {
			wholeDoc: `{"success": true, "result": ` + good + `}`,
			refused:  schemas.Invalid,
			mustSay:  "no answer of package_search",
		},
		"a page of HTML": {
			wholeDoc: `<html></html>`,
			refused:  schemas.Invalid,
			mustSay:  "this is not JSON of CKAN",
		},
	} {
		doc := c.wholeDoc
		if doc == "" {
			doc = `{"success": true, "result": {"count": 9, "results": [` + c.results + `]}}`
		}
		p, err := ReadSearch([]byte(doc), "https://portal.example")
		if c.mustSay != "" {
			if schemas.KindOf(err) != c.refused || !strings.Contains(err.Error(), c.mustSay) {
				t.Errorf("%s: %v, want %q", name, err, c.mustSay)
			}
			continue
		}
		faulty := 0
		for _, item := range p.Items {
			if item.Err != nil {
				faulty++
			}
		}
		if err != nil || len(p.Items) != c.items || p.Found != c.found || faulty != c.faulty || p.Count != 9 {
			t.Errorf("%s: %d of %d, %d faulty, %d, %v", name, len(p.Items), p.Found, faulty, p.Count, err)
		}
	}
}
