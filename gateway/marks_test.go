package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"guichet/schemas"
)

// offers gives n offers: every mix of purpose, recipient, its kind, place and date,
// with or, and, prohibitions and review.
func offers(n int) []schemas.Offer {
	leaves := []schemas.Constraint{
		{Left: "purpose", Operator: "isA", Right: []string{"research"}},
		{Left: "purpose", Operator: "isNoneOf", Right: []string{"marketing"}},
		{Left: "recipient", Operator: "eq", Right: []string{string(trainerOrg)}},
		{Left: "recipient", Operator: "neq", Right: []string{"https://nobody.example"}},
		{Left: "recipientKind", Operator: "isAnyOf", Right: []string{"research", "start-up"}},
		{Left: "spatial", Operator: "isAnyOf", Right: []string{"EU"}},
		{Left: "dateTime", Operator: "lt", Right: []string{"2020-01-01"}},
		{Left: "dateTime", Operator: "gteq", Right: []string{"2020-01-01"}},
		{Left: "factory", Operator: "eq", Right: []string{"leonardo"}},
	}
	var out []schemas.Offer
	for i := range n {
		a, b, c := leaves[i%len(leaves)], leaves[(i/9)%len(leaves)], leaves[(i/3+4)%len(leaves)]
		var tree schemas.Constraint
		switch i % 5 {
		case 0:
			tree = a
		case 1:
			tree = schemas.Constraint{Or: []schemas.Constraint{a, b}}
		case 2:
			tree = schemas.Constraint{And: []schemas.Constraint{a, b}}
		case 3:
			tree = schemas.Constraint{Or: []schemas.Constraint{{And: []schemas.Constraint{a, b}}, c}}
		default:
			tree = schemas.Constraint{And: []schemas.Constraint{{Or: []schemas.Constraint{a, b}}, c}}
		}
		o := schemas.Offer{Review: i%7 == 0, Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &tree}}}
		if i%4 == 0 {
			o.Rules = append(o.Rules, schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &c})
		}
		out = append(out, o)
	}
	return out
}

// Trial 28: the mark in a list is the answer of a dry run, for every offer and
// caller, also where an attribute of the caller is missing.
func TestMarksEqualDecisions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	by := schemas.Principal{Participant: providerOrg}
	var ids []schemas.DatasetID
	for i, o := range offers(200) {
		d := wheat(fmt.Sprintf("Offer %d", i))
		d.Provider = providerOrg
		d, err := s.catalog.Register(t.Context(), by, d)
		must(t, err)
		_, err = s.catalog.PutOffer(t.Context(), by, d.ID, o, 0)
		must(t, err)
		ids = append(ids, d.ID)
	}
	s.publish(ids...)
	s.settle()
	marks := map[schemas.Verdict]string{schemas.VerdictYes: "now", schemas.VerdictReview: "ask", schemas.VerdictNo: "no"}
	seen := map[string]int{}
	for _, c := range []struct{ who, project, purpose string }{
		{"", "", ""}, {"trainer", "crops", ""}, {"researcher", "", "train-model"},
	} {
		q := "/datasets?limit=1000&purpose=" + c.purpose + "&project=" + c.project
		var page struct {
			Items []struct {
				ID      schemas.DatasetID
				Access  string
				Reasons []schemas.Reason
			}
		}
		s.want(200, c.who, "GET", q, nil).as(t, &page)
		if len(page.Items) != len(ids) {
			t.Fatalf("%q finds %d of %d", c.who, len(page.Items), len(ids))
		}
		for _, it := range page.Items {
			var d schemas.Decision
			s.want(200, c.who, "POST", "/decisions", schemas.Ask{Dataset: it.ID, Project: schemas.ProjectID(c.project), Purpose: c.purpose}).as(t, &d)
			if marks[d.Verdict] != it.Access || fmt.Sprint(d.Reasons) != fmt.Sprint(it.Reasons) {
				t.Errorf("%+v: %s is marked %s %v and decided %s %v", c, it.ID, it.Access, it.Reasons, d.Verdict, d.Reasons)
			}
			seen[it.Access]++
		}
	}
	t.Logf("marks: %v", seen)
	for _, m := range marks {
		if seen[m] < 20 {
			t.Errorf("only %d hits are marked %s: the offers do not try it", seen[m], m)
		}
	}
}

