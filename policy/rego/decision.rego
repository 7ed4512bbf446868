# The one decision: three layers, the strictest wins. One evaluation answers for
# any number of datasets (input.items), so a search marks its hits by the same
# rule that a request is judged by.
package guichet.decision

results[id] := answer if {
	some id, item in input.items
	found := (data.guichet.eu.findings(input.ask, item) | data.guichet.spaces.findings(input.ask, item)) | data.guichet.offer.findings(input.ask, item)
	answer := {
		"verdict": verdict(found),
		"findings": [f | some f in found],
	}
}

verdict(found) := "no" if {
	some f in found
	f.effect == "deny"
} else := "no" if {
	not permits(found)
} else := "review" if {
	some f in found
	f.effect == "review"
} else := "yes"

permits(found) if {
	some f in found
	f.effect == "permit"
}
