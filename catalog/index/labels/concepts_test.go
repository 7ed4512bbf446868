package labels

import (
	"fmt"
	"strings"
	"testing"
)

// Concepts are found in what is kept of a description, whatever else stands there.
func TestConcepts(t *testing.T) {
	_, l := made(t)
	const turtle = `<> mobilitydcatap:mobilityTheme <https://w3id.org/mobilitydcat-ap/mobility-theme/bike-hiring-stations> ;
    dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/ANNUAL> ;
    mobilitydcatap:transportMode <https://w3id.org/mobilitydcat-ap/transport-mode/bicycle>,
        <https://w3id.org/mobilitydcat-ap/transport-mode/other>, <https://w3id.org/mobilitydcat-ap/transport-mode/bicycle> ;
    healthdcatap:healthCategory <https://hdeu-dcat.data.health.europa.eu/resource/authority/healthcategories/EHRS> ;
    dct:subject <https://example.org/a> , "<a>" .`
	var got []string
	for _, c := range l.Concepts(turtle) {
		got = append(got, c.Field+" "+c.Value+" "+c.Labels["en"])
	}
	want := []string{
		"mobility-theme bike-hiring-stations Bike-hiring Stations", "frequency ANNUAL annual", "transport-mode bicycle Bicycle",
		"health-category EHRS Electronic Health Data from EHRs",
	}
	if !strings.EqualFold(fmt.Sprint(got), fmt.Sprint(want)) {
		t.Errorf("%q", got)
	}
	for _, none := range []string{"", "<", "<<<>>>", "no IRI at all", strings.Repeat("<", 100_000)} {
		if got := l.Concepts(none); len(got) > 0 {
			t.Errorf("%.20q: %v", none, got)
		}
	}
	var many strings.Builder
	for iri := range l.concepts {
		many.WriteString("<" + iri + "> ")
	}
	if got := l.Concepts(many.String()); len(got) != mostConcepts {
		t.Errorf("%d concepts", len(got))
	}
}
