package guichet.offer_test

import data.guichet.offer

ask := {
	"action": "use", "now": 100,
	"exact": {"purpose": ["academic-research"], "spatial": ["FR", "EU"], "recipient": ["https://a.example"]},
	"closure": {"purpose": ["academic-research", "scientific-research", "research"], "spatial": ["FR", "EU"], "recipient": ["https://a.example"]},
}

leaf(left, operator, right) := {"i": 0, "level": 0, "op": "leaf", "children": [], "left": left, "operator": operator, "right": right, "spans": []}

test_isa_follows_the_hierarchy if offer.leaf(ask, leaf("purpose", "isA", ["research"]))

test_eq_is_exact if not offer.leaf(ask, leaf("purpose", "eq", ["research"]))

test_none_of_excludes_narrower_ones if not offer.leaf(ask, leaf("purpose", "isNoneOf", ["research"]))

test_missing_fact_never_helps if not offer.leaf(ask, leaf("factory", "neq", ["lumi"]))

test_missing_fact_counts_against if offer.maybe_leaf(ask, leaf("factory", "eq", ["lumi"]))

test_known_other_fact_does_not_count if not offer.maybe_leaf(ask, leaf("spatial", "eq", ["US"]))

test_dates if {
	offer.leaf(ask, {"i": 0, "level": 0, "op": "leaf", "left": "dateTime", "operator": "lt", "right": ["x"], "spans": [[101, 102]]})
	not offer.leaf(ask, {"i": 0, "level": 0, "op": "leaf", "left": "dateTime", "operator": "lt", "right": ["x"], "spans": [[100, 101]]})
}

rule(nodes, root) := {"id": "r", "kind": "permission", "actions": ["use"], "nodes": nodes, "root": root, "duties": []}

test_or_needs_one if {
	nodes := [
		object.union(leaf("spatial", "eq", ["US"]), {"i": 0}), object.union(leaf("spatial", "eq", ["EU"]), {"i": 1}),
		{"i": 2, "level": 1, "op": "or", "children": [0, 1]},
	]
	offer.holds(ask, rule(nodes, 2))
}

test_and_needs_all if {
	nodes := [
		object.union(leaf("spatial", "eq", ["US"]), {"i": 0}), object.union(leaf("spatial", "eq", ["EU"]), {"i": 1}),
		{"i": 2, "level": 1, "op": "and", "children": [0, 1]},
	]
	not offer.holds(ask, rule(nodes, 2))
}

test_no_rule_is_a_no if {
	some f in offer.findings(ask, {"rules": [], "review": false})
	f.effect == "deny"
}

test_refusals_name_no_other_party if {
	item := {"rules": [rule([leaf("recipient", "eq", ["https://secret.example"])], 0)], "review": false}
	every f in offer.findings(ask, item) { not contains(json.marshal(f), "secret") }
}
