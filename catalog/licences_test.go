package catalog

import (
	"slices"
	"strings"
	"testing"

	"guichet/schemas"
)

// TestLicences: links that have their own licences make the dataset's; where all have the same, no link
// has its own.
func TestLicences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		licence  string
		links    []string
		want     string
		licences string
		of       []string
		faults   string
	}{
		"none": {
			links: []string{"", ""},
			of:    []string{"", ""},
		},
		"of the dataset": {
			licence: "https://creativecommons.org/licenses/by/4.0/",
			links:   []string{""},
			want:    "CC-BY-4.0",
			of:      []string{""},
		},
		"of links, the same": {
			links: []string{"CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"},
			want:  "CC-BY-4.0",
			of:    []string{"", ""},
		},
		"of links, different": {
			links:    []string{"CC-BY-4.0", "CC-BY-NC-4.0", ""},
			want:     "CC-BY-NC-4.0",
			licences: "CC-BY-4.0 CC-BY-NC-4.0",
			of:       []string{"CC-BY-4.0", "CC-BY-NC-4.0", ""},
		},
		"of one link": {
			licence:  "CC-BY-4.0",
			links:    []string{"", "CC0-1.0"},
			want:     "CC-BY-4.0",
			licences: "CC-BY-4.0 CC0-1.0",
			of:       []string{"", "CC0-1.0"},
		},
		"no licence": {
			licence:  "CC-BY-4.0",
			links:    []string{"do what you like"},
			want:     "do what you like",
			licences: "CC-BY-4.0 do what you like",
			of:       []string{"do what you like"},
			faults:   "/links/0/licence /licence",
		},
	} {
		d := schemas.Dataset{Licence: c.licence}
		for _, l := range c.links {
			d.Links = append(d.Links, schemas.Link{URL: "https://x.example/", Licence: l})
		}
		var faults []string
		checkLicences(func(at, _ string, _ ...any) { faults = append(faults, at) }, &d)
		var of []string
		for _, l := range d.Links {
			of = append(of, l.Licence)
		}
		if d.Licence != c.want || strings.Join(d.Licences, " ") != c.licences || !slices.Equal(of, c.of) || strings.Join(faults, " ") != c.faults {
			t.Errorf("%s: %q, %q, %q, %q", name, d.Licence, d.Licences, of, faults)
		}
	}
}
