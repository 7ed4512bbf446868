package gateway_test

import (
	"net/url"
	"strings"
	"testing"

	"guichet/schemas"
)

// stop stops a participant as somebody, who must be allowed to.
func (s *site) stop(who string, whom schemas.ParticipantID) schemas.Stopped {
	s.t.Helper()
	var out schemas.Stopped
	s.want(200, who, "POST", "/participants/"+url.PathEscape(string(whom))+"/stop", map[string]string{"reason": "breach of contract"}).as(s.t, &out)
	return out
}

func (s *site) participant(id schemas.ParticipantID) schemas.Participant {
	s.t.Helper()
	var p struct{ Items []schemas.Participant }
	s.want(200, "operator", "GET", "/participants", nil).as(s.t, &p)
	for _, have := range p.Items {
		if have.ID == id {
			return have
		}
	}
	s.t.Fatalf("there is no participant %s", id)
	return schemas.Participant{}
}

// An operator's stop stands until an operator lifts it: a new description of the
// participant, old file or new, leaves it where it is, and sets none.
func TestStopSurvivesReplacement(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Wheat", "application/json", permit(nil))
	if r := s.asked(d.ID, nil); r.State != schemas.RequestGranted {
		t.Fatalf("the request is %s", r.State)
	}
	old := s.participant(trainerOrg)
	out := s.stop("operator", trainerOrg)
	if len(out.Revoked) != 1 || !out.Barred || out.Note == "" {
		t.Errorf("the stop did %+v", out)
	}
	is := s.participant(trainerOrg)
	if !is.Stopped || is.StopBy != operatorOrg || is.StopAt.IsZero() || is.StopFor != "breach of contract" {
		t.Errorf("the list says %+v", is)
	}
	old.Name = "Crop AI, renamed"
	s.want(201, "operator", "POST", "/participants", old, "If-Match", `"2"`)
	now := s.participant(trainerOrg)
	if !now.Stopped || now.StopBy != is.StopBy || !now.StopAt.Equal(is.StopAt) || now.Name != old.Name {
		t.Errorf("after a new description the list says %+v", now)
	}
	if r := s.asked(d.ID, nil); r.State != schemas.RequestRefused || r.Items[0].Decision.Reasons[0].Rule != "participant.stopped" {
		t.Errorf("a stopped trainer's request is %s", r.State)
	}
	path := "/participants/" + url.PathEscape(string(trainerOrg)) + "/unstop"
	why := map[string]string{"reason": "settled in court"}
	s.want(403, "agronomy", "POST", path, why)
	s.want(403, "trainer", "POST", path, why)
	s.want(200, "operator", "POST", path, why)
	s.want(409, "operator", "POST", path, why)
	if now = s.participant(trainerOrg); now.Stopped || now.StopBy != "" || !now.StopAt.IsZero() {
		t.Errorf("after the stop was lifted the list says %+v", now)
	}
	if r := s.asked(d.ID, nil); r.State != schemas.RequestGranted {
		t.Errorf("after the stop was lifted a request is %s", r.State)
	}
	if record := s.want(200, "officer", "GET", "/audit/records?kind=party.unstopped", nil).body; !strings.Contains(record, "settled in court") {
		t.Errorf("the record does not say that the stop was lifted: %s", record)
	}
	now.Stopped = true // a description cannot stop, either
	s.want(201, "operator", "POST", "/participants", now, "If-Match", `"4"`)
	if s.participant(trainerOrg).Stopped {
		t.Error("a description stopped a participant")
	}
}

// A stopped provider changes nothing and gives nothing out; she reads, and takes away.
func TestStoppedProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Wheat", "application/json", permit(nil))
	reviewed := s.offered("Rye", "application/json", schemas.Offer{Review: true, Rules: permit(nil).Rules})
	granted, waiting := s.asked(d.ID, nil), s.asked(reviewed.ID, nil)
	s.stop("operator", providerOrg)
	path := "/datasets/" + string(d.ID)
	review := "/requests/" + string(waiting.ID) + "/review"
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/datasets", wheat("Barley")},
		{"PUT", path, wheat("Winter wheat")},
		{"PUT", path + "/offer", permit(nil)},
		{"POST", path + "/versions", schemas.Publication{Version: "v2"}},
		{"PUT", path + "/files/data/all/a.csv", "a,b\n"},
		{"POST", review, map[string]string{"decision": "grant", "reason": "gladly"}},
	} {
		if r := s.want(403, "agronomy", c.method, c.path, c.body); !strings.Contains(r.body, "participant.stopped") {
			t.Errorf("%s %s is refused by another rule: %s", c.method, c.path, r.body)
		}
	}
	s.want(200, "agronomy", "GET", path, nil)
	s.want(200, "agronomy", "GET", "/agreements", nil)
	s.want(200, "agronomy", "POST", review, map[string]string{"decision": "refuse", "reason": "not now"})
	s.want(200, "agronomy", "POST", "/agreements/"+string(granted.Items[0].Agreement)+"/revoke", map[string]string{"reason": "enough"})
	s.want(200, "agronomy", "DELETE", path+"?revoke=true", nil)
}

// A provider's stop says what it does: everybody's agreements on its datasets when it
// names itself, one participant's otherwise; whom nobody knows is an error, and the
// answer warns that its offers still stand.
func TestProvidersStop(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.offered("Wheat", "application/json", permit(nil))
	b := s.offered("Rye", "application/json", permit(nil))
	research := s.project("https://university.example")
	ask := func() {
		s.asked(a.ID, nil)
		s.asked(b.ID, nil)
		s.want(201, "researcher", "POST", "/requests", map[string]any{"project": research, "items": []map[string]any{{"dataset": a.ID}}})
	}
	ask()
	r := s.want(404, "agronomy", "POST", "/participants/"+url.PathEscape("https://nobody.example")+"/stop", map[string]string{"reason": "who is it"})
	if !strings.Contains(r.body, "there is no participant https://nobody.example") {
		t.Errorf("an unknown participant is answered: %s", r.body)
	}
	s.want(404, "operator", "POST", "/participants/"+url.PathEscape("https://nobody.example")+"/stop", map[string]string{"reason": "who is it"})
	s.want(403, "trainer", "POST", "/participants/"+url.PathEscape(string(providerOrg))+"/stop", map[string]string{"reason": "who is it"})
	if out := s.stop("grid", trainerOrg); len(out.Revoked) != 0 {
		t.Errorf("a provider revoked what is another's: %+v", out)
	}
	out := s.stop("agronomy", trainerOrg)
	if len(out.Revoked) != 2 || out.Barred || !strings.Contains(out.Note, "your offers still stand") {
		t.Errorf("the stop of one participant did %+v, want 2 revoked and a warning", out)
	}
	if again := s.asked(a.ID, nil); again.State != schemas.RequestGranted {
		t.Errorf("a new request is %s, though the offer stands", again.State)
	}
	out = s.stop("agronomy", providerOrg)
	if len(out.Revoked) != 2 || out.Barred || !strings.Contains(out.Note, "your offers still stand") {
		t.Errorf("stopping everything did %+v, want the other two revoked and a warning", out)
	}
	if s.participant(providerOrg).Stopped {
		t.Error("a provider barred herself")
	}
}
