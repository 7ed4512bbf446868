package dcatap

import (
	"maps"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

// What a description says and our fields have no place for is kept as RDF: properties that nothing
// here reads, and values that no field takes whole, such as a theme that is none of the EU's.

// Bounds of what is kept as RDF, in bytes. The longest description of the reference catalogues
// has 28 KB.
const (
	MaxRDF     = 64 << 10 // of a dataset
	MaxLinkRDF = 32 << 10 // of one of its links
	maxLinks   = 2 << 20  // of all of them
)

// value is one of a property.
type value struct {
	property string
	at       uintptr
}

// left says of a value that was read why it is kept nevertheless.
type left struct {
	whole bool   // in any case
	class string // where more is said of it than a node of this class and what was read
	node  rdf.Node
}

// leave notes that no field takes a value.
func (r *reader) leave(property string, v rdf.Node) {
	if r.left != nil {
		r.left[value{property, key(v)}] = left{whole: true}
	}
}

// leaveMore notes that a field takes of a value what is read of it; where that is not all, it is kept.
func (r *reader) leaveMore(property string, v rdf.Node, class string) {
	id := rdf.ID(v)
	at := value{property, key(v)}
	if r.left != nil && !r.left[at].whole && (id == "" || strings.HasPrefix(id, "_:")) {
		r.left[at] = left{class: class, node: v}
	}
}

// leaveNamed is leaveMore for what may have a name of its own, which no field takes.
func (r *reader) leaveNamed(property string, v rdf.Node, class string) {
	id := rdf.ID(v)
	if id != "" && !strings.HasPrefix(id, "_:") {
		r.leave(property, v)
	}
	r.leaveMore(property, v, class)
}

// leaveTyped leaves a node one of whose words has a language or a datatype.
func (r *reader) leaveTyped(property string, v rdf.Node, words string) {
	for _, w := range r.list(v, words) {
		if _, language, datatype, _ := rdf.Literal(w); language != "" || datatype != "" && datatype != xsdString {
			r.leave(property, v)
		}
	}
}

// leaveTagged leaves the words of a property that have a language.
func (r *reader) leaveTagged(n rdf.Node, property string) {
	for _, v := range r.list(n, property) {
		if _, language, _, _ := rdf.Literal(v); language != "" {
			r.leave(property, v)
		}
	}
}

// oneOf is word for a node that is kept whole where that is not all of it.
func (r *reader) oneOf(n rdf.Node, property string) string {
	words := schemas.Text{}
	for _, v := range r.list(n, property) {
		s, language, _, ok := rdf.Literal(v)
		if _, known := words[language]; ok && !known && s != "" {
			words[language] = s
		}
	}
	for _, tag := range append([]string{"", "en"}, slices.Sorted(maps.Keys(words))...) {
		if words[tag] != "" {
			return words[tag]
		}
	}
	return ""
}

// more says whether a document says more of a node than that it is of a class and what was read.
func (r *reader) more(n rdf.Node, class string, depth int) bool {
	if slices.ContainsFunc(rdf.Types(n), func(t string) bool { return t != class && class != "" }) || depth > maxDepth {
		return true
	}
	for property := range n {
		if strings.HasPrefix(property, "@") {
			continue
		}
		if !r.used[key(n)][property] {
			return true
		}
		for _, v := range r.follow(rdf.List(n, property)) {
			id := rdf.ID(v)
			if _, literal := v["@value"]; !literal && (id == "" || strings.HasPrefix(id, "_:")) && r.more(v, "", depth+1) {
				return true
			}
		}
	}
	return false
}

// rest gives what is said of a node beyond our fields, as Turtle of at most so many bytes. iri is
// what it is called, where no field says that.
func (r *reader) rest(n rdf.Node, iri string, most int) string {
	g := about.Gatherer{
		Budget: &r.gather,
		Follow: func(v rdf.Node) rdf.Node {
			if known, ok := r.byID[rdf.ID(v)]; ok {
				return known
			}
			return v
		},
		Took: r.took,
		Lost: func(property, format string, a ...any) { r.note("/"+r.where+short(property), format, a...) },
	}
	for _, property := range slices.Sorted(maps.Keys(n)) {
		if strings.HasPrefix(property, "@") || strings.HasPrefix(property, nsOurs) || strings.HasPrefix(property, nsODRL) {
			continue
		}
		values := rdf.Raw(n, property)
		if r.used[key(n)][property] {
			values = slices.DeleteFunc(values, func(v rdf.Node) bool { return !r.leaves(property, v) })
		}
		if len(values) > 0 {
			g.Add(property, values)
			r.took(n, property)
		}
	}
	g.AddTypes(rdf.Types(n))
	t := g.Text()
	t.IRI = iri
	text, left := t.Fit(most)
	for _, property := range left {
		r.note("/"+r.where+short(property), "not kept, as what is kept beside our fields would have more than %d bytes", most)
	}
	return text
}

// took notes that a property was gathered.
func (r *reader) took(n rdf.Node, property string) {
	if r.used[key(n)] == nil {
		r.used[key(n)] = map[string]bool{}
	}
	r.used[key(n)][property] = true
}

// leaves says whether a value that was read is kept nevertheless.
func (r *reader) leaves(property string, v rdf.Node) bool {
	for _, one := range append(r.follow([]rdf.Node{v}), v) {
		l, ok := r.left[value{property, key(one)}]
		if ok && (l.whole || r.more(l.node, l.class, 0)) {
			return true
		}
	}
	return false
}

// restOfLink is rest for a distribution that became a link; what it is called is kept, where that
// is not what the dataset is called.
func (r *reader) restOfLink(n rdf.Node, dataset string) string {
	iri := rdf.IRI(rdf.ID(n))
	if !about.IsName(iri) || iri == dataset {
		iri = ""
	}
	out := r.rest(n, iri, min(MaxLinkRDF, r.room))
	r.room -= len(out)
	return out
}

// landing is the first page that leads to a dataset. Pages of a Guichet itself are no part of the
// description: each writes its own.
func (r *reader) landing(n rdf.Node) string {
	ours := map[string]bool{}
	for _, v := range r.list(n, nsOurs+"page") {
		ours[rdf.ID(v)] = true
	}
	first := ""
	for _, v := range r.list(n, nsDCAT+"landingPage") {
		id := rdf.ID(v)
		if ours[id] {
			continue
		}
		r.leave(nsDCAT+"landingPage", v)
		if first == "" && (strings.HasPrefix(id, "http://") || strings.HasPrefix(id, "https://")) {
			first = id
		}
	}
	return first
}
