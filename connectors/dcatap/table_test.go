package dcatap

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
)

var update = flag.Bool("update", false, "write the table of statements in docs/catalogue.md anew")

// statements are those of a dataset, its distributions and the blank nodes below, by their path and
// value; of what else has a name only the reference.
func statements(g *graph, n rdf.Node) map[string]bool {
	out := map[string]bool{}
	var walk func(n rdf.Node, path string, depth int)
	walk = func(n rdf.Node, path string, depth int) {
		for _, property := range slices.Sorted(maps.Keys(n)) {
			if strings.HasPrefix(property, "@") || depth > 16 {
				continue
			}
			for _, v := range rdf.List(n, property) {
				at := path + "/" + short(property)
				text, language, datatype, literal := rdf.Literal(v)
				if literal {
					if _, _, native := rdf.Lexical(v); native != xsdString {
						datatype = native
					}
					out[at+" "+text+"@"+language+"^"+datatype] = true
					continue
				}
				id := rdf.ID(v)
				if id != "" && !strings.HasPrefix(id, "_:") {
					out[at+" "+rdf.IRI(id)] = true
					if property != nsDCAT+"distribution" {
						continue
					}
				}
				walk(g.follow([]rdf.Node{v})[0], at, depth+1)
			}
		}
	}
	walk(n, "", 0)
	return out
}

// TestStatements: how many statements of the descriptions in the reference catalogues are written
// back as they stand; of the others the field or the note says what became of them.
func TestStatements(t *testing.T) {
	type row struct{ datasets, all, back, noted int }
	rows := map[string]*row{}
	dcataptest.Documents(t, func(path string, f rdf.Format, b []byte) {
		items, err := ReadAll(f, b, "https://source.example/")
		if err != nil {
			return
		}
		limits := rdf.Limits{Bytes: MaxBytes, Depth: maxDepth, Values: maxValues}
		doc, err := rdf.Parse(f, b, rdf.Options{Base: "https://source.example/", Vocab: nsUnknown, Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(dcataptest.Folder(t), path)
		if err != nil {
			t.Fatal(err)
		}
		folder, _, _ := strings.Cut(filepath.ToSlash(name), "/")
		if rows[folder] == nil {
			rows[folder] = &row{}
		}
		r, g := rows[folder], newGraph(doc)
		for i, n := range g.ofType(nsDCAT + "Dataset") {
			if items[i].Err != nil {
				continue
			}
			text, err := Write(rdf.Turtle, items[i].Dataset, "")
			if err != nil {
				t.Fatal(err)
			}
			again, err := rdf.Parse(rdf.Turtle, text, rdf.Options{Limits: limits})
			if err != nil {
				t.Fatal(err)
			}
			h := newGraph(again)
			back := statements(h, h.ofType(nsDCAT + "Dataset")[0])
			notes := strings.Join(items[i].Dataset.Notes, "\n")
			r.datasets++
			for s := range statements(g, n) {
				r.all++
				at, _, _ := strings.Cut(s, " ")
				switch {
				case back[s]:
					r.back++
				case strings.Contains(notes, at[strings.LastIndex(at, "/")+1:]):
					r.noted++
				}
			}
		}
	})
	var b strings.Builder
	b.WriteString("| catalogue | datasets | statements | written back as they stand | named in notes | as a field has them |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- |\n")
	sum := row{}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		if r.datasets == 0 {
			continue
		}
		sum = row{sum.datasets + r.datasets, sum.all + r.all, sum.back + r.back, sum.noted + r.noted}
		fmt.Fprintf(&b, "| %s | %d | %d | %d (%.0f %%) | %d | %d |\n", name, r.datasets, r.all, r.back, 100*float64(r.back)/float64(r.all), r.noted,
			r.all-r.back-r.noted)
	}
	if sum.back < sum.all*8/10 || sum.datasets < 300 {
		t.Errorf("of %d statements %d are written back as they stand", sum.all, sum.back)
	}
	const page, begin, end = "../../docs/catalogue.md", "| catalogue |", "\n\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	have, after, whole := strings.Cut(begin+rest, end)
	want := strings.TrimSuffix(b.String(), "\n")
	switch {
	case !ok || !whole:
		t.Errorf("docs/catalogue.md has no table of statements:\n%s", want)
	case *update:
		err = os.WriteFile(page, []byte(before+want+end+after), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	case have != want:
		t.Errorf("docs/catalogue.md is not what is kept (go test ./connectors/dcatap -run TestStatements -update):\n%s", want)
	}
}
