package index

import (
	"testing"

	"guichet/schemas"
	"guichet/schemas/spaces"
)

// Codes of facets are named in English; a value that is no code keeps no name.
func TestLabels(t *testing.T) {
	t.Parallel()
	facets := map[string]schemas.Facet{}
	for name, values := range map[string][]string{"theme": {"AGRI", "TRAN", "NONE"}, "country": {"FR", "XX1"}, "language": {"de", "fi", "?"},
		"space": {"energy", "farms"}, "publisher": {"FR"}} {
		f := schemas.Facet{}
		for _, v := range values {
			f.Values = append(f.Values, schemas.FacetValue{Value: v})
		}
		facets[name] = f
	}
	profiles, err := spaces.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	Label(facets, profiles)
	for name, want := range map[string][]string{"theme": {"Agriculture, fisheries, forestry and food", "Transport", ""},
		"country":  {"France", ""},
		"language": {"German", "Finnish", ""}, "space": {"Energy", ""}, "publisher": {""}} {
		for i, v := range facets[name].Values {
			if v.Label != want[i] {
				t.Errorf("%s %s is labelled %q, want %q", name, v.Value, v.Label, want[i])
			}
		}
	}
}
