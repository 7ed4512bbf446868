// Package webdataset reads one tar of samples, as WebDataset lays them out: members of one name
// that differ by what follows its first dot are one sample.
//
// In flow the bytes of a tar and what other tars of its table have shown; out flow rows as
// columns, and what this tar has shown.
//
// What always holds: a row is a sample, __key__ its name, and each ending a column; bytes are
// those of the member. Text and whole numbers are columns of their types where every member reads
// back as written, arrays of one shape are tensors, all else is binary. Links, sparse members,
// names that lead elsewhere, a member that is there twice and a sample whose members do not stand
// together are faults with their name. A member has at most 64 MiB, a sample 128 MiB.
//
// What it must not know: where the file lies, Arrow messages, processes. It runs in the child of
// connectors/sandbox.
//
//	a/0001.jpg  a/0001.cls  a/0002.jpg  a/0002.cls      members, in their order
//	└── sample a/0001 ────┘ └── sample a/0002 ────┘
//
//	__key__    jpg        cls
//	a/0001     bytes      7
//	a/0002     bytes      3
package webdataset
