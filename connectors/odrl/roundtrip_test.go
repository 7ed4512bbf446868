package odrl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"guichet/policy"
	"guichet/schemas"
)

// Parse(Write(o)) is o, for every offer that policy accepts.
func TestRoundTrip(t *testing.T) {
	engine, err := policy.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		o := anyOffer().Draw(t, "offer")
		err := engine.CheckOffer(t.Context(), &o, nil)
		if err != nil {
			t.Fatalf("the generator made an offer that policy refuses: %v", err)
		}
		b, err := Write(o, "https://x.example/d", "https://x.example/org")
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if diff := cmp.Diff(o, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, b)
		}
	})
}

func anyOffer() *rapid.Generator[schemas.Offer] {
	return rapid.Custom(func(t *rapid.T) schemas.Offer {
		o := schemas.Offer{Template: rapid.SampledFrom([]string{"", "research-only"}).Draw(t, "template"), Review: rapid.Bool().Draw(t, "review"), Follow: rapid.Bool().Draw(t, "follow")}
		for _, tag := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"", "en", "pt-BR"}), rapid.ID[string]).Draw(t, "tags") {
			if o.Title == nil {
				o.Title = schemas.Text{}
			}
			o.Title[tag] = rapid.String().Draw(t, "title")
		}
		o.Rules = rapid.SliceOfN(anyRule(), 1, 4).Draw(t, "rules")
		return o
	})
}

func anyRule() *rapid.Generator[schemas.Rule] {
	return rapid.Custom(func(t *rapid.T) schemas.Rule {
		r := schemas.Rule{ID: rapid.String().Draw(t, "id"), Kind: rapid.SampledFrom([]schemas.RuleKind{schemas.Permission, schemas.Prohibition}).Draw(t, "kind"),
			Actions: rapid.SliceOfN(rapid.SampledFrom([]string{"use", "read", "train"}), 1, 3).Draw(t, "actions")}
		if rapid.Bool().Draw(t, "constrained") {
			c := anyConstraint(t, 3)
			r.Constraint = &c
		}
		if r.Kind == schemas.Permission {
			r.Duties = rapid.SliceOfN(anyDuty(), 0, 3).Draw(t, "duties")
		}
		return r
	})
}

func anyConstraint(t *rapid.T, depth int) schemas.Constraint {
	if depth > 0 && rapid.Bool().Draw(t, "logical") {
		var children []schemas.Constraint
		for range rapid.IntRange(1, 3).Draw(t, "children") {
			children = append(children, anyConstraint(t, depth-1))
		}
		if rapid.Bool().Draw(t, "and") {
			return schemas.Constraint{And: children}
		}
		return schemas.Constraint{Or: children}
	}
	left := rapid.SampledFrom([]string{"purpose", "recipient", "recipientKind", "spatial", "factory", "dateTime"}).Draw(t, "left")
	c := schemas.Constraint{Left: left, Operator: rapid.SampledFrom([]string{"isA", "isAnyOf", "isNoneOf"}).Draw(t, "operator")}
	if left == "dateTime" {
		c.Operator = rapid.SampledFrom([]string{"lt", "lteq", "gt", "gteq", "eq", "neq", "isAnyOf", "isNoneOf"}).Draw(t, "operator")
		c.Right = []string{rapid.SampledFrom([]string{"2027-01-01", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00.5+02:00", "2027", "2027-01Z", "2027-01-01+01:00", "2027-01-01[Europe/Paris]", "2016-12-31T23:59:60Z"}).Draw(t, "instant")}
		return c
	}
	known := map[string][]string{
		"purpose":       {"research", "scientific-research", "https://w3id.org/dpv#ScientificResearch", "urn:guichet:purpose:commercial"},
		"recipient":     {"https://x.example/org", "did:web:x.example", "https://x.example/a b"},
		"recipientKind": {"sme", "public-body"},
		"spatial":       {"FR", "EU", "EEA", "Suomi", "http://publications.europa.eu/resource/authority/country/FRA", "https://w3id.org/dpv/loc#EU"},
		"factory":       {"lumi", "x-1.y_z"},
	}
	one := rapid.SampledFrom(known[left])
	c.Right = rapid.SliceOfN(one, 1, 3).Draw(t, "right")
	return c
}

func anyDuty() *rapid.Generator[schemas.Duty] {
	word := rapid.StringN(1, 12, -1)
	return rapid.Custom(func(t *rapid.T) schemas.Duty {
		d := schemas.Duty{Kind: rapid.SampledFrom([]string{"attribute", "hide", "pseudonymise", "generalise", "filter", "budget", "factory"}).Draw(t, "kind")}
		switch d.Kind {
		case schemas.DutyAttribute:
			d.Text = word.Draw(t, "text")
		case schemas.DutyFilter:
			f := anyFilter(t, 3)
			d.Filter = &f
		case schemas.DutyBudget:
			d.Rows, d.Bytes = rapid.Int64Range(1, 1<<62).Draw(t, "rows"), rapid.Int64Range(0, 1<<62).Draw(t, "bytes")
		case schemas.DutyFactory:
			d.Values, d.Enforced = rapid.SliceOfN(rapid.SampledFrom([]string{"lumi", "leonardo"}), 1, 3).Draw(t, "values"), rapid.Bool().Draw(t, "enforced")
		default:
			d.Table = rapid.SampledFrom([]string{"", "plots"}).Draw(t, "table")
			d.Columns = rapid.SliceOfN(word, 1, 3).Draw(t, "columns")
			if d.Kind == schemas.DutyPseudonymise && rapid.Bool().Draw(t, "joint") {
				d.Domain, d.With = "cohort-1", rapid.SliceOfN(rapid.SampledFrom([]string{"https://a.example/org", "did:web:b.example"}), 0, 2).Draw(t, "with")
			}
			if d.Kind == schemas.DutyGeneralise {
				d.To = rapid.SampledFrom([]string{"year", "first:3", "0.5"}).Draw(t, "to")
			}
		}
		return d
	})
}

func anyFilter(t *rapid.T, depth int) schemas.Filter {
	var children []schemas.Filter
	kind := rapid.SampledFrom([]string{"leaf", "and", "or", "not"}).Draw(t, "filter")
	if depth > 0 && kind != "leaf" {
		children = append(children, anyFilter(t, depth-1))
	}
	switch {
	case len(children) == 0:
		return schemas.Filter{Column: rapid.StringN(1, 9, -1).Draw(t, "column"), Op: "in", Values: rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "values")}
	case kind == "and":
		return schemas.Filter{And: children}
	case kind == "or":
		return schemas.Filter{Or: children}
	}
	return schemas.Filter{Not: &children[0]}
}

func TestWriteAgreement(t *testing.T) {
	b, err := WriteAgreement(schemas.Agreement{ID: "agr-1", Dataset: "ds-1", Provider: "https://holder.example", Participant: "https://trainer.example", Purpose: "train-model", Factory: "lumi", Action: "train",
		From: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Until: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC),
		Obligations: []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"name"}, Rule: "§1", Source: "offer"}}})
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	err = json.Unmarshal(b, &doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"uid": "urn:guichet:agreement:agr-1"`, `"@type": "Agreement"`, `"assigner": "https://holder.example"`, `"assignee": "https://trainer.example"`,
		`"target": "urn:guichet:dataset:ds-1"`, `"urn:guichet:purpose:train-model"`, `"leftOperand": "systemDevice"`, `"2027-01-02T00:00:00Z"`, `"action": "guichet:hide"`, `"guichet:train"`, `"guichet:rule": "§1"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is missing in\n%s", want, b)
		}
	}
}

