package rdf

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/piprate/json-gold/ld"
	graphs "github.com/tggo/goRDFlib/graph"
	"github.com/tggo/goRDFlib/nq"
	"github.com/tggo/goRDFlib/rdfxml"
	"github.com/tggo/goRDFlib/store"
	"github.com/tggo/goRDFlib/term"
	"github.com/tggo/goRDFlib/trig"
	"github.com/tggo/goRDFlib/turtle"

	"guichet/schemas"
)

const (
	nsRDF     = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	xsdString = "http://www.w3.org/2001/XMLSchema#string"
)

// parseStatements reads Turtle, N-Triples, TriG, N-Quads and RDF/XML. The parsers of the library know no
// bounds, so a document is looked through before they see it, and each statement is
// counted as it comes.
func parseStatements(f Format, src []byte, o Options) (*Document, error) {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if len(src) > o.Limits.Bytes {
		return nil, tooLarge("the document has %d bytes; at most %d are read", len(src), o.Limits.Bytes)
	}
	if !utf8.Valid(src) {
		return nil, schemas.BadField("document", "", "the document is not UTF-8")
	}
	bound, name := boundTurtle, "Turtle"
	switch f {
	case RDFXML:
		bound, name = boundXML, "RDF/XML"
	case TriG:
		name = "TriG"
	case NQuads:
		bound, name = boundQuads, "N-Quads"
	}
	err := bound(src, o.Limits)
	if err != nil {
		return nil, err
	}
	s := &sink{
		format: f, base: o.Base, most: o.Limits.Values, end: time.Now().Add(cmp.Or(o.Limits.Time, MaxTime)),
		nodes: map[string]Node{}, blanks: map[string]string{}, known: map[statement]bool{}, graphs: map[string]*sink{}, count: new(int),
	}
	r := &steps{src: src, sink: s}
	err = s.fill(r)
	if err == nil {
		return &Document{Nodes: s.whole(), Statements: *s.count, at: map[uintptr]string{}}, nil
	}
	if e, ours := errors.AsType[*schemas.Error](err); ours {
		return nil, e
	}
	line, words := r.line(), strings.TrimPrefix(err.Error(), "rdf/xml: ")
	if m := said.FindStringSubmatch(words); m != nil {
		line, _ = strconv.Atoi(m[1])
		words = m[2]
	}
	return nil, schemas.BadField("document", "", "line %d: this is not %s: %s", line, name, words)
}

// said takes the line out of what the parsers say.
var said = regexp.MustCompile(`(?s)^(?:(?:turtle|trig) parse error at line|XML syntax error on line|line) (\d+)(?:,? col \d+)?: (.*)$`)

func tooLarge(format string, args ...any) error {
	return schemas.Errorf(schemas.TooLarge, "document", format, args...)
}

// steps gives a document byte by byte, so that a parser has read no further than where it
// is, and cannot go on without end between two statements.
type steps struct {
	src  []byte
	at   int
	sink *sink
}

func (r *steps) ReadByte() (byte, error) {
	if r.at == len(r.src) {
		return 0, io.EOF
	}
	r.at++
	if r.at%(1<<12) == 0 {
		r.sink.onTime()
	}
	return r.src[r.at-1], nil
}

func (r *steps) Read(p []byte) (int, error) {
	if r.at == len(r.src) {
		return 0, io.EOF
	}
	n := copy(p, r.src[r.at:])
	r.at += n
	return n, nil
}

// line is where the parser is.
func (r *steps) line() int { return 1 + bytes.Count(r.src[:r.at], []byte{'\n'}) }

// statement is one of a document, its terms in the form that N-Triples write.
type statement struct{ subject, predicate, object string }

// sink is the store that the library's parsers fill: it makes nodes of statements and ends
// the reading, by a panic that fill takes, where a bound is passed. They call no other
// method of a store.
type sink struct {
	store.Store
	format Format
	base   string
	most   int
	end    time.Time
	nodes  map[string]Node
	order  []string
	blanks map[string]string // names of blank nodes to ours
	known  map[statement]bool
	refs   map[string]int // how often a blank node is an object

	own    string           // name of the graph that belongs to none, as the library calls it
	graphs map[string]*sink // what is said in each of the others, by its name
	named  []string         // these names, in the order of the source
	count  *int             // statements of all graphs
}

// refused ends a reading.
type refused struct{ err error }

// fill has the library read the document.
func (s *sink) fill(r *steps) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case refused:
			err = p.err
		default:
			err = fmt.Errorf("it cannot be processed (%v)", p)
		}
	}()
	g := graphs.NewGraphFromStore(s, term.NewBNode("g"))
	switch s.format {
	case RDFXML:
		return rdfxml.Parse(g, r)
	case TriG:
		d := graphs.NewDataset(graphs.WithStore(s), graphs.WithIdentifier(g.Identifier()))
		s.own = g.Identifier().N3()
		return trig.ParseDataset(d, r)
	case NQuads:
		nowhere := graphs.NewGraphFromStore(drain{}, term.NewBNode("g")) // it gets each statement too, without its graph
		return nq.Parse(nowhere, r, nq.WithQuadHandler(func(subject term.Subject, property term.URIRef, object, in term.Term) {
			s.Add(term.Triple{Subject: subject, Predicate: property, Object: object}, in)
		}))
	}
	return turtle.Parse(g, r)
}

// drain keeps nothing.
type drain struct{ store.Store }

// Add is for the library.
func (drain) Add(term.Triple, term.Term) {}

func (s *sink) onTime() {
	if time.Now().After(s.end) {
		panic(refused{tooLarge("the document takes too long to process; split it")})
	}
}

// Namespaces is for the library: no prefix is known that the document does not declare.
func (s *sink) Namespaces() store.NamespaceIterator { return func(func(string, term.URIRef) bool) {} }

