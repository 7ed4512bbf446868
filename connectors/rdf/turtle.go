package rdf

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// turtleWriter writes described nodes as Turtle [Turtle 1.1].
type turtleWriter struct {
	*described
	prefixes map[string]string
	used     map[string]bool
	out      bytes.Buffer
}

func writeTurtle(g *described, prefixes map[string]string) []byte {
	w := &turtleWriter{described: g, prefixes: prefixes, used: map[string]bool{}}
	_ = g.roots(func(n Node) error { w.root(n); return nil }) // Turtle says everything
	var head bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(w.used)) {
		fmt.Fprintf(&head, "@prefix %s: <%s> .\n", name, IRI(prefixes[name]))
	}
	return append(head.Bytes(), w.out.Bytes()...)
}

// root writes a node that stands by itself.
func (w *turtleWriter) root(n Node) {
	id := ID(n)
	w.out.WriteByte('\n')
	switch {
	case !isBlank(id):
		w.out.WriteString(w.name(id))
	case w.label(id) != "":
		w.out.WriteString("_:" + w.label(id))
	default:
		w.out.WriteString("[]")
	}
	w.said(n, "    ")
	w.out.WriteString(" .\n")
}

// said writes what is said of a node, a property to a line.
func (w *turtleWriter) said(n Node, indent string) {
	names := properties(n)
	if len(Types(n)) > 0 {
		names = append([]string{"@type"}, names...)
	}
	for i, p := range names {
		sep := " ;\n" + indent
		if i == 0 {
			sep = " "
		}
		word := "a"
		if p != "@type" {
			word = w.name(p)
		}
		w.out.WriteString(sep + word)
		for j, v := range values(n, p) {
			if j > 0 {
				w.out.WriteByte(',')
			}
			w.out.WriteByte(' ')
			w.value(v, indent)
		}
	}
}

func (w *turtleWriter) value(v Node, indent string) {
	if list, is := v["@list"].([]any); is {
		w.out.WriteByte('(')
		for _, item := range list {
			w.out.WriteByte(' ')
			member, _ := item.(map[string]any)
			w.value(member, indent)
		}
		w.out.WriteString(" )")
		return
	}
	if _, literal := v["@value"]; literal {
		w.literal(v)
		return
	}
	id := ID(v)
	if !isBlank(id) {
		w.out.WriteString(w.name(id))
		return
	}
	n, inside := w.within(id)
	switch {
	case !inside:
		w.out.WriteString("_:" + w.label(id))
	case len(n) < 2:
		w.out.WriteString("[]")
	default:
		w.out.WriteByte('[')
		w.said(n, indent+"    ")
		w.out.WriteString(" ]")
	}
}

// literal writes a literal in short quotes.
func (w *turtleWriter) literal(v Node) {
	text, language, datatype := Lexical(v)
	w.out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			w.out.WriteByte('\\')
			w.out.WriteRune(r)
		case r == '\n':
			w.out.WriteString(`\n`)
		case r == '\r':
			w.out.WriteString(`\r`)
		case r == '\t':
			w.out.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&w.out, `\u%04X`, r)
		default:
			w.out.WriteRune(r)
		}
	}
	w.out.WriteByte('"')
	switch {
	case language != "":
		w.out.WriteString("@" + language)
	case datatype != "" && datatype != xsdString:
		w.out.WriteString("^^" + w.name(datatype))
	}
}

// plainLocal is what may follow a prefix in Turtle as it stands, and in XML.
var plainLocal = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// name writes an IRI, by a prefix where there is one for it.
func (w *turtleWriter) name(iri string) string {
	prefix, local, ok := shorten(w.prefixes, iri)
	if !ok {
		return "<" + IRI(iri) + ">"
	}
	w.used[prefix] = true
	return prefix + ":" + local
}

// shorten finds the prefix of the longest namespace that an IRI begins with.
func shorten(prefixes map[string]string, iri string) (prefix, local string, ok bool) {
	longest := 0
	for name, ns := range prefixes {
		rest, is := strings.CutPrefix(iri, ns)
		if is && len(ns) > longest && plainLocal.MatchString(rest) {
			prefix, local, longest = name, rest, len(ns)
		}
	}
	return prefix, local, longest > 0
}
