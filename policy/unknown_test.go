package policy

import (
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/schemas"
)

// registered is a registry of one factory and one organisation.
type registered struct{}

func (registered) HasFactory(_ context.Context, id schemas.FactoryID) (bool, error) {
	return id == "lumi", nil
}

func (registered) HasParticipant(_ context.Context, id schemas.ParticipantID) (bool, error) {
	return id == "https://crop-ai.example", nil
}

func (registered) HasCall(_ context.Context, id string) (bool, error) { return id == "agri", nil }

// values that each operand may be compared with, and odd ones, which stand only in offers
// that are older than their check.
func values() map[string][2][]string {
	return map[string][2][]string{
		"purpose":       {{"research", "academic-research", "marketing", "advertising"}, {"", "fun", "Research", "research "}},
		"recipient":     {{"https://crop-ai.example", "https://other.example", "did:web:x.example"}, {"", "crop-ai", "https://", "mailto:x"}},
		"recipientKind": {{"sme", "start-up", "public-body"}, {"", "startup", "SME", "company"}},
		"spatial":       {{"FI", "US", "EU", "EEA"}, {"", "XX", "Mordor", "us of a", "840"}},
		"call":          {{"agri"}, {"", "Agri", "a call"}},
		"factory":       {{"lumi"}, {"", "LUMI", "lumi-2", "https://lumi.example"}},
		"dateTime":      {{"2026-01-01", "2027-01-01T00:00:00Z", "2026-11-25", "2026", "2027-01[Europe/Paris]"}, {"", "tomorrow", "2026-13-01", "2026-11-25[Europe/Nowhere]", "2026-11-25T12:00:00"}},
	}
}

// anyTree draws a constraint tree, and the same one with valid values in place of
// the odd ones: what its author may have meant.
func anyTree(t *rapid.T, depth int) (odd, mended schemas.Constraint) {
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "logical") == 0 {
		var a, b []schemas.Constraint
		for range rapid.IntRange(1, 3).Draw(t, "children") {
			x, y := anyTree(t, depth-1)
			a, b = append(a, x), append(b, y)
		}
		if rapid.Bool().Draw(t, "and") {
			return schemas.Constraint{And: a}, schemas.Constraint{And: b}
		}
		return schemas.Constraint{Or: a}, schemas.Constraint{Or: b}
	}
	left := rapid.SampledFrom([]string{"purpose", "recipient", "recipientKind", "spatial", "factory", "dateTime"}).Draw(t, "left")
	c := schemas.Constraint{Left: left, Operator: rapid.SampledFrom(operands()[left]).Draw(t, "operator")}
	most := 1
	if strings.Contains(c.Operator, "Of") || c.Operator == "isA" {
		most = 3
	}
	m := c
	for range rapid.IntRange(1, most).Draw(t, "values") {
		good := rapid.SampledFrom(values()[left][0]).Draw(t, "good")
		bad := good
		if rapid.IntRange(0, 2).Draw(t, "odd") == 0 {
			bad = rapid.SampledFrom(values()[left][1]).Draw(t, "bad")
		}
		c.Right, m.Right = append(c.Right, bad), append(m.Right, good)
	}
	return c, m
}

// Not knowing never helps: for any tree of comparisons, any values, odd or not, and any
// facts, said or not, a prohibition forbids what the same permission would permit, and no
// yes of either becomes a no by saying a fact that was missing or by mending a value.
func TestNotKnowingNeverHelps(t *testing.T) {
	e := engine(t).With(registered{})
	yes, no := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		odd, mended := anyTree(t, 3)
		full := facts(rapid.SampledFrom([]string{"research", "academic-research", "advertising"}).Draw(t, "purpose"))
		some := full
		if rapid.Bool().Draw(t, "no kind") {
			some.Participant.Kind = rapid.SampledFrom([]schemas.ParticipantKind{"", "startup"}).Draw(t, "kind")
		}
		if rapid.Bool().Draw(t, "no participant") {
			some.Participant = schemas.Participant{}
		}
		if rapid.Bool().Draw(t, "no factory") {
			some.Factory = schemas.Factory{}
			full.Factory.Country = full.Participant.Country // the place is then the participant's
		}
		if rapid.Bool().Draw(t, "no country") {
			for _, c := range []*string{&some.Participant.Country, &some.Factory.Country} {
				*c = rapid.SampledFrom([]string{"", "XX"}).Draw(t, "country")
			}
		}
		judge := func(f Attributes, kind schemas.RuleKind, c schemas.Constraint) bool {
			rules := []schemas.Rule{{Kind: kind, Actions: []string{"use"}, Constraint: &c}}
			if kind == schemas.Prohibition {
				rules = append(rules, schemas.Rule{Kind: schemas.Permission, Actions: []string{"use"}})
			}
			got, err := e.Decide(context.Background(), f, []Item{{&schemas.Dataset{ID: "ds-x", Provider: "https://p.example", Space: "energy", Offer: &schemas.Offer{Rules: rules}}}})
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Verdict == schemas.VerdictYes {
				yes++
				return true
			}
			no++
			return false
		}
		for _, f := range []Attributes{some, full} {
			for _, c := range []schemas.Constraint{odd, mended} {
				if judge(f, schemas.Permission, c) && judge(f, schemas.Prohibition, c) {
					t.Fatalf("permitted alone, and not forbidden: %+v for %+v", c, f)
				}
			}
		}
		for _, kind := range []schemas.RuleKind{schemas.Permission, schemas.Prohibition} {
			if !judge(some, kind, odd) {
				continue
			}
			if !judge(full, kind, odd) {
				t.Fatalf("a %s says yes to %+v and no to %+v, which says more: %+v", kind, some, full, odd)
			}
			if !judge(some, kind, mended) || !judge(full, kind, mended) {
				t.Fatalf("a %s says yes with the odd values of %+v, and no with those of %+v", kind, odd, mended)
			}
		}
	})
	t.Logf("%d times yes, %d times no", yes, no)
	if yes < 20 || no < 20 {
		t.Error("the test tries too little")
	}
}

