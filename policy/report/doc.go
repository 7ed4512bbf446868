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
//
// The reports, with the file that makes each and what it is for:
//
//	uses        uses.go        who used a dataset, in which runs, how much: for its provider
//	permits     permits.go     the register of data permits [EHDS art. 67]
//	training    training.go    what a model was trained on [AI Act art. 53(1)(d), template C(2025) 5235]
//	processing  processing.go  the record of processing activities [GDPR art. 30]
//	project     project.go     the follow-up of a project: asked, granted, read, come out, month by month
//	refusals    refusals.go    what was refused by which rule, without persons
//	demand      demand.go      what was asked for and how it came out, without persons or small groups
//	sample      sample.go      an auditor's random sample of releases, the same for the same seed and size
//
// How one is made: report.go reads the parameters and finds the positions that it stands on; read.go reads them in
// chunks and opens what their leaves (leaf.go) commit to; tally.go counts groups; document.go writes tables. What the
// catalogue says today comes from beside.go, in tables of its own.
package report
