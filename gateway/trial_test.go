package gateway_test

import (
	"slices"
	"testing"

	"guichet/policy/trial"
	"guichet/schemas"
)

// What a description would come to is said before it is sent, and nothing is stored: neither a dataset nor a change.
func TestDescriptionsAreCheckedFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var would, bad schemas.Dataset
	before, err := s.db.Head(t.Context())
	must(t, err)
	s.want(200, "agronomy", "POST", "/datasets?check=true", wheat("Not yet")).as(t, &would)
	if would.ID != "" || would.IRI != "" || would.Revision != 0 || would.Provider != "https://agronomy.example" {
		t.Errorf("%+v", would)
	}
	doc := "space: agriculture\ntitle: {en: Not yet}\nlicence: CC0-1.0\ncountries: [Nowhere]\nthemes: [AGRI]\n"
	r := s.want(422, "agronomy", "POST", "/datasets?check=true", doc, "Content-Type", "application/yaml")
	var p schemas.Problem
	r.as(t, &p)
	if !slices.ContainsFunc(p.Errors, func(e schemas.FieldError) bool { return e.Pointer == "/countries/0" }) {
		t.Errorf("%+v", p)
	}
	after, err := s.db.Head(t.Context())
	must(t, err)
	if before != after {
		t.Errorf("the record grew from %d to %d", before, after)
	}
	d := s.register(wheat("As it is"))
	at := "/datasets/" + string(d.ID)
	s.want(200, "agronomy", "PUT", at+"?check=true", wheat("As it would be"), "If-Match", `"1"`).as(t, &would)
	s.want(412, "agronomy", "PUT", at+"?check=true", wheat("As it would be"), "If-Match", `"7"`)
	s.want(404, "grid", "PUT", at+"?check=true", wheat("As it would be"))
	s.want(200, "agronomy", "GET", at, nil).as(t, &bad)
	if would.Title["en"] != "As it would be" || would.ID != d.ID || bad.Title["en"] != "As it is" || bad.Revision != 1 {
		t.Errorf("would be %+v, is %+v", would, bad)
	}
}

// Terms are tried before they are set: as rules and by a template, at a place; the terms in force stand.
func TestTermsAreTriedFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Wheat", "application/json", permit(nil))
	at := "/datasets/" + string(d.ID) + "/offer/trial"
	verdict := func(query string, terms any, purpose string) schemas.Verdict {
		var got trial.Tried
		s.want(200, "agronomy", "POST", at+query, terms).as(t, &got)
		i := slices.IndexFunc(got.Tries, func(x trial.Try) bool { return x.Purpose == purpose && x.Kind == schemas.KindResearch })
		return got.Tries[i].Verdict
	}
	research := map[string]any{"template": "research-only", "review": true}
	near := permit(&schemas.Constraint{Left: "factory", Operator: "eq", Right: []string{"leonardo"}})
	for _, c := range []struct {
		query   string
		terms   any
		purpose string
		want    schemas.Verdict
	}{
		{"", permit(nil), "commercial", schemas.VerdictYes},
		{"", research, "scientific-research", schemas.VerdictReview},
		{"", research, "commercial", schemas.VerdictNo},
		{"?country=FR", near, "research", schemas.VerdictNo},
		{"?factory=leonardo", near, "research", schemas.VerdictYes},
	} {
		if got := verdict(c.query, c.terms, c.purpose); got != c.want {
			t.Errorf("%s %v for %s: %s, want %s", c.query, c.terms, c.purpose, got, c.want)
		}
	}
	s.want(422, "agronomy", "POST", at+"?factory=none", permit(nil))
	s.want(422, "agronomy", "POST", at, permit(&schemas.Constraint{Left: "purpose", Operator: "eq", Right: []string{"fun"}}))
	s.want(404, "grid", "POST", at, permit(nil))
	var now schemas.Dataset
	s.want(200, "agronomy", "GET", "/datasets/"+string(d.ID), nil).as(t, &now)
	if now.Revision != d.Revision && now.Offer.Template != "" {
		t.Errorf("the terms were set: %+v", now.Offer)
	}
}
