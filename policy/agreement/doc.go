// Package agreement keeps the agreements that stand, and what everything that hangs on one
// shares: who may see and use it, in whose hands a lease still is, and that a decision is
// stored only on the terms that it was made on.
//
// In: ids, authenticated principals, decisions. Out: agreements with what was used of them
// and what is left; a basis that says whether what was read still stands. Always: every
// change is one entry of the one change sequence, in the transaction that makes it; an
// agreement is read whole, with the state that it has now. It must not know doors, wires
// or where bytes lie, nor the packages below it:
//
//	budget ◀ agreement ◀ stop ◀ {lease, release}
//	terms  ◀ {request, lease}      request, run, refusal ▶ agreement
//
// where budget says how much may still go out, stop takes rights away, terms holds what is
// promised against what is published, and each of the others keeps the noun it is named
// after.
package agreement
