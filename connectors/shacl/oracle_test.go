package shacl

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	oracle "github.com/tggo/goRDFlib/shacl"

	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
)

// limits are those of the files of this package's tests.
func limits() rdf.Limits { return rdf.Limits{Bytes: 8 << 20, Depth: 64, Values: 1 << 20} }

func parse(t *testing.T, f rdf.Format, b []byte) []rdf.Node {
	t.Helper()
	doc, err := rdf.Parse(f, b, rdf.Options{Base: "http://example.org/", Limits: limits()})
	if err != nil {
		t.Fatal(err)
	}
	return doc.Nodes
}

// TestShapesAgreeWithOracle holds our findings against those of another engine: every shapes
// file of the reference catalogues over every small graph of them.
func TestShapesAgreeWithOracle(t *testing.T) {
	for _, name := range shapesFiles() {
		b := read(t, name)
		ours, err := Compile(Source{Name: filepath.Base(name), Nodes: parse(t, rdf.Turtle, b)})
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := oracle.LoadTurtleString(string(b), "http://example.org/")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range graphs(t, name) {
			compareWith(t, name, file, ours, theirs)
		}
	}
}

func shapesFiles() []string {
	return []string{
		"dcat-ap/shacl/3.0.1__html__shacl__shapes.ttl", "dcat-ap/shacl/3.0.1__html__shacl__range.ttl",
		"dcat-ap/shacl/3.0.1__html__shacl__shapes_recommended.ttl", "dcat-ap/shacl/3.0.1__html__shacl__mdr-vocabularies.shape.ttl",
		"mobilitydcat-ap/validation-1.1.0/shacl__mobilitydcat-ap-shacl.ttl",
		"mobilitydcat-ap/validation-1.1.0/shacl__mobilitydcat-ap-shacl-ranges.ttl",
		"mobilitydcat-ap/3.0.0-draft-shapes/shaclShapes__mobilitydcat-ap-shacl.ttl",
		"mobilitydcat-ap/3.0.0-draft-shapes/shaclShapes__mobilitydcat-ap-shacl-ranges.ttl",
		"healthdcat-ap/shapes-and-vocab/shapes__ehds__hdap-validator-sensitivity-shape.ttl",
		"healthdcat-ap/mvd-health-demo/healthdcatap-shacl.ttl",
		"healthdcat-ap/health-ri/Formalisation(shacl)__Core__ValidationShape__HRI-Datamodel-shapes.ttl",
	}
}

// graphs are the small Turtle files that a shapes file is tried on.
func graphs(t *testing.T, shapes string) []string {
	t.Helper()
	var out []string
	folder := "mobilitydcat-ap"
	if strings.HasPrefix(shapes, "healthdcat-ap") {
		folder = "healthdcat-ap"
	}
	dir := sharedtest.Path(t, "reference-data/catalogue")
	for _, pattern := range []string{folder + "/*/*.ttl", "dcat-ap/semic-examples/*.ttl"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			info, err := os.Stat(f)
			if err == nil && info.Size() < 20_000 {
				out = append(out, f)
			}
		}
	}
	var some []string // the oracle is slow: each shapes file sees a third of the graphs, another third by its name
	for i, f := range out {
		if i%3 == len(shapes)%3 {
			some = append(some, f)
		}
	}
	if testing.Short() {
		return some[:min(len(some), 10)]
	}
	return some
}

func compareWith(t *testing.T, name, file string, ours *Shapes, theirs *oracle.Graph) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := rdf.Parse(rdf.Turtle, b, rdf.Options{Base: "http://example.org/", Limits: limits()})
	if err != nil {
		return // not Turtle
	}
	data, err := oracle.LoadTurtleString(string(b), "http://example.org/")
	if err != nil {
		return
	}
	want, got := map[string]int{}, map[string]int{}
	for _, r := range oracle.Validate(data, theirs).Results {
		if r.SourceConstraintComponent.IsNone() || r.ResultPath.IsBlank() {
			continue // paths of several steps have no name there
		}
		want[key(r.FocusNode.Value(), r.FocusNode.IsBlank(), compact(r.ResultPath.Value()), strings.TrimPrefix(r.SourceConstraintComponent.Value(), oracle.SH))]++
	}
	report := ours.Check(NewGraph(doc.Nodes), Checked{Limits: Limits{Findings: 100_000}, repeated: true})
	for _, f := range report.Findings {
		lax := f.Value == "20090621T0545Z" || f.Value == "2010-02-18T16.23334444" // the oracle takes these for instants, which XML Schema does not
		if strings.Contains(f.Path, " ") || f.Component == "datatype" && lax {
			continue
		}
		component := strings.ToUpper(f.Component[:1]) + f.Component[1:] + "ConstraintComponent"
		got[key(f.Focus, strings.HasPrefix(f.Focus, "_:"), f.Path, component)]++
	}
	for _, k := range slices.Sorted(maps.Keys(union(want, got))) {
		if want[k] != got[k] {
			t.Errorf("%s over %s: %s: oracle %d, ours %d", filepath.Base(name), filepath.Base(file), k, want[k], got[k])
		}
	}
}

func union(a, b map[string]int) map[string]int {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func key(focus string, blank bool, path, component string) string {
	if blank {
		focus = "_:"
	}
	return fmt.Sprintf("%s %s %s", focus, strings.TrimPrefix(path, "<>"), component)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(sharedtest.Path(t, "reference-data", "catalogue", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
