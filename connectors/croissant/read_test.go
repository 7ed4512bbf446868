package croissant

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

var sum = regexp.MustCompile(`"(?:sha256|md5)": "[0-9a-fA-F]{8}`)

// Every Croissant of the reference catalogue is read: title, description, licence where one
// is named, links, tables with all of their columns; what is not kept is named.
func TestReferenceCroissants(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(sharedtest.Path(t, "reference-data", "catalogue", "croissant", "mlcommons"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	links, tables, columns, licences := 0, 0, 0, 0
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d, is, err := Read(b, "")
		if !is || err != nil && !strings.Contains(err.Error(), "title") {
			t.Errorf("%s: %t %v", filepath.Base(path), is, err)
			continue
		}
		if err != nil {
			t.Logf("%s: %v", filepath.Base(path), err)
			continue
		}
		links, tables = links+len(d.Links), tables+len(d.Tables)
		for _, table := range d.Tables {
			columns += len(table.Fields)
		}
		if d.Licence != "" {
			licences++
		}
		notes := strings.Join(d.Notes, "\n")
		sums, passed := 0, strings.Count(notes, "distribution: not kept, as it ")
		for _, l := range d.Links {
			sums += strings.Count(l.RDF, "spdx:checksumValue ")
		}
		if said := len(sum.FindAll(b, -1)); said > sums+passed {
			t.Errorf("%s: %d sums, %d kept and %d files passed over:\n%s", filepath.Base(path), said, sums, passed, notes)
		}
		if strings.Contains(string(b), `"datePublished": "`) && !strings.Contains(d.RDF, "dct:issued") {
			t.Errorf("%s: it lost when it was published", filepath.Base(path))
		}
		for _, word := range []string{"rai:", "prov#", "alternateName", "includes", "references", "containedIn"} {
			named := strings.Contains(notes, word) || word == "includes" && strings.Contains(notes, "set of files") ||
				word == "containedIn" && strings.Contains(notes, "another file") || word == "containedIn" && strings.Contains(notes, "set of files") ||
				word == "prov#" && strings.Contains(notes, "prov")
			if strings.Contains(string(b), `"`+word) && strings.Count(string(b), `"`+word+`"`) > 1 && !named {
				t.Errorf("%s: %s is lost in silence:\n%s", filepath.Base(path), word, notes)
			}
		}
	}
	t.Logf("%d files: %d links, %d tables, %d columns, %d licences", len(files), links, tables, columns, licences)
	if len(files) < 45 || links < 20 || tables < 70 || columns < 350 || licences < 25 {
		t.Error("too little is read")
	}
}

// Trial 11: namespaces that are written otherwise are told, and what is meant is read; what
// we give back is valid.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	docs := map[string][]byte{}
	for name, told := range map[string]string{
		"https":    "",
		"http":     "schema.org is written with http",
		"wrong-cr": "is not the namespace of Croissant",
	} {
		b, err := os.ReadFile(sharedtest.Path(t, "reports", "11-croissant-namespaces", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		d, is, err := Read(b, "")
		if err != nil || !is || d.Title["en"] != "kiosks" || len(d.Tables) != 1 || len(d.Tables[0].Fields) != 2 || d.Licence != "CC-BY-4.0" || len(d.Links) != 1 {
			t.Errorf("%s: %t %v %+v", name, is, err, d)
		}
		notes := strings.Join(d.Notes, "\n")
		if strings.Contains(notes, "@context: ") != (told != "") || !strings.Contains(notes, told) {
			t.Errorf("%s: %q", name, d.Notes)
		}
		d.ID = "ds-1"
		docs[name], err = Write(&d, nil, "https://guichet.example")
		if err != nil {
			t.Fatal(err)
		}
	}
	validated(t, docs)
}

// Each thing that a Croissant says lands, or is named.
func TestRead(t *testing.T) {
	t.Parallel()
	d, is, err := Read([]byte(whole), "https://source.example/d/croissant.json")
	if err != nil || !is {
		t.Fatal(is, err)
	}
	want := schemas.Dataset{
		IRI:         "https://x.example/buoys",
		Identifiers: []string{"10.1/x", "https://y.example/buoys"},
		Title:       schemas.Text{"en": "Buoys"},
		Description: schemas.Text{"en": "Waves\nand wind"},
		Keywords:    []string{"sea", "air"},
		Countries:   []string{"FR"},
		Languages:   []string{"fr"},
		Publisher:   "Office of the sea",
		Contact:     "a@x.example",
		Licence:     "MIT",
		Attribution: "Ada (2020)",
		From:        "2020",
		Until:       "2021-06",
		Links: []schemas.Link{
			{URL: "https://f.example/a.csv", Format: "text/csv", Title: "a.csv", RDF: `<> spdx:checksum [ a spdx:Checksum ;
        spdx:algorithm spdx:checksumAlgorithm_sha256 ;
        spdx:checksumValue "00"^^xsd:hexBinary ] ;
    dcat:downloadURL <https://f.example/a.csv> .
`},
			{URL: "https://source.example/d/b.csv", Format: "text/csv", Title: "b", RDF: "<> dcat:downloadURL <https://source.example/d/b.csv> .\n"},
		},
		Tables: []schemas.TableInfo{{
			Name:  "waves-2020",
			Title: schemas.Text{"en": "Heights"},
			Fields: []schemas.Field{
				{Name: "height", Type: "float64", Description: schemas.Text{"en": "In metres"}},
				{Name: "kind", Type: "text", Concept: "http://www.wikidata.org/entity/Q1"},
				{Name: "place"},
				{Name: "place.lat", Type: "float32"},
				{Name: "picture"},
			},
		}},
		RDF: "<> dct:issued \"2020-01-01\"^^xsd:date .\n",
		Notes: []string{
			"creator: not kept beside the publisher: Ada, Bo",
			"usageInfo: terms are put by themselves: PUT /datasets/{id}/offer, or guichet offer",
			"distribution: not kept, as it lies in another file: c.csv",
			"distribution: not kept, as a set of files is none: all (*.csv)",
			"distribution: not kept, as it is a repository and no file: https://f.example/r",
			"recordSet/field/dataType: not kept of picture: ImageObject",
			"recordSet: not kept, as it only lists values: splits",
			"not kept: rai:dataBiases",
			"recordSet/field/source: not kept: transform",
			"recordSet/field: not kept: references",
		},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is no Croissant is left to others, and faults have their places.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		doc  string
		is   bool
		says string
	}{
		"DCAT-AP":      {`{"@type": "http://www.w3.org/ns/dcat#Dataset", "http://schema.org/name": "a"}`, false, ""},
		"nothing":      {`{"@type": "https://schema.org/Person"}`, false, ""},
		"another word": {`{"@type": "Dataset"}`, false, ""},
		"no title":     {`{"@type": "https://schema.org/Dataset"}`, true, "no title"},
		"two": {`[{"@type": "https://schema.org/Dataset"}, {"@type": "https://schema.org/Dataset"}]`, true,
			"2 datasets"},
		"no JSON":      {"{\n\"https://schema.org/name\": ", false, "line 2"},
		"a bare title": {`{"@context": {"@vocab": "http://schema.org/"}, "@type": "Dataset", "name": "a"}`, true, ""},
		"not embedded": {`{"@context": "https://schema.org/", "@type": "Dataset", "name": "a"}`, false, "is not known here"},
	} {
		_, is, err := Read([]byte(c.doc), "")
		if is != c.is || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %t %v", name, is, err)
		}
	}
}

// Whatever the bytes are, they are read, refused with a kind or left to others.
func FuzzRead(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(dates))
	f.Add([]byte(`{"@context": "http://mlcommons.org/croissant/1.1", "@type": "sc:Dataset", "name": "a", "spatialCoverage": [{"geo": {"box": "1 2 3 4"}}, "BE10"]}`))
	f.Add([]byte(`{"@type": "https://schema.org/Dataset", "https://schema.org/name": "a"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := Read(b, "")
		if k := schemas.KindOf(err); err != nil && k != schemas.Invalid && k != schemas.TooLarge {
			t.Fatal(err)
		}
	})
}

const whole = `{
  "@context": ["http://mlcommons.org/croissant/1.1", {"wd": "http://www.wikidata.org/entity/"}],
  "@type": "sc:Dataset",
  "@id": "https://x.example/buoys",
  "conformsTo": "http://mlcommons.org/croissant/1.1",
  "name": "Buoys",
  "description": "Waves\nand wind",
  "url": "https://x.example/buoys.html",
  "license": "mit",
  "keywords": "sea, air",
  "inLanguage": "fra",
  "temporalCoverage": "2020/2021-06",
  "spatialCoverage": {
    "@type": "Place",
    "name": "France"
  },
  "identifier": "10.1/x",
  "sameAs": "https://y.example/buoys",
  "citeAs": "Ada\n (2020)",
  "datePublished": "2020-01-01",
  "rai:dataBiases": "many",
  "usageInfo": {
    "@id": "https://x.example/offer"
  },
  "creator": [
    {
      "@type": "Person",
      "name": "Ada",
      "email": "a@x.example"
    },
    {
      "@type": "Person",
      "name": "Bo"
    }
  ],
  "publisher": {
    "@type": "Organization",
    "name": "Office of the sea"
  },
  "distribution": [
    {
      "@type": "cr:FileObject",
      "@id": "a.csv",
      "contentUrl": "https://f.example/a.csv",
      "name": "a.csv",
      "encodingFormat": "text/csv",
      "sha256": "00"
    },
    {
      "@type": "cr:FileObject",
      "name": "b",
      "contentUrl": "https://source.example/d/b.csv",
      "encodingFormat": "text/csv"
    },
    {
      "@type": "cr:FileObject",
      "name": "c.csv",
      "contentUrl": "c.csv",
      "containedIn": {
        "@id": "zip"
      }
    },
    {
      "@type": "cr:FileSet",
      "name": "all",
      "includes": "*.csv"
    },
    {
      "@type": "cr:FileObject",
      "name": "r",
      "contentUrl": "https://f.example/r",
      "encodingFormat": "git+https"
    }
  ],
  "recordSet": [
    {
      "@type": "cr:RecordSet",
      "name": "Waves 2020",
      "description": "Heights",
      "field": [
        {
          "@type": "cr:Field",
          "name": "h",
          "description": "In metres",
          "dataType": "sc:Float",
          "source": {
            "extract": {
              "column": "height"
            },
            "transform": {
              "regex": "x"
            }
          }
        },
        {
          "@type": "cr:Field",
          "name": "Waves 2020/kind",
          "dataType": ["sc:Text", "wd:Q1"],
          "references": {
            "field": {
              "@id": "x"
            }
          }
        },
        {
          "@type": "cr:Field",
          "name": "place",
          "subField": {
            "name": "lat",
            "dataType": "cr:Float32"
          }
        },
        {
          "@type": "cr:Field",
          "name": "picture",
          "dataType": "sc:ImageObject"
        }
      ]
    },
    {
      "@type": "cr:RecordSet",
      "name": "splits",
      "data": [
        {
          "splits/name": "train"
        }
      ]
    }
  ]
}`
