package rdf

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/connectors/sharedtest"
	"guichet/schemas"
)

var testPrefixes = map[string]string{"d": "http://www.w3.org/ns/dcat#", "x": "https://x.example/", "dct": "http://purl.org/dc/terms/"}

// What is written is stable, nested where it can be, and looks as people write it.
func TestWrite(t *testing.T) {
	t.Parallel()
	d, err := Parse(Turtle, []byte(prefixed(`x:a a d:Dataset, x:T ; x:p "a \"b\"\n\\"@en-GB, "1"^^x:int, [ a x:U ; x:q _:c, (1 "b") ], [] ; x:r _:d, <https://x.example/b/> .
		_:c x:q _:c . _:d x:q true . _:e x:q _:d . _:f x:q _:g . _:g x:q _:f .`)), Options{Limits: few})
	if err != nil {
		t.Fatal(err)
	}
	for f, want := range map[Format]string{
		Turtle: `@prefix d: <http://www.w3.org/ns/dcat#> .
@prefix x: <https://x.example/> .

x:a a d:Dataset, x:T ;
    x:p "a \"b\"\n\\"@en-GB, "1"^^x:int, [ a x:U ;
        x:q _:b0, ( "1"^^<http://www.w3.org/2001/XMLSchema#integer> "b" ) ], [] ;
    x:r _:b1, <https://x.example/b/> .

_:b0 x:q _:b0 .

_:b1 x:q "true"^^<http://www.w3.org/2001/XMLSchema#boolean> .

[] x:q _:b1 .

_:b2 x:q [ x:q _:b2 ] .
`,
		RDFXML: `<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF
    xmlns:d="http://www.w3.org/ns/dcat#"
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    xmlns:x="https://x.example/">
  <d:Dataset rdf:about="https://x.example/a">
    <rdf:type rdf:resource="https://x.example/T"/>
`,
	} {
		b, err := Write(f, d, testPrefixes)
		if err != nil || !strings.HasPrefix(string(b), want) || f == Turtle && string(b) != want {
			t.Errorf("%v\n%s\nwant\n%s", err, b, want)
		}
	}
	_, err = Write(NTriples, d, nil)
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("N-Triples: %v", err)
	}
	for name, doc := range map[string]string{"a property without a name": `<urn:a> <urn:1> 1 .`, "a control character": "<urn:a> <urn:b> \"\\u0001\" ."} {
		d, err = Parse(Turtle, []byte(doc), Options{Limits: few})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Write(RDFXML, d, nil); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := IRI(`http://x/a b"<ü>%20`); got != "http://x/a%20b%22%3Cü%3E%20" {
		t.Error(got)
	}
}

// Whatever is read is written as the same statements: rdflib finds the graphs of all
// sound files of the reference catalogues equal, once as they are and once written by us,
// in Turtle and in RDF/XML.
func TestWrittenGraphsAreEqual(t *testing.T) {
	t.Parallel()
	type pair struct{ Of, Form, As, Other string }
	var pairs []pair
	dir := t.TempDir()
	for path, f := range corpus(t) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(f, b, Options{Base: "https://source.example/", Limits: Limits{Bytes: 64 << 20, Depth: 64, Values: 1 << 22}})
		if err != nil || d.Statements > 400 { // of larger ones rdflib takes minutes
			continue
		}
		for _, as := range []Format{Turtle, RDFXML} {
			out, err := Write(as, d, testPrefixes)
			if err != nil {
				t.Logf("%s as %s: %v", path, as, err)
				continue
			}
			p := pair{Of: path, Form: pythonNames[f], As: pythonNames[as], Other: filepath.Join(dir, strings.ReplaceAll(path, "/", "_")+"."+pythonNames[as])}
			err = os.WriteFile(p.Other, out, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			pairs = append(pairs, p)
		}
	}
	in, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sharedtest.Catalogue(t), "testdata/compare.py")
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "" {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%d graphs compared", len(pairs))
	if len(pairs) < 500 {
		t.Error("the test looks at too little")
	}
}
