package problem

import (
	"testing"

	"guichet/schemas"
)

func TestInWords(t *testing.T) {
	t.Parallel()
	for huma, want := range map[string]string{
		"expected array":                                                   "this is a list: write it like [a, b], also with one value",
		"expected object":                                                  "this has members: write it like {name: value}",
		"expected length >= 3":                                             "this has at least 3 characters",
		"expected length <= 4000":                                          "this has at most 4000 characters",
		"expected required property kind to be present":                    "kind is missing",
		`expected value to be one of ", grant, refuse"`:                    "use one of grant, refuse",
		`expected value to be one of "a, b"`:                               "use one of a, b",
		"expected number >= 1":                                             "write a number of at least 1",
		"invalid date/time for format 2006-01-02T15:04:05.999999999Z07:00": "write an instant with its zone, like 2026-11-25T08:00:00Z",
		"something new":                                                    "something new",
	} {
		if got := InWords(huma); got != want {
			t.Errorf("%q reads %q, want %q", huma, got, want)
		}
	}
}

// All that a problem says stands in its text, each thing once.
func TestInOneText(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]schemas.Problem{
		"it is away": {Detail: "it is away"},
		"two faults; /a: is missing. What helps: add it [urn:1]": {Detail: "two faults", Remedy: "add it", Instance: "urn:1",
			Errors: []schemas.FieldError{{Pointer: "/a", Message: "is missing"}, {Pointer: "/b", Message: "two"}}},
		"no (rule r, from the terms); and no": {Detail: "no", Reasons: []schemas.Reason{{Text: "no", Rule: "r", Source: "the terms"}, {Text: "and no"}}},
	} {
		if got := InOneText(&p); got != want {
			t.Errorf("it reads %q, want %q", got, want)
		}
	}
}