func TestObligationBindsEveryPermission(t *testing.T) {
	got, err := Parse(wrap(`"obligation": [{"action": "attribute", "attributedParty": "https://x.example/org"}], "permission": [{"action": "use"}, {"action": {"@id": "urn:guichet:odrl:train"}}]`))
	want := []schemas.Duty{{Kind: schemas.DutyAttribute, Text: "https://x.example/org"}}
	if err != nil || len(got.Rules) != 2 || !cmp.Equal(got.Rules[0].Duties, want) || !cmp.Equal(got.Rules[1].Duties, want) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestGraphAndReferences(t *testing.T) {
	got, notes, err := ParseNotes([]byte(`{"@context": {"odrl": "http://www.w3.org/ns/odrl/2/"}, "@graph": [
		{"@id": "https://x.example/c", "odrl:leftOperand": {"@id": "odrl:spatial"}, "odrl:operator": {"@id": "odrl:isPartOf"}, "odrl:rightOperand": {"@id": "http://publications.europa.eu/resource/authority/country/FRA"}},
		{"@id": "https://x.example/o", "@type": "odrl:Set", "odrl:permission": {"odrl:action": {"@id": "odrl:read"}, "odrl:target": [{"@id": "https://x.example/1"}, {"@id": "https://x.example/2"}], "odrl:constraint": {"@id": "https://x.example/c"}}}]}`))
	c := leaf("spatial", "isAnyOf", "FR")
	want := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"read"}, Constraint: &c}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" || len(notes) != 1 {
		t.Errorf("%v %v (-want +got):\n%s", err, notes, diff)
	}
}

// The profile documents every term that is written or read.
func TestProfileIsComplete(t *testing.T) {
	b, err := schemas.JSONLD.ReadFile("jsonld/odrl-profile.jsonld")
	if err != nil {
		t.Fatal(err)
	}
	for _, term := range []string{"train", "recipientKind", "factory", "hide", "pseudonymise", "generalise", "filter", "budget", "columns", "table", "to", "rows", "bytes",
		"values", "enforced", "text", "expression", "review", "follow", "template", "order", "rule", "source", "verbatim"} {
		if !strings.Contains(string(b), `"@id": "guichet:`+term+`"`) {
			t.Errorf("guichet:%s is not documented", term)
		}
	}
	if !json.Valid(b) {
		t.Error("the profile is not JSON")
	}
}

// Whatever is accepted is written and read back the same.
func FuzzParse(f *testing.F) {
	f.Add(wrap(`"permission": [{"action": "use"}]`))
	f.Add([]byte(`{"@graph": []}`))
	if dir := os.Getenv("GUICHET_SHARED"); dir != "" {
		seeds, _ := filepath.Glob(filepath.Join(dir, "reports/2[135]-*/*.jsonld"))
		for _, s := range seeds {
			b, err := os.ReadFile(s)
			if err == nil {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := Parse(b)
		if err != nil {
			if k := schemas.KindOf(err); k != schemas.Invalid && k != schemas.TooLarge {
				t.Fatal(err)
			}
			return
		}
		again, err := Write(o, "https://x.example/d", "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(again)
		if err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
		if diff := cmp.Diff(o, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
