// Package feed reads what changes in a catalogue: events of its entities, page by page.
//
// In flows a parsed document, out flow its events in the order of their times, and where the page after
// it is. Always: what a catalogue describes has no say in either. It must not know what a dataset is.
package feed

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"guichet/connectors/rdf"
)

const (
	nsDCAT = "http://www.w3.org/ns/dcat#"
	nsAS   = "https://www.w3.org/ns/activitystreams#"
	nsTREE = "https://w3id.org/tree#"
)

// Event is that an entity of a catalogue was made, changed or removed [DCAT-AP Feeds].
type Event struct {
	Object string     // IRI of the entity
	Gone   bool       // it was removed
	At     time.Time  // when that was published; zero where it is not said
	Nodes  []rdf.Node // that describe the entity now
}

// Events are those of a document, in the order of their times; false where it is no feed: it has
// no event, and is no tree:Node either, or lists a catalogue.
func Events(doc *rdf.Document) ([]Event, bool) {
	var out []Event
	node, catalogue := false, false
	for _, n := range doc.Nodes {
		types := rdf.Types(n)
		node = node || slices.Contains(types, nsTREE+"Node")
		catalogue = catalogue || slices.Contains(types, nsDCAT+"Catalog")
		kind := ""
		for _, t := range types {
			if is, ok := strings.CutPrefix(t, nsAS); ok {
				kind = is
			}
		}
		if Described(n) || kind != "Create" && kind != "Update" && kind != "Delete" && kind != "Remove" {
			continue
		}
		e := Event{Gone: kind == "Delete" || kind == "Remove"}
		for _, v := range rdf.List(n, nsAS+"object") {
			e.Object = rdf.ID(v)
		}
		for _, v := range rdf.List(n, nsAS+"published") {
			text, _, _, _ := rdf.Literal(v)
			at, err := time.Parse(time.RFC3339Nano, text)
			if err == nil {
				e.At = at
			}
		}
		graph, _ := n["@graph"].([]any)
		for _, v := range graph {
			if node, ok := v.(map[string]any); ok {
				e.Nodes = append(e.Nodes, node)
			}
		}
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b Event) int { return a.At.Compare(b.At) })
	return out, len(out) > 0 || node && !catalogue
}

// Onward is where the page after one of a feed is: the node to which it has a relation that is
// not itself.
func Onward(doc *rdf.Document, base string) string {
	for _, n := range doc.Nodes {
		for _, relation := range rdf.List(n, nsTREE+"relation") {
			for _, v := range resolved(doc, relation, nsTREE+"node") {
				u, err := url.Parse(base)
				if err == nil {
					u, err = u.Parse(rdf.ID(v))
				}
				if err == nil && u.String() != base && (u.Scheme == "http" || u.Scheme == "https") {
					return u.String()
				}
			}
		}
	}
	return ""
}

// resolved are the values of a property of a node that may be described elsewhere in a document.
func resolved(doc *rdf.Document, n rdf.Node, property string) []rdf.Node {
	out := rdf.List(n, property)
	for _, other := range doc.Nodes {
		if id := rdf.ID(n); id != "" && rdf.ID(other) == id {
			out = append(out, rdf.List(other, property)...)
		}
	}
	return out
}

// Described says whether a node is what catalogues describe: where a page goes on, it has no say.
func Described(n rdf.Node) bool {
	return slices.ContainsFunc(rdf.Types(n), func(t string) bool {
		return t == nsDCAT+"Dataset" || t == nsDCAT+"DatasetSeries" || t == nsDCAT+"Distribution" || t == nsDCAT+"DataService"
	})
}
