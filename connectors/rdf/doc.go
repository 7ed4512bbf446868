// Package rdf reads JSON-LD, Turtle, N-Triples and RDF/XML from strangers: bytes in,
// expanded nodes out, those of JSON-LD each with the place in the source that it came from.
// Nodes go out again in Turtle and RDF/XML (Write).
//
// Always: nothing is fetched and no file is opened (a remote context is embedded
// or refused by name); bytes, depth and number of values are bounded before any
// processing; a name that is given twice in one object, and in strict mode
// anything that expansion would drop without a word, is refused with its place.
//
// It must not know what the nodes mean: connectors/odrl and connectors/dcatap do.
package rdf
