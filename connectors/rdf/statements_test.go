package rdf

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

var few = Limits{Bytes: 4 << 20, Depth: 32, Values: 1 << 15}

// prefixed is a Turtle document with the prefixes that the tests use.
func prefixed(s string) string {
	return "@prefix d: <http://www.w3.org/ns/dcat#> .\n@prefix x: <https://x.example/> .\n" + s
}

const rdfHead = `<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="https://x.example/">`

// Nodes of a document are those of its expansion, whatever it is written in.
func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		format    Format
		doc, want string
	}{
		"a list": {Turtle, prefixed(`x:a x:p (1 "b"@de [x:q x:c] ()) .`),
			`[{"@id":"_:b0","https://x.example/q":[{"@id":"https://x.example/c"}]},{"@id":"https://x.example/a","https://x.example/p":[{"@list":[{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"1"},{"@language":"de","@value":"b"},{"@id":"_:b0"},{"@list":[]}]}]}]`},
		"a list that more is said of": {Turtle, prefixed(`x:a x:p _:l . _:l <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> 1 ; <http://www.w3.org/1999/02/22-rdf-syntax-ns#rest> () ; x:q true .`),
			`[{"@id":"https://x.example/a","https://x.example/p":[{"@id":"_:b0"}]},{"@id":"_:b0","http://www.w3.org/1999/02/22-rdf-syntax-ns#first":[{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"1"}],"http://www.w3.org/1999/02/22-rdf-syntax-ns#rest":[{"@id":"http://www.w3.org/1999/02/22-rdf-syntax-ns#nil"}],"https://x.example/q":[{"@type":"http://www.w3.org/2001/XMLSchema#boolean","@value":"true"}]}]`},
		"a list that ends nowhere": {Turtle, prefixed(`x:a x:p _:l . _:l <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> 1 ; <http://www.w3.org/1999/02/22-rdf-syntax-ns#rest> _:l .`),
			`[{"@id":"https://x.example/a","https://x.example/p":[{"@id":"_:b0"}]},{"@id":"_:b0","http://www.w3.org/1999/02/22-rdf-syntax-ns#first":[{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"1"}],"http://www.w3.org/1999/02/22-rdf-syntax-ns#rest":[{"@id":"_:b0"}]}]`},
		"said twice": {Turtle, prefixed(`x:a a d:Dataset, d:Dataset ; x:p "1", "1", "1"@en .`),
			`[{"@id":"https://x.example/a","@type":["http://www.w3.org/ns/dcat#Dataset"],"https://x.example/p":[{"@value":"1"},{"@language":"en","@value":"1"}]}]`},
		"relative": {Turtle, "\ufeff" + `<a> a <#T> ; <?q=1> <../b%20c/ü> .`,
			`[{"@id":"https://source.example/dir/a","@type":["https://source.example/dir/doc#T"],"https://source.example/dir/doc?q=1":[{"@id":"https://source.example/b%20c/%C3%BC"}]}]`},
		"N-Triples": {NTriples, "<urn:a> <urn:p> \"\\u00fc\\n\"^^<http://www.w3.org/2001/XMLSchema#string> .\n_:z <urn:p> <urn:a> . # said\n",
			`[{"@id":"urn:a","urn:p":[{"@value":"ü\n"}]},{"@id":"_:b0","urn:p":[{"@id":"urn:a"}]}]`},
		"TriG": {TriG, prefixed(`x:a x:p _:n . <#g> { x:a x:p (1) . x:b x:p _:n } GRAPH x:h { x:a x:p 2 } x:h x:q _:n . { x:c x:p 3 . } <#g> { x:c x:p 4 }`),
			`[{"@id":"https://x.example/a","https://x.example/p":[{"@id":"_:b0"}]},{"@graph":[{"@id":"https://x.example/a","https://x.example/p":[{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"2"}]}],"@id":"https://x.example/h","https://x.example/q":[{"@id":"_:b0"}]},{"@id":"https://x.example/c","https://x.example/p":[{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"3"}]},{"@graph":[{"@id":"https://x.example/a","https://x.example/p":[{"@list":[{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"1"}]}]},{"@id":"https://x.example/b","https://x.example/p":[{"@id":"_:b0"}]},{"@id":"https://x.example/c","https://x.example/p":[{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"4"}]}],"@id":"https://source.example/dir/doc#g"}]`},
		"N-Quads": {NQuads, "<urn:a> <urn:p> \"b\"@de .\n# said\n\n_:n <urn:p> _:m <urn:g> .\n<urn:a> <urn:p> _:m _:g .\n",
			`[{"@id":"urn:a","urn:p":[{"@language":"de","@value":"b"}]},{"@graph":[{"@id":"_:b0","urn:p":[{"@id":"_:b1"}]}],"@id":"urn:g"},{"@graph":[{"@id":"urn:a","urn:p":[{"@id":"_:b1"}]}],"@id":"_:b2"}]`},
		"RDF/XML": {RDFXML, rdfHead + `<x:T rdf:about="a%20b" x:q="1 &lt; 2"><x:p xml:lang="de"> ü </x:p><x:p rdf:parseType="Collection"><rdf:Description rdf:about="#c"/></x:p><x:r><x:N/></x:r></x:T></rdf:RDF>`,
			`[{"@id":"https://source.example/dir/a%20b","@type":["https://x.example/T"],"https://x.example/p":[{"@language":"de","@value":" ü "},{"@list":[{"@id":"https://source.example/dir/doc#c"}]}],"https://x.example/q":[{"@value":"1 \u003c 2"}],"https://x.example/r":[{"@id":"_:b1"}]},{"@id":"_:b1","@type":["https://x.example/N"]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse(c.format, []byte(c.doc), Options{Base: "https://source.example/dir/doc", Limits: few})
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(d.Nodes)
			if err != nil || string(got) != c.want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, c.want)
			}
		})
	}
}

// What is wrong is said with its line, and what is too much ends early.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	deep := func(open, shut string) string { return prefixed("x:a x:p ") + strings.Repeat(open, 200_000) + shut }
	for name, c := range map[string]struct {
		format Format
		doc    string
		kind   schemas.Kind
		says   string
	}{
		"no prefix":         {Turtle, "\n\nfoaf:a foaf:b foaf:c .", schemas.Invalid, `line 3: this is not Turtle: undefined prefix "foaf"`},
		"owl undeclared":    {Turtle, "owl:a owl:b owl:c .", schemas.Invalid, "undefined prefix"},
		"cut short":         {Turtle, prefixed(`x:a x:p "text`), schemas.Invalid, "line 3"},
		"RDF 1.2":           {Turtle, prefixed(`x:a x:p <<( x:a x:p x:c )>> .`), schemas.Invalid, "RDF 1.2"},
		"not UTF-8":         {Turtle, prefixed("x:a x:p \"\xff\" ."), schemas.Invalid, "UTF-8"},
		"brackets":          {Turtle, deep("[x:p ", ""), schemas.Invalid, "line 3: nested"},
		"lists":             {Turtle, deep("(", "."), schemas.Invalid, "nested"},
		"quoted":            {Turtle, prefixed(strings.Repeat("<<", 100_000)), schemas.Invalid, "nested"},
		"after a string":    {Turtle, prefixed(`x:a x:p """"#[""", '[', "\"[" , ` + strings.Repeat("[ x:p ", 40)), schemas.Invalid, "nested"},
		"after an escape":   {Turtle, prefixed(`x:a\' x:p <https://x.example/\u005b[[[[[> , ` + strings.Repeat("( ", 40)), schemas.Invalid, "nested"},
		"long namespace":    {Turtle, "@prefix a: #>\n<urn:" + strings.Repeat("n", 1<<20) + "> . a:a a:p (" + strings.Repeat("a:c ", 1000) + ") .", schemas.TooLarge, "too long"},
		"long base":         {Turtle, "BASE #\n <urn:" + strings.Repeat("n", 1<<20) + "> <a> <p> (" + strings.Repeat("<c> ", 1000) + ") .", schemas.TooLarge, "too long"},
		"statements":        {Turtle, prefixed("x:a x:p 0") + strings.Repeat(",[]", 1<<16) + ".", schemas.TooLarge, "32768 statements"},
		"bytes":             {Turtle, strings.Repeat(" ", 5<<20), schemas.TooLarge, "bytes"},
		"graphs in graphs":  {TriG, prefixed(`x:g { x:h { x:a x:p x:b } }`), schemas.Invalid, "line 3: this is not TriG"},
		"an open graph":     {TriG, prefixed("x:g {\n x:a x:p x:b .\n"), schemas.Invalid, "unterminated"},
		"deep graphs":       {TriG, prefixed("x:g {" + strings.Repeat("[ x:p ", 200_000)), schemas.Invalid, "nested"},
		"graphs, RDF 1.2":   {TriG, prefixed(`x:g { x:a x:p <<( x:a x:p x:c )>> }`), schemas.Invalid, "RDF 1.2"},
		"many in graphs":    {TriG, prefixed("x:g { x:a x:p 0") + strings.Repeat(",[]", 20_000) + "} x:h { x:a x:p 0" + strings.Repeat(",[]", 20_000) + "}", schemas.TooLarge, "32768 statements"},
		"a slip in quads":   {NQuads, "<urn:a> <urn:b> <urn:c> <urn:d> .\n<urn:a> <urn:b> <urn:c> <urn:d> <urn:e> .\n", schemas.Invalid, "line 2: this is not N-Quads"},
		"a long quad":       {NQuads, "\n<urn:a> <urn:b> \"" + strings.Repeat("x", 1<<16) + "\" .\n", schemas.TooLarge, "line 2 has"},
		"not XML":           {RDFXML, rdfHead + "\n<x:a></x:b></rdf:RDF>", schemas.Invalid, "line 2: this is not RDF/XML: element <a> closed by </b>"},
		"an ampersand":      {RDFXML, rdfHead + "\n<x:a x:p='&'/></rdf:RDF>", schemas.Invalid, "line 2"},
		"two abouts":        {RDFXML, rdfHead + "\n\n<x:a rdf:about='#a' rdf:ID='a'/></rdf:RDF>", schemas.Invalid, "line 3: this is not RDF/XML: conflicting"},
		"an entity":         {RDFXML, `<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>`, schemas.Invalid, "document type"},
		"an entity of none": {RDFXML, rdfHead + "<x:a x:p='&a;'/></rdf:RDF>", schemas.Invalid, "line 1"},
		"a page":            {RDFXML, "<html><head/></html>", schemas.Invalid, "no namespace"},
		"half a page":       {RDFXML, rdfHead + "<x:T><head>a</head></x:T></rdf:RDF>", schemas.Invalid, `"head" has no namespace`},
		"two roots":         {RDFXML, rdfHead + "</rdf:RDF>" + rdfHead + "</rdf:RDF>", schemas.Invalid, "second root"},
		"text after it":     {RDFXML, rdfHead + "</rdf:RDF>.", schemas.Invalid, "outside"},
		"half of it":        {RDFXML, rdfHead + "<x:T>", schemas.Invalid, "ends in the middle"},
		"nothing":           {RDFXML, "", schemas.Invalid, "ends in the middle"},
		"another encoding":  {RDFXML, `<?xml version="1.0" encoding="ISO-8859-1"?><a xmlns="urn:"/>`, schemas.Invalid, "write UTF-8"},
		"elements":          {RDFXML, rdfHead + strings.Repeat("<x:T><x:p>", 100_000), schemas.Invalid, "too deep"},
		"XML literals": {RDFXML, `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="https://x.example/" xmlns:y="` + strings.Repeat("y", 60_000) + `"><x:a><x:p rdf:parseType="Literal">` + strings.Repeat("<a/>", 20_000) + `</x:p></x:a></rdf:RDF>`,
			schemas.TooLarge, "too"},
		"what is it": {"text/csv", "a,b", schemas.Invalid, "not a serialisation"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.format, []byte(c.doc), Options{Limits: few})
			if schemas.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %q", err, c.says)
			}
		})
	}
	l := few
	l.Time = time.Nanosecond
	_, err := Parse(Turtle, []byte(prefixed("x:a x:p 1 .")), Options{Limits: l})
	if schemas.KindOf(err) != schemas.TooLarge {
		t.Errorf("a document out of time: %v", err)
	}
}

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]Format{"text/turtle; charset=utf-8": Turtle, "Application/RDF+XML": RDFXML, "application/x-turtle": Turtle, "application/trig": TriG, "application/x-trig": TriG, "application/n-quads": NQuads, "text/xml": "", "nonsense/": "", `application/ld+json;profile="x"`: JSONLD} {
		if f, _ := FormatOf(said); f != want {
			t.Errorf("%s: %s", said, f)
		}
	}
	for name, want := range map[string]Format{"a.ttl": Turtle, "a.RDF": RDFXML, "a.xml": "", "ttl": "", "b/a.jsonld": JSONLD, "a.nt": NTriples, "a.trig": TriG, "a.nq": NQuads} {
		if f, _ := FormatOfFile(name); f != want {
			t.Errorf("%s: %s", name, f)
		}
	}
}

