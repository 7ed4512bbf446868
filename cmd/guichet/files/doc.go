// Package files reads and writes what lies on the caller's machine.
//
// In: paths as they were said. Out: documents in YAML or JSON with every fault named by
// its place, secrets that nobody else may read, files on their way into a publication
// (FindUploads, Send), and files that take their name only when they are whole (Create).
// Always: a file that has a name is whole; what was there before stays until then.
package files
