package ckan

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// packages gives every real package of the corpus.
func packages(t testing.TB, f func(b []byte)) {
	t.Helper()
	file, err := os.Open(sharedtest.Path(t, "reference-data", "catalogue", "ckan", "data.gov-2017-federal", "ckan-packages-3300.jsonl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := zstd.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	r := bufio.NewReader(io.LimitReader(z, 1<<30))
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 1 {
			f(line)
		}
		if err != nil {
			return
		}
	}
}

const made = `{"help": "…", "success": true, "result": {
  "id": "0a1b", "name": "grain", "title": "Grain yields", "notes": "Yields of grain.", "type": "dataset", "state": "active", "private": false,
  "owner_org": "x", "organization": {"title": "Office of Grain", "name": "grain-office"}, "metadata_created": "2014-10-08T03:06:59.871671",
  "metadata_modified": "2016-05-06T07:56:28.392944", "license_id": "cc-by", "license_url": "http://creativecommons.org/licenses/by/4.0/",
  "maintainer": "A. Person", "maintainer_email": "grain@x.example", "version": "2.1", "url": "https://x.example/grain",
  "tags": [{"name": "grain", "display_name": "Grain"}, {"name": "gone", "state": "deleted"}], "groups": [{"title": "Farming", "name": "farming"}],
  "extras": [{"key": "language", "value": "[\"en\", \"fr\"]"}, {"key": "temporal", "value": "2010-08-14T00:00:00Z/2010-09-24T23:59:00Z"},
    {"key": "spatial", "value": "{\"type\": \"Point\", \"coordinates\": [4.3, 50.8]}"}, {"key": "spatial_uri", "value": "http://publications.europa.eu/resource/authority/country/BEL"},
    {"key": "frequency", "value": "R/P1Y"}, {"key": "identifier", "value": "10.1/grain"}, {"key": "bureauCode", "value": ["026:00"]},
    {"key": "theme", "value": "[\"http://publications.europa.eu/resource/authority/data-theme/AGRI\"]"}, {"key": "modified", "value": "2015-03-12"}],
  "resources": [
    {"id": "r1", "url": "https://x.example/g rain.csv", "name": "As CSV", "format": "CSV", "mimetype": "text/csv", "size": 12, "url_type": "upload", "hash": "sha256:ab12", "state": "active", "odd": "x"},
    {"id": "r2", "url": "grain.xls", "name": "Nowhere", "format": "XLS"}, {"id": "r3", "url": "https://x.example/gone", "state": "deleted"}]}}`

func TestRead(t *testing.T) {
	t.Parallel()
	got, err := Read([]byte(made), "https://portal.example/")
	want := schemas.Dataset{
		IRI: "https://portal.example/dataset/0a1b", Identifiers: []string{"10.1/grain", "0a1b"}, Space: "agriculture",
		Title: schemas.Text{"": "Grain yields"}, Description: schemas.Text{"": "Yields of grain."}, Keywords: []string{"Grain", "Farming"},
		Themes: []string{"AGRI"}, Countries: []string{"BE"}, Box: []float64{4.3, 50.8, 4.3, 50.8}, Languages: []string{"en", "fr"}, Publisher: "Office of Grain", Contact: "grain@x.example",
		Licence: "CC-BY-4.0", From: "2010-08-14", Until: "2010-09-24",
		Links: []schemas.Link{{URL: "https://x.example/g%20rain.csv", Format: "CSV", Title: "As CSV", RDF: `@base <https://portal.example/dataset/0a1b/resource/r1> .
<> spdx:checksum [ a spdx:Checksum ;
        spdx:algorithm spdx:checksumAlgorithm_sha256 ;
        spdx:checksumValue "ab12"^^xsd:hexBinary ] ;
    dcat:byteSize "12"^^xsd:nonNegativeInteger ;
    dcat:downloadURL <https://x.example/g%20rain.csv> ;
    dcat:mediaType <https://www.iana.org/assignments/media-types/text/csv> .
`}},
		RDF: `<> dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/ANNUAL> ;
    dct:issued "2014-10-08T03:06:59.871671"^^xsd:dateTime ;
    dct:modified "2015-03-12"^^xsd:date ;
    dct:publisher [ a foaf:Organization ;
        foaf:name "Office of Grain" ] ;
    dct:spatial [ a dct:Location ;
        locn:geometry "{\"type\": \"Point\", \"coordinates\": [4.3, 50.8]}"^^<https://www.iana.org/assignments/media-types/application/vnd.geo+json> ] ;
    dcat:contactPoint [ a vcard:Kind ;
        vcard:fn "A. Person" ;
        vcard:hasEmail <mailto:grain@x.example> ] ;
    dcat:landingPage <https://x.example/grain> ;
    dcat:version "2.1" .
`,
		Notes: []string{
			"resources: not carried over, as it has no whole address: grain.xls Nowhere", "resources: not carried over: odd",
			"extras: not carried over: bureauCode",
		},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if !IsPackage([]byte(made)) {
		t.Error("it is not known")
	}
}

// TestIsPackage: a package is told apart from our own datasets and from data packages.
func TestIsPackage(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]bool{
		`{"title": {"en": "T"}, "space": "energy", "description": {"en": "\"resources\""}}`:            false,
		`{"name": "x", "title": "T", "resources": [{"path": "a.csv"}], "licenses": [{"name": "CC0"}]}`: false,
		`{"name": "x", "resources": [], "owner_org": null}`:                                            true,
		`{"success": true, "result": {"name": "x", "resources": [], "num_resources": 0}}`:              true,
		`{"success": false, "error": {"message": "\"resources\""}}`:                                    false,
		`["resources"]`: false, `{"resources"`: false, `{"result": {"resources": [], "owner_org": ""}}`: false,
	} {
		if IsPackage([]byte(doc)) != want {
			t.Errorf("%s: %v", doc, !want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for doc, c := range map[string]struct {
		kind schemas.Kind
		says string
	}{
		`{`: {schemas.Invalid, "JSON"}, `[]`: {schemas.Invalid, "JSON of CKAN"}, `{"success": true}`: {schemas.Invalid, "no JSON object"},
		`{"success": false, "error": {"__type": "Not Found Error", "message": "No\u001b[2J"}}`: {schemas.Unavailable, `Not Found Error No\u{1B}`},
		`{"id": "a", "title": "T", "private": true}`:                                           {schemas.Invalid, "private"},
		`{"id": "a", "title": "T", "state": "deleted"}`:                                        {schemas.Invalid, "not active"},
		`{"id": "a", "title": "T", "type": "harvest"}`:                                         {schemas.Invalid, "no dataset"},
		`{"id": "a"}`: {schemas.Invalid, "no title"},
		strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40): {schemas.Invalid, "nested"},
		`{"a": [` + strings.Repeat(`1,`, maxValues*2) + `1]}`:       {schemas.TooLarge, "values"},
	} {
		_, err := Read([]byte(doc), "")
		if schemas.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.60s: %v, want %q", doc, err, c.says)
		}
	}
}

// TestCorpus: all real packages are read, one by one and in pages, and what is not is said.
func TestCorpus(t *testing.T) {
	t.Parallel()
	read, skipped, links, boxes, why := 0, 0, 0, 0, map[string]int{}
	var page []string
	packages(t, func(b []byte) {
		if !IsPackage(b) && !strings.Contains(string(b), `"type": "harvest"`) {
			t.Errorf("not known as a package: %.200s", b)
		}
		page = append(page, string(b))
		d, err := Read(b, "https://catalog.data.gov")
		if err != nil {
			skipped++
			why[err.Error()]++
			return
		}
		read++
		links += len(d.Links)
		if len(d.Box) == 4 {
			boxes++
		}
		if d.IRI == "" || d.Publisher == "" {
			t.Errorf("%+v", d)
		}
	})
	t.Logf("%d read with %d links, %d not: %v", read, links, skipped, why)
	if boxes != 1243 { // of 1,038 shapes, 90 points, and four numbers
		t.Errorf("%d have a box, want 1243", boxes)
	}
	if read != 3288 || skipped != 12 {
		t.Errorf("%d read, %d not; want 3288 and the 12 that are no datasets", read, skipped)
	}
	items, found := 0, 0
	for some := range slices.Chunk(page, 100) {
		b := fmt.Appendf(nil, `{"success": true, "result": {"count": 194015, "results": [%s]}}`, strings.Join(some, ","))
		p, err := ReadSearch(b, "https://catalog.data.gov")
		if err != nil || p.Count != 194015 {
			t.Fatalf("%d, %v", p.Count, err)
		}
		items, found = items+len(p.Items), found+p.Found
	}
	if items != 3288 || found != 3300 {
		t.Errorf("%d of %d", items, found)
	}
}

// TestManyResources: a package of 8,000 resources is read, within its bounds.
func TestManyResources(t *testing.T) {
	t.Parallel()
	var resources []map[string]any
	for i := range 8000 {
		resources = append(resources, map[string]any{"id": fmt.Sprint("r", i), "url": fmt.Sprint("https://x.example/", i), "name": fmt.Sprint("File ", i),
			"format": "CSV", "description": "one of many", "mimetype": "text/csv", "size": i})
	}
	b, err := json.Marshal(map[string]any{"id": "many", "title": "Many", "owner_org": "x", "resources": resources})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Read(b, "https://portal.example")
	if err != nil || len(d.Links) != 8000 || d.Links[7999].URL != "https://x.example/7999" || d.Links[0].RDF == "" {
		t.Fatalf("%d links, %v", len(d.Links), err)
	}
	text, err := json.Marshal(d)
	if err != nil || len(text) > 4<<20 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(made))
	f.Add([]byte(`{"success": false, "error": {"message": 1}}`))
	f.Add([]byte(`{"id": 1, "title": ["a"], "extras": [{"key": "spatial", "value": "1 2 3 4"}, {"key": "temporal_start", "value": "2003"}], "resources": [{"url": "ftp://a/b"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		IsPackage(b)
		_, err := Read(b, "https://portal.example")
		if k := schemas.KindOf(err); err != nil && k != schemas.Invalid && k != schemas.TooLarge && k != schemas.Unavailable {
			t.Fatal(err)
		}
		_, err = ReadSearch(b, "https://portal.example")
		if k := schemas.KindOf(err); err != nil && k != schemas.Invalid && k != schemas.TooLarge && k != schemas.Unavailable {
			t.Fatal(err)
		}
	})
}
