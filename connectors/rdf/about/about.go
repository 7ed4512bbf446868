// Package about keeps what a description says of one thing beyond what we have fields for.
//
// In flow values of a parsed document, or the Turtle that a person wrote; out flows a Text, which
// writes itself as Turtle in one form: <> is the thing itself, usual prefixes are known and not
// declared, blank nodes stand where they are referred to, and everything is in the order of its
// names. Descriptions that say the same are the same bytes, so that they can be compared.
//
// Always: a Text speaks of its own thing and the blank nodes below it; of things with a name of
// their own it says what names an agent, a place or a concept, and nothing by which a dataset is
// described. It holds no terms (ODRL) and none of our own words; whatever it holds can be said in
// Turtle, RDF/XML and JSON-LD. It is bounded in bytes, depth and number. It must not know what a
// dataset is, nor which properties have a field.
package about

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Text is what is said of one thing. The zero Text says nothing.
type Text struct {
	IRI   string              // what the thing is called, where the text says so (@base); "" else
	Said  rdf.Node            // its properties, in expanded JSON-LD; @type too
	Named map[string]rdf.Node // of what it refers to by name, what names it
}

// self stands for the thing while it is written.
const self = "urn:guichet:this"

// Prefixes are those that stand in texts without a declaration, by their names. None may ever
// change or go: texts that are stored have them.
func Prefixes() map[string]string { return prefixes() }

var prefixes = sync.OnceValue(func() map[string]string { // made once: nobody changes it
	return map[string]string{
		"adms": "http://www.w3.org/ns/adms#", "cpsv": "http://purl.org/vocab/cpsv#", "csvw": "http://www.w3.org/ns/csvw#",
		"cv": "http://data.europa.eu/m8g/", "dc": "http://purl.org/dc/elements/1.1/", "dcat": "http://www.w3.org/ns/dcat#",
		"dcatap": "http://data.europa.eu/r5r/", "dcatde": "http://dcat-ap.de/def/dcatde/", "dct": "http://purl.org/dc/terms/",
		"dpv": "https://w3id.org/dpv#", "dqv": "http://www.w3.org/ns/dqv#", "foaf": "http://xmlns.com/foaf/0.1/",
		"geo": "http://www.opengis.net/ont/geosparql#", "geodcatap": "http://data.europa.eu/930/",
		"healthdcatap": "http://healthdataportal.eu/ns/health#", "locn": "http://www.w3.org/ns/locn#",
		"mobilitydcatap": "https://w3id.org/mobilitydcat-ap#", "odrs": "http://schema.theodi.org/odrs#",
		"org": "http://www.w3.org/ns/org#", "owl": "http://www.w3.org/2002/07/owl#", "prov": "http://www.w3.org/ns/prov#",
		"rdf": nsRDF, "rdfs": "http://www.w3.org/2000/01/rdf-schema#", "schema": "http://schema.org/",
		"skos": "http://www.w3.org/2004/02/skos/core#", "spdx": "http://spdx.org/rdf/terms#", "time": "http://www.w3.org/2006/time#",
		"vcard": "http://www.w3.org/2006/vcard/ns#", "xsd": "http://www.w3.org/2001/XMLSchema#",
	}
})

// declared are the prefixes as Turtle declares them, in one line.
var declared = sync.OnceValue(func() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(Prefixes())) {
		out.WriteString("@prefix " + name + ": <" + Prefixes()[name] + "> . ")
	}
	return out.String()
})

// Count is how many statements a dataset and its links have beside their fields, a list being one.
// It takes their texts in the one form also as a terminal shows them, on one line.
func Count(d *schemas.Dataset) int {
	n := count(d.RDF)
	for i := range d.Links {
		n += count(d.Links[i].RDF)
	}
	return n
}

// count counts values: each but the first of a property stands behind a comma, each property ends
// what it is said of, or stands in front of the next.
func count(text string) (n int) {
	if strings.HasPrefix(text, "@base") {
		n--
	}
	end := byte(0) // of the literal or address that is passed over
	for i := 0; i+1 < len(text); i++ {
		switch c := text[i]; {
		case end == '"' && c == '\\':
			i++
		case end != 0:
			if c == end {
				end = 0
			}
		case c == '"':
			end = '"'
		case c == '<':
			end = '>'
		case c == ',' && text[i+1] == ' ', c == ' ' && (text[i+1] == ';' || text[i+1] == '.'), c == '[' && text[i+1] == ' ':
			n++
		}
	}
	return n
}

// Updated is when a dataset changed last: as its provider says (dct:modified), or when its newest
// version was published; else when what is known of it here was changed. What is said of times to come
// is nobody's to say.
func Updated(d *schemas.Dataset) time.Time {
	known := d.Modified
	if known.IsZero() {
		known = d.Registered
	}
	out := modified(d.RDF)
	if out.IsZero() || out.After(known.Add(24*time.Hour)) {
		out = known
	}
	if d.Latest != nil && d.Latest.Published.After(out) {
		out = d.Latest.Published
	}
	return out.UTC()
}

