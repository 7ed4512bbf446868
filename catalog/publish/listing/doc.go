// Package listing decides what the objects under a prefix are: shards of a table, objects that
// are given as they are, or neither.
//
// In: names, as a store lists them. Out: those that are published, those that are left out with
// the words to say so, and tables of rows and of objects apart. Always: by names alone, the same
// each time; a name that says nothing is taken for a shard, which its bytes confirm or refuse.
// It must not know registry or versions.
//
//	part-0.csv  1.jpg  _SUCCESS  README.md
//	shard       object └ left out ───────┘
package listing
