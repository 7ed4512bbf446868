# EU baseline: what law demands of every ask, whatever space and offer say.
# Each rule names its article. docs/rules.md lists them with their tests.
package guichet.eu

findings(ask, item) := (excluded(ask, item) | purposes(ask, item)) | public_bodies(ask, item)

# EHDS art. 54: purposes that no permit may serve.
excluded(ask, item) := {f |
	item.space == "health"
	article := ask.purpose.excluded
	f := {
		"effect": "deny", "rule": "eu.ehds.excluded", "source": sprintf("EHDS art. %s", [article]),
		"text": sprintf("%s is excluded for health data", [ask.purpose.label]),
		"remedy": "it would be yes for a purpose of EHDS art. 53(1), for instance scientific-research",
	}
}

# EHDS art. 53(1): the closed list of purposes.
purposes(ask, item) := {f |
	item.space == "health"
	ask.purpose.id
	not ask.purpose.ehds
	not ask.purpose.excluded
	f := {
		"effect": "deny", "rule": "eu.ehds.purpose", "source": "EHDS art. 53(1)",
		"text": sprintf("%s is not among the purposes for which health data may be used", [ask.purpose.label]),
		"remedy": "it would be yes for a purpose of EHDS art. 53(1), for instance scientific-research",
	}
}

# EHDS art. 53(2): points (a) to (c) are for public bodies.
public_bodies(ask, item) := {f |
	item.space == "health"
	ask.purpose.public_body
	object.get(ask, "kind", "") != "public-body"
	f := {
		"effect": "deny", "rule": "eu.ehds.public-body", "source": "EHDS art. 53(2)",
		"text": sprintf("%s is reserved to public bodies", [ask.purpose.label]),
		"remedy": "let a public body ask, or ask for scientific-research",
	}
}
