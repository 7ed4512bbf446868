// Package request judges what is asked for, and keeps the answer: granted, refused, or
// waiting for the word of a holder or access body.
//
// In: asks of authenticated principals, decisions of policy, reviews. Out: agreements, the
// marks of a search, notices to reviewers and askers. Always: what is concluded was decided
// on terms that stand when it is stored; a reviewer and an asker read only the items that
// are theirs. It must not know leases, streams or doors.
//
//	           judge           yes      granted ── an agreement for the item
//	Submit ──────────▶ item ─────────▶
//	                     │     no       refused ── the reasons
//	                     │     ask      pending ── Review: grant ── judged again ─▶ granted
//	                     └─────────▶       │       Review: refuse ────────────────▶ refused
//	                                       ├────── the dataset is withdrawn ──────▶ refused
//	                                       └────── Withdraw, by who asked ────────▶ withdrawn
//
// A request has one answer for each of its datasets, and a state of its own: pending while
// any item waits, then granted if any was, else withdrawn if any was, else refused. Three datasets, of which the first
// is granted by rule and two wait for their holders H and K:
//
//	Submit            granted  pending  pending    pending: H and K are told
//	H refuses         granted  refused  pending    pending
//	K grants          granted  refused  granted    granted: who asked is told
//
// H reads the second item, K the third; who asked and whoever oversees read all.
//
// Judging takes its time and is done outside of any transaction. What it read is noted with
// its revisions (agreement.Basis), and looked at again in the transaction that stores the
// answer: an offer that was tightened in between grants nothing.
package request
