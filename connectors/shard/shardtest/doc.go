// Package shardtest publishes bytes as the child process would, for tests of what becomes
// of them, and asks pyarrow for its reading of the same.
//
// In flow bytes of a file; out flow the report and what was written. What always holds: what
// was written is published once more, and must stay as it is. What it must not know: stores.
package shardtest
