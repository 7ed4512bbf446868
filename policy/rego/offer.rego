# The provider's offer: ODRL rules as data. Constraint trees arrive flattened in
# post-order, each node with its level, since Rego has no recursion.
package guichet.offer

source := "the provider's offer"

# includes: asking for the action on the left is asking for those on the right.
# To stage is to keep a copy, direct is to read by URL: no use includes them.
includes := {"use": {"use", "read", "train"}, "read": {"read"}, "train": {"train"}, "stage": {"stage"}, "direct": {"direct"}}

# covers: a permission of the action on the left allows those on the right.
covers := includes

findings(ask, item) := ((permitted(ask, item) | refused(ask, item)) | prohibited(ask, item)) | review(ask, item)

# ---- permissions ----

granting(ask, item) := {rule.id |
	some rule in item.rules
	rule.kind == "permission"
	some action in rule.actions
	ask.action in covers[action]
	holds(ask, rule)
}

permitted(ask, item) := {f |
	some rule in item.rules
	rule.id in granting(ask, item)
	some duty in array.concat([{}], rule.duties)
	f := finding(rule, duty)
}

finding(rule, duty) := {"effect": "permit", "rule": rule.id, "source": source, "text": "the offer permits this use"} if count(duty) == 0

finding(rule, duty) := {"effect": "oblige", "rule": rule.id, "source": source, "text": sprintf("demands: %s", [duty.kind]), "duty": duty} if count(duty) > 0

refused(ask, item) := {f |
	count(granting(ask, item)) == 0
	count(reachable(ask, item)) > 0
	some rule in reachable(ask, item)
	some n in failing(ask, rule)
	f := {
		"effect": "deny", "rule": rule.id, "source": source,
		"text": sprintf("%s %s %s; %s", [n.left, words[n.operator], shown(n), yours(ask, n)]),
		"remedy": sprintf("it would be yes if %s %s %s", [n.left, replace(words[n.operator], "must be", "were"), shown(n)]),
	}
} | {f |
	count(granting(ask, item)) == 0
	count(reachable(ask, item)) == 0
	f := {
		"effect": "deny", "rule": "offer", "source": source,
		"text": sprintf("no rule of the offer permits to %s the data", [deeds[ask.action]]),
		"remedy": otherwise(item),
	}
}

deeds := {"use": "use", "read": "read", "train": "train on", "stage": "stage", "direct": "read by URL"}

otherwise(item) := "ask the provider to offer it" if count(offered(item)) == 0

otherwise(item) := sprintf("ask the provider to offer it; what the offer speaks of is to %s the data", [concat(" or to ", [deeds[a] | some a in offered(item)])]) if count(offered(item)) > 0

offered(item) := {action |
	some rule in item.rules
	rule.kind == "permission"
	some action in rule.actions
}

reachable(ask, item) := {rule |
	some rule in item.rules
	rule.kind == "permission"
	some action in rule.actions
	ask.action in covers[action]
}

failing(ask, rule) := {n |
	some n in rule.nodes
	n.op == "leaf"
	not leaf(ask, n)
}

words := {
	"eq": "must be", "isA": "must be a kind of", "isAnyOf": "must be one of",
	"neq": "must be other than", "isNoneOf": "must be none of",
	"lt": "must be before", "lteq": "must be at or before", "gt": "must be after", "gteq": "must be at or after",
}

# Who else may use the data is not the caller's business [decisions.md 3].
shown(n) := "whom the offer names" if {
	n.left == "recipient"
} else := concat(", ", n.right)

yours(ask, n) := sprintf("yours is %s", [concat(", ", ask.exact[n.left])]) if {
	ask.exact[n.left]
} else := "now it is not" if {
	n.left == "dateTime"
} else := "yours was not said"

# ---- prohibitions: a missing fact counts as the forbidden one ----

prohibited(ask, item) := {f |
	some rule in item.rules
	rule.kind == "prohibition"
	some action in rule.actions
	touches(action, ask.action)
	maybe(ask, rule)
	f := {
		"effect": "deny", "rule": rule.id, "source": source,
		"text": sprintf("the offer forbids it%s", [because(rule)]),
		"remedy": "ask for a use that the offer does not forbid",
	}
}

# A prohibition touches what includes its action and what its action includes.
touches(forbidden, asked) if forbidden in includes[asked]

touches(forbidden, asked) if asked in includes[forbidden]

# Who may not use the data keeps no copy of it, and gets no URL.
touches("use", "stage")

touches("use", "direct")

because(rule) := "" if count(rule.nodes) == 0

because(rule) := sprintf(" (%s)", [concat("; ", [t |
	some n in rule.nodes
	n.op == "leaf"
	t := sprintf("%s %s %s", [n.left, n.operator, shown(n)])
])]) if count(rule.nodes) > 0

