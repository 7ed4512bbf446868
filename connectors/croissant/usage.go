package croissant

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/rdf"
)

// A Croissant may say by codes of the Data Use Ontology what its data may be used for [Croissant
// 1.1, Data Use Conditions]: as a term, or as the action of a permission in ODRL. A registration
// sets no terms; it says which are meant, and how they are put.

// duo is a code, in any usual form: DUO:0000042, DUO_0000042, or its address.
var duo = regexp.MustCompile(`\bDUO[:_]?(\d{7})\b`)

// use is what a code means, and the template of an offer that is nearest to it.
type use struct{ means, template string }

// uses are the codes of the Data Use Ontology.
func uses() map[string]use {
	const ask = "ask-the-holder"
	return map[string]use{
		"0000004": {"no restriction", "open-with-attribution"},
		"0000006": {"health, medical or biomedical research", "health-with-review"},
		"0000007": {"research on a disease", "health-with-review"},
		"0000011": {"research on population origins or ancestry", ask},
		"0000012": {"research of a kind that is said beside it", ask},
		"0000015": {"no research on general methods", ask},
		"0000016": {"genetic studies only", ask},
		"0000018": {"not-for-profit and non-commercial use only", "non-commercial"},
		"0000019": {"results are to be published", ask},
		"0000020": {"in collaboration with the holder", ask},
		"0000021": {"approval of an ethics board", ask},
		"0000022": {"within a region", ask},
		"0000024": {"no publication before a day", ask},
		"0000025": {"until a day", ask},
		"0000026": {"users that are named", ask},
		"0000027": {"projects that are named", ask},
		"0000028": {"institutions that are named", ask},
		"0000029": {"derived data are to be given back", ask},
		"0000042": {"general research", "research-only"},
		"0000043": {"clinical care", "health-with-review"},
		"0000044": {"no research on population origins or ancestry", ask},
		"0000045": {"not-for-profit organisations only", ask},
		"0000046": {"non-commercial use only", "non-commercial"},
	}
}

// usage says which terms a Croissant means.
func (r *reader) usage(values []rdf.Node) {
	if len(values) == 0 {
		return
	}
	r.note("usageInfo: terms are put by themselves: PUT /datasets/{id}/offer, or guichet offer")
	codes := map[string]bool{}
	for _, v := range values {
		find(v, codes, 0)
	}
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		u, known := uses()[code]
		if !known {
			r.note("usageInfo: it says DUO:%s, which is not known here", code)
			continue
		}
		said := fmt.Sprintf("the nearest template is %s", u.template)
		if u.template == "ask-the-holder" {
			said = "no template says that by itself: write the rule, or let who asks be looked at (ask-the-holder)"
		}
		r.note("usageInfo: it says DUO:%s, %s: %s", code, u.means, said)
	}
}

// find collects the codes of a value and of what is below it.
func find(v any, codes map[string]bool, depth int) {
	switch t := v.(type) {
	case string:
		for _, m := range duo.FindAllStringSubmatch(strings.ToUpper(t), -1) {
			codes[m[1]] = true
		}
	case []any:
		for _, item := range t {
			find(item, codes, depth)
		}
	case map[string]any:
		if depth < maxUsage {
			for _, below := range t {
				find(below, codes, depth+1)
			}
		}
	}
}

// maxUsage is how deep terms are looked at.
const maxUsage = 32
