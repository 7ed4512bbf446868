// Package odrl translates between ODRL 2.2 in JSON-LD and the typed terms of
// schemas: offers in both directions, agreements out only.
//
// Always: what is not understood, in any position, is refused with its place
// and its term; nothing is skipped, so that no prohibition, constraint or duty
// is lost on the way in [decisions.md 23, 33b]. All spellings of one graph
// (compact, prefixed, expanded, by reference) give the same offer, and
// Parse(Write(o)) is o. Nothing is fetched.
//
// What is understood: policies of type Offer, Set or Policy; permission,
// prohibition, and obligation as a duty of every permission; the actions
// odrl:use, odrl:read and urn:guichet:odrl:train, stage and direct; constraints with and, or and
// the operands purpose, recipient, spatial, dateTime, systemDevice,
// virtualLocation and those of our profile (schemas/jsonld/odrl-profile.jsonld);
// the operators eq neq isA isAnyOf isNoneOf lt lteq gt gteq, and isPartOf for
// places. A prohibition wins always: the conflict strategies perm and invalid
// are refused.
//
// It must not judge: whether a column exists or an operator goes with an
// operand is policy's word (policy.CheckOffer).
package odrl
