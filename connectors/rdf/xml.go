package rdf

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"guichet/schemas"
)

// xmlWriter writes described nodes as RDF/XML [RDF 1.1 XML Syntax].
type xmlWriter struct {
	*described
	prefixes map[string]string // name to namespace, with those found on the way
	used     map[string]bool
	out      bytes.Buffer
	fault    error
}

func writeXML(g *described, prefixes map[string]string) ([]byte, error) {
	w := &xmlWriter{described: g, prefixes: maps.Clone(prefixes), used: map[string]bool{"rdf": true}}
	if w.prefixes == nil {
		w.prefixes = map[string]string{}
	}
	w.prefixes["rdf"] = nsRDF
	err := g.roots(func(n Node) error { w.node(n, "  "); return w.fault })
	if err != nil {
		return nil, err
	}
	var head bytes.Buffer
	head.WriteString(xml.Header + "<rdf:RDF")
	for _, name := range slices.Sorted(maps.Keys(w.used)) {
		fmt.Fprintf(&head, "\n    xmlns:%s=%s", name, w.quoted(w.prefixes[name]))
	}
	head.WriteString(">\n")
	return append(append(head.Bytes(), w.out.Bytes()...), "</rdf:RDF>\n"...), w.fault
}

// node writes a node as an element, called by its first type that has a name in XML.
func (w *xmlWriter) node(n Node, indent string) {
	element, id := "", ID(n)
	types := values(n, "@type")
	for i, t := range types {
		name, ok := w.name(ID(t))
		if ok {
			element, types = name, slices.Delete(types, i, i+1)
			break
		}
	}
	if element == "" {
		element = "rdf:Description"
	}
	w.out.WriteString(indent + "<" + element)
	switch {
	case !isBlank(id):
		w.out.WriteString(" rdf:about=" + w.quoted(IRI(id)))
	case w.refs[id] > 1 || w.labels[id] != "":
		w.out.WriteString(" rdf:nodeID=" + w.quoted(w.label(id)))
	}
	names := properties(n)
	if len(types)+len(names) == 0 {
		w.out.WriteString("/>\n")
		return
	}
	w.out.WriteString(">\n")
	for _, t := range types {
		w.property("rdf:type", t, indent+"  ")
	}
	for _, p := range names {
		name, ok := w.name(p)
		if !ok {
			w.fault = schemas.BadField("document", "", "the property %s has no name in XML; ask for Turtle or JSON-LD", p)
			return
		}
		for _, v := range values(n, p) {
			w.property(name, v, indent+"  ")
		}
	}
	w.out.WriteString(indent + "</" + element + ">\n")
}

// property writes one value of a property.
func (w *xmlWriter) property(name string, v Node, indent string) {
	if _, literal := v["@value"]; literal {
		w.literal(name, v, indent)
		return
	}
	id := ID(v)
	n, inside := w.within(id)
	switch {
	case inside && len(n) > 0:
		w.out.WriteString(indent + "<" + name + ">\n")
		w.node(n, indent+"  ")
		w.out.WriteString(indent + "</" + name + ">\n")
	case inside || isBlank(id):
		w.out.WriteString(indent + "<" + name + " rdf:nodeID=" + w.quoted(w.label(id)) + "/>\n")
	default:
		w.out.WriteString(indent + "<" + name + " rdf:resource=" + w.quoted(IRI(id)) + "/>\n")
	}
}

func (w *xmlWriter) literal(name string, v Node, indent string) {
	text, language, datatype := Lexical(v)
	w.out.WriteString(indent + "<" + name)
	switch {
	case language != "":
		w.out.WriteString(" xml:lang=" + w.quoted(language))
	case datatype != "" && datatype != xsdString:
		w.out.WriteString(" rdf:datatype=" + w.quoted(IRI(datatype)))
	}
	w.out.WriteString(">" + w.escaped(text) + "</" + name + ">\n")
}

// escaped is a text in XML, which has no word for control characters.
func (w *xmlWriter) escaped(s string) string {
	bad := strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	})
	if bad >= 0 {
		w.fault = schemas.BadField("document", "", "the text %.40q holds a character that XML cannot say; ask for Turtle or JSON-LD", s[bad:])
	}
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

func (w *xmlWriter) quoted(s string) string { return `"` + w.escaped(s) + `"` }

// localOf is the longest end of an IRI that may be the name of an element.
var localOf = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_.-]*$`)

// name is an IRI as the name of an element, by a prefix that is made where none fits;
// false where XML has none.
func (w *xmlWriter) name(iri string) (string, bool) {
	prefix, local, ok := shorten(w.prefixes, iri)
	if !ok {
		local = localOf.FindString(iri)
		if local == "" || local == iri {
			return "", false
		}
		ns := strings.TrimSuffix(iri, local)
		for name, known := range w.prefixes {
			if known == ns {
				prefix = name
			}
		}
		if prefix == "" {
			prefix = "ns" + strconv.Itoa(len(w.prefixes))
			w.prefixes[prefix] = ns
		}
	}
	w.used[prefix] = true
	return prefix + ":" + local, true
}
