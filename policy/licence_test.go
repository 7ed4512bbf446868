package policy

import (
	"context"
	"strings"
	"testing"

	"guichet/schemas"
)

// Where the licence asks for more than the terms, a yes says so; where both say the same,
// and beside a no, nothing is said.
func TestLicenceBesideTerms(t *testing.T) {
	e := engine(t)
	for _, x := range []struct {
		licence, template, purpose string
		note                       string // part of the asker's note
		provider                   bool   // the provider is told when the terms are put
	}{
		{"CC-BY-NC-4.0", "research-and-development", "product-development", "see that product-development is non-commercial", true},
		{"CC-BY-NC-SA-3.0", "open-with-attribution", "train-model", "non-commercial", true},
		{"https://creativecommons.org/licenses/by-nc/2.1/jp/", "open-with-attribution", "commercial", "non-commercial", true},
		{"PolyForm-Noncommercial-1.0.0", "open-with-attribution", "commercial", "non-commercial", true},
		{"CC-BY-NC-4.0", "research-and-development", "academic-research", "", true},
		{"CC-BY-NC-4.0", "research-only", "academic-research", "", false},
		{"CC-BY-NC-4.0", "non-commercial", "education", "", false},
		{"CC-BY-NC-4.0", "research-only", "product-development", "", false},
		{"CC-BY-ND-4.0", "open-with-attribution", "train-model", "derived", false},
		{"CC-BY-4.0", "open-with-attribution", "commercial", "", false},
		{"https://agency.example/ncd/licence", "open-with-attribution", "commercial", "", false},
	} {
		d := &schemas.Dataset{ID: "ds-x", Provider: "https://p.example", Space: "energy", Licence: x.licence, Offer: offer(t, x.template, TemplateParams{})}
		got, err := e.Decide(context.Background(), facts(x.purpose), []Item{{d}})
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(got[0].Notes, "; ")
		if (notes == "") != (x.note == "") || !strings.Contains(notes, x.note) {
			t.Errorf("%s under %s for %s: noted %q, want %q", x.licence, x.template, x.purpose, notes, x.note)
		}
		if told := e.TermsBesideLicence(d); (len(told) > 0) != x.provider {
			t.Errorf("%s under %s: the provider is told %q", x.licence, x.template, told)
		}
	}
}

// "Look at each request" is taken from the rules, where people write it.
func TestReviewInARule(t *testing.T) {
	permit := schemas.Rule{Kind: schemas.Permission, Actions: []string{"use"}}
	reviewed, forbid := permit, schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &schemas.Constraint{Left: "purpose", Operator: "isA", Right: []string{"marketing"}}}
	reviewed.Review = true
	o := schemas.Offer{Rules: []schemas.Rule{reviewed, forbid}}
	err := engine(t).CheckOffer(context.Background(), &o, nil)
	if err != nil || !o.Review || o.Rules[0].Review {
		t.Errorf("%+v, %v", o, err)
	}
	for _, rules := range [][]schemas.Rule{{reviewed, permit}, {permit, reviewed}} {
		err = engine(t).CheckOffer(context.Background(), &schemas.Offer{Rules: rules}, nil)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "beside rules") {
			t.Errorf("half of the permissions reviewed: %v", err)
		}
	}
	forbid.Review = true
	err = engine(t).CheckOffer(context.Background(), &schemas.Offer{Rules: []schemas.Rule{permit, forbid}}, nil)
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("a reviewed prohibition: %v", err)
	}
}
