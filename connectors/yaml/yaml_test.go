package yaml

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/schemas"
)

// The form that the local rig's data maker writes (deploy/local/maker).
const made = `iri: https://agri.example/datasets/grain
provider: https://agri.example
space: agriculture
title:
  de: Kornerträge
  en: Grain yields
description:
  en: |
    Yields by plot.
    Two lines.
keywords:
  - grain
themes:
  - AGRI
countries:
  - NO
  - FR
languages:
  - fr
publisher: Agri
licence: CC-BY-4.0
attribution: © Agri
from: "2020"
until: 2024-12-31
tables:
  - name: plots
    title: {en: Plots}
    csv:
      noHeader: true
      null: [NA, "-"]
    fields:
      - name: yield
        type: float64
        unit: t/ha
        concept: http://aims.fao.org/aos/agrovoc/c_8488
        description:
          en: Dry grain
      - name: farmer
        type: text
        sensitivity: identifies
`

func TestReadYAML(t *testing.T) {
	want := schemas.Dataset{
		IRI: "https://agri.example/datasets/grain", Provider: "https://agri.example", Space: "agriculture", Title: schemas.Text{"de": "Kornerträge", "en": "Grain yields"},
		Description: schemas.Text{"en": "Yields by plot.\nTwo lines.\n"}, Keywords: []string{"grain"}, Themes: []string{"AGRI"}, Countries: []string{"NO", "FR"}, Languages: []string{"fr"},
		Publisher: "Agri", Licence: "CC-BY-4.0", Attribution: "© Agri", From: "2020", Until: "2024-12-31",
		Tables: []schemas.TableInfo{{Name: "plots", Title: schemas.Text{"en": "Plots"}, CSV: &schemas.CSV{NoHeader: true, Null: []string{"NA", "-"}}, Fields: []schemas.Field{
			{Name: "yield", Type: "float64", Unit: "t/ha", Concept: "http://aims.fao.org/aos/agrovoc/c_8488", Description: schemas.Text{"en": "Dry grain"}},
			{Name: "farmer", Type: "text", Sensitivity: schemas.SensitivityIdentifies}}}},
	}
	got, err := ReadDataset([]byte(made))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestYAMLFaultsHaveLines(t *testing.T) {
	for name, c := range map[string]struct{ doc, pointer, word string }{
		"unknown key":   {"space: energy\ntitle: {en: x}\ntitel: y\n", "/titel", "line 3"},
		"nested key":    {"space: energy\ntitle: {en: x}\ntables:\n  - name: a\n    fields:\n      - name: b\n        typ: text\n", "/tables/0/fields/0/typ", "line 7"},
		"a year":        {"space: energy\ntitle: {en: x}\nfrom: 2020\n", "/from", "line 3: this is a number; wanted is a text; put it in quotes"},
		"a bare title":  {"space: energy\ntitle: Fahrplan\n", "/title", "line 2: this is a text; wanted is something with members, like {name: value}; say its language: title: {en: …}"},
		"a bare text":   {"space: energy\ntitle: {en: x}\ntables:\n  - name: a\n    fields:\n      - name: b\n        description: c\n", "/tables/0/fields/0/description", "say its language: description: {en: …}"},
		"missing":       {"space: energy\n", "/title", "missing"},
		"given twice":   {"space: energy\ntitle: {en: x}\nspace: health\n", "", "line 3"},
		"country":       {"space: energy\ntitle: {en: x}\ncountries:\n  - FR\n  - France\n", "/countries/1", "line 5"},
		"visibility":    {"space: energy\ntitle: {en: x}\nvisibility: nobody\n", "/visibility", "line 3"},
		"not a map":     {"- 1\n", "", "wanted is something with members"},
		"broken":        {"space: energy\ntitle: {en: x\nfrom: [\n", "", "not YAML"},
		"alias":         {"space: &a energy\ntitle: {en: *a}\n", "/space", "line 1"},
		"merge key":     {"space: energy\ntitle:\n  <<: {en: x}\n", "/title", "line 3"},
		"two documents": {"space: energy\n---\nspace: energy\n", "", "one YAML document"},
		"empty":         {"", "", "one YAML document"},
		"tag":           {"space: !!binary aGk=\ntitle: {en: x}\n", "/space", "line 1"},
		"empty text":    {"space: energy\ntitle: {}\n", "/title", "line 2: this must not be empty"},
		"empty list":    {"space: energy\ntitle: {en: x}\ntables: a\n", "/tables", "line 3: this is a text; wanted is a list, like [a, b]"},
		"long":          {"space: energy\ntitle: {en: x}\nfrom: '" + strings.Repeat("2", 99) + "'\n", "/from", "line 3: "},
		"many":          {"space: energy\ntitle: {en: x}\nidentifiers: [" + strings.Repeat("a, ", 101) + "]\n", "/identifiers", "this list has 101 values; at most 100 are kept"},
		"null":          {"space: energy\ntitle: {en: x}\npublisher:\n", "/publisher", "line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ReadDataset([]byte(c.doc))
			e, ok := err.(*schemas.Error)
			if !ok || e.Kind != schemas.Invalid || len(e.Fields) == 0 {
				t.Fatalf("%+v %v", d, err)
			}
			if !strings.HasPrefix(e.Fields[0].Pointer, c.pointer) || !strings.Contains(e.Fields[0].Message, c.word) {
				t.Errorf("%+v", e.Fields)
			}
		})
	}
}

