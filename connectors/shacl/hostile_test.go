package shacl

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"guichet/connectors/rdf"
)

// Shapes that refer to themselves end, in graphs that go round and in long chains alike.
func TestRecursive(t *testing.T) {
	t.Parallel()
	s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path dct:isPartOf ; sh:node ex:s ] ,
		[ sh:path dct:title ; sh:minCount 1 ] .`)
	var chain strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&chain, "ex:n%d a dcat:Dataset ; dct:title \"t\" ; dct:isPartOf ex:n%d .\n", i, i+1)
	}
	for name, data := range map[string]string{
		"circle": `ex:a a dcat:Dataset ; dct:title "a" ; dct:isPartOf ex:b . ex:b dct:title "b" ; dct:isPartOf ex:a, ex:b .`,
		"chain":  chain.String() + `ex:n5000 dct:title "last" .`,
	} {
		r := s.Check(NewGraph(turtle(t, data)), Checked{})
		if !r.Conforms(Info) {
			t.Errorf("%s: %q, cut %v", name, said(r), r.Cut)
		}
	}
	r := s.Check(NewGraph(turtle(t, `ex:a a dcat:Dataset ; dct:title "a" ; dct:isPartOf ex:b . ex:b dct:isPartOf ex:a .`)), Checked{})
	if len(r.Findings) != 1 {
		t.Errorf("%q", said(r))
	}
}

// Graphs of strangers do not hold a check up: what is beyond its bounds is not looked at,
// and the answer says so.
func TestBounds(t *testing.T) {
	t.Parallel()
	s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property
		[ sh:path dct:p ; sh:node ex:v ; sh:nodeKind sh:Literal ] ,
		[ sh:path ( [ sh:zeroOrMorePath dct:p ] [ sh:zeroOrMorePath dct:p ] [ sh:zeroOrMorePath dct:p ] ) ; sh:maxCount 1000000 ] .
		ex:v a sh:NodeShape ; sh:property [ sh:path dct:q ; sh:minCount 1 ] .`)
	var wide, dense strings.Builder
	wide.WriteString("ex:d a dcat:Dataset ; dct:p ex:v0")
	for i := range 8000 {
		fmt.Fprintf(&wide, ", ex:v%d", i)
	}
	for i := range 150 { // everybody is part of everybody
		fmt.Fprintf(&dense, "ex:d%d a dcat:Dataset ; dct:p ex:d0", i)
		for j := range 150 {
			fmt.Fprintf(&dense, ", ex:d%d", j)
		}
		dense.WriteString(" .\n")
	}
	for name, data := range map[string]string{"wide": wide.String() + " .", "dense": dense.String()} {
		g := NewGraph(turtle(t, data))
		for _, l := range []Limits{{}, {Steps: 1000}, {Findings: 3}, {Time: time.Millisecond}} {
			start := time.Now()
			r := s.Check(g, Checked{Limits: l})
			if !r.Cut || r.Conforms(Violation) {
				t.Errorf("%s within %+v: nothing is left out of %d statements", name, l, g.Statements())
			}
			if took := time.Since(start); took > MaxTime+2*time.Second {
				t.Errorf("%s within %+v: %v", name, l, took)
			}
			if most := max(l.Findings, 3); l.Findings > 0 && len(r.Findings) > most {
				t.Errorf("%s within %+v: %d findings", name, l, len(r.Findings))
			}
		}
	}
}