// Trial 23: nobody holds what an offer demands, so nobody is told that it is to be
// had.
func TestUnmetStaysUnmet(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("For nobody"))
	offer := schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Constraint: &schemas.Constraint{And: []schemas.Constraint{
		{Left: "purpose", Operator: "isA", Right: []string{"research"}}, {Left: "recipient", Operator: "eq", Right: []string{"https://data.example/org/nobody"}}}}}}}
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", offer)
	s.publish(d.ID)
	s.settle()
	var found struct{ Items []struct{ Access string } }
	s.want(200, "trainer", "GET", "/datasets?q=nobody&project=crops", nil).as(t, &found)
	if len(found.Items) != 1 || found.Items[0].Access != "no" {
		t.Errorf("it is marked %+v, want no", found.Items)
	}
	var dec schemas.Decision
	s.want(200, "trainer", "POST", "/decisions", schemas.Ask{Dataset: d.ID, Project: "crops"}).as(t, &dec)
	if dec.Verdict != schemas.VerdictNo || !strings.Contains(fmt.Sprint(dec.Reasons), "recipient") {
		t.Errorf("decided %s: %v, want no, naming the recipient", dec.Verdict, dec.Reasons)
	}
	var r schemas.Request
	s.want(201, "trainer", "POST", "/requests", map[string]any{"project": "crops", "items": []map[string]any{{"dataset": d.ID}}}).as(t, &r)
	if r.State != schemas.RequestRefused || r.Items[0].Agreement != "" {
		t.Errorf("the request is %s with agreement %q", r.State, r.Items[0].Agreement)
	}
}

// refusals reads the record's refusals.
func (s *site) refusals() []schemas.Record {
	s.t.Helper()
	var p struct{ Items []schemas.Record }
	s.want(200, "officer", "GET", "/audit/records?kind=refusal&limit=1000", nil).as(s.t, &p)
	return p.Items
}

