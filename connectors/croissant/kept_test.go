package croissant

import (
	"strings"
	"testing"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// dates and sums as Croissant has them.
const dates = `{
  "@context": "http://mlcommons.org/croissant/1.1",
  "@type": "sc:Dataset",
  "name": "T",
  "url": "https://x.example/d",
  "datePublished": "2020-01-02",
  "dateModified": "2021-03-04T05:06:07Z",
  "dateCreated": "2019",
  "version": "2.1.0",
  "distribution": [
    {
      "@type": "cr:FileObject",
      "@id": "a",
      "name": "a",
      "contentUrl": "https://x.example/a.csv",
      "encodingFormat": "text/csv",
      "contentSize": "1234 B",
      "sha256": "AB12",
      "md5": "cd34",
      "description": "All of it"
    },
    {
      "@type": "cr:FileObject",
      "@id": "b",
      "name": "b",
      "contentUrl": "https://x.example/b.csv",
      "encodingFormat": "text/csv",
      "contentSize": "4.7 MB",
      "sha256": "none yet"
    }
  ]
}`

// kept of these.
var wanted = []string{
	`dct:issued "2020-01-02"^^xsd:date`,
	`dct:modified "2021-03-04T05:06:07Z"^^xsd:dateTime`,
	`dct:created "2019"^^xsd:gYear`,
	`dcat:version "2.1.0"`,
}

const wantedOfFile = `<> dct:description "All of it"@en ;
    spdx:checksum [ a spdx:Checksum ;
        spdx:algorithm spdx:checksumAlgorithm_md5 ;
        spdx:checksumValue "cd34"^^xsd:hexBinary ], [ a spdx:Checksum ;
        spdx:algorithm spdx:checksumAlgorithm_sha256 ;
        spdx:checksumValue "ab12"^^xsd:hexBinary ] ;
    dcat:byteSize "1234"^^xsd:nonNegativeInteger ;
    dcat:downloadURL <https://x.example/a.csv> .
`

// holds says whether a dataset still has all of it.
func holds(t *testing.T, after string, d schemas.Dataset) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(d.RDF, want) {
			t.Errorf("after %s: %s is not in\n%s", after, want, d.RDF)
		}
	}
	if len(d.Links) != 2 || d.Links[0].RDF != wantedOfFile {
		t.Errorf("after %s: the file is %+v", after, d.Links)
	}
}

// TestDatesAndSums: they are kept, and survive Croissant after Croissant, and DCAT-AP between them.
func TestDatesAndSums(t *testing.T) {
	t.Parallel()
	d, _, err := Read([]byte(dates), "")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "reading", d)
	notes := strings.Join(d.Notes, "\n")
	for _, want := range []string{
		"distribution: sha256 not kept of b, as it is none: none yet",
		"distribution: contentSize not kept of b, as it is no number of bytes: 4.7 MB",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not told: %s", want, notes)
		}
	}
	d.ID = "ds-1"
	doc, err := Write(&d, nil, "https://g.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"version": "2.1.0"`, `"dateCreated": "2019"`, `"contentSize": "1234 B"`, `"sha256": "ab12"`, `"isLiveDataset": true`} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("%s is not in\n%s", want, doc)
		}
	}
	again, _, err := Read(doc, "")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "Croissant", again)
	again.ID = "ds-1"
	turtle, err := dcatap.Write(rdf.Turtle, again, "https://g.example")
	if err != nil {
		t.Fatal(err)
	}
	third, err := dcatap.Read(rdf.Turtle, turtle, "")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "DCAT-AP", third)
	validated(t, map[string][]byte{"dates": doc})
}

// TestVersionOfOurs: a version that is published here has its own name and day.
func TestVersionOfOurs(t *testing.T) {
	t.Parallel()
	d, _, err := Read([]byte(dates), "")
	if err != nil {
		t.Fatal(err)
	}
	d.ID, d.Links = "ds-1", nil
	v := schemas.Version{VersionSummary: schemas.VersionSummary{Version: "2026-01-01"}}
	doc, err := Write(&d, &v, "https://g.example")
	if err != nil || !strings.Contains(string(doc), `"version": "2026-01-01"`) || !strings.Contains(string(doc), `"datePublished": "2020-01-02"`) {
		t.Errorf("%v\n%s", err, doc)
	}
	d.RDF = "this is no Turtle"
	_, err = Write(&d, &v, "https://g.example")
	if err != nil {
		t.Error(err)
	}
}
