package about

import (
	"slices"
	"testing"

	"guichet/schemas"
)

// Categories are read of the thing itself alone, by their codes, as the one form writes them.
func TestHealthCategories(t *testing.T) {
	t.Parallel()
	const table = "://hdeu-dcat.data.health.europa.eu/resource/authority/healthcategories/"
	for text, want := range map[string][]string{
		"": nil,
		"<> healthdcatap:healthCategory <https" + table + "EHRS> .\n":                                               {"EHRS"},
		"<> healthdcatap:healthCategory <http" + table + "EHRS>, <https" + table + "MRMR> .\n":                      {"EHRS", "MRMR"},
		"<> a <https://x.example/T> ;\n    healthdcatap:healthCategory <https://x.example/c> .\n":                   {"https://x.example/c"},
		"<> healthdcatap:healthCategory \"EHRS\" .\n":                                                               nil,
		"<> dcat:contactPoint [ a foaf:Agent ;\n        healthdcatap:healthCategory <https" + table + "EHRS> ] .\n": nil,
	} {
		kept, err := Read(text, 1<<16)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, form := range []string{text, kept.String()} {
			if got := HealthCategories(&schemas.Dataset{RDF: form}); !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", form, got, want)
			}
		}
	}
}
