// Package audit is the tamper-evident record: a Merkle tree (RFC 6962) over the
// one change sequence, signed checkpoints (C2SP tlog-checkpoint), proofs (C2SP
// tlog-proof), exports, and verification with nothing but the log's public key.
//
// In flow the leaves of each committed group (Step, inside the group's own
// transaction: see connectors/db for why on both databases); out flow
// checkpoints, records with the values that still open their commitments,
// proofs and bundles.
//
// What always holds: only a committed tree is signed; no size is signed twice
// with two roots, none smaller than the last signed one, and none that does not
// contain the last signed one as a prefix, which is kept in a file outside the
// database; once a fault is found nothing is signed or appended any more.
//
// What it cannot show: that a change was never appended, or that a whole log
// with its key and its head file was replaced; against the latter help saved
// checkpoints (Verify takes them). A change's subject is for followers and is
// not covered by the leaf.
//
// The package hashes, signs, verifies and lists. It never changes state itself
// (its one own change is log.start), knows no users and no policy: who may see
// which record is for its caller to say.
package audit