// Words of strangers are cut, and stay on their line.
func TestWordsAreBounded(t *testing.T) {
	t.Parallel()
	s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path dct:p ; sh:nodeKind sh:IRI ] .`)
	r := s.Check(NewGraph(turtle(t, `ex:d a dcat:Dataset ; dct:p """é`+strings.Repeat("long\n", 5000)+`""" .`)), Checked{})
	for _, f := range r.Findings {
		if len(f.Words) > 300 || strings.Contains(f.Words, "\n") {
			t.Errorf("%d bytes: %q", len(f.Words), f.Words)
		}
	}
}

// Statements are what the document says, nested nodes and lists included, each once.
func TestGraph(t *testing.T) {
	t.Parallel()
	doc, err := rdf.Parse(rdf.JSONLD, []byte(`{"@context": {"x": "https://x.example/"}, "@graph": [
		{"@id": "x:d", "@type": ["x:T", "x:U"], "x:p": [1, true, "t", {"@value": "u", "@language": "EN"}, {"x:q": {"@id": "x:e"}}]},
		{"@id": "x:d", "@type": "x:T", "x:p": [1], "x:l": {"@list": [1, {"@id": "x:e"}]}, "x:m": {"@list": []}}]}`),
		rdf.Options{Limits: limits()})
	if err != nil {
		t.Fatal(err)
	}
	g := NewGraph(doc.Nodes)
	if got := g.Statements(); got != 10 {
		t.Errorf("%d statements: %v", got, g.said)
	}
	values := g.said["https://x.example/d"]["https://x.example/p"]
	for _, want := range []term{{isLiteral, "1", nsXSD + "integer", ""}, {isLiteral, "true", nsXSD + "boolean", ""}, {isLiteral, "u", nsRDF + "langString", "en"}} {
		found := false
		for _, v := range values {
			found = found || v == want
		}
		if !found {
			t.Errorf("%v is not among %v", want, values)
		}
	}
	if l := g.lists[g.said["https://x.example/d"]["https://x.example/l"][0].value]; len(l) != 2 {
		t.Errorf("list %v", l)
	}
}

// A check for the first violation says of every graph whether it conforms, as a whole one does.
func TestFirst(t *testing.T) {
	t.Parallel()
	for seed := range 200 {
		m := &made{Rand: rand.New(rand.NewPCG(11, uint64(seed)))}
		shapes := m.document()
		if seed%2 == 0 { // some of it is only recommended
			shapes = strings.Replace(shapes, "; sh:property [", "; sh:property [ sh:severity sh:Warning ; ", 2)
		}
		s, g := compiled(t, shapes), NewGraph(turtle(t, m.graph()))
		if recursive(s) { // what a shape that comes back to itself says depends on where it began
			continue
		}
		whole := s.Check(g, Checked{})
		first := s.Check(g, Checked{First: true})
		if whole.Conforms(Violation) != first.Conforms(Violation) {
			t.Errorf("seed %d: %v as a whole, %v by the first violation\n%s", seed, whole.Conforms(Violation), first.Conforms(Violation), shapes)
		}
		if len(first.Findings) > len(whole.Findings) {
			t.Errorf("seed %d: %d findings, %d as a whole", seed, len(first.Findings), len(whole.Findings))
		}
	}
}

// Much that is said of one property is known once each.
func TestManyValues(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "ex:d dct:p %d, %d, %d .\n", i%50, i, i%7)
	}
	g := NewGraph(append(turtle(t, b.String()), turtle(t, b.String())...))
	if g.Statements() != 100 || len(g.said["https://x.example/d"]["http://purl.org/dc/terms/p"]) != 100 {
		t.Errorf("%d statements", g.Statements())
	}
	inverse := g.inverse()["http://purl.org/dc/terms/p"]
	if len(inverse) != 100 {
		t.Errorf("%d values", len(inverse))
	}
}

// Graphs without what shapes are for, and none at all, conform.
func TestNothing(t *testing.T) {
	t.Parallel()
	s := compiled(t, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path dct:p ; sh:minCount 1 ] .`)
	for _, nodes := range [][]rdf.Node{nil, {{}}, {{"@id": "https://x.example/d"}}, turtle(t, "ex:c a dcat:Catalog .")} {
		r := s.Check(NewGraph(nodes), Checked{})
		if !r.Conforms(Info) || r.Focus != 0 {
			t.Errorf("%v: %+v", nodes, r)
		}
	}
}

// FuzzCheck checks any Turtle against shapes that use every constraint, and any Turtle as shapes.
func FuzzCheck(f *testing.F) {
	shapes := compiled(f, `ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:targetObjectsOf dct:p ; sh:closed true ; sh:property
		[ sh:path dct:p ; sh:minCount 1 ; sh:class dcat:Dataset ; sh:node ex:s ; sh:uniqueLang true ; sh:languageIn ( "en" ) ; sh:in ( 1 2 ) ] ,
		[ sh:path [ sh:zeroOrMorePath dct:p ] ; sh:maxCount 1 ; sh:datatype xsd:date ; sh:minInclusive 1 ] ,
		[ sh:path [ sh:inversePath dct:p ] ; sh:or ( ex:s [ sh:not ex:s ] ) ; sh:qualifiedValueShape ex:s ; sh:qualifiedMinCount 1 ] .`)
	for _, seed := range []string{
		`ex:d a dcat:Dataset ; dct:p ex:d, 1, "x"@en, ( 1 2 ), [ dct:p [] ] .`,
		`ex:s a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property [ sh:path ( dct:p [ sh:inversePath dct:p ] ) ; sh:minCount 1 ] . ex:d a dcat:Dataset .`,
		`ex:s sh:targetNode ex:s ; sh:node ex:s ; sh:not ex:s ; sh:property ex:s ; sh:path ex:s .`,
		`_:l <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> 1 ; <http://www.w3.org/1999/02/22-rdf-syntax-ns#rest> _:l . ex:s sh:in _:l ; sh:targetNode _:l .`,
	} {
		f.Add([]byte(prologue + seed))
	}
	small := Limits{Steps: 20_000, Findings: 50, Time: 200 * time.Millisecond}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := rdf.Parse(rdf.Turtle, b, rdf.Options{Base: "http://x.example/", Limits: rdf.Limits{Bytes: 1 << 16, Depth: 32, Values: 1 << 10}})
		if err != nil {
			return
		}
		g := NewGraph(doc.Nodes)
		shapes.Check(g, Checked{Limits: small})
		own, err := Compile(Source{Name: "fuzz", Nodes: doc.Nodes})
		if err == nil {
			own.Check(g, Checked{Limits: small})
		}
	})
}
