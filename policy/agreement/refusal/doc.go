// Package refusal puts into the record who was refused what by which rule.
//
// In: the errors that doors answer. Out: entries of the record. Always: the first refusal
// of a caller, rule and subject in a minute is recorded, and how many more there were
// follows; who has no name waits for no database. It must not know why a rule refused.
//
//	10:00:05  eve is refused agr-1 by lease.partner      recorded at once
//	10:00:06  … and 500 times more                       counted
//	10:00:09  eve is refused agr-2                       recorded at once
//	10:01:00  the minute is over                         one entry: "more": 500
//
// so that a flood is two entries a minute, and no refusal is lost from the record's sums.
package refusal
