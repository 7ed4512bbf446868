package rdf

import (
	"mime"
	"path"
	"strings"

	"guichet/schemas"
)

// Format is a serialisation of RDF, by its media type.
type Format string

// The serialisations that are read. N-Triples are read as the Turtle that they are; TriG and N-Quads say
// in which graph each statement is.
const (
	JSONLD   Format = "application/ld+json"
	Turtle   Format = "text/turtle"
	RDFXML   Format = "application/rdf+xml"
	NTriples Format = "application/n-triples"
	TriG     Format = "application/trig"
	NQuads   Format = "application/n-quads"
)

// FormatOf is the serialisation of a media type, whatever its parameters; false for one
// that is not read here.
func FormatOf(mediaType string) (Format, bool) {
	name, _, err := mime.ParseMediaType(mediaType)
	switch f := Format(name); {
	case err != nil:
		return "", false
	case f == JSONLD, f == Turtle, f == RDFXML, f == NTriples, f == TriG, f == NQuads:
		return f, true
	case name == "application/x-turtle":
		return Turtle, true
	case name == "application/x-trig":
		return TriG, true
	}
	return "", false
}

// FormatOfFile is the serialisation of a file, by how its name ends: .ttl, .rdf, .nt, .trig, .nq,
// .jsonld; false for other names, such as .xml and .json, which say nothing of RDF.
func FormatOfFile(name string) (Format, bool) {
	endings := map[string]Format{".ttl": Turtle, ".rdf": RDFXML, ".nt": NTriples, ".trig": TriG, ".nq": NQuads, ".jsonld": JSONLD}
	f, ok := endings[strings.ToLower(path.Ext(name))]
	return f, ok
}

// Parse reads a document of any serialisation. What is not JSON-LD becomes the nodes that
// JSON-LD's expansion would give: each described node once, in the order of the source,
// lists as @list, blank nodes named anew; what is said in a graph stands in the @graph of the node of
// its name. Of the options Vocab and Strict are for JSON-LD
// alone; Limits.Values bounds the statements. Errors: Invalid, with the line; TooLarge
// beyond the limits.
func Parse(f Format, src []byte, o Options) (*Document, error) {
	switch f {
	case JSONLD:
		return Expand(src, o)
	case Turtle, NTriples, RDFXML, TriG, NQuads:
		return parseStatements(f, src, o)
	}
	return nil, schemas.BadField("document", "", "%q is not a serialisation of RDF that is read here; there are %s, %s, %s, %s, %s and %s",
		f, JSONLD, Turtle, RDFXML, NTriples, TriG, NQuads)
}
