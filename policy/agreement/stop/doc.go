// Package stop takes rights away, and tells running streams at once.
//
// In: revocations of agreements, stops of participants, the change sequence of all replicas.
// Out: entries of the record, and cuts of the streams that are watched. Always: what is
// taken away holds on this gateway at once, also while the database takes no writes, and
// while nobody knows what other replicas have taken away, Stale says for how long. It must
// not know streams, doors or how leases are made.
//
// The way of a revocation, on the gateway that was asked and on another one:
//
//	asked       TakeAway ──▶ the database ──▶ a change in the sequence ─────┐
//	              │                                                         │
//	              ├─ not there after 250 ms: the brake is pulled here       │
//	              └─ refused by it: held here, and written later (Finish)   │
//	                                                                        ▼
//	any other   Feed.Run ──▶ reads what is new, at least every 200 ms ──▶ cut(agreement)
//
// A stream asks before it sends anything how long ago the feed last knew (Stale). With the
// database away, it pauses after a second and ends after ten: a gateway that cannot know
// what was taken away behaves as if everything had been.
package stop
