// Package dcatap translates between DCAT-AP 3 and schemas.Dataset.
//
// In flows a document of strangers: Turtle, N-Triples, RDF/XML, or JSON-LD with its
// context inline or embedded here; out come datasets. The other way a dataset becomes a
// document that has every property that DCAT-AP 3.0.1 makes mandatory.
//
// Always: nothing is fetched; a relative address is resolved against the
// source's address or refused, never against this machine; every language of a
// text is kept; distributions without an IRI stay apart; Read(Write(d)) keeps
// all that was read. What Dataset has no field for is kept as RDF in one form, which never moves
// what a field says; what is not kept is named in its Notes.
//
// It must not know who may see a dataset nor what its terms mean: it takes the
// offer's ODRL as connectors/odrl writes it, and reads none.
package dcatap
