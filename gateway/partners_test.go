package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"guichet/schemas"
)

// A project's partners get what a lead asks for only where the terms admit them too.
func TestPartnersAreHeldAgainstTheTerms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const partner = "https://university.example"
	s.want(201, "trainer", "POST", "/projects", schemas.Project{ID: "together", Title: "Together", Factory: "leonardo", Purposes: []string{"train-model"}, Partners: []schemas.ParticipantID{partner}})
	only := permit(&schemas.Constraint{Left: "recipient", Operator: "eq", Right: []string{string(trainerOrg)}})
	anybody := permit(nil)
	hidden := wheat("Hidden")
	hidden.Visibility, hidden.VisibleTo = schemas.VisibleToListed, []schemas.ParticipantID{trainerOrg}
	for name, x := range map[string]struct {
		dataset schemas.Dataset
		offer   schemas.Offer
		why     string
	}{"another recipient": {wheat("Only"), only, "recipient"}, "hidden": {hidden, anybody, "not visible"}, "admitted": {wheat("Anybody"), anybody, ""}} {
		in := x.dataset
		if name != "hidden" {
			in.Visibility, in.VisibleTo = schemas.VisibleToEveryone, nil
		}
		d := s.register(in)
		s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", x.offer)
		s.publish(d.ID)
		var r schemas.Request
		s.want(201, "trainer", "POST", "/requests", map[string]any{"project": "together", "items": []map[string]any{{"dataset": d.ID}}}).as(t, &r)
		if r.State != schemas.RequestGranted {
			t.Fatalf("%s: the lead's request is %s: %+v", name, r.State, r.Items[0].Decision)
		}
		id := r.Items[0].Agreement
		status := s.call("researcher", "POST", "/leases", map[string]any{"items": []map[string]any{{"agreement": id}}}).status
		listed := strings.Contains(s.call("researcher", "GET", "/agreements", nil).body, string(id))
		seen := s.call("researcher", "GET", "/agreements/"+string(id), nil).status
		if x.why == "" {
			if status != http.StatusCreated || !listed || seen != http.StatusOK {
				t.Errorf("%s: the partner's lease: %d, listed %t, read %d", name, status, listed, seen)
			}
			continue
		}
		if status != http.StatusNotFound || listed || seen != http.StatusNotFound {
			t.Errorf("%s: the partner's lease: %d, listed %t, read %d; want 404, not listed", name, status, listed, seen)
		}
		said := ""
		for _, reason := range r.Items[0].Decision.Reasons {
			said += reason.Text
		}
		if !strings.Contains(said, "1 partner of the project is not admitted") || strings.Contains(said, partner) || strings.Contains(said, x.why) {
			t.Errorf("%s: the lead reads %q", name, said)
		}
		s.want(201, "trainer", "POST", "/leases", map[string]any{"items": []map[string]any{{"agreement": id}}})
	}
}

// A reviewer reads the items that she reviews: another provider's hidden dataset in the
// same request stays hidden.
func TestReviewersReadTheirOwnItems(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	review := permit(nil)
	review.Review = true
	var ids []schemas.DatasetID
	for _, who := range []string{"agronomy", "grid"} {
		in := wheat("Review of " + who)
		in.Visibility, in.VisibleTo = schemas.VisibleToListed, []schemas.ParticipantID{trainerOrg}
		var d schemas.Dataset
		s.want(201, who, "POST", "/datasets", in).as(t, &d)
		s.want(200, who, "PUT", "/datasets/"+string(d.ID)+"/offer", review)
		s.publish(d.ID)
		ids = append(ids, d.ID)
	}
	var r schemas.Request
	s.want(201, "trainer", "POST", "/requests", map[string]any{"project": s.project(trainerOrg), "items": []map[string]any{{"dataset": ids[0]}, {"dataset": ids[1]}}}).as(t, &r)
	path := "/requests/" + string(r.ID)
	for i, who := range []string{"agronomy", "grid"} {
		for _, p := range []string{path, "/requests"} {
			body := s.want(200, who, "GET", p, nil).body
			if !strings.Contains(body, string(ids[i])) || strings.Contains(body, string(ids[1-i])) {
				t.Errorf("%s reads at %s: %s", who, p, body)
			}
		}
	}
	body := s.want(200, "grid", "POST", path+"/review", schemas.Review{Decision: "grant", Reason: "fine"}).body
	if strings.Contains(body, string(ids[0])) {
		t.Errorf("the answer to grid's review shows agronomy's dataset: %s", body)
	}
	s.want(200, "agronomy", "POST", path+"/review", schemas.Review{Decision: "refuse", Reason: "not now"})
	s.want(200, "trainer", "GET", path, nil).as(t, &r)
	if len(r.Items) != 2 || r.Items[0].State != schemas.RequestRefused || r.Items[1].State != schemas.RequestGranted {
		t.Errorf("the asker reads %+v", r.Items)
	}
}

// Texts that others read in lists have a bound, which is said where it is passed.
func TestTextsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Bounded", "application/json", permit(nil))
	project := func(change func(*schemas.Project)) schemas.Project {
		p := schemas.Project{ID: "texts", Title: "T", Factory: "leonardo", Purposes: []string{"train-model"}}
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		path, pointer string
		body          any
	}{
		"title":    {"/projects", "title", project(func(p *schemas.Project) { p.Title = strings.Repeat("t", 301) })},
		"grant":    {"/projects", "grant", project(func(p *schemas.Project) { p.Funding = &schemas.Funding{Grant: strings.Repeat("g", 301)} })},
		"outcomes": {"/projects", "/outcomes/0", project(func(p *schemas.Project) { p.Outcomes = []string{strings.Repeat("o", 2001)} })},
		"answers":  {"/requests", "/answers", map[string]any{"project": s.project(trainerOrg), "items": []map[string]any{{"dataset": d.ID}}, "answers": map[string]string{"why": strings.Repeat("w", 64<<10)}}},
	} {
		if r := s.call("trainer", "POST", c.path, c.body); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, c.pointer) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

// The IRI of a dataset that is hidden from a provider is refused to it no more than one
// that nobody has; that of one which it sees is refused.
func TestAnIRITellsOfNoHiddenDataset(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, c := range []struct {
		visibility schemas.Visibility
		want       int
	}{{schemas.VisibleToListed, http.StatusCreated}, {schemas.VisibleToEveryone, http.StatusConflict}} {
		in := wheat("Of agronomy")
		in.IRI, in.Visibility = "urn:test:"+string(c.visibility), c.visibility
		s.want(http.StatusCreated, "agronomy", "POST", "/datasets", in)
		in.Visibility = schemas.VisibleToEveryone
		s.want(c.want, "grid", "POST", "/datasets", in)
	}
}

// A prohibition that names nobody who is registered keeps nobody out, and is refused by
// place: a look-alike, a host with a dot at its end, a path under an organisation's id.
func TestAProhibitionNamesSomebody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Prohibited", "application/json", permit(nil))
	host := strings.TrimPrefix(string(trainerOrg), "https://")
	for who, want := range map[string]int{string(trainerOrg): http.StatusOK, "https://" + strings.Replace(host, "a", "\u0430", 1): 422, "https://" + host + ".": 422, "https://" + host + "/team": 422} {
		o := permit(nil)
		o.Rules = append(o.Rules, schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &schemas.Constraint{Left: "recipient", Operator: "eq", Right: []string{who}}})
		if r := s.call("agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", o); r.status != want || want == 422 && !strings.Contains(r.body, "/rules/1/constraint") {
			t.Errorf("%q: %d %s", who, r.status, r.body)
		}
	}
}
