# Baseline of the health data space: what holds for every dataset in it,
# whatever its offer says.
package guichet.space.health

source := "baseline of the health data space"

findings(ask, item) := ((purpose(ask) | place(ask)) | by_url(ask)) | duties(item)

purpose(ask) := {f |
	not ask.exact.purpose
	f := {
		"effect": "deny", "rule": "space.health.purpose", "source": source,
		"text": "no purpose was said",
		"remedy": "say which purpose of EHDS art. 53(1) the data is for",
	}
}

# Rows are read only where the place is proven to be a secure processing
# environment [EHDS art. 73].
place(ask) := {f |
	not ask.factory.secure
	f := {
		"effect": "deny", "rule": "space.health.environment", "source": "EHDS art. 73, baseline of the health data space",
		"text": "health data is used in a secure processing environment only",
		"remedy": "run the project at a factory that has one",
	}
}

# Whoever has a URL reads with it from anywhere, and nothing cuts that.
by_url(ask) := {f |
	ask.action == "direct"
	f := {
		"effect": "deny", "rule": "space.health.direct", "source": "EHDS art. 73, baseline of the health data space",
		"text": "health data is never read by URL: it stays in the secure processing environment",
		"remedy": "stream it",
	}
}

duties(item) := {f |
	columns := sort({c.name | some c in item.columns; c.sensitivity == "identifies"})
	count(columns) > 0
	f := {
		"effect": "oblige", "rule": "space.health.identifies", "source": "EHDS art. 66, baseline of the health data space",
		"text": "columns that identify persons are pseudonymised",
		"duty": {"kind": "pseudonymise", "columns": columns},
	}
} | {{
	"effect": "oblige", "rule": "space.health.place", "source": "EHDS art. 73, baseline of the health data space",
	"text": "streams open only from the factory's own network",
	"duty": {"kind": "factory", "enforced": true},
}}
