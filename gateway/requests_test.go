package gateway_test

import (
	"strings"
	"testing"

	"guichet/schemas"
)

// A holder who decides about a request reads who asks, for which project, with whom and
// where, and what the asker has to say; nobody else does.
func TestHoldersKnowWhoAsks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.want(201, "trainer", "POST", "/projects", schemas.Project{ID: "known", Title: "Crop yield", Description: "Forecasts by field", Partners: []schemas.ParticipantID{"https://university.example"},
		Factory: "leonardo", Purposes: []string{"scientific-research"}, Funding: &schemas.Funding{Programme: "Horizon Europe"}})
	d := s.offered("Asked about", "application/json", map[string]any{"template": "ask-the-holder"})
	ask := map[string]any{"project": "known", "message": "we would cite you", "contact": "mailto:lab@crop-ai.example", "answers": map[string]string{"retention": "two years"}, "items": []map[string]any{{"dataset": d.ID}}}
	var r schemas.Request
	s.want(201, "trainer", "POST", "/requests", ask).as(t, &r)
	if r.About != nil || r.State != schemas.RequestPending {
		t.Errorf("%+v", r)
	}
	for _, who := range []string{"agronomy", "trainer", "officer"} {
		s.want(200, who, "GET", "/requests/"+string(r.ID), nil).as(t, &r)
		a := r.About
		if a == nil || a.Asker.ID != trainerOrg || a.Asker.Name == "" || a.Asker.Country == "" || a.Asker.Kind == "" || a.Title != "Crop yield" || a.Description != "Forecasts by field" ||
			len(a.Partners) != 2 || a.Partners[0].ID != trainerOrg || a.Partners[1].Name == "" || a.Place == nil || a.Place.Country == "" || a.Funding == nil {
			t.Errorf("%s reads %+v", who, a)
		}
		if r.Message != "we would cite you" || r.Contact == "" || r.Answers["retention"] == "" {
			t.Errorf("%s reads %+v", who, r)
		}
	}
	s.want(404, "grid", "GET", "/requests/"+string(r.ID), nil)
	s.want(200, "agronomy", "POST", "/requests/"+string(r.ID)+"/review", map[string]string{"decision": "grant", "reason": "cited"})
	if stored := s.want(200, "agronomy", "GET", "/requests", nil).body; strings.Contains(stored, `"about"`) {
		t.Errorf("who asks was stored: %s", stored)
	}
	ask["message"] = strings.Repeat("m", 4001)
	s.want(422, "trainer", "POST", "/requests", ask)
}
