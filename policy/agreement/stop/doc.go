// Package stop takes rights away, and tells running streams at once.
//
// In: revocations of agreements, stops of participants, the change sequence of all replicas.
// Out: entries of the record, and cuts of the streams that are watched. Always: what is
// taken away holds on this gateway at once, also while the database takes no writes, and
// while nobody knows what other replicas have taken away, Stale says for how long. It must
// not know streams, doors or how leases are made.
package stop
