package shacl

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Severity says how grave a finding is, the gravest first.
type Severity byte

// The severities of SHACL.
const (
	Violation Severity = iota
	Warning
	Info
)

// String is the severity's name in SHACL.
func (s Severity) String() string { return [...]string{"Violation", "Warning", "Info"}[s] }

// Shapes are compiled shapes. Read-only; safe for concurrent use.
type Shapes struct {
	targeted []*shape // those with targets, in the order of their sources
}

// shape is a node shape, or a property shape where it has a path.
type shape struct {
	id         string
	name       string // for people
	targets    []target
	path       *path
	checks     []check
	properties []*shape
	severity   Severity
	message    string
	off        bool // deactivated
}

// target says which nodes a shape is for.
type target struct {
	property string // of SHACL: targetClass, targetNode, targetSubjectsOf, targetObjectsOf
	value    term
}

// Source is one document of shapes.
type Source struct {
	Name  string // of the file, for faults
	Nodes []rdf.Node
	// Severity is the mildest that its findings have: a file of recommendations whose shapes
	// do not say so is read with Warning.
	Severity Severity
}

// compiler makes shapes of one document after the other: names of blank nodes are those of
// one document.
type compiler struct {
	g      *Graph
	source Source
	shapes map[string]*shape // of this document and of those before, by IRI
	faults []schemas.FieldError
}

// Compile makes shapes ready. A shape that several documents speak of is each time what that one
// says. Errors: Invalid, which names each document and shape that says what is not
// checked here.
func Compile(sources ...Source) (*Shapes, error) {
	out := &Shapes{}
	var faults []schemas.FieldError
	for _, s := range sources {
		c := &compiler{g: NewGraph(s.Nodes), source: s, shapes: map[string]*shape{}}
		for _, id := range c.g.order {
			if c.isShape(id) {
				if sh := c.shape(id); len(sh.targets) > 0 && !sh.off {
					out.targeted = append(out.targeted, sh)
				}
			}
		}
		faults = append(faults, c.faults...)
	}
	if len(faults) > 0 {
		return nil, &schemas.Error{Kind: schemas.Invalid, Subject: "shapes", Message: "shapes say what is not checked here: " + faults[0].Message,
			Fields: faults, Remedy: "write them with the components of SHACL Core"}
	}
	return out, nil
}

func (c *compiler) fault(id, format string, args ...any) {
	where := c.source.Name
	if !strings.HasPrefix(id, "_:") {
		where += " <" + id + ">"
	}
	c.faults = append(c.faults, schemas.FieldError{Pointer: where, Message: c.source.Name + ": " + fmt.Sprintf(format, args...)})
}

// isShape says whether a node is a shape by itself, not only where others refer to it.
func (c *compiler) isShape(id string) bool {
	for _, t := range c.g.said[id][nsRDF+"type"] {
		if t.value == nsSH+"NodeShape" || t.value == nsSH+"PropertyShape" {
			return true
		}
	}
	for _, t := range targets() {
		if len(c.g.said[id][nsSH+t]) > 0 {
			return true
		}
	}
	return false
}

func targets() []string {
	return []string{"targetClass", "targetNode", "targetSubjectsOf", "targetObjectsOf"}
}

// beside are what a shape may say that no node can fail: words for people and forms, and the terms
// sh:shape, sh:extends and sh:deactivatedProperty, which official files hold and SHACL Core does
// not know.
func beside() []string {
	return strings.Fields("name description order group defaultValue message severity deactivated path property editor viewer " +
		"singleLine rootClass shape extends deactivatedProperty flags ignoredProperties qualifiedMinCount qualifiedMaxCount " +
		"targetClass targetNode targetSubjectsOf targetObjectsOf entailment")
}

