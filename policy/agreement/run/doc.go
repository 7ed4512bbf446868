// Package run keeps the jobs of projects: what was read for each, and what came out.
//
// In: starts and outputs that partners of a project name. Out: runs with the sums of their
// streams. Always: a partner reads of the streams of others no more than their number,
// unless the agreement is one that it may see. It must not know how streams run.
//
// A run of four ranks that reads one split in two epochs opens eight streams, of which the
// record has eight begins and ends. Its inputs are one line:
//
//	agr-1  ds-a  v3  data/train  columns x, y   8 streams  2,000,000 rows  10:00 – 14:20
//
// and "at most" stands there if one of the eight is open still, or its end is not known.
package run