# ---- review ----

review(_, item) := {f |
	item.review
	f := {
		"effect": "review", "rule": "offer.review", "source": source,
		"text": "requests are looked at by a person",
		"remedy": "send a request and wait for the answer",
	}
}

# ---- constraint trees ----

holds(_, rule) if count(rule.nodes) == 0

holds(ask, rule) if {
	count(rule.nodes) > 0
	true_nodes := climb(rule.nodes, {n.i | some n in rule.nodes; n.op == "leaf"; leaf(ask, n)})
	rule.root in true_nodes
}

maybe(_, rule) if count(rule.nodes) == 0

maybe(ask, rule) if {
	count(rule.nodes) > 0
	true_nodes := climb(rule.nodes, {n.i | some n in rule.nodes; n.op == "leaf"; maybe_leaf(ask, n)})
	rule.root in true_nodes
}

# climb carries truth from leaves to the root, one level a step, at most 16.
climb(nodes, s0) := s16 if {
	s1 := step(nodes, s0, 1)
	s2 := step(nodes, s1, 2)
	s3 := step(nodes, s2, 3)
	s4 := step(nodes, s3, 4)
	s5 := step(nodes, s4, 5)
	s6 := step(nodes, s5, 6)
	s7 := step(nodes, s6, 7)
	s8 := step(nodes, s7, 8)
	s9 := step(nodes, s8, 9)
	s10 := step(nodes, s9, 10)
	s11 := step(nodes, s10, 11)
	s12 := step(nodes, s11, 12)
	s13 := step(nodes, s12, 13)
	s14 := step(nodes, s13, 14)
	s15 := step(nodes, s14, 15)
	s16 := step(nodes, s15, 16)
}

step(nodes, have, level) := have | {n.i |
	some n in nodes
	n.level == level
	inner(n, have)
}

inner(n, have) if {
	n.op == "and"
	every child in n.children { child in have }
}

inner(n, have) if {
	n.op == "or"
	some child in n.children
	child in have
}

# A leaf is true, false, or unknown: where a fact of the caller is missing, or the offer
# holds a value that is not understood (n.odd). Permissions need it true; a prohibition
# is touched unless it is false.

sets := {"eq", "isAnyOf", "isA", "neq", "isNoneOf"}

# what the caller is, is among the values
listed(ask, n) if {
	n.operator in {"eq", "isAnyOf"}
	some v in ask.exact[n.left]
	v in n.right
}

listed(ask, n) if {
	n.operator in {"isA", "neq", "isNoneOf"}
	some v in ask.closure[n.left]
	v in n.right
}

# now is within a value: a day is all of it
listed(ask, n) if {
	n.left == "dateTime"
	some s in n.spans
	ask.now >= s[0]
	ask.now < s[1]
}

# it may be: by a broader purpose, or by another spelling of its id
perhaps(ask, n) if {
	some v in ask.closure[n.left]
	v in n.right
}

perhaps(_, n) if n.odd

perhaps(ask, n) if not ask.exact[n.left]

perhaps(ask, n) if {
	n.left == "recipient"
	some v in ask.near
	v in n.near
}

leaf(ask, n) if {
	n.operator in {"eq", "isAnyOf", "isA"}
	listed(ask, n)
}

leaf(ask, n) if {
	n.operator in {"neq", "isNoneOf"}
	n.left != "dateTime"
	not perhaps(ask, n)
}

leaf(ask, n) if {
	n.left == "dateTime"
	not n.odd
	before_or_after(ask, n)
}

# Of a day or a longer span, before is before its beginning and after is after its end.
before_or_after(ask, n) if { n.operator == "lt"; ask.now < n.spans[0][0] }
before_or_after(ask, n) if { n.operator == "lteq"; ask.now < n.spans[0][1] }
before_or_after(ask, n) if { n.operator == "gt"; ask.now >= n.spans[0][1] }
before_or_after(ask, n) if { n.operator == "gteq"; ask.now >= n.spans[0][0] }
before_or_after(ask, n) if { n.operator in {"neq", "isNoneOf"}; not listed(ask, n) }

# What is listed is perhaps so as well, hence leaf needs not be asked of sets.
maybe_leaf(ask, n) if {
	n.operator in {"eq", "isAnyOf", "isA"}
	n.left != "dateTime"
	perhaps(ask, n)
}

maybe_leaf(ask, n) if {
	n.operator in {"neq", "isNoneOf"}
	not listed(ask, n)
}

maybe_leaf(ask, n) if {
	n.left == "dateTime"
	leaf(ask, n)
}

# nobody knows how it compares
maybe_leaf(_, n) if {
	n.odd
	not n.operator in sets
}

maybe_leaf(_, n) if {
	n.odd
	n.left == "dateTime"
}
