package rdf

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"guichet/schemas"
)

// described is a document as statements: each node once, with what is nested in it apart.
// It is for one writing.
type described struct {
	lists   bool // are written as such; else as the nodes that they are made of
	nodes   map[string]Node
	order   []string
	refs    map[string]int    // how often a blank node is an object
	written map[string]bool   // blank nodes that stand where they are referred to
	labels  map[string]string // names of blank nodes that need one
}

// Write gives the statements of a document in Turtle or RDF/XML. Blank nodes stand where they are referred to,
// where that is once; what is said of a node follows the order of the names of properties,
// so that equal documents give equal bytes. prefixes are namespaces by the names that
// stand for them; those that are used are declared. Errors: Invalid for another format,
// and in RDF/XML for what XML cannot say.
func Write(f Format, d *Document, prefixes map[string]string) ([]byte, error) {
	g := &described{
		lists: f == Turtle, nodes: map[string]Node{}, refs: map[string]int{}, written: map[string]bool{}, labels: map[string]string{},
	}
	for _, n := range d.Nodes {
		g.take(n, true)
	}
	switch f {
	case Turtle:
		return writeTurtle(g, prefixes), nil
	case RDFXML:
		return writeXML(g, prefixes)
	}
	return nil, schemas.BadField("document", "", "%q is not written here; there are %s and %s", f, Turtle, RDFXML)
}

// take adds a value of expanded JSON-LD; of a node it gives the reference to it. One at
// the top of the document is referred to by nobody yet.
func (g *described) take(v any, top bool) any {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	if _, literal := m["@value"]; literal {
		return m
	}
	if list, is := m["@list"].([]any); is {
		var members []any
		for _, item := range list {
			members = append(members, g.take(item, false))
		}
		if g.lists {
			return Node{"@list": members}
		}
		return g.cells(members)
	}
	id := ID(m)
	if id == "" {
		id = g.newID()
	}
	if isBlank(id) && !top {
		g.refs[id]++
	}
	if IsReference(m) {
		return m
	}
	n := g.nodes[id]
	if n == nil {
		n = Node{"@id": id}
		g.nodes[id] = n
		g.order = append(g.order, id)
	}
	for _, property := range slices.Sorted(maps.Keys(m)) {
		have, _ := n[property].([]any)
		switch property {
		case "@id":
		case "@type":
			for _, class := range rawList(m[property]) { // said at each mention, it is said once
				if !slices.Contains(have, class) {
					have = append(have, class)
				}
			}
			n[property] = have
		default:
			for _, item := range rawList(m[property]) {
				have = append(have, g.take(item, false))
			}
			n[property] = have
		}
	}
	return Node{"@id": id}
}

// cells makes the nodes that a list is made of: RDF/XML has no form for lists that hold
// literals. They are referred to by name, so that long lists do not nest.
func (g *described) cells(members []any) Node {
	next := Node{"@id": nsRDF + "nil"}
	for _, member := range slices.Backward(members) {
		id := g.newID()
		g.nodes[id] = Node{"@id": id, nsRDF + "first": []any{member}, nsRDF + "rest": []any{next}}
		g.order = append(g.order, id)
		g.refs[id] = 2
		next = Node{"@id": id}
	}
	return next
}

// newID names a blank node as no document does.
func (g *described) newID() string { return "_: " + strconv.Itoa(len(g.nodes)) }

func rawList(v any) []any {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	return items
}

// roots gives each node that stands by itself: those with an IRI, and blank ones that are
// referred to more than once or not at all; then those of circles that nothing leads to.
func (g *described) roots(write func(Node) error) error {
	for _, circles := range []bool{false, true} {
		for _, id := range g.order {
			once := isBlank(id) && g.refs[id] == 1
			if once != circles || g.written[id] {
				continue
			}
			g.written[id] = true
			if circles {
				g.label(id)
			}
			err := write(g.nodes[id])
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func isBlank(id string) bool { return strings.HasPrefix(id, "_:") }

// label is the name of a blank node that needs one, "" for others.
func (g *described) label(id string) string {
	if g.refs[id] == 0 {
		return ""
	}
	if g.labels[id] == "" {
		g.labels[id] = "b" + strconv.Itoa(len(g.labels))
	}
	return g.labels[id]
}

// within gives the node that is written where it is referred to; false for one that is
// referred to by name.
func (g *described) within(id string) (Node, bool) {
	if !isBlank(id) || g.refs[id] != 1 || g.written[id] {
		return nil, false
	}
	g.written[id] = true
	return g.nodes[id], true
}

// values are those of a property, or of @type as references.
func values(n Node, property string) []Node {
	var out []Node
	for _, item := range rawList(n[property]) {
		switch v := item.(type) {
		case string:
			out = append(out, Node{"@id": v})
		case map[string]any:
			out = append(out, v)
		}
	}
	return out
}

// properties of a node in the order in which they are written.
func properties(n Node) []string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(n)) {
		if !strings.HasPrefix(p, "@") {
			out = append(out, p)
		}
	}
	return out
}

// Lexical is a literal's text and datatype in RDF; native numbers and booleans of JSON have theirs [JSON-LD 1.1 API §8.6].
func Lexical(v Node) (text, language, datatype string) {
	text, language, datatype, _ = Literal(v)
	const xsd = "http://www.w3.org/2001/XMLSchema#"
	switch n := v["@value"].(type) {
	case bool:
		datatype = xsd + "boolean"
	case json.Number:
		if datatype == "" {
			datatype = xsd + "integer"
			if strings.ContainsAny(text, ".eE") {
				datatype = xsd + "double"
			}
		}
	case float64:
		text = strconv.FormatFloat(n, 'E', -1, 64)
		datatype = xsd + "double"
		if n == float64(int64(n)) {
			text, datatype = fmt.Sprintf("%d", int64(n)), xsd+"integer"
		}
	}
	return text, language, datatype
}

// IRI is a name as an IRI: characters that none has are written as their bytes in percent
// [RFC 3987 §3.1].
func IRI(s string) string {
	odd := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("<>\"{}|\\^`", r) }
	if !strings.ContainsFunc(s, odd) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if odd(r) {
			fmt.Fprintf(&b, "%%%02X", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
