// Package refusal puts into the record who was refused what by which rule.
//
// In: the errors that doors answer. Out: entries of the record. Always: the first refusal
// of a caller, rule and subject in a minute is recorded, and how many more there were
// follows; who has no name waits for no database. It must not know why a rule refused.
package refusal
