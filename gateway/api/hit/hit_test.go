package hit

import (
	"strings"
	"testing"

	"guichet/schemas"
)

// TestHolders: a hit leads to where the data is held, and carries no descriptions of files.
func TestHolders(t *testing.T) {
	t.Parallel()
	d := schemas.Dataset{
		IRI:   "https://x.example/d",
		Links: []schemas.Link{{URL: "https://x.example/a", RDF: "<> dct:type \"t\" .\n"}},
	}
	got := holders(&d)
	if len(got) != 1 || got[0].URL != "https://x.example/a" || got[0].RDF != "" {
		t.Errorf("%+v", got)
	}
	if d.Links[0].RDF == "" {
		t.Error("the dataset itself lost what is said of its link")
	}
	d.Links = nil
	if got = holders(&d); len(got) != 1 || got[0].URL != d.IRI {
		t.Errorf("%+v", got)
	}
}

// TestOf: a hit says what is published, or where it is held and who gets it there.
func TestOf(t *testing.T) {
	t.Parallel()
	const right = "<> dct:accessRights <http://publications.europa.eu/resource/authority/access-right/NON_PUBLIC> .\n"
	for name, c := range map[string]struct {
		d      schemas.Dataset
		access schemas.Mark
		rows   int64
		links  int
		rules  string
		remedy string
	}{
		"published": {
			d: schemas.Dataset{
				Offer:  &schemas.Offer{},
				Latest: &schemas.VersionSummary{Version: "v1", Rows: 7},
			},
			access: schemas.MarkNow,
			rows:   7,
			rules:  "offer.yes",
		},
		"elsewhere": {
			d: schemas.Dataset{
				Links: []schemas.Link{{URL: "https://x.example/a", Licence: "CC0-1.0"}},
			},
			access: schemas.MarkElsewhere,
			links:  1,
			rules:  "dataset.elsewhere",
			remedy: "follow the link to its holder",
		},
		"elsewhere, not public": {
			d: schemas.Dataset{
				Links: []schemas.Link{{URL: "https://x.example/a"}},
				RDF:   right,
			},
			access: schemas.MarkElsewhere,
			links:  1,
			rules:  "dataset.elsewhere dataset.access-right",
			remedy: "follow the link to its holder",
		},
		"with somebody to ask": {
			d: schemas.Dataset{
				IRI:     "https://x.example/d",
				Source:  "portal",
				Contact: "ask@x.example",
				RDF:     right,
			},
			access: schemas.MarkElsewhere,
			links:  1,
			rules:  "dataset.elsewhere dataset.access-right",
			remedy: "ask its holder: ask@x.example",
		},
	} {
		dec := schemas.Decision{Verdict: schemas.VerdictYes, Reasons: []schemas.Reason{{Rule: "offer.yes"}}}
		h := Of(schemas.Principal{}, &c.d, &dec, schemas.Facts{Runs: 5})
		var rules []string
		for _, r := range h.Reasons {
			rules = append(rules, r.Rule)
		}
		if h.Access != c.access || h.Rows != c.rows || len(h.Links) != c.links || strings.Join(rules, " ") != c.rules || h.Runs != 5 {
			t.Errorf("%s: %+v", name, h)
		}
		if got := h.Reasons[len(h.Reasons)-1].Remedy; got != c.remedy {
			t.Errorf("%s: %q, want %q", name, got, c.remedy)
		}
	}
}
