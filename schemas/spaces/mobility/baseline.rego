# Baseline of the mobility data space: what holds for every dataset in it, whatever
# its offer says. Nothing beyond: who wants data here needs a purpose.
package guichet.space.mobility

findings(ask, _) := {f |
	not ask.exact.purpose
	f := {
		"effect": "deny",
		"rule": "space.mobility.purpose",
		"source": "baseline of the mobility data space",
		"text": "no purpose was said",
		"remedy": "say what the data is for",
	}
}
