// Package run keeps the jobs of projects: what was read for each, and what came out.
//
// In: starts and outputs that partners of a project name. Out: runs with the sums of their
// streams. Always: a partner reads of the streams of others no more than their number,
// unless the agreement is one that it may see. It must not know how streams run.
package run
