package dcatap

import (
	"maps"
	"reflect"
	"slices"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Namespaces.
const (
	nsDCAT = "http://www.w3.org/ns/dcat#"
	nsDCT  = "http://purl.org/dc/terms/"
	nsFOAF = "http://xmlns.com/foaf/0.1/"
	nsRDFS = "http://www.w3.org/2000/01/rdf-schema#"
	nsCSVW = "http://www.w3.org/ns/csvw#"
	nsODRS = "http://schema.theodi.org/odrs#"
	nsSkos = "http://www.w3.org/2004/02/skos/core#"
	nsOurs = "urn:guichet:"
	nsADMS = "http://www.w3.org/ns/adms#"
	nsODRL = "http://www.w3.org/ns/odrl/2/"

	xsdString = "http://www.w3.org/2001/XMLSchema#string"

	nsVCard = "http://www.w3.org/2006/vcard/ns#"
	nsTime  = "http://www.w3.org/2006/time#"

	nsSchema = "http://schema.org/"
	nsGeo    = "http://www.opengis.net/ont/geosparql#"
)

// graph is a document in which descriptions of one node are merged.
type graph struct {
	doc   *rdf.Document
	byID  map[string]rdf.Node
	order []rdf.Node // described nodes in the order of the source
	at    map[uintptr]string
	used  map[uintptr]map[string]bool // properties that were looked at
	lost  map[string]string           // path of a property to what of it is not kept
	where string                      // path of the node that is read, in front of its properties

	budget int             // values that the dataset that is read may still have; below 0: it has too many
	grown  map[string]bool // lists of merged nodes that are the graph's own, by node and property
}

// newGraph gathers the nodes of a document under their ids: RDF may say of one node here
// and there, JSON-LD readers see it in pieces.
func newGraph(doc *rdf.Document) *graph {
	g := &graph{doc: doc, byID: map[string]rdf.Node{}, at: map[uintptr]string{}, grown: map[string]bool{}}
	for _, n := range doc.Nodes {
		g.add(n)
	}
	return g
}

// add adds a value, and what is nested in a value too.
func (g *graph) add(v any) {
	switch t := v.(type) {
	case []any:
		for _, item := range t {
			g.add(item)
		}
	case map[string]any:
		g.node(t)
		for _, k := range slices.Sorted(maps.Keys(t)) {
			g.add(t[k])
		}
	}
}

// node adds what a piece of a document says of its node.
func (g *graph) node(n rdf.Node) {
	_, isValue := n["@value"]
	_, isList := n["@list"]
	if isValue || isList || rdf.IsReference(n) {
		return
	}
	at, _ := g.doc.At(n)
	id := rdf.ID(n)
	known, ok := g.byID[id]
	if id == "" || !ok {
		merged := maps.Clone(n)
		g.order = append(g.order, merged)
		g.at[key(merged)] = at
		g.at[key(n)] = at
		if id != "" {
			g.byID[id] = merged
		}
		return
	}
	for k, v := range n {
		more, isMore := v.([]any)
		have, isHave := known[k].([]any)
		switch {
		case isMore && isHave:
			own := id + " " + k
			if !g.grown[own] { // the document's own list stays as it is
				have, g.grown[own] = slices.Clip(have), true
			}
			known[k] = append(have, more...)
		case known[k] == nil:
			known[k] = v
		}
	}
}

// key is a node's identity, also where it has no id.
func key(n rdf.Node) uintptr { return reflect.ValueOf(n).Pointer() }

// values gives the nodes and literals of a property, references followed.
func (g *graph) values(n rdf.Node, property string) []rdf.Node {
	return g.follow(g.list(n, property))
}

// list gives the values of a property as they stand, and notes that it was looked at.
func (g *graph) list(n rdf.Node, property string) []rdf.Node {
	if _, said := n[property]; said && g.used != nil {
		if g.used[key(n)] == nil {
			g.used[key(n)] = map[string]bool{}
		}
		g.used[key(n)][property] = true
	}
	out := rdf.List(n, property)
	g.budget -= len(out)
	if g.budget < 0 {
		return nil
	}
	return out
}

// follow puts the descriptions of nodes in place of references to them.
func (g *graph) follow(values []rdf.Node) []rdf.Node {
	for i, v := range values {
		known, ok := g.byID[rdf.ID(v)]
		if ok {
			values[i] = known
		}
	}
	return values
}

// ofType lists the described nodes of a class.
func (g *graph) ofType(class string) []rdf.Node {
	var out []rdf.Node
	for _, n := range g.order {
		if slices.Contains(rdf.Types(n), class) {
			out = append(out, n)
		}
	}
	return out
}

// text reads every language of a property; the first value of each stays.
func (g *graph) text(n rdf.Node, property string) schemas.Text {
	var out schemas.Text
	several := false
	for _, v := range g.list(n, property) {
		s, language, _, ok := rdf.Literal(v)
		_, twice := out[language]
		several = several || twice && ok && s != out[language]
		if !ok || twice || s == "" {
			continue
		}
		if out == nil {
			out = schemas.Text{}
		}
		out[language] = s
	}
	if several {
		g.lost[g.where+short(property)] = "of several values in one language only the first is kept"
	}
	return out
}

// word reads a property that is one literal here: without language, else
// English, else the first tag in order.
func (g *graph) word(n rdf.Node, property string) string {
	t := g.text(n, property)
	for _, tag := range append([]string{"", "en"}, slices.Sorted(maps.Keys(t))...) {
		if t[tag] != "" {
			if len(t) > 1 {
				g.lost[g.where+short(property)] = "kept in one language only"
			}
			return t[tag]
		}
	}
	return ""
}

// words reads a property of many literals, each once.
func (g *graph) words(n rdf.Node, property string) []string {
	var out []string
	tagged := false
	for _, v := range g.list(n, property) {
		s, language, _, ok := rdf.Literal(v)
		if ok && s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
		tagged = tagged || ok && language != ""
	}
	if tagged {
		g.lost[g.where+short(property)] = "kept without its languages"
	}
	return out
}
