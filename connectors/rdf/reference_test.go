package rdf

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

// pythonNames are what rdflib calls the serialisations.
var pythonNames = map[Format]string{Turtle: "turtle", RDFXML: "xml"}

// corpus lists the files of the reference catalogues in Turtle and RDF/XML, by what they hold.
func corpus(t *testing.T) map[string]Format {
	t.Helper()
	out := map[string]Format{}
	err := filepath.WalkDir(sharedtest.Path(t, "reference-data", "catalogue"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, ok := FormatOfFile(path)
		if strings.HasSuffix(path, ".xml") {
			f, ok = RDFXML, true
		}
		if ok && f != JSONLD {
			out[path] = f
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every file of the reference catalogues has as many statements as rdflib finds in it, and
// those that it refuses are refused with what is wrong and where.
func TestReferenceCounts(t *testing.T) {
	files := corpus(t)
	var list strings.Builder
	for path, f := range files {
		list.WriteString(pythonNames[f] + "\t" + path + "\n")
	}
	cmd := exec.Command(sharedtest.Catalogue(t), "testdata/count.py")
	cmd.Stdin = strings.NewReader(list.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	err = json.Unmarshal(out, &want)
	if err != nil {
		t.Fatal(err)
	}
	equal, bad, statements, size, took := map[Format]int{}, 0, 0, 0, time.Duration(0)
	for path, f := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		d, err := Parse(f, b, Options{Base: "https://source.example/", Limits: Limits{Bytes: 64 << 20, Depth: 64, Values: 1 << 22}})
		took += time.Since(begin)
		n, sound := want[path].(float64)
		switch {
		case sound && err != nil:
			t.Errorf("%s: %v; rdflib finds %v statements", path, err, n)
		case sound && d.Statements != int(n):
			t.Errorf("%s: %d statements; rdflib finds %v", path, d.Statements, n)
		case sound:
			equal[f]++
			statements, size = statements+d.Statements, size+len(b)
		case err == nil:
			t.Errorf("%s is read; rdflib says %v", path, want[path])
		default:
			bad++
			if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "line ") {
				t.Errorf("%s: %v", path, err)
			}
			t.Logf("%s: %v (rdflib: %v)", filepath.Base(path), err, want[path])
		}
	}
	t.Logf("Turtle: %d files, RDF/XML: %d files equal to rdflib; %d refused by both; %d statements, %.0f a second, %.1f MB a second", equal[Turtle],
		equal[RDFXML], bad, statements, float64(statements)/took.Seconds(), float64(size)/1e6/took.Seconds())
	if equal[Turtle] < 250 || equal[RDFXML] < 80 {
		t.Error("the test looks at too little")
	}
}
