// Package schemas holds the nouns that cross a wire: datasets and their
// versions, offers, requests, decisions, agreements, the parties, the changes
// that make up the record, and the one error type. It is the leaf of the
// import tree: it imports nothing of ours, judges nothing and stores nothing.
//
// Embedded beside the types stand the SQL migrations (sql/), the data-space
// profiles (spaces/) and vocabularies (vocab/), as data.
package schemas
