package files

import (
	"os"
	"path/filepath"
	"testing"
)

// A file is sent as what its name says that it is, else as what it begins with.
func TestReadBody(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"a.ttl", "{}", "text/turtle"}, {"a.rdf", "x", "application/rdf+xml"}, {"a.nt", "", "application/n-triples"}, {"a.jsonld", "", "application/ld+json"},
		{"a.xml", "\ufeff\n<?xml version='1.0'?>", "application/rdf+xml"}, {"a", "<rdf:RDF ", "application/rdf+xml"}, {"a.txt", "@prefix a: <b> .", "text/turtle"},
		{"a.n3", "prefix a: <b>", "text/turtle"}, {"a.json", " [", "application/ld+json"}, {"a.yaml", "prefix: x", "application/yaml"}, {"a", "", "application/yaml"},
	} {
		path := filepath.Join(t.TempDir(), c[0])
		err := os.WriteFile(path, []byte(c[1]), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := ReadBody(path)
		if err != nil || doc.Type != c[2] || string(doc.Text) != c[1] {
			t.Errorf("%v: %s %v", c, doc.Type, err)
		}
	}
	if _, err := ReadBody(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}
