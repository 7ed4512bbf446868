package dcatap

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// TestSameGraph: what is written of a dataset is one graph in every format, as rdflib reads
// them: of datasets of the reference catalogues, and of one with all that we know.
func TestSameGraph(t *testing.T) {
	t.Parallel()
	context, err := schemas.JSONLDContext("http://www.w3.org/ns/odrl.jsonld")
	if err != nil {
		t.Fatal(err)
	}
	var odrlContext struct {
		Context json.RawMessage `json:"@context"`
	}
	err = json.Unmarshal(context, &odrlContext)
	if err != nil {
		t.Fatal(err)
	}
	type pair struct{ Of, Form, As, Other string }
	var pairs []pair
	dir, n := t.TempDir(), 0
	names := map[rdf.Format]string{rdf.JSONLD: "json-ld", rdf.Turtle: "turtle", rdf.RDFXML: "xml"}
	add := func(d schemas.Dataset) {
		n++
		for _, f := range written {
			b, err := Write(f, d, "https://guichet.example")
			if err != nil {
				t.Fatal(err)
			}
			b = []byte(strings.Replace(string(b), `"http://www.w3.org/ns/odrl.jsonld"`, string(odrlContext.Context), 1)) // rdflib would fetch it
			path := filepath.Join(dir, strconv.Itoa(n)+"."+names[f])
			err = os.WriteFile(path, b, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if f != rdf.JSONLD {
				pairs = append(pairs, pair{Of: filepath.Join(dir, strconv.Itoa(n)+".json-ld"), Form: "json-ld", As: names[f], Other: path})
			}
		}
	}
	space := func(left string) *schemas.Constraint {
		return &schemas.Constraint{And: []schemas.Constraint{{Left: left, Operator: "isAnyOf", Right: []string{"FR", "DE"}}, {Left: "dateTime", Operator: "lt", Right: []string{"2030-01-01T00:00:00Z"}}}}
	}
	add(schemas.Dataset{
		ID: "ds-1", IRI: "https://x.example/ü", Title: schemas.Text{"en": "Wind \"and\" <waves> & more\n", "pt-BR": "Vento"}, Keywords: []string{"a", "1"}, Themes: []string{"ENER"},
		Countries: []string{"FR", "EU"}, Languages: []string{"fr", "en-t-nl"}, Publisher: "Office", Contact: "data@x.example", Licence: "CC-BY-4.0", Attribution: "us",
		Identifiers: []string{"10.5281/zenodo.1", "b"}, Periods: []schemas.Days{{From: "2020", Until: "2021-02"}, {From: "2023-01-01"}},
		Tables: []schemas.TableInfo{{Name: "t", Title: schemas.Text{"": "T"}, Fields: []schemas.Field{{Name: "a.b", Type: "float64", Unit: "m/s", Concept: "https://c.example/x"}}, CSV: &schemas.CSV{Delimiter: "\t", NoHeader: true, Null: []string{"NA", "-"}}}, {Name: "o", Objects: true, Media: []string{"image/png"}, Bytes: 12}},
		Links:  []schemas.Link{{URL: "https://f.example/a b.csv?x={y}", Format: "CSV", Title: "A"}, {URL: "s3://bucket/key", Format: "Arrow file"}},
		Offer: &schemas.Offer{Title: schemas.Text{"en": "Terms"}, Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use", "read"}, Constraint: space("spatial")},
			{Kind: schemas.Prohibition, Actions: []string{"distribute"}}}},
	})
	dcataptest.Datasets(t, false, func(path string, i int, doc []byte) {
		d, err := Read(rdf.JSONLD, doc, "")
		if err == nil && n < 150 && len(doc) < 20_000 {
			add(d)
		}
	})
	in, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sharedtest.Catalogue(t), "../rdf/testdata/compare.py")
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "" {
		t.Errorf("%v\n%.3000s", err, out)
	}
	if len(pairs) < 200 {
		t.Errorf("%d graphs are compared", len(pairs))
	}
}
