// Package shacl checks graphs against shapes [W3C SHACL Core]: nodes of connectors/rdf
// and compiled shapes in, findings out, each with its node, its path, how grave it is, and
// what is wrong in words that whoever wrote the description can act on.
//
// Always: shapes are compiled once and then only read, by any number of checks at a time;
// a check is bounded in steps, time and findings, does not nest deeper than MaxDepth,
// and never panics whatever the graph is; equal graphs give equal findings in equal order.
// Shapes are the gateway's own or its operator's: what they say that is not checked here
// (SPARQL, rules, functions) is refused with its name when they are compiled, never
// passed over at a check.
//
// The library goRDFlib has a SHACL engine too; it compiles the shapes anew at every call
// (50 to 500 ms for those of DCAT-AP), knows no bounds and follows recursive shapes without
// end. Here it is the oracle of the tests.
package shacl