// What an offer names is stored as it is understood, or refused by place.
func TestOperandsAreUnderstood(t *testing.T) {
	e := engine(t).With(registered{})
	for _, c := range []struct{ left, value, want string }{
		{"spatial", "USA", "US"}, {"spatial", "us", "US"}, {"spatial", "United States", "US"}, {"spatial", "Deutschland", "DE"}, {"spatial", "ÖSTERREICH", "AT"},
		{"spatial", "eu", "EU"}, {"spatial", "European Union", "EU"}, {"spatial", "UK", "GB"}, {"spatial", "EL", "GR"}, {"spatial", "FIN", "FI"},
		{"spatial", "http://publications.europa.eu/resource/authority/country/FRA", "FR"}, {"spatial", "https://w3id.org/dpv/loc#EEA", "EEA"},
		{"spatial", "XX", ""}, {"spatial", "America", ""}, {"spatial", "https://x.example/US", ""}, {"spatial", "Congo", ""},
		{"recipientKind", "sme", "sme"}, {"recipientKind", "startup", ""}, {"recipientKind", "SME", ""},
		{"factory", "lumi", "lumi"}, {"factory", "lumi-2", ""}, {"factory", "LUMI", ""},
		{"recipient", "https://crop-ai.example/", "https://crop-ai.example"}, {"recipient", "HTTP://Crop-AI.example", "https://crop-ai.example"},
		{"recipient", "https://later.example", ""}, {"recipient", "crop-ai", ""}, {"purpose", "fun", ""}, {"dateTime", "soon", ""},
	} {
		operator := operands()[c.left][0]
		o := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &schemas.Constraint{Or: []schemas.Constraint{{Left: c.left, Operator: operator, Right: []string{c.value}}}}}}}
		err := e.CheckOffer(t.Context(), &o, nil)
		got := o.Rules[0].Constraint.Or[0].Right[0]
		switch {
		case c.want == "" && (schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "[/rules/0/constraint/or/0/right/0:")):
			t.Errorf("%s %q: %v, stored as %q", c.left, c.value, err, got)
		case c.want != "" && (err != nil || got != c.want):
			t.Errorf("%s %q: %v, stored as %q, want %q", c.left, c.value, err, got, c.want)
		case c.value == "startup" && !strings.Contains(err.Error(), `did you mean "start-up"?`):
			t.Errorf("no proposal: %v", err)
		}
	}
	joint := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Duties: []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"a"}, Domain: "d", With: []string{"https://crop-ai.example/"}}}}}}
	if err := e.CheckOffer(t.Context(), &joint, nil); err != nil || joint.Rules[0].Duties[0].With[0] != "https://crop-ai.example" {
		t.Errorf("a party of a joint domain is stored as %v: %v", joint.Rules[0].Duties[0].With, err)
	}
	duty := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Duties: []schemas.Duty{{Kind: schemas.DutyFactory, Values: []string{"lumi", "lumy"}}}}}}
	err := e.CheckOffer(t.Context(), &duty, nil)
	if err == nil || !strings.Contains(err.Error(), "[/rules/0/duties/0/values/1:") {
		t.Errorf("a duty at a factory that there is not: %v", err)
	}
}

// Another spelling of a recipient's id is that recipient, where it is forbidden.
func TestSpellingsOfARecipient(t *testing.T) {
	e := engine(t)
	for _, id := range []string{"https://crop-ai.example/", "https://CROP-AI.example", "http://crop-ai.example:443"} {
		for _, operator := range []string{"eq", "isAnyOf", "isA"} {
			c := &schemas.Constraint{Left: "recipient", Operator: operator, Right: []string{id}}
			rules := []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}}, {Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: c}}
			got, err := e.Decide(t.Context(), facts("research"), []Item{{&schemas.Dataset{ID: "ds-x", Provider: "https://p.example", Space: "energy", Offer: &schemas.Offer{Rules: rules}}}})
			if err != nil || got[0].Verdict != schemas.VerdictNo {
				t.Errorf("%s %s: %v %v", operator, id, got, err)
			}
		}
	}
}
