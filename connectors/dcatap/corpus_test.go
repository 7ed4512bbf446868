package dcatap

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/rdf"
)

// walkShared gives every document of the reference catalogues as JSON-LD: JSON as it
// stands, Turtle as it is converted. Schemas, contexts and vocabularies are among them.
func walkShared(t *testing.T, f func(path string, b []byte)) {
	t.Helper()
	unread := 0
	err := filepath.WalkDir(fromShared(t, "reference-data/catalogue"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		switch {
		case strings.HasSuffix(path, ".json") || strings.HasSuffix(path, ".jsonld"):
			b, err := os.ReadFile(path)
			f(path, b)
			return err
		case strings.HasSuffix(path, ".ttl"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			doc, bad := fromTurtle(string(b), "https://source.example/", nil)
			if bad != nil {
				t.Logf("%s: %v", path, bad)
				unread++
				return nil
			}
			f(path, doc)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if unread > 3 {
		t.Errorf("%d Turtle documents are not read", unread)
	}
}

// What a document says lands in the dataset or is named, in all of the reference
// catalogues. Properties whose values become codes are held to their own tests.
func TestNothingIsDroppedInSilence(t *testing.T) {
	converted := []string{"dcat:theme", "dct:spatial", "dct:language", "dct:license", "dct:format", "dcat:mediaType", "dct:accessRights", "dcat:startDate", "dcat:endDate", "schema:startDate",
		"schema:endDate", "dct:publisher", "dcat:distribution", "dct:temporal", "dct:rights", "guichet:visibility", "csvw:header"}
	seen, lost := 0, map[string]int{}
	walkShared(t, func(path string, b []byte) {
		items, err := ReadAll(b, "https://source.example/")
		if err != nil {
			return
		}
		doc, err := rdf.Expand(b, rdf.Options{Base: "https://source.example/", Vocab: nsUnknown, Limits: rdf.Limits{Bytes: MaxBytes, Depth: maxDepth, Values: maxValues}})
		if err != nil {
			t.Fatal(err)
		}
		g := newGraph(doc)
		for i, n := range g.ofType(nsDCAT + "Dataset") {
			if items[i].Err != nil || len(items[i].Dataset.Notes) >= maxNotes {
				continue
			}
			kept, err := json.Marshal(items[i].Dataset)
			if err != nil {
				t.Fatal(err)
			}
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
							walk(v)
						}
						seen++
						said, _ := json.Marshal(s)
						if s != "" && !strings.HasPrefix(s, "_:") && !slices.Contains(converted, name) && !strings.Contains(string(kept), string(said[1:len(said)-1])) {
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
