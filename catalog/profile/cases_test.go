package profile

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/rdf"
	"guichet/connectors/shacl"
	"guichet/connectors/sharedtest"
)

var update = flag.Bool("update", false, "write the table of docs/spaces.md anew")

// TestProfileCases tries the official positive and negative cases, and writes what came out into
// docs/spaces.md: each case that differs from its name stands there with the reason.
func TestProfileCases(t *testing.T) {
	const page, begin = "../../docs/spaces.md", "| cases |"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, have, ok := strings.Cut(string(b), begin)
	if !ok {
		t.Fatal("docs/spaces.md has no table of cases")
	}
	c := checker(t)
	want := strings.TrimPrefix(strings.Join([]string{
		"| cases | tried | right | which are not, and why |", "| --- | --- | --- | --- |", c.negatives(t), c.positives(t), c.examples(t),
		c.health(t), "",
	}, "\n"), begin)
	if *update {
		err = os.WriteFile(page, []byte(before+begin+want), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(have, "\n")); d != "" {
		t.Errorf("docs/spaces.md is not what is found (go test ./catalog/profile -run TestProfileCases -update writes it anew):\n%s", d)
	}
}

// cases reads the files of a pattern in the reference catalogues.
func cases(t *testing.T, pattern string, f func(name string, nodes []rdf.Node)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(sharedtest.Path(t, "reference-data", "catalogue"), pattern))
	if err != nil || len(files) == 0 {
		t.Fatal(err, pattern)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := rdf.Parse(rdf.Turtle, b, rdf.Options{Base: "http://x.example/", Limits: rdf.Limits{Bytes: 4 << 20, Depth: 64, Values: 1 << 18}})
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".ttl")
		f(name[strings.LastIndex(name, "__")+1:], doc.Nodes)
	}
}

const mobility = "mobilitydcat-ap/1.1.0"

// negatives are refused, all of them.
func (c *Checker) negatives(t *testing.T) string {
	tried, right := 0, 0
	var wrong []string
	cases(t, "mobilitydcat-ap/validation-1.1.0/sample_data__*negatives*.ttl", func(name string, nodes []rdf.Node) {
		tried++
		r := c.Nodes(nodes, "", mobility)[0]
		if r.Meets {
			wrong = append(wrong, name)
			t.Errorf("%s is a negative case and meets the profile", name)
			return
		}
		right++
	})
	return row("mobilityDCAT-AP 1.1.0, negative", tried, right, wrong)
}

// positives show one thing each, and mostly leave out what the profile makes mandatory: then what is
// found is that alone.
func (c *Checker) positives(t *testing.T) string {
	tried, right := 0, 0
	var not []string
	cases(t, "mobilitydcat-ap/validation-1.1.0/sample_data__*positives*.ttl", func(name string, nodes []rdf.Node) {
		tried++
		r := c.Nodes(nodes, "", mobility)[0]
		if r.Meets {
			right++
			return
		}
		var lacks []string
		for _, f := range r.Findings {
			what := f.Path
			if f.Component != "minCount" {
				what = "another " + f.Path
			}
			if !slices.Contains(lacks, what) {
				lacks = append(lacks, what)
			}
		}
		not = append(not, fmt.Sprintf("%s: official shapes want %s", strings.TrimPrefix(name, "_"), few(lacks)))
	})
	if right == 0 {
		t.Error("no positive case meets the profile")
	}
	return row("mobilityDCAT-AP 1.1.0, positive", tried, right, not)
}

// few names the first of a list and counts the rest.
func few(list []string) string {
	if len(list) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:3], ", "), len(list)-3)
	}
	return strings.Join(list, ", ")
}

// examples are files of nodes, of which those that are wrong are called so: each is found.
func (c *Checker) examples(t *testing.T) string {
	tried, right := 0, 0
	unasked := map[string]int{} // by class
	cases(t, "mobilitydcat-ap/validation-1.1.0/sample_data__upstream*.ttl", func(name string, nodes []rdf.Node) {
		r := c.Nodes(nodes, "", mobility)[0]
		g := map[string]bool{}
		for _, n := range nodes {
			id := rdf.ID(n)
			if !strings.Contains(id, "Invalid") || len(rdf.Types(n)) == 0 {
				continue
			}
			tried++
			if g[id] = slices.ContainsFunc(r.Findings, func(f shacl.Finding) bool { return f.Focus == id }); g[id] {
				right++
				continue
			}
			class := rdf.Types(n)[0]
			unasked[class[strings.LastIndexAny(class, "#/")+1:]]++
		}
	})
	var wrong []string
	for _, class := range slices.Sorted(maps.Keys(unasked)) {
		wrong = append(wrong, fmt.Sprintf("%d of the class %s: %s", unasked[class], class, reasons()[class]))
	}
	return row("mobilityDCAT-AP 1.1.0, nodes of the examples that are called invalid", tried, right, wrong)
}

// reasons say why nodes of a class that are called invalid are not found.
func reasons() map[string]string {
	const none = "no official shape is for it"
	return map[string]string{
		"Assessment": "its class has another address than the shapes'", "Kind": none, "LicenseDocument": none, "Location": none,
		"MobilityDataStandard": none, "QualityAnnotation": none,
		"CatalogRecord": "the official shapes ask nothing of dct:source",
	}
}

// health are the cases of Health-RI, each of which lacks what it is called by: DCAT-AP does not make
// all of it mandatory.
func (c *Checker) health(t *testing.T) string {
	tried, right := 0, 0
	var not []string
	cases(t, "healthdcat-ap/health-ri/tests__*.ttl", func(name string, nodes []rdf.Node) {
		tried++
		name = strings.TrimPrefix(name, "_")
		property := map[string]string{
			"dataset-nodescription": "dct:description", "dataset-nopublisher": "dct:publisher", "dataset-nolicense": "dct:license",
			"dataset-nomodified": "dct:modified",
		}[name]
		found := false
		for _, r := range c.Nodes(nodes, "", "healthdcat-ap/release-8", "healthdcat-ap/release-5", "dcat-ap/3.0.1") {
			found = found || property == "" && !r.Meets
			for _, f := range append(r.Findings, r.Advice...) {
				found = found || f.Path == property && property != ""
			}
		}
		if found {
			right++
			return
		}
		not = append(not, name+": neither DCAT-AP nor HealthDCAT-AP asks for "+property)
	})
	return row("Health-RI, each without what it is called by, against DCAT-AP and HealthDCAT-AP", tried, right, not)
}

func row(name string, tried, right int, wrong []string) string {
	return fmt.Sprintf("| %s | %d | %d | %s |", name, tried, right, strings.Join(wrong, "; "))
}
