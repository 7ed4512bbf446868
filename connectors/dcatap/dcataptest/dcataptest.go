// Package dcataptest gives tests the reference catalogues: documents as they stand, and
// each dataset of theirs in a document of its own.
//
// Always: what it gives is what the catalogues say, unchanged. It must not be linked
// into the gateway.
package dcataptest

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/connectors/rdf"
	"guichet/connectors/sharedtest"
)

// base stands for the address that a document came from.
const base = "https://source.example/"

// class is what a catalogue lists.
const class = "http://www.w3.org/ns/dcat#Dataset"

// Folder is the folder of the reference data; a test without one is skipped, but under CI.
func Folder(t testing.TB) string {
	t.Helper()
	return sharedtest.Path(t, "reference-data", "catalogue")
}

// files gives every file of the catalogues that may describe datasets, unpacked where
// packed is set.
func files(t testing.TB, packed bool, f func(path string, b []byte)) {
	t.Helper()
	err := filepath.WalkDir(Folder(t), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		isRDF := slices.Contains([]string{".json", ".jsonld", ".ttl", ".rdf", ".xml"}, filepath.Ext(path))
		if !isRDF && (!packed || !strings.HasSuffix(path, ".ttl.gz")) {
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(path, ".gz") {
			var z *gzip.Reader
			z, err = gzip.NewReader(strings.NewReader(string(b)))
			if err == nil {
				b, err = io.ReadAll(z)
			}
		}
		if err == nil {
			f(path, b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Documents gives every document that is not packed, with its serialisation; schemas,
// contexts and vocabularies are among them.
func Documents(t testing.TB, f func(path string, form rdf.Format, doc []byte)) {
	t.Helper()
	files(t, false, func(path string, b []byte) { f(path, formatOf(path), b) })
}

// formatOf is what a file of the catalogues holds.
func formatOf(path string) rdf.Format {
	f, ok := rdf.FormatOfFile(strings.TrimSuffix(path, ".gz"))
	switch {
	case ok:
		return f
	case strings.HasSuffix(path, ".xml"):
		return rdf.RDFXML
	}
	return rdf.JSONLD
}

// Datasets gives every dataset of the catalogues in a document of its own in JSON-LD, with
// all that it leads to; n counts those of one file from 0. Documents that are no RDF are
// left out.
func Datasets(t testing.TB, packed bool, f func(path string, n int, doc []byte)) {
	t.Helper()
	files(t, packed, func(path string, b []byte) {
		limits := rdf.Limits{Bytes: 64 << 20, Depth: 64, Values: 1 << 22, Time: time.Minute}
		doc, err := rdf.Parse(formatOf(path), b, rdf.Options{Base: base, Limits: limits})
		if err != nil {
			return
		}
		g := &graph{nodes: map[string]map[string]any{}}
		for _, n := range doc.Nodes {
			g.take(n)
		}
		n := 0
		for _, id := range g.order {
			types, _ := g.nodes[id]["@type"].([]any)
			if slices.Contains(types, any(class)) {
				f(path, n, write(t, g.reached([]string{id})))
				n++
			}
		}
	})
}

// write gives nodes as expanded JSON-LD.
func write(t testing.TB, nodes []any) []byte {
	t.Helper()
	b, err := json.Marshal(nodes)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// graph holds described nodes by id, in the order of the source.
type graph struct {
	nodes map[string]map[string]any
	order []string
	blank int
}

// newID names a node that the document does not name.
func (g *graph) newID() string {
	g.blank++
	return fmt.Sprintf("_:n%d", g.blank)
}

// node finds a node by its id, or makes it: documents speak of one node in many places.
func (g *graph) node(id string) map[string]any {
	n := g.nodes[id]
	if n == nil {
		n = map[string]any{"@id": id}
		g.nodes[id] = n
		g.order = append(g.order, id)
	}
	return n
}

// take adds a node of expanded JSON-LD and those within it; it gives the reference to it.
func (g *graph) take(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = g.take(v[i])
		}
		return out
	case map[string]any:
		if _, literal := v["@value"]; literal {
			return v
		}
		if l, list := v["@list"]; list {
			return map[string]any{"@list": g.take(l)}
		}
		id, named := v["@id"].(string)
		if named && len(v) == 1 {
			return v
		}
		if !named {
			id = g.newID()
		}
		n := g.node(id)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			values := v[k]
			if k == "@id" {
				continue
			}
			have, _ := n[k].([]any)
			more, ok := g.take(values).([]any)
			if !ok {
				more = []any{values}
			}
			n[k] = append(have, more...)
		}
		return map[string]any{"@id": id}
	}
	return v
}

// reached lists the nodes that some lead to, themselves first; from one dataset it does not
// go on to others.
func (g *graph) reached(ids []string) []any {
	var out []any
	seen := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			walk(v["@list"])
			id, _ := v["@id"].(string)
			n := g.nodes[id]
			if n == nil || seen[id] {
				return
			}
			types, _ := n["@type"].([]any)
			if len(ids) == 1 && len(out) > 0 && (slices.Contains(types, any(class)) || slices.Contains(types,
				any("http://www.w3.org/ns/dcat#Catalog"))) {
				return
			}
			seen[id] = true
			out = append(out, n)
			for _, k := range slices.Sorted(maps.Keys(n)) {
				if k != "@type" {
					walk(n[k])
				}
			}
		}
	}
	for _, id := range ids {
		walk(map[string]any{"@id": id})
	}
	return out
}
