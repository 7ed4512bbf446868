package gateway_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/policy/agreement/budget"
	"guichet/policy/call"
	"guichet/schemas"
)

// A project under a call by its whole way over HTTP: it asks and is admitted, offers that are for the call say yes to it,
// what the call is not for is refused by name, and its budget, over two projects, ends what they are given.
func TestProjectsUnderACall(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var c call.Call
	s.want(201, "operator", "POST", "/calls", call.Call{ID: "agri-2027", Name: "Call for agriculture 2027", Factories: []schemas.FactoryID{"leonardo"},
		Spaces: []schemas.SpaceID{"agriculture"}, Rows: 5, Closes: time.Now().Add(time.Hour)}).as(t, &c)
	const one, two = schemas.ProjectID("one"), schemas.ProjectID("two")
	for _, id := range []schemas.ProjectID{one, two} {
		s.want(201, "trainer", "POST", "/projects", schemas.Project{ID: id, Title: "Project", Factory: "leonardo", Purposes: []string{"train-model"}})
	}
	offer := permit(&schemas.Constraint{Left: "call", Operator: "isAnyOf", Right: []string{c.ID}})
	d := s.register(wheat("For the call"))
	bad := permit(&schemas.Constraint{Left: "call", Operator: "eq", Right: []string{"none"}})
	if r := s.want(422, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", bad); !strings.Contains(r.body, `there is no call \"none\"`) {
		t.Errorf("an offer for no call: %s", r.body)
	}
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", offer)
	s.publish(d.ID)
	ask := func(project schemas.ProjectID) (item schemas.RequestItem) {
		t.Helper()
		var r schemas.Request
		s.want(201, "trainer", "POST", "/requests", map[string]any{"project": project, "items": []map[string]any{{"dataset": d.ID}}}).as(t, &r)
		return r.Items[0]
	}
	if it := ask(one); it.State != schemas.RequestRefused || !strings.Contains(it.Decision.Reasons[0].Text, "call must be one of agri-2027") {
		t.Errorf("before it was admitted: %+v", it)
	}
	var item schemas.RequestItem
	for _, p := range []schemas.ProjectID{one, two} {
		s.want(201, "trainer", "POST", "/calls/agri-2027/applications", call.CandidateAsk{Project: p})
		s.want(200, "operator", "POST", "/calls/agri-2027/applications/"+string(p)+"/answer", call.CandidateAnswer{Decision: "admit"})
		item = ask(p)
		if item.State != schemas.RequestGranted || len(item.Decision.Obligations) == 0 || item.Decision.Obligations[len(item.Decision.Obligations)-1].Source != call.Source {
			t.Fatalf("%+v", item)
		}
	}
	must(t, s.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { // as a stream of the second project does
		p, err := budget.Of(ctx, tx, &schemas.Agreement{ID: item.Agreement, Dataset: d.ID, Participant: trainerOrg, Project: two, Obligations: item.Decision.Obligations})
		if err == nil {
			err = p.Reserve(ctx, tx, &schemas.Agreement{ID: item.Agreement}, 5, 50)
		}
		return err
	}))
	if r := s.want(200, "trainer", "GET", "/agreements/"+string(item.Agreement), nil); !strings.Contains(r.body, `"left":{"rows":0}`) {
		t.Errorf("its agreement says %s", r.body)
	}
	if it := ask(one); it.State != schemas.RequestRefused || it.Decision.Reasons[0].Rule != "call:agri-2027" ||
		!strings.Contains(it.Decision.Reasons[0].Text, "all projects of the call agri-2027 together") {
		t.Errorf("the other project of the call: %+v", it.Decision)
	}
	s.want(200, "operator", "GET", "/calls/agri-2027", nil).as(t, &c)
	if c.Used == nil || c.Used.Rows == 0 || c.Admitted != 2 {
		t.Errorf("%+v", c)
	}
	other := wheat("Of another space")
	other.Space = "energy"
	d = s.register(other)
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", permit(nil))
	s.publish(d.ID)
	if it := ask(one); it.State != schemas.RequestRefused || it.Decision.Reasons[0].Rule != "call.space" || !strings.Contains(it.Decision.Reasons[0].Text, "Call for agriculture 2027") {
		t.Errorf("what the call is not for: %+v", it.Decision)
	}
}
