// Package harvest takes over what catalogues of others describe, and keeps it true.
//
// In: sources, as operators name them, and the pages that their addresses give. Out: datasets
// of the catalogue that say which source they follow; how each source fares. Always: a source
// changes only what it brought itself, and brings no terms, no visibility and no shards
// [decisions.md 7]. A bad record is set aside with its reason and stops nothing. What is gone
// from a source is withdrawn only after a harvest that read all of it, and where much is gone
// at once only when an operator agrees. A page that has not changed costs one request, a record
// that has not changed one hash. A harvest that a crash or a restart cut off goes on at its
// page, by whichever replica comes first. One replica at a time is at a source; one that stood still
// for minutes may meet its successor, and both then write the same.
//
// It must not know formats or protocols: a Reader gives it records.
package harvest
