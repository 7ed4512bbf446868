package shacl

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"guichet/connectors/rdf"
)

// Namespaces.
const (
	nsSH   = "http://www.w3.org/ns/shacl#"
	nsRDF  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsRDFS = "http://www.w3.org/2000/01/rdf-schema#"
	nsXSD  = "http://www.w3.org/2001/XMLSchema#"
	nsSkos = "http://www.w3.org/2004/02/skos/core#"
)

// kind is what a term is.
type kind byte

const (
	isIRI kind = iota + 1
	isBlank
	isLiteral
)

// term is a node or a literal. Equal terms are the same term.
type term struct {
	kind               kind
	value              string // the IRI, the name of the blank node with its _:, or the text
	datatype, language string
}

// Graph is what is checked: statements by subject and property. Read-only once made; safe
// for concurrent use.
type Graph struct {
	said    map[string]map[string][]term // by subject and property
	order   []string                     // subjects, in the order of the source
	classes map[string][]string          // class to the nodes that are said to be of it
	lists   map[string][]term            // members by the name of the blank node that stands for a list
	known   map[statement]bool           // of subjects that say much of one property
	size    int

	inverse func() map[string]map[term][]string // property and value to subjects, made when it is asked for
}

// few is how many values of a property are looked through for one that is there already.
const few = 16

// statement is one of a graph.
type statement struct {
	subject, property string
	object            term
}

// NewGraph gathers the statements of nodes, nested ones too. Statements about one node may
// stand in several places.
func NewGraph(nodes []rdf.Node) *Graph {
	g := &Graph{
		said: map[string]map[string][]term{}, classes: map[string][]string{}, lists: map[string][]term{}, known: map[statement]bool{},
	}
	g.inverse = sync.OnceValue(g.turned)
	for _, n := range nodes {
		g.node(n)
	}
	return g
}

// Statements is the number of statements.
func (g *Graph) Statements() int { return g.size }

// node adds what is said of a node, and gives the node.
func (g *Graph) node(n rdf.Node) term {
	id := rdf.ID(n)
	if id == "" {
		id = "_: " + strconv.Itoa(len(g.said)+len(g.lists)) // as no document names one
	}
	t := named(id)
	if len(n) > 1 || rdf.ID(n) == "" {
		g.subject(id)
	}
	for _, class := range rdf.Types(n) {
		g.add(id, nsRDF+"type", named(class))
	}
	for property, values := range n {
		if strings.HasPrefix(property, "@") {
			continue
		}
		items, many := values.([]any)
		if !many {
			items = []any{values}
		}
		for _, v := range items {
			if o, ok := g.value(v); ok {
				g.add(id, property, o)
			}
		}
	}
	return t
}

// named is the term of an IRI or a blank node.
func named(id string) term {
	if strings.HasPrefix(id, "_:") {
		return term{kind: isBlank, value: id}
	}
	return term{kind: isIRI, value: id}
}

// value gives the term of a value, and adds what it says itself.
func (g *Graph) value(v any) (term, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return term{}, false
	}
	if _, literal := m["@value"]; literal {
		text, language, datatype := rdf.Lexical(m)
		switch {
		case language != "":
			datatype = nsRDF + "langString"
		case datatype == "":
			datatype = nsXSD + "string"
		}
		return term{isLiteral, text, datatype, strings.ToLower(language)}, true
	}
	list, ok := m["@list"].([]any)
	if !ok {
		return g.node(m), true
	}
	if len(list) == 0 {
		return named(nsRDF + "nil"), true
	}
	id := "_: " + strconv.Itoa(len(g.said)+len(g.lists))
	g.lists[id] = nil
	var members []term
	for _, item := range list {
		if t, ok := g.value(item); ok {
			members = append(members, t)
		}
	}
	g.lists[id] = members
	return named(id), true
}

func (g *Graph) subject(id string) map[string][]term {
	properties := g.said[id]
	if properties == nil {
		properties = map[string][]term{}
		g.said[id] = properties
		g.order = append(g.order, id)
	}
	return properties
}

// add adds a statement, once.
func (g *Graph) add(subject, property string, o term) {
	properties := g.subject(subject)
	values := properties[property]
	switch {
	case len(values) < few && slices.Contains(values, o):
		return
	case len(values) == few:
		for _, v := range values {
			g.known[statement{subject, property, v}] = true
		}
	}
	if len(values) >= few {
		is := statement{subject, property, o}
		if g.known[is] {
			return
		}
		g.known[is] = true
	}
	g.size++
	properties[property] = append(values, o)
	if property == nsRDF+"type" {
		g.classes[o.value] = append(g.classes[o.value], subject)
	}
}

// turned is the graph by property and value.
func (g *Graph) turned() map[string]map[term][]string {
	out := map[string]map[term][]string{}
	for _, subject := range g.order {
		for property, values := range g.said[subject] {
			of := out[property]
			if of == nil {
				of = map[term][]string{}
				out[property] = of
			}
			for _, v := range values {
				of[v] = append(of[v], subject)
			}
		}
	}
	return out
}

// one is the only value of a property as text, "" where there is none.
func (g *Graph) one(subject, property string) string {
	for _, t := range g.said[subject][property] {
		return t.value
	}
	return ""
}
