// Package terms holds what an offer promises against what is published, so that marks, dry
// runs and requests promise only what the byte doors can keep.
//
// In: decisions, offers, published versions. Out: a reason why they cannot be carried out,
// or none. Always: the answer for a version is the same for ever. It must not know who
// asks, and reads no agreement.
package terms