// TestWords: what a bound of the schema finds is said as a person says it, with the number that is meant.
func TestWords(t *testing.T) {
	for doc, want := range map[string]string{
		"contact: " + strings.Repeat("c", 321):      "/contact: line 3: this has 321 characters; at most 320 are kept",
		"box: [-181, 0, 1, 1]":                      "/box/0: line 3: write a number of at least -180",
		"box: [0, 0, 200, 1]":                       "/box/2: line 3: write a number of at most 180",
		"box: [a, 0, 1, 1]":                         "/box/0: line 3: this is a text; wanted is a number",
		"box: {west: 1}":                            "/box: line 3: this is something with members, like {name: value}; wanted is a list, like [a, b]",
		"languages: ['']":                           "/languages/0: line 3: this must not be empty",
		"publisher: [a]":                            "/publisher: line 3: this is a list, like [a, b]; wanted is a text",
		"publisher: true":                           "/publisher: line 3: this is true or false; wanted is a text; put it in quotes",
		"links: [{url: 'https://x.example', a: b}]": "/links/0/a: line 3: \"a\" is not a member that is known here",
	} {
		_, err := ReadDataset([]byte("space: energy\ntitle: {en: x}\n" + doc + "\n"))
		e, ok := err.(*schemas.Error)
		if !ok || e.Fields[0].Pointer+": "+e.Fields[0].Message != want {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// The schema names the members of the Go types, no more and no fewer.
func TestSchemaIsTheType(t *testing.T) {
	var doc struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	err := json.Unmarshal(schemas.DatasetSchema, &doc)
	if err != nil {
		t.Fatal(err)
	}
	for name, typ := range map[string]reflect.Type{"": reflect.TypeFor[schemas.Dataset](), "link": reflect.TypeFor[schemas.Link](), "table": reflect.TypeFor[schemas.TableInfo](),
		"field": reflect.TypeFor[schemas.Field](), "csv": reflect.TypeFor[schemas.CSV]()} {
		properties := doc.Properties
		if name != "" {
			properties = doc.Defs[name].Properties
		}
		var want []string
		for f := range typ.Fields() {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if tag == "-" {
				continue
			}
			want = append(want, tag)
			about, _ := properties[tag].(map[string]any)
			if about["readOnly"] != nil != (f.Tag.Get("readOnly") == "true") {
				t.Errorf("%s %s: readOnly differs", name, tag)
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(properties))); diff != "" {
			t.Errorf("%q (-type +schema):\n%s", name, diff)
		}
	}
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte(made))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := ReadDataset(b)
		if k := schemas.KindOf(err); err != nil && k != schemas.Invalid && k != schemas.TooLarge {
			t.Fatal(err)
		}
	})
}