// Whatever the bytes are, a document is read or refused with a kind, within its bounds.
func FuzzParse(f *testing.F) {
	f.Add(uint8(0), prefixed(`x:a a d:Dataset ; x:p "a\u00e9"@en-GB, '''b'''^^x:t, 1, -1.5e3, true, (1 [x:q ()]) ; . [] x:p <#> . # end`))
	f.Add(uint8(0), "@base <https://x.example/> . prefix : <a#> :b :c :d\\.e, _:f .")
	f.Add(uint8(0), prefixed(`<< x:a x:p x:b >> x:q x:c . x:a x:p x:b {| x:q 1 |} ~ x:r .`))
	f.Add(uint8(1), rdfHead+`<x:T rdf:about="#a" x:q="1"><x:p rdf:parseType="Resource"><x:q rdf:resource="b"/></x:p><rdf:li rdf:parseType="Collection"><x:U rdf:nodeID="n"/></rdf:li><x:l rdf:parseType="Literal"><b c="d">e</b></x:l></x:T></rdf:RDF>`)
	f.Add(uint8(1), `<a xmlns="urn:x:" xml:lang="de"><!-- c --><b><![CDATA[<]]></b></a>`)
	f.Add(uint8(2), "<urn:a> <urn:b> \"c\"@de .\n")
	f.Add(uint8(3), prefixed(`x:g { x:a x:p (1 [x:q 2]) } GRAPH _:b { [] x:p x:q . } [] { x:a x:p << x:a x:p x:b >> }`))
	f.Add(uint8(4), "<urn:a> <urn:b> \"c\"@de <urn:g> .\n_:a <urn:b> <<( <urn:a> <urn:b> _:c )>> _:g .")
	f.Fuzz(func(t *testing.T, kind uint8, doc string) {
		format := []Format{Turtle, RDFXML, NTriples, TriG, NQuads}[kind%5]
		d, err := Parse(format, []byte(doc), Options{Base: "https://x.example/", Limits: Limits{Bytes: 1 << 16, Depth: 16, Values: 1 << 10}})
		if k := schemas.KindOf(err); err != nil && k != schemas.Invalid && k != schemas.TooLarge {
			t.Errorf("%v", err)
		}
		if err == nil && d.Statements > 1<<10 {
			t.Errorf("%d statements", d.Statements)
		}
	})
}
