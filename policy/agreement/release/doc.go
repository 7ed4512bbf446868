// Package release writes what goes out: durable before its first byte, bounded while it
// runs, ended once.
//
// In: grants of policy.Authorize, plans of rows, messages that are about to be sent. Out:
// releases in the record, reservations of budgets. Always: a release is durable before it
// may send; what is stored is never less than what was sent; the first end that is written
// stands. It must not know how an agreement or lease came to be, nor wires.
package release
