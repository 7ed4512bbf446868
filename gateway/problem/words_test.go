package problem

import "testing"

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
