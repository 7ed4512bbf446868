// Package audit is the tamper-evident record: a Merkle tree (RFC 6962) over the
// one change sequence, signed checkpoints (C2SP tlog-checkpoint), proofs (C2SP
// tlog-proof), exports, and verification with nothing but the log's public key.
//
// A record of five changes, with the place at which tree_hash keeps each hash:
//
//	                     root of 5 = H(1, [6], [7])       signed: the checkpoint
//	                   ┌───────────┴─────────────┐
//	          [6] H(1, [2], [5])                 │
//	        ┌─────────┴─────────┐                │
//	[2] H(1, [0], [1])  [5] H(1, [3], [4])       │
//	   ┌────┴────┐         ┌────┴────┐           │
//	  [0]       [1]       [3]       [4]         [7]       H(0, leaf): SHA-256 of a zero
//	   │         │         │         │           │        byte (one for a node), then
//	leaf 0    leaf 1    leaf 2    leaf 3      leaf 4      what it is over
//
// A leaf is one change: its kind, time and numbers in the clear, and of each value only a
// commitment, a hash of a salt and the value. The values stand beside it in change_value
// and open it; one that is erased leaves leaf, tree and proofs as they are.
//
// Going on needs only the right edge, largest subtree first (compactRange): of five [6] and
// [7]. Leaf 5 comes: [8] is its own, [9] that over [7] and [8]; the edge of six is [6], [9].
//
// The proof that leaf 2 is the third of five: the hashes [4], [2], [7], from which whoever
// has the leaf makes [3], [5], [6] and the root; and the checkpoint that signs that root:
//
//	guichet.example/log       the log's origin
//	5                         how many changes it is over
//	(the root, in base64)
//
//	— guichet.example/log (the signature)
//
// Who kept the checkpoint of four and sees that of five later asks for the proof that the
// one is a beginning of the other: [7] alone, for the root of four is [6]. A record that was
// rewritten has no such proof.
//
// In: the leaves of each committed group (Step, inside the group's own transaction: see
// connectors/db for why on both databases). Out: checkpoints, records with the values that
// still open their commitments, proofs and bundles. Always: only a committed tree is signed;
// no size is signed with two roots, none that does not contain the last signed one as a prefix,
// which is kept in a file outside the database, and a smaller one only as that prefix (HeadAt); once a
// fault is found nothing is signed or appended any more. It must not change state itself
// (its one own change is log.start), nor know users or policy: who may see which record is
// for its caller to say.
//
// What it cannot show: that a change was never appended, or that a whole log with its key
// and its head file was replaced; against the latter help saved checkpoints (Verify takes
// them). A change's subject is for followers and is not covered by the leaf.
package audit
