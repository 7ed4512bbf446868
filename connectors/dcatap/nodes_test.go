package dcatap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// TestNodesAreWhatIsWritten: the statements that are checked are those that are written, of
// every dataset of the reference catalogues.
func TestNodesAreWhatIsWritten(t *testing.T) {
	t.Parallel()
	n := 0
	dcataptest.Datasets(t, false, func(path string, i int, doc []byte) {
		items, err := ReadAll(rdf.JSONLD, doc, "")
		if err != nil {
			return
		}
		for _, item := range items {
			if item.Err == nil && n < 3000 {
				n++
				sameStatements(t, fmt.Sprintf("%s %d", path, i), item.Dataset)
			}
		}
	})
	if n < 100 {
		t.Fatalf("only %d datasets", n)
	}
}

func sameStatements(t *testing.T, name string, d schemas.Dataset) {
	t.Helper()
	d.ID = "ds-1"
	codes, err := rdf.LoadCodes()
	if err != nil {
		t.Fatal(err)
	}
	nodes, root, err := Nodes(codes, d, "https://guichet.example")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Write(rdf.JSONLD, d, "https://guichet.example")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := rdf.Expand(b, rdf.Options{Strict: true, Limits: rdf.Limits{Bytes: 64 << 20, Depth: 64, Values: 1 << 22}})
	if err != nil {
		t.Fatal(err)
	}
	got, want := lines(t, nodes), lines(t, doc.Nodes)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %d statements, %d are written", name, len(got), len(want))
	}
	if root != rdf.ID(doc.Nodes[0]) {
		t.Errorf("%s: it is about %s", name, root)
	}
}

// lines are the statements of nodes in order.
func lines(t *testing.T, nodes []rdf.Node) []string {
	t.Helper()
	b, err := rdf.Write(rdf.Turtle, &rdf.Document{Nodes: nodes}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := strings.Split(string(b), "\n")
	slices.Sort(out)
	return out
}

// Points of the quality assessment go out in the terms of DQV.
func TestQualityIsWritten(t *testing.T) {
	t.Parallel()
	d := schemas.Dataset{ID: "ds-1", Title: schemas.Text{"en": "Wind"}, Quality: &schemas.Quality{Points: 240, Most: 405}}
	sameStatements(t, "with points", d)
	b, err := Write(rdf.Turtle, d, "https://guichet.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"dqv:hasQualityMeasurement", "a dqv:QualityMeasurement", "dqv:isMeasurementOf guichet:mqa-points", `dqv:value "240"^^xsd:integer`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in\n%s", want, b)
		}
	}
}
