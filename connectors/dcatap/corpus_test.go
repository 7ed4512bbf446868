package dcatap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

// What a document says lands in the dataset or is named, in all of the reference
// catalogues. Properties whose values become codes are held to their own tests.
func TestNothingIsDroppedInSilence(t *testing.T) {
	converted := []string{"dcat:theme", "dct:spatial", "dct:language", "dct:license", "dct:format", "dcat:mediaType", "dct:accessRights", "dcat:startDate", "dcat:endDate", "schema:startDate",
		"schema:endDate", "dct:publisher", "dcat:distribution", "dct:temporal", "dct:rights", "guichet:visibility", "csvw:header"}
	seen, lost := 0, map[string]int{}
	dcataptest.Documents(t, func(path string, f rdf.Format, b []byte) {
		items, err := ReadAll(f, b, "https://source.example/")
		if err != nil {
			return
		}
		doc, err := rdf.Parse(f, b, rdf.Options{Base: "https://source.example/", Vocab: nsUnknown, Limits: rdf.Limits{Bytes: MaxBytes, Depth: maxDepth, Values: maxValues}})
		if err != nil {
			t.Fatal(err)
		}
		g := newGraph(doc)
		for i, n := range g.ofType(nsDCAT + "Dataset") {
			if items[i].Err != nil || len(items[i].Dataset.Notes) >= maxNotes {
				continue
			}
			kept := said(t, items[i].Dataset)
			notes := fmt.Sprint(items[i].Dataset.Notes)
			visited := map[uintptr]bool{}
			var walk func(n rdf.Node)
			walk = func(n rdf.Node) {
				if visited[key(n)] {
					return
				}
				visited[key(n)] = true
				for property := range n {
					name := short(property)
					if strings.HasPrefix(property, "@") || strings.Contains(notes, name) {
						continue
					}
					for _, v := range g.follow(rdf.List(n, property)) {
						s, _, _, literal := rdf.Literal(v)
						if !literal {
							s = rdf.ID(v)
							if name != "dct:spatial" && name != "dct:language" { // their codes and names become others
								walk(v)
							}
						}
						seen++
						quoted, _ := json.Marshal(strings.TrimPrefix(s, "mailto:"))
						if s != "" && !strings.HasPrefix(s, "_:") && !slices.Contains(converted, name) && !strings.Contains(kept, string(quoted[1:len(quoted)-1])) {
							lost[name]++
							if lost[name] == 1 {
								t.Errorf("%s: %s %q is lost in silence: %s", path, name, s, notes)
							}
						}
					}
				}
			}
			walk(n)
		}
	})
	t.Logf("%d values looked at", seen)
	if seen < 1000 {
		t.Error("the test looks at too little")
	}
}

// said is a dataset as JSON, what it has in RDF in full.
func said(t *testing.T, d schemas.Dataset) string {
	t.Helper()
	all := []any{d}
	texts := []string{d.RDF}
	for _, l := range d.Links {
		texts = append(texts, l.RDF)
	}
	for _, text := range texts {
		read, err := about.Read(text, MaxRDF)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, read)
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
