package croissant

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

// Types of columns have the names that Croissant has for them; else they are text.
func TestDataTypes(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"int8":                                   "cr:Int8",
		"int64":                                  "cr:Int64",
		"uint16":                                 "cr:UInt16",
		"float16":                                "cr:Float16",
		"float32":                                "cr:Float32",
		"float64":                                "cr:Float64",
		"bool":                                   "sc:Boolean",
		"utf8":                                   "sc:Text",
		"large_utf8":                             "sc:Text",
		"binary":                                 "sc:Text",
		"date32":                                 "sc:Date",
		"date64":                                 "sc:Date",
		"date":                                   "sc:Date",
		"time32[ms]":                             "sc:Time",
		"time64[us]":                             "sc:Time",
		"timestamp[us, tz=UTC]":                  "sc:DateTime",
		"timestamp":                              "sc:DateTime",
		"decimal(9, 2)":                          "sc:Float",
		"struct<a: int32>":                       "sc:Text",
		"list<item: float32, nullable>":          "cr:Float32 -1",
		"large_list<item: utf8, nullable>":       "sc:Text -1",
		"fixed_size_list<item: uint8>[4]":        "cr:UInt8 4",
		"list<item: list<item: int8>>":           "sc:Text",
		"dictionary<values=utf8, indices=int32>": "sc:Text",
		"dictionary<values=int64, indices=int8>": "cr:Int64",
		"":                                       "sc:Text",
	} {
		f := object{}
		typed(f, schemas.TableColumn{Type: words})
		got := fmt.Sprint(f["dataType"])
		if f["isArray"] == true {
			got += fmt.Sprintf(" %s", f["arrayShape"])
		}
		if got != want {
			t.Errorf("%q: %s, want %s", words, got, want)
		}
	}
	for media, want := range map[string]string{
		"image/png":       "sc:ImageObject",
		"audio/flac":      "sc:AudioObject",
		"video/mp4":       "sc:VideoObject",
		"application/pdf": "sc:Text",
	} {
		if got := dataType("binary", media); got != want {
			t.Errorf("%s: %s, want %s", media, got, want)
		}
	}
}

// Names that Croissant wants otherwise are changed, all else stays.
func TestNames(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"CSV":        "text/csv",
		"csv":        "text/csv",
		"text/csv":   "text/csv",
		"Parquet":    "application/vnd.apache.parquet",
		"geojson":    "application/geo+json",
		"Arrow file": "application/octet-stream",
		"":           "application/octet-stream",
	} {
		if got := mediaType(format); got != want {
			t.Errorf("%q: %s, want %s", format, got, want)
		}
	}
	for l, want := range map[string]string{
		"CC-BY-4.0":           "https://spdx.org/licenses/CC-BY-4.0",
		"LicenseRef-own":      "LicenseRef-own",
		"https://l.example/1": "https://l.example/1",
		"MIT OR Apache-2.0":   "MIT OR Apache-2.0",
	} {
		if got := licence(l); got != want {
			t.Errorf("%q: %s, want %s", l, got, want)
		}
	}
	for name, want := range map[string]string{
		"a.b-C_1":  "a.b-C_1",
		"x/y.png":  "x/y.png",
		"a b":      ".7",
		"ü":        ".7",
		".7":       ".7",
		"../a":     ".7",
		"":         ".7",
		"a#b?c=%d": ".7",
	} {
		if got := plain(name, 7); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// A version of more files than a document may name tells its splits as wholes.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	d := &schemas.Dataset{ID: "ds-1", Title: schemas.Text{"en": "T"}}
	many := schemas.Split{Name: "many", Shards: make([]schemas.Shard, maxFiles)}
	few := schemas.Split{Name: "few", Shards: make([]schemas.Shard, 2)}
	none := schemas.Split{Name: "none"}
	columns := []schemas.TableColumn{{Name: "a", Type: "int64"}}
	for name, c := range map[string]struct {
		splits []schemas.Split
		files  int
		live   bool
		source string
	}{
		"few":       {[]schemas.Split{few}, 2, false, "t/few/0.arrow"},
		"many":      {[]schemas.Split{many}, maxFiles, false, "t/many/0.arrow"},
		"more":      {[]schemas.Split{few, many}, 3, true, "t/few/0.arrow"},
		"left out":  {[]schemas.Split{none, few}, 3, true, "t/none"},
		"no splits": {nil, 0, false, ""},
	} {
		b, err := Write(d, &schemas.Version{Data: []schemas.Table{{Name: "t", Columns: columns, Splits: c.splits}}}, "https://guichet.example")
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			IsLiveDataset bool
			Distribution  []map[string]any
			RecordSet     []struct {
				Field []struct {
					Source struct {
						FileObject map[string]string
					}
				}
			}
		}
		err = json.Unmarshal(b, &doc)
		if err != nil {
			t.Fatal(err)
		}
		if len(doc.Distribution) != c.files || doc.IsLiveDataset != c.live {
			t.Errorf("%s: %d files, live %t", name, len(doc.Distribution), doc.IsLiveDataset)
		}
		source := ""
		if len(doc.RecordSet) > 0 {
			source = doc.RecordSet[0].Field[0].Source.FileObject["@id"]
		}
		if source != c.source {
			t.Errorf("%s: columns of %q, want %q", name, source, c.source)
		}
		for _, f := range doc.Distribution {
			if c.source != "" && f["contentUrl"] == "" {
				t.Errorf("%s: a file without an address", name)
			}
		}
	}
}

