// Package record is what the command line knows of a gateway's record.
//
// In: a client. Out: whether the record goes on from the head that this machine saw last
// (Follow), and a verification of the whole record whose tree is computed here (Verify).
// Always: nothing that a gateway says of its own record is believed where it can be
// computed. It must not know where the client and its tokens come from.
package record
