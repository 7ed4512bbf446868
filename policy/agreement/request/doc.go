// Package request judges what is asked for, and keeps the answer: granted, refused, or
// waiting for the word of a holder or access body.
//
// In: asks of authenticated principals, decisions of policy, reviews. Out: agreements, the
// marks of a search, notices to reviewers and askers. Always: what is concluded was decided
// on terms that stand when it is stored; a reviewer and an asker read only the items that
// are theirs. It must not know leases, streams or doors.
package request
