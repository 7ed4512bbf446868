// Package agreement keeps what a yes became: requests and their review,
// agreements, leases, runs, releases and revocations.
//
// In: asks of authenticated principals, decisions of policy. Out: agreements,
// lease tokens and what they stand for (LookUp, for policy.Authorize), begun and
// ended releases, the feed of revocations that cuts streams. Always: every change
// is one entry of the one change sequence, in the transaction that makes it; a
// release is durable before it may send; the first end written of a release
// stands. It must not know doors, wires or where bytes lie.
package agreement