// AccessRight is the code of the EU's table by which a dataset's holder says who gets it: PUBLIC,
// RESTRICTED, NON_PUBLIC; "" where nothing is said.
func AccessRight(d *schemas.Dataset) string {
	for line := range strings.Lines(d.RDF) {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "<> "), "    ")
		rest, is := strings.CutPrefix(line, "dct:accessRights <")
		address, _, _ := strings.Cut(rest, ">")
		address = rdf.PlainAuthority(address)
		if code, ok := strings.CutPrefix(address, rdf.Authority+"access-right/"); is && ok {
			return code
		}
	}
	return ""
}

// RightInWords tells an access right that is not everybody's; "" of one that is, and of what is none of
// the EU's table.
func RightInWords(code string) string {
	return map[string]string{
		"RESTRICTED":   "its holder gives it to some, under conditions (RESTRICTED)",
		"NON_PUBLIC":   "its holder calls it not public (NON_PUBLIC)",
		"CONFIDENTIAL": "its holder calls it confidential (CONFIDENTIAL)", "SENSITIVE": "its holder calls it sensitive (SENSITIVE)",
	}[code]
}

// modified reads the newest dct:modified of the thing itself out of a text in its one form: of its own
// properties each begins a line, behind four spaces or its name.
func modified(text string) (newest time.Time) {
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "<> "), "    ")
		rest, is := strings.CutPrefix(line, "dct:modified ")
		if !is {
			continue
		}
		for _, value := range strings.Split(rest, ", ") {
			said := strings.Split(value, `"`)
			if len(said) < 2 {
				continue
			}
			p, err := schemas.ParsePeriod(said[1], true)
			if err == nil && p.From.After(newest) {
				newest = p.From
			}
		}
	}
	return newest
}

// String is the text in its one form; "" where nothing is said.
func (t *Text) String() string {
	var out bytes.Buffer
	if t.IRI != "" {
		out.WriteString("@base <" + rdf.IRI(t.IRI) + "> .\n")
	}
	if len(t.Said) == 0 {
		return out.String()
	}
	own := maps.Clone(t.Said)
	own["@id"] = self
	nodes := []rdf.Node{own}
	for _, iri := range slices.Sorted(maps.Keys(t.Named)) {
		n := maps.Clone(t.Named[iri])
		n["@id"] = iri
		nodes = append(nodes, n)
	}
	b, err := rdf.Write(rdf.Turtle, &rdf.Document{Nodes: nodes}, Prefixes())
	if err != nil { // Turtle says everything
		return out.String()
	}
	for line := range bytes.Lines(b) { // texts have no ends of lines in Turtle's short quotes
		line = bytes.TrimPrefix(line, []byte("\n"))
		switch rest, is := bytes.CutPrefix(line, []byte("<"+self+">")); {
		case bytes.HasPrefix(line, []byte("@prefix ")) || len(line) == 0:
		case is:
			out.WriteString("<>")
			out.Write(rest)
		default:
			out.Write(line)
		}
	}
	return out.String()
}

// Fit leaves out what makes the text longer than it may be; it gives the text in its one form, and
// the properties left out.
func (t *Text) Fit(most int) (string, []string) {
	if s := t.String(); len(s) <= most {
		return s, nil
	}
	all, out := t.Said, []string(nil)
	t.Said = rdf.Node{}
	left := most - len(t.String())
	for _, property := range slices.Sorted(maps.Keys(all)) {
		one := Text{Said: rdf.Node{property: all[property]}, Named: map[string]rdf.Node{}}
		names(all[property], func(iri string) {
			if n := t.Named[iri]; n != nil {
				one.Named[iri] = n
			}
		})
		if size := len(one.String()); size <= left {
			t.Said[property], left = all[property], left-size
			continue
		}
		out = append(out, property)
	}
	kept := map[string]rdf.Node{}
	names(map[string]any(t.Said), func(iri string) {
		if n := t.Named[iri]; n != nil {
			kept[iri] = n
		}
	})
	t.Named = kept
	return t.String(), out
}

// names gives each IRI that stands as a value.
func names(v any, f func(iri string)) {
	switch t := v.(type) {
	case []any:
		for _, item := range t {
			names(item, f)
		}
	case map[string]any:
		if id := rdf.ID(t); id != "" {
			f(id)
		}
		for k, below := range t {
			if k != "@type" && k != "@value" {
				names(below, f)
			}
		}
	}
}

// sorted puts values into the order of what they say, each once.
func sorted(values []any) []any {
	if len(values) < 2 {
		return values
	}
	keys := make(map[string]any, len(values))
	for _, v := range values {
		b, err := json.Marshal(v)
		if err == nil { // as maps of texts they always are JSON
			keys[string(b)] = v
		}
	}
	var out []any
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		out = append(out, keys[k])
	}
	return out
}
