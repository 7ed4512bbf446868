package body

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/croissant"
	"guichet/connectors/dcatap"
	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/mapping"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

var update = flag.Bool("update", false, "write the table of docs/catalogue.md anew")

// tried is what became of the files of one folder in one serialisation.
type tried struct {
	files, refused, none int
	datasets, taken      int
	why                  map[string]int
}

var (
	particular = regexp.MustCompile(`"[^"]*"|'[^']*'|\d+`)
	lineNumber = regexp.MustCompile(`^line \d+: `)
)

// because counts a reason without what is particular to one file.
func (r *tried) because(err error) {
	words := err.Error()
	if e, ok := err.(*schemas.Error); ok {
		words = e.Message
	}
	words = particular.ReplaceAllString(lineNumber.ReplaceAllString(words, ""), "…")
	words, _, _ = strings.Cut(strings.ReplaceAll(words, "|", "/"), "; ")
	if first, _, ok := strings.Cut(words, ": "); ok && strings.Contains(first, "JSON-LD") {
		words = first // of the faults of a context the library names any
	}
	r.why[words]++
}

// table says what became of every file of the reference catalogues.
func table(t *testing.T) string {
	rows := map[string]*tried{}
	dcataptest.Documents(t, func(path string, f rdf.Format, doc []byte) {
		name, err := filepath.Rel(dcataptest.Folder(t), path)
		if err != nil {
			t.Fatal(err)
		}
		folder := strings.Join(strings.Split(filepath.ToSlash(filepath.Dir(name)), "/")[:1], "/")
		form := map[rdf.Format]string{rdf.JSONLD: "JSON, JSON-LD", rdf.Turtle: "Turtle", rdf.RDFXML: "RDF/XML"}[f]
		key := folder + " | " + form
		if rows[key] == nil {
			rows[key] = &tried{why: map[string]int{}}
		}
		r := rows[key]
		r.files++
		items, err := dcatap.ReadAll(f, doc, "https://source.example/")
		if d, is, bad := croissant.Read(doc, "https://source.example/"); f == rdf.JSONLD && is {
			items, err = []dcatap.Item{{Dataset: d, Err: bad}}, nil
		}
		if d, is, bad := mapping.Read(doc); f == rdf.JSONLD && is {
			items, err = []dcatap.Item{{Dataset: d, Err: bad}}, nil
		}
		if err != nil {
			r.refused++
			r.because(err)
			return
		}
		if len(items) == 0 {
			r.none++
		}
		for _, item := range items {
			r.datasets++
			if item.Err != nil {
				r.because(item.Err)
				continue
			}
			r.taken++
		}
	})
	var b strings.Builder
	b.WriteString("| folder | written in | files | refused | without a dataset | datasets | read | why not |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		r := rows[key]
		var why []string
		for _, words := range slices.Sorted(maps.Keys(r.why)) {
			why = append(why, fmt.Sprintf("%d × %s", r.why[words], words))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %s |\n", key, r.files, r.refused, r.none, r.datasets, r.taken, strings.Join(why, "; "))
	}
	return b.String()
}

// The page says what becomes of every file of the reference catalogues.
func TestReferenceCatalogues(t *testing.T) {
	const page, begin, end = "../../../docs/catalogue.md", "| folder |", "\n\n"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	have, after, whole := strings.Cut(begin+rest, end)
	if !ok || !whole {
		t.Fatal("docs/catalogue.md has no table")
	}
	want := strings.TrimSuffix(table(t), "\n")
	if *update {
		err = os.WriteFile(page, []byte(before+want+end+after), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(have, "\n"), strings.Split(want, "\n")); diff != "" {
		t.Errorf("docs/catalogue.md is not what is read (go test ./gateway/api/body -run TestReferenceCatalogues -update writes it anew):\n%s", diff)
	}
}
