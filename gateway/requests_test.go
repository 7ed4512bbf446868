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
	for _, contact := range []string{"not a contact", "javascript:alert(1)", "a@b.example\nBcc: c@d.example"} {
		ask["contact"] = contact
		s.want(422, "trainer", "POST", "/requests", ask)
	}
	ask["contact"] = "https://crop-ai.example/data"
	ask["message"] = strings.Repeat("m", 4001)
	s.want(422, "trainer", "POST", "/requests", ask)
}

// A request that waits ends with its dataset: what else it asks for goes on waiting, the
// asker reads why, and nothing is granted any more.
func TestRequestsEndWithTheirDataset(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gone := s.offered("To be withdrawn", "application/json", map[string]any{"template": "ask-the-holder"})
	stays := s.offered("To stay", "application/json", map[string]any{"template": "ask-the-holder"})
	var both, alone schemas.Request
	s.want(201, "trainer", "POST", "/requests", map[string]any{"project": "crops", "items": []map[string]any{{"dataset": gone.ID}, {"dataset": stays.ID}}}).as(t, &both)
	alone = s.asked(gone.ID, nil)
	s.want(200, "agronomy", "DELETE", "/datasets/"+string(gone.ID), nil)
	s.want(200, "trainer", "GET", "/requests/"+string(alone.ID), nil).as(t, &alone)
	if alone.State != schemas.RequestRefused || alone.Items[0].Review == nil || alone.Items[0].Review.Reason != "the dataset was withdrawn" || alone.Decided.IsZero() {
		t.Errorf("the request for it alone: %+v", alone)
	}
	s.want(200, "trainer", "GET", "/requests/"+string(both.ID), nil).as(t, &both)
	if both.State != schemas.RequestPending || both.Items[0].State != schemas.RequestRefused || both.Items[1].State != schemas.RequestPending {
		t.Errorf("the request for both: %+v", both)
	}
	s.want(409, "agronomy", "POST", "/requests/"+string(alone.ID)+"/review", map[string]string{"decision": "grant", "reason": "too late"})
	s.want(200, "agronomy", "POST", "/requests/"+string(both.ID)+"/review", map[string]string{"decision": "grant", "reason": "the rest"}).as(t, &both)
	if both.State != schemas.RequestGranted || both.Items[0].Agreement != "" || both.Items[1].Agreement == "" {
		t.Errorf("what is granted of both: %+v", both)
	}
	if r := s.want(200, "officer", "GET", "/audit/records?kind=review&dataset="+string(gone.ID), nil); strings.Count(r.body, "the dataset was withdrawn") != 2 {
		t.Errorf("the record says %s", r.body)
	}
}

// Whose data a rule gave away reads that request as if it had been asked: its own items,
// who asked, what was said; what was refused, or is of others, stays with the asker.
func TestProvidersReadWhatARuleGranted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mine := s.offered("Given by rule", "application/json", map[string]any{"template": "open-with-attribution"})
	refused := s.offered("Refused by rule", "application/json", map[string]any{"template": "research-only"})
	var theirs schemas.Dataset
	s.want(201, "grid", "POST", "/datasets", wheat("Of others")).as(t, &theirs)
	s.want(200, "grid", "PUT", "/datasets/"+string(theirs.ID)+"/offer", permit(nil)).as(t, &theirs)
	s.publish(theirs.ID)
	var r schemas.Request
	s.want(201, "trainer", "POST", "/requests", map[string]any{"project": "crops", "message": "for a paper", "items": []map[string]any{{"dataset": mine.ID}, {"dataset": theirs.ID}, {"dataset": refused.ID}}}).as(t, &r)
	var seen schemas.Request
	s.want(200, "agronomy", "GET", "/requests/"+string(r.ID), nil).as(t, &seen)
	if len(seen.Items) != 1 || seen.Items[0].Dataset != mine.ID || seen.Message != "for a paper" || seen.About == nil {
		t.Errorf("the provider reads %+v", seen)
	}
	if body := s.want(200, "agronomy", "GET", "/requests", nil).body; !strings.Contains(body, string(r.ID)) || strings.Contains(body, string(theirs.ID)) {
		t.Errorf("the provider's list is %s", body)
	}
	none := s.asked(refused.ID, nil)
	s.want(404, "agronomy", "GET", "/requests/"+string(none.ID), nil)
}
