package about

import (
	"strings"

	"guichet/schemas"
)

// categoryTable is where the categories of health data have their addresses, behind the scheme.
const categoryTable = "//hdeu-dcat.data.health.europa.eu/resource/authority/healthcategories/"

// HealthCategories are the categories of electronic health data (EHDS art. 51) that a dataset says it is of
// (healthdcatap:healthCategory): codes of HealthDCAT-AP's table, such as EHRS, and whatever else stands there as it
// stands; none where nothing is said.
func HealthCategories(d *schemas.Dataset) (out []string) {
	for line := range strings.Lines(d.RDF) {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "<> "), "    ")
		rest, is := strings.CutPrefix(line, "healthdcatap:healthCategory ")
		for is && strings.Contains(rest, "<") {
			var address string
			_, rest, _ = strings.Cut(rest, "<")
			address, rest, _ = strings.Cut(rest, ">")
			_, behind, _ := strings.Cut(address, ":")
			if code, ok := strings.CutPrefix(behind, categoryTable); ok {
				address = code
			}
			out = append(out, address)
		}
	}
	return out
}
