// Package columntest makes random tables for tests, and reads and writes files with Arrow's
// own library, so that a test has a referee that is not ours.
//
// In flow a source of random numbers; out flow schemas, records and files. What always holds:
// the same seed gives the same table. What it must not know: anything of ours but the nouns.
package columntest
