package croissant

import (
	"strings"
	"testing"
)

// TestUsage: codes of the Data Use Ontology are named with the terms that are nearest, however they
// are written; none of them sets terms.
func TestUsage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ usage, want string }{
		"none": {`[]`, ""},
		"a term": {
			`{"@type": "sc:DefinedTerm", "name": "GRU", "termCode": "DUO:0000042"}`,
			"usageInfo: it says DUO:0000042, general research: the nearest template is research-only",
		},
		"its address": {
			`"http://purl.obolibrary.org/obo/DUO_0000046"`,
			"usageInfo: it says DUO:0000046, non-commercial use only: the nearest template is non-commercial",
		},
		"an offer": {
			`{"@type": "odrl:Offer", "odrl:permission": [{"odrl:action": {"@id": "http://purl.obolibrary.org/obo/DUO_0000007"},
				"odrl:constraint": {"odrl:rightOperand": {"@id": "http://purl.obolibrary.org/obo/MONDO_0005148"}}}]}`,
			"usageInfo: it says DUO:0000007, research on a disease: the nearest template is health-with-review",
		},
		"no template": {
			`[{"termCode": "DUO_0000021"}, {"termCode": "duo_0000042"}]`,
			"usageInfo: it says DUO:0000021, approval of an ethics board: no template says that by itself",
		},
		"unknown": {`"DUO:9999999"`, "usageInfo: it says DUO:9999999, which is not known here"},
		"no code": {`"https://x.example/terms"`, "usageInfo: terms are put by themselves"},
	} {
		doc := `{"@context": {"@vocab": "https://schema.org/", "sc": "https://schema.org/", "odrl": "http://www.w3.org/ns/odrl/2/"}, "@type": "sc:Dataset",
			"name": "T", "usageInfo": ` + c.usage + `}`
		d, is, err := Read([]byte(doc), "")
		notes := strings.Join(d.Notes, "\n")
		if !is || err != nil || !strings.Contains(notes, c.want) || d.Offer != nil {
			t.Errorf("%s: %v, %q; want %q", name, err, notes, c.want)
		}
		if c.want == "" && strings.Contains(notes, "usageInfo") {
			t.Errorf("%s: %q", name, notes)
		}
	}
}