// shape compiles the shape of a node. One that refers to itself is given before it is
// whole.
func (c *compiler) shape(id string) *shape {
	if s := c.shapes[id]; s != nil {
		return s
	}
	s := &shape{id: id}
	c.shapes[id] = s
	said := c.g.said[id]
	s.off = c.g.one(id, nsSH+"deactivated") == "true"
	s.severity = max(c.severity(c.g.one(id, nsSH+"severity")), c.source.Severity)
	s.message = c.words(id, "message")
	s.name = cmp.Or(c.words(id, "name"), c.label(id))
	for _, property := range targets() {
		for _, t := range said[nsSH+property] {
			s.targets = append(s.targets, target{property, t})
		}
	}
	if slices.Contains(said[nsRDF+"type"], named(nsRDFS+"Class")) {
		s.targets = append(s.targets, target{"targetClass", named(id)})
	}
	if at := said[nsSH+"path"]; len(at) > 0 {
		s.path = c.path(id, at[0], 0)
	}
	for _, t := range said[nsSH+"property"] {
		s.properties = append(s.properties, c.shape(t.value))
	}
	for _, property := range slices.Sorted(maps.Keys(said)) {
		name, ours := strings.CutPrefix(property, nsSH)
		if !ours || slices.Contains(beside(), name) {
			continue
		}
		for _, t := range said[property] {
			if k := c.check(id, name, t); k != nil {
				s.checks = append(s.checks, k)
			}
		}
	}
	return s
}

func (c *compiler) severity(iri string) Severity {
	switch iri {
	case nsSH + "Warning":
		return Warning
	case nsSH + "Info":
		return Info
	}
	return Violation
}

// words are what a shape says for people, in English where it says it in several languages.
func (c *compiler) words(id, property string) string {
	return english(c.g.said[id][nsSH+property])
}

func (c *compiler) label(id string) string { return english(c.g.said[id][nsRDFS+"label"]) }

func english(values []term) string {
	for _, t := range values {
		if t.language == "" || strings.HasPrefix(t.language, "en") {
			return strings.Join(strings.Fields(t.value), " ")
		}
	}
	return ""
}

// members are those of a list.
func (c *compiler) members(id, name string, t term) []term {
	members, ok := c.g.lists[t.value]
	if !ok && t.value != nsRDF+"nil" {
		c.fault(id, "sh:%s wants a list", name)
	}
	return members
}

// check compiles one constraint.
func (c *compiler) check(id, name string, t term) check {
	switch name {
	case "minCount", "maxCount", "minLength", "maxLength":
		n, err := strconv.Atoi(t.value)
		if err != nil {
			c.fault(id, "sh:%s wants a number, not %q", name, t.value)
		}
		return count{name, n}
	case "nodeKind":
		return nodeKind{strings.TrimPrefix(t.value, nsSH)}
	case "datatype":
		return datatype{t.value}
	case "class":
		return class{t.value}
	case "hasValue":
		return hasValue{t}
	case "in":
		return in{c.members(id, name, t)}
	case "languageIn":
		out := languageIn{}
		for _, m := range c.members(id, name, t) {
			out.tags = append(out.tags, strings.ToLower(m.value))
		}
		return out
	case "uniqueLang":
		return uniqueLang{t.value == "true"}
	case "pattern":
		return c.pattern(id, t)
	case "node", "not":
		return nested{name, []*shape{c.shape(t.value)}}
	case "and", "or", "xone":
		out := nested{name: name}
		for _, m := range c.members(id, name, t) {
			out.shapes = append(out.shapes, c.shape(m.value))
		}
		return out
	case "qualifiedValueShape":
		return c.qualified(id, t)
	case "minInclusive", "maxInclusive", "minExclusive", "maxExclusive":
		return limit{name, t}
	case "closed":
		return c.closed(id, t)
	}
	c.fault(id, "sh:%s is not checked here", name)
	return nil
}

func (c *compiler) pattern(id string, t term) check {
	expression := t.value
	if flags := c.g.one(id, nsSH+"flags"); flags != "" {
		expression = "(?" + flags + ")" + expression
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		c.fault(id, "sh:pattern %q is none of Go's: %v", t.value, err)
		return nil
	}
	return pattern{re, t.value}
}

func (c *compiler) qualified(id string, t term) check {
	out := qualified{shape: c.shape(t.value), most: -1}
	if s := c.g.one(id, nsSH+"qualifiedMinCount"); s != "" {
		out.least, _ = strconv.Atoi(s)
	}
	if s := c.g.one(id, nsSH+"qualifiedMaxCount"); s != "" {
		out.most, _ = strconv.Atoi(s)
	}
	return out
}

func (c *compiler) closed(id string, t term) check {
	if t.value != "true" {
		return nil
	}
	out := closed{known: map[string]bool{}}
	for _, p := range c.g.said[id][nsSH+"property"] {
		out.known[c.g.one(p.value, nsSH+"path")] = true
	}
	for _, list := range c.g.said[id][nsSH+"ignoredProperties"] {
		for _, m := range c.members(id, "ignoredProperties", list) {
			out.known[m.value] = true
		}
	}
	return out
}
