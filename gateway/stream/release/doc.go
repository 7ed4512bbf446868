// Package release keeps what the record says of a stream equal to what leaves.
//
// In: a policy.Grant, what is about to be sent, a function that sends. Out: a release in
// the record that was begun before a byte and ended after the last, the word that cuts a
// stream, and the Lifecycle that a stop of the gateway waits for. Always: nothing is sent
// before the begin is durable, nor before it is charged; the first cause that ends a
// release stands; its end is tried until it is written. It must not know plans, bytes or
// wires.
//
// The states of one release, and what moves it:
//
//	        Begin                  Charge … Charge
//	asked ────────▶ open ─────────────────────────────▶ complete   everything was sent
//	  │               │ ▲                          ├──▶ cut        revoked, over, budget spent,
//	  │ refused       │ │ confirmed again          │               nothing known for 10 s
//	  ▼               ▼ │                          ├──▶ broken     a store or the gateway failed
//	no release      waiting (unconfirmed for 1 s)  └──▶ abandoned  the client went, or took nothing
//
// An example, a part of 100 rows under a budget that leaves 50, in batches of 20:
//
//	Begin            at most 50 rows             the record: open, at most 50 rows
//	Charge 20, 20    paid from the reservation   two batches leave
//	Charge 20        60 > 50: a Cut              nothing more leaves
//	End              cut, 40 rows, 2 batches     the record: what left, not what was allowed
//
// If the gateway dies between, the next start ends the release as unknown, at most 50 rows.
package release