// Bind is for the library.
func (s *sink) Bind(string, term.URIRef) {}

// of is where what is said in a graph goes.
func (s *sink) of(graph term.Term) *sink {
	if graph == nil || s.format != TriG && s.format != NQuads || s.own != "" && graph.N3() == s.own {
		return s
	}
	name := s.id(graph)
	in := s.graphs[name]
	if in == nil {
		in = &sink{format: s.format, base: s.base, most: s.most, end: s.end, nodes: map[string]Node{}, blanks: s.blanks,
			known: map[statement]bool{}, count: s.count}
		s.graphs[name], s.named = in, append(s.named, name)
	}
	return in
}

// whole are the nodes of the document, those of each graph in the node of its name.
func (s *sink) whole() []Node {
	s.lists()
	for _, name := range s.named {
		in := s.graphs[name]
		in.lists()
		nodes := in.described()
		if s.nodes[name] == nil {
			s.nodes[name] = Node{"@id": name}
			s.order = append(s.order, name)
		}
		list := make([]any, len(nodes))
		for i := range nodes {
			list[i] = nodes[i]
		}
		s.nodes[name]["@graph"] = list
	}
	return s.described()
}

// Add is for the library.
func (s *sink) Add(t term.Triple, graph term.Term) {
	s.of(graph).add(t)
}

func (s *sink) add(t term.Triple) {
	if *s.count%256 == 0 {
		s.onTime()
	}
	property := t.Predicate.Value()
	if strings.ContainsRune(t.Object.String(), 0) {
		panic(refused{schemas.BadField("document", "", "the document holds the character NUL, which no text here has")})
	}
	if s.format == RDFXML && !strings.Contains(property, ":") {
		panic(refused{schemas.BadField("document", "", "this is not RDF/XML: the element or attribute %q has no namespace", property)})
	}
	is := statement{subject: s.id(t.Subject), predicate: s.resolve(property)}
	v := Node{}
	switch o := t.Object.(type) {
	case term.URIRef, term.BNode:
		id := s.id(o)
		v["@id"], is.object = id, "<"+id
	case term.Literal:
		v["@value"] = o.Lexical()
		is.object = `"` + o.Lexical() + `"` + o.Language() + "^" + o.Datatype().Value()
		if o.Language() != "" {
			v["@language"] = o.Language()
		} else if datatype := s.resolve(o.Datatype().Value()); datatype != xsdString {
			v["@type"] = datatype
		}
	default:
		panic(refused{schemas.BadField("document", "", "statements about statements (RDF 1.2) are not read here")})
	}
	if s.known[is] {
		return
	}
	s.known[is] = true
	if *s.count++; *s.count > s.most {
		panic(refused{tooLarge("the document has more than %d statements", s.most)})
	}
	n := s.nodes[is.subject]
	if n == nil {
		n = Node{"@id": is.subject}
		s.nodes[is.subject] = n
		s.order = append(s.order, is.subject)
	}
	if id, ok := v["@id"]; ok && is.predicate == nsRDF+"type" {
		types, _ := n["@type"].([]any)
		n["@type"] = append(types, id)
		return
	}
	values, _ := n[is.predicate].([]any)
	n[is.predicate] = append(values, v)
}

// id is the name of a node: its IRI, resolved, or our name of a blank one.
func (s *sink) id(t term.Term) string {
	b, blank := t.(term.BNode)
	if !blank {
		return s.resolve(t.String())
	}
	name, known := s.blanks[b.Value()]
	if !known {
		name = "_:b" + strconv.Itoa(len(s.blanks))
		s.blanks[b.Value()] = name
	}
	return name
}

// resolve gives an IRI against the address that the document came from.
func (s *sink) resolve(iri string) string {
	if s.base == "" || absolute.MatchString(iri) {
		return iri
	}
	return ld.Resolve(s.base, iri)
}

var absolute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// lists puts @list in place of the chains of nodes that lists are in statements, where
// nothing else is said of these.
func (s *sink) lists() {
	s.refs = map[string]int{}
	s.values(func(_, _ string, v Node) {
		if id := ID(v); id != "" {
			s.refs[id]++
		}
	})
	var cells []string
	s.values(func(_, property string, v Node) {
		if property == nsRDF+"rest" {
			return
		}
		members, chain, ok := s.chain(ID(v))
		if ok {
			delete(v, "@id")
			v["@list"] = members
			cells = append(cells, chain...)
		}
	})
	for _, id := range cells {
		delete(s.nodes, id)
	}
}

// values gives every value of every node.
func (s *sink) values(f func(id, property string, v Node)) {
	for _, id := range s.order {
		for property, values := range s.nodes[id] {
			items, _ := values.([]any)
			for _, item := range items {
				if v, ok := item.(Node); ok {
					f(id, property, v)
				}
			}
		}
	}
}

// chain follows the list that begins at a node; false where that is none.
func (s *sink) chain(id string) (members []any, cells []string, ok bool) {
	members = []any{}
	for id != nsRDF+"nil" {
		n := s.nodes[id]
		first, _ := n[nsRDF+"first"].([]any)
		rest, _ := n[nsRDF+"rest"].([]any)
		if !strings.HasPrefix(id, "_:") || s.refs[id] != 1 || len(n) != 3 || len(first) != 1 || len(rest) != 1 {
			return nil, nil, false
		}
		members, cells = append(members, first[0]), append(cells, id)
		next, _ := rest[0].(Node)
		id = ID(next)
	}
	return members, cells, true
}

// described are the nodes in the order of the source.
func (s *sink) described() []Node {
	var out []Node
	for _, id := range s.order {
		if n := s.nodes[id]; n != nil {
			out = append(out, n)
		}
	}
	return slices.Clip(out)
}