// The whole document, but its context, of a dataset with terms and one shard.
func TestDocument(t *testing.T) {
	t.Parallel()
	d := &schemas.Dataset{
		ID:          "ds-1",
		IRI:         "https://x.example/wind",
		Provider:    "https://p.example",
		Title:       schemas.Text{"en": "Wind", "de": "Wind (DE)"},
		Keywords:    []string{"sea", "air"},
		Countries:   []string{"FR"},
		Languages:   []string{"fr"},
		Publisher:   "Office",
		Contact:     "data@x.example",
		Licence:     "CC-BY-4.0",
		Attribution: "Office of winds",
		From:        "2020",
		Registered:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Modified:    time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
		Offer: &schemas.Offer{Rules: []schemas.Rule{{
			Kind:    schemas.Permission,
			Actions: []string{"use"},
		}}},
	}
	v := &schemas.Version{
		VersionSummary: schemas.VersionSummary{Version: "1.0.0", Published: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)},
		Data: []schemas.Table{{
			Name:    "t",
			Columns: []schemas.TableColumn{{Name: "speed", Type: "float64", Concept: "https://c.example/x", Description: schemas.Text{"en": "Speed"}}},
			Splits:  []schemas.Split{{Name: "all", Shards: []schemas.Shard{{Size: 100, SHA256: strings.Repeat("ab", 32)}}}},
		}},
	}
	b, err := Write(d, v, "https://guichet.example")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	err = json.Unmarshal(b, &doc)
	if err != nil {
		t.Fatal(err)
	}
	delete(doc, "@context")
	var want map[string]any
	err = json.Unmarshal([]byte(document), &want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, b)
	}
}

const document = `{
  "@id": "https://x.example/wind",
  "@type": "sc:Dataset",
  "citeAs": "Office of winds",
  "conformsTo": "http://mlcommons.org/croissant/1.1",
  "creator": {
    "@type": "sc:Organization",
    "email": "data@x.example",
    "name": "Office"
  },
  "dateModified": "2026-02-03",
  "datePublished": "2026-01-05",
  "description": {
    "de": "Wind (DE)",
    "en": "Wind"
  },
  "distribution": [
    {
      "@id": "t/all/0.arrow",
      "@type": "cr:FileObject",
      "contentSize": "100 B",
      "contentUrl": "https://guichet.example/datasets/ds-1#1.0.0/t/all/0.arrow",
      "encodingFormat": "application/vnd.apache.arrow.file",
      "name": "0.arrow",
      "sha256": "abababababababababababababababababababababababababababababababab"
    }
  ],
  "identifier": "ds-1",
  "inLanguage": "fr",
  "isLiveDataset": false,
  "keywords": [
    "sea",
    "air"
  ],
  "license": "https://spdx.org/licenses/CC-BY-4.0",
  "name": {
    "de": "Wind (DE)",
    "en": "Wind"
  },
  "publisher": {
    "@type": "sc:Organization",
    "name": "Office"
  },
  "recordSet": [
    {
      "@id": "t",
      "@type": "cr:RecordSet",
      "field": [
        {
          "@id": "t/speed",
          "@type": "cr:Field",
          "dataType": "cr:Float64",
          "description": {
            "en": "Speed"
          },
          "equivalentProperty": "https://c.example/x",
          "name": "speed",
          "source": {
            "extract": {
              "column": "speed"
            },
            "fileObject": {
              "@id": "t/all/0.arrow"
            }
          }
        }
      ],
      "name": "t"
    }
  ],
  "spatialCoverage": "FR",
  "temporalCoverage": "2020/..",
  "url": "https://guichet.example/datasets/ds-1",
  "usageInfo": {
    "@id": "https://x.example/wind#offer",
    "@type": [
      "odrl:Offer"
    ],
    "odrl:assigner": [
      {
        "@id": "https://p.example"
      }
    ],
    "odrl:conflict": [
      {
        "@id": "http://www.w3.org/ns/odrl/2/prohibit"
      }
    ],
    "odrl:permission": [
      {
        "odrl:action": [
          {
            "@id": "http://www.w3.org/ns/odrl/2/use"
          }
        ]
      }
    ],
    "odrl:profile": [
      {
        "@id": "urn:guichet:odrl"
      }
    ]
  },
  "version": "1.0.0"
}`