// Trial 78: each refusal is in the record once a minute, with who, what, rule and
// time, and without a secret; more of the same are only counted.
func TestRefusalsAreRecorded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Subject"))
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", map[string]any{"template": "open-with-attribution"})
	s.publish(d.ID)
	var r schemas.Request
	s.want(201, "trainer", "POST", "/requests", map[string]any{"project": "crops", "items": []map[string]any{{"dataset": d.ID}}}).as(t, &r)
	id := r.Items[0].Agreement
	var lease schemas.LeaseAnswer
	s.want(201, "trainer", "POST", "/leases", map[string]any{"items": []map[string]any{{"agreement": id}}}).as(t, &lease)
	over := s.want(403, "", "GET", "/agreements/"+string(id)+"/stream?columns=crop&version=v9", nil, "Authorization", "Bearer "+lease.Token)
	if by := s.refusals()[0].Values["by"]; by != string(trainerOrg) {
		t.Errorf("a stream refused to a good lease is recorded by %q: %s", by, over.body)
	}
	s.want(200, "agronomy", "POST", "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "enough"})
	foreign := map[string]any{"version": "v2", "store": "local", "bucket": "b", "tables": []map[string]any{{"name": "data", "splits": []map[string]any{{"keys": []string{"grid/x.csv"}}}}}}
	unlisted := token(t, "https://issuer.nowhere.example", "trainer", nil)
	asks := []struct {
		rule string
		ask  func() reply
	}{
		{"agreement.revoked", func() reply {
			return s.want(403, "trainer", "POST", "/leases", map[string]any{"items": []map[string]any{{"agreement": id}}})
		}},
		{"role.officer", func() reply { return s.want(403, "trainer", "GET", "/audit/nouns", nil) }},
		{"store.prefix", func() reply { return s.want(403, "agronomy", "POST", "/datasets/"+string(d.ID)+"/versions", foreign) }},
		{"unauthenticated", func() reply { return s.want(401, "", "GET", "/agreements", nil, "Authorization", "Bearer "+unlisted) }},
		{"role.operator", func() reply {
			return s.want(403, "agronomy", "POST", "/factories", schemas.Factory{ID: "mine", Name: "Mine", Country: "FR"})
		}},
		{"role.provider", func() reply {
			return s.want(403, "trainer", "POST", "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "not mine"})
		}},
	}
	for range 5 {
		for _, a := range asks {
			a.ask()
		}
	}
	var recorded []schemas.Record
	eventually(t, "the stranger's refusal, which waits for no record, is in it", func() bool {
		recorded = s.refusals()
		return strings.Contains(fmt.Sprint(recorded), "unauthenticated")
	})
	for _, a := range asks {
		n := 0
		for _, rec := range recorded {
			if rec.Values["rule"] != a.rule {
				continue
			}
			n++
			if rec.At.IsZero() || rec.Values["about"] == "" || rec.Values["by"] == "" && rec.Values["address"] == "" {
				t.Errorf("%s: the record lacks who, what or when: %+v", a.rule, rec.Values)
			}
		}
		if n < 1 || n > 2 { // 2 when a minute ended in between
			t.Errorf("%s is recorded %d times for 5 refusals, want once", a.rule, n)
		}
	}
	whole := fmt.Sprint(recorded)
	for _, part := range strings.Split(unlisted, ".")[1:] {
		if strings.Contains(whole, part) {
			t.Error("the record holds a token")
		}
	}
	s.want(201, "trainer", "POST", "/requests", map[string]any{"project": "crops", "purpose": "marketing", "items": []map[string]any{{"dataset": d.ID}}}).as(t, &r)
	var p struct{ Items []schemas.Record }
	s.want(200, "officer", "GET", "/audit/records?kind=request", nil).as(t, &p)
	if last := p.Items[len(p.Items)-1].Values; last["state"] != "refused" || !strings.Contains(last["rules"], "project.purpose") {
		t.Errorf("the refused request is recorded as %v", last)
	}
}

// The record is the officer's; others read what is about themselves.
func TestWhoReadsTheRecord(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.register(wheat("One"))
	s.want(201, "grid", "POST", "/datasets", wheat("Two"))
	for _, c := range []struct {
		who    string
		status int
		kinds  string
	}{{"officer", 200, "party.put dataset.put"}, {"agronomy", 200, "party.put dataset.put"}, {"trainer", 200, ""}, {"", 401, ""}, {"nobody", 403, ""}, {"operator", 200, ""}} {
		r := s.want(c.status, c.who, "GET", "/audit/records?limit=1000", nil)
		if c.status != 200 {
			continue
		}
		var p struct{ Items []schemas.Record }
		r.as(t, &p)
		for _, rec := range p.Items {
			me := map[string]string{"agronomy": string(providerOrg), "trainer": string(trainerOrg)}[c.who]
			if me != "" && rec.Values["provider"] != me && rec.Values["participant"] != me && rec.Values["by"] != me {
				t.Errorf("%s reads %+v", c.who, rec)
			}
		}
		for kind := range strings.FieldsSeq(c.kinds) {
			if !strings.Contains(r.body, kind) {
				t.Errorf("%s does not read any %s", c.who, kind)
			}
		}
	}
	s.want(403, "agronomy", "GET", "/audit/nouns", nil)
	s.want(404, "agronomy", "GET", "/audit/proofs/0", nil)
	s.want(200, "officer", "GET", "/audit/proofs/0", nil)
	s.want(404, "officer", "GET", "/audit/proofs/999999", nil)
}
