// Package report makes reports of the record: who used a dataset, which permits stand, what a model
// was trained on, what a council or an auditor follows up.
//
// In: the name of a report, its parameters, a size of the record, and who asks. Out: a document: tables
// with what their columns mean, what the record cannot know, and the records that it stands on.
//
//	the record ─ which positions ─▶ chunks of leaves and values ─▶ a tally of groups ─▶ tables
//	as at SIZE   (8 bytes each)     (read and opened, two at once)  (bounded)
//
// Always: the same name, parameters and size give the same bytes, whatever is recorded later; but what
// was erased since is shown as erased. A value counts that opens the commitment of its leaf. Rows and
// bytes are those of ends of releases; what is only known as a bound stands apart and is never summed
// with them. Whoever is no officer has a report of what concerns her alone, as of records. What the
// catalogue says now stands in tables that say so, and only where it is asked for. It must not hold
// the record in memory, nor change anything.
package report
