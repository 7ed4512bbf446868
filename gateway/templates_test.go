package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"

	"guichet/schemas"
)

// An offer is put back as it was read: under its template's name while it is the
// template's, without the name as soon as a rule was changed.
func TestOffersAreReadAndPutBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, template := range []string{"open-with-attribution", "research-only", "non-commercial", "research-and-development", "ask-the-holder", "health-with-review"} {
		d := s.offered(template, "application/json", map[string]any{"template": template})
		path := "/datasets/" + string(d.ID)
		body, err := json.Marshal(d.Offer)
		must(t, err)
		var back, changed schemas.Dataset
		s.want(200, "agronomy", "PUT", path+"/offer", json.RawMessage(body)).as(t, &back)
		again, err := json.Marshal(back.Offer)
		must(t, err)
		if string(again) != string(body) || back.Offer.Template != template {
			t.Errorf("%s came back as %s", body, again)
		}
		edited := *back.Offer
		edited.Rules = append(edited.Rules, schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &schemas.Constraint{Left: "recipientKind", Operator: "eq", Right: []string{"large-company"}}})
		s.want(200, "agronomy", "PUT", path+"/offer", edited).as(t, &changed)
		if changed.Offer.Template != "" || len(changed.Offer.Rules) != len(edited.Rules) {
			t.Errorf("edited: %+v", changed.Offer)
		}
	}
}

// A holder asks to be asked, beside conditions: with a template, beside rules, in a rule.
// A licence that is narrower than the terms is named to the provider, to the asker and in
// the list of hits.
func TestAskUsFirstAndLicences(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rule := map[string]any{"kind": "permission", "actions": []string{"use"}, "constraint": map[string]any{"left": "purpose", "operator": "isA", "right": []string{"research"}}}
	inRule := map[string]any{"review": true}
	for k, v := range rule {
		inRule[k] = v
	}
	for name, terms := range map[string]any{
		"template":     map[string]any{"template": "research-and-development", "review": true},
		"beside rules": map[string]any{"review": true, "rules": []any{rule}},
		"in the rule":  map[string]any{"rules": []any{inRule}},
	} {
		d := s.offered(name, "application/json", terms)
		if got := s.decided("trainer", schemas.Ask{Dataset: d.ID, Project: "crops", Purpose: "train-model"}); got.Verdict != schemas.VerdictReview {
			t.Errorf("%s: %+v", name, got)
		}
		if got := s.decided("trainer", schemas.Ask{Dataset: d.ID, Purpose: "marketing"}); got.Verdict != schemas.VerdictNo {
			t.Errorf("%s, for another purpose: %+v", name, got)
		}
	}
	d := wheat("narrow licence")
	d.Licence = "http://creativecommons.org/licenses/by-nc/4.0/"
	d = s.register(d)
	var offered schemas.Dataset
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", map[string]any{"template": "open-with-attribution"}).as(t, &offered)
	if len(offered.Notes) != 1 || !strings.Contains(offered.Notes[0], "CC-BY-NC-4.0") {
		t.Errorf("the provider is told %q", offered.Notes)
	}
	s.publish(d.ID)
	s.settle()
	var found struct {
		Items []struct {
			ID     schemas.DatasetID `json:"id"`
			Access schemas.Mark      `json:"access"`
			Notes  []string          `json:"notes"`
		} `json:"items"`
	}
	s.want(200, "trainer", "GET", "/datasets?q=narrow&project=crops&purpose=train-model", nil).as(t, &found)
	if len(found.Items) != 1 || found.Items[0].Access != schemas.MarkNow || len(found.Items[0].Notes) != 1 {
		t.Errorf("the hit says %+v", found.Items)
	}
	r := s.asked(d.ID, nil)
	if r.State != schemas.RequestGranted || len(r.Items[0].Decision.Notes) != 1 {
		t.Errorf("the request says %+v", r.Items[0].Decision)
	}
	var stored schemas.Dataset
	s.want(200, "agronomy", "GET", "/datasets/"+string(d.ID), nil).as(t, &stored)
	if stored.Notes != nil {
		t.Errorf("notes of an answer were stored: %q", stored.Notes)
	}
}
