package dcatap

import (
	"reflect"
	"strings"
	"testing"

	"guichet/connectors/rdf"
)

// TestLicencesOfLinks: where distributions have different licences each keeps its own, and all of them
// come back where they stood.
func TestLicencesOfLinks(t *testing.T) {
	t.Parallel()
	const by, zero = "<http://creativecommons.org/licenses/by/4.0/>", "<http://publications.europa.eu/resource/authority/licence/CC0>"
	for name, c := range map[string]struct {
		dataset string
		first   string
		second  string
		all     string
		links   []string
	}{
		"none": {
			links: []string{"", ""},
		},
		"one for both": {
			first:  by,
			second: by,
			links:  []string{"", ""},
		},
		"one of the dataset": {
			dataset: by,
			links:   []string{"", ""},
		},
		"different": {
			first:  by,
			second: zero,
			all:    "CC-BY-4.0 CC0-1.0",
			links:  []string{"CC-BY-4.0", "CC0-1.0"},
		},
		"one has its own": {
			dataset: by,
			second:  zero,
			all:     "CC-BY-4.0 CC0-1.0",
			links:   []string{"", "CC0-1.0"},
		},
		"the dataset's is no link's": {
			dataset: "<https://x.example/own>",
			first:   by,
			second:  zero,
			all:     "CC-BY-4.0 CC0-1.0 https://x.example/own",
			links:   []string{"CC-BY-4.0", "CC0-1.0"},
		},
		"one has two": {
			first:  by + ", " + zero,
			second: zero,
			all:    "CC-BY-4.0 CC0-1.0",
			links:  []string{"", "CC0-1.0"},
		},
	} {
		under := func(licences string) string {
			if licences == "" {
				return ""
			}
			return " ; dct:license " + licences
		}
		doc := `@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
<https://x.example/d> a dcat:Dataset ; dct:title "T"` + under(c.dataset) + ` ; dcat:distribution <https://x.example/1>, <https://x.example/2> .
<https://x.example/1> a dcat:Distribution ; dcat:accessURL <https://x.example/a>` + under(c.first) + ` .
<https://x.example/2> a dcat:Distribution ; dcat:accessURL <https://x.example/b>` + under(c.second) + ` .`
		d, err := Read(rdf.Turtle, []byte(doc), "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range d.Links {
			if d.Links[i].Licence != c.links[i] {
				t.Errorf("%s: link %d has %q, want %q", name, i, d.Links[i].Licence, c.links[i])
			}
		}
		if got := strings.Join(d.Licences, " "); got != c.all {
			t.Errorf("%s: %q, want %q", name, got, c.all)
		}
		for _, f := range []rdf.Format{rdf.JSONLD, rdf.Turtle, rdf.RDFXML} {
			d.ID = "ds-1"
			b, err := Write(f, d, "https://g.example")
			if err != nil {
				t.Fatal(err)
			}
			again, err := Read(f, b, "")
			if err != nil || !reflect.DeepEqual(again.Links, d.Links) || again.Licence != d.Licence || !reflect.DeepEqual(again.Licences, d.Licences) {
				t.Errorf("%s, %s: %v, %q, %+v", name, f, err, again.Licences, again.Links)
			}
		}
	}
}
