// Package release writes what goes out: durable before its first byte, bounded while it
// runs, ended once.
//
// In: grants of policy.Authorize, plans of rows, messages that are about to be sent. Out:
// releases in the record, reservations of budgets. Always: a release is durable before it
// may send; what is stored is never less than what was sent; the first end that is written
// stands. It must not know how an agreement or lease came to be, nor wires.
//
//	          Begin               More                      End
//	a grant ─────────▶  open  ─────────────▶  open  ──────────────▶  complete
//	          begun,          another slice           what was       cut        revoked, budget spent
//	          a slice         is charged              not sent       broken     the store failed
//	          is charged                              goes back      abandoned  the client left
//	                      │                     │
//	                      └── the process dies ─┴── Recover ──▶  unknown: charged for all that
//	                                                             it had reserved
//
// Beside its state a stored release says how far it may have sent: Rows and Bytes are an
// upper bound while it is open or unknown, and what was sent after any other end.
//
// # A budget, worked out
//
// An agreement has a budget of 100 rows, of which 40 were given out before. Its run has
// read the rows 0 to 19 in this epoch already: what a run reads again costs nothing. A
// stream plans the rows 0 to 49, in messages of 10 rows of 10 bytes each:
//
//	                        used  reserved  left
//	before                    40         0    60
//	Begin                     40        30    30   30 of the 50 rows are not paid for
//	rows  0-19 are sent       40        30    30   price 0: they were read before
//	rows 20-29 are sent       40        30    30   price 10, which is reserved
//	the client leaves: End    50         0    50   10 are charged, 20 go back
//	or the gateway dies       70         0    30   30 are charged: nobody knows what was sent
//
// The budgets here are so small that Begin reserves all that is left to send; of a large
// one a stream reserves a sixteenth at a time and asks for More when that is spent, so
// that a long stream leaves the others theirs.
package release
