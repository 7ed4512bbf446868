package about

import (
	"fmt"
	"regexp"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// base is the line that says what the thing is called.
var base = regexp.MustCompile(`^\s*@base\s+<([^<>\s]*)>\s*\.`)

// Read reads a text in Turtle. Prefixes are known, others may be declared in it; <> is the
// thing. Errors: Invalid with the line where the Turtle is wrong, or with each statement that is
// not kept; TooLarge beyond most bytes.
func Read(s string, most int) (Text, error) {
	if len(s) > most {
		return Text{}, schemas.Errorf(schemas.TooLarge, "rdf", "it has %d bytes; at most %d are kept", len(s), most)
	}
	iri := ""
	if m := base.FindStringSubmatch(s); m != nil {
		iri, s = m[1], strings.Repeat("\n", strings.Count(m[0], "\n"))+s[len(m[0]):]
		if !IsName(rdf.IRI(iri)) {
			return Text{}, schemas.BadField("rdf", "", "@base <%.200s> is no name that is understood everywhere", schemas.Visible(iri))
		}
	}
	s, source := declared()+s, s // in front of the first line, so that lines count as they stand
	doc, err := rdf.Parse(rdf.Turtle, []byte(s), rdf.Options{Limits: rdf.Limits{Bytes: len(s), Depth: 2 * maxDepth, Values: maxValues}})
	if err != nil {
		return Text{}, err
	}
	return read(doc, iri, source)
}

// read gathers what a document says of <>; of nothing else it may speak.
func read(doc *rdf.Document, iri, source string) (Text, error) {
	byID := map[string]rdf.Node{}
	for _, n := range doc.Nodes {
		byID[rdf.ID(n)] = n
	}
	var faults []schemas.FieldError
	fault := func(property, format string, a ...any) {
		said := Short(property) + ": " + fmt.Sprintf(format, a...)
		if line := Line(source, property); line > 0 {
			said = fmt.Sprintf("line %d: %s", line, said)
		}
		faults = append(faults, schemas.FieldError{Message: said})
	}
	seen := map[string]bool{"": true}
	g := Gatherer{Lost: fault, Follow: func(v rdf.Node) rdf.Node {
		id, isRef := v["@id"].(string)
		n, known := byID[id]
		if !isRef || !known {
			return v
		}
		seen[id] = true
		return n
	}}
	own := byID[""]
	for _, property := range Properties(own) {
		g.Add(property, rdf.Raw(own, property))
	}
	g.AddTypes(rdf.Types(own))
	t := g.Text()
	t.IRI = iri
	for _, n := range doc.Nodes {
		id := rdf.ID(n)
		switch kept := t.Named[rdf.IRI(id)]; {
		case !seen[id]:
			fault("", "it speaks of %.200s, to which nothing leads: write about <>", schemas.Visible(id))
		case id != "" && !strings.HasPrefix(id, "_:") && len(Properties(n))+len(rdf.Types(n)) != len(Properties(kept))+len(rdf.Types(kept)):
			fault("", "of %.200s only what names it is kept (foaf:, vcard:, skos:, rdfs:, …)", schemas.Visible(id))
		}
	}
	if len(rdf.Types(own)) != len(rdf.Types(t.Said)) {
		fault("", "a class that is not kept: what the thing is in a catalogue is said by our own fields")
	}
	if len(faults) > 0 {
		return Text{}, &schemas.Error{Kind: schemas.Invalid, Subject: "rdf", Message: faults[0].Message, Fields: faults}
	}
	return t, nil
}

// Short is a property as people write it.
func Short(iri string) string {
	for prefix, ns := range Prefixes() {
		if local, ok := strings.CutPrefix(iri, ns); ok {
			return prefix + ":" + local
		}
	}
	return iri
}

// Line is where a text names a property first, from 1; 0 where it does not in so many words.
func Line(source, property string) int {
	if property == "" {
		return 0
	}
	for i, line := range strings.Split(source, "\n") {
		if strings.Contains(line, Short(property)) || strings.Contains(line, "<"+property+">") {
			return i + 1
		}
	}
	return 0
}
