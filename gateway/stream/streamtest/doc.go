// Package streamtest has what tests of the stream's packages share: a published table in a
// store that the test holds, records of it, a record of releases and a feed.
//
// In: records. Out: a manifest, objects behind S3's words, streams as texts. Always: it
// publishes as the child process does, by connectors/shard. It must not be imported by
// anything but tests, nor know the packages that it serves.
package streamtest
