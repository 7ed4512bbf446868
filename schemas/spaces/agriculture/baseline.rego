# Baseline of the agriculture data space: what holds for every dataset in it, whatever
# its offer says. Nothing beyond: who wants data here needs a purpose.
package guichet.space.agriculture

findings(ask, _) := {f |
	not ask.exact.purpose
	f := {
		"effect": "deny",
		"rule": "space.agriculture.purpose",
		"source": "baseline of the agriculture data space",
		"text": "no purpose was said",
		"remedy": "say what the data is for",
	}
}
