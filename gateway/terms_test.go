package gateway_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/agreement/release"
	"guichet/schemas"
)

// shared reads a file of the material that lies beside the checkout.
func shared(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(os.Getenv("GUICHET_SHARED"), path))
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("not tested here: %v", err)
	}
	if err != nil {
		t.Skipf("not tested here: GUICHET_SHARED names no folder with %s", path)
	}
	return string(b)
}

// offered registers a dataset that is published, with terms as they are sent.
func (s *site) offered(title, contentType string, terms any) schemas.Dataset {
	s.t.Helper()
	d := s.register(wheat(title))
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", terms, "Content-Type", contentType).as(s.t, &d)
	s.publish(d.ID)
	return d
}

// decided asks whether somebody may.
func (s *site) decided(who string, ask schemas.Ask) schemas.Decision {
	s.t.Helper()
	var d schemas.Decision
	s.want(200, who, "POST", "/decisions", ask).as(s.t, &d)
	return d
}

// asked sends a request of the trainer's for the project crops.
func (s *site) asked(id schemas.DatasetID, more map[string]any) schemas.Request {
	s.t.Helper()
	body := map[string]any{"project": "crops", "items": []map[string]any{{"dataset": id}}}
	for k, v := range more {
		body[k] = v
	}
	var r schemas.Request
	s.want(201, "trainer", "POST", "/requests", body).as(s.t, &r)
	return r
}

func permit(c *schemas.Constraint, duties ...schemas.Duty) schemas.Offer {
	return schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use", "stage"}, Constraint: c, Duties: duties}}}
}

// Trial 25: a list of operands allows or forbids each of its members and nothing
// else, and is given back whole.
func TestListsOfOperands(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.want(201, "operator", "POST", "/factories", schemas.Factory{ID: "finland", Name: "Finland", Country: "FI"})
	yes, no := schemas.VerdictYes, schemas.VerdictNo
	for _, c := range []struct {
		file     string
		right    []string
		purposes map[string]schemas.Verdict
		members  []string // that the ODRL given back names
	}{
		{"any-iris", []string{"academic-research", "scientific-research", "non-commercial-research"},
			map[string]schemas.Verdict{"academic-research": yes, "scientific-research": yes, "non-commercial-research": yes, "commercial-research": no, "marketing": no},
			[]string{"AcademicResearch", "ScientificResearch", "NonCommercialResearch"}},
		{"rdf-list", []string{"academic-research", "scientific-research"},
			map[string]schemas.Verdict{"academic-research": yes, "scientific-research": yes, "non-commercial-research": no}, []string{"AcademicResearch", "ScientificResearch"}},
		{"none-literals", []string{"US", "CN", "BR"}, map[string]schemas.Verdict{"train-model": yes}, []string{"US", "CN", "BR"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			at := *s
			at.t = t
			doc := shared(t, "reports/25-operand-list/"+c.file+".jsonld")
			if c.file == "none-literals" { // its places are none, and would exclude nobody
				d := at.register(wheat("Trial 25, nowhere"))
				if r := at.want(422, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", doc, "Content-Type", "application/ld+json"); strings.Count(r.body, "is not a place known here") != 3 {
					t.Errorf("the places are not named: %s", r.body)
				}
				doc = strings.NewReplacer(`"XX"`, `"US"`, `"YY"`, `"China"`, `"ZZ"`, `"bra"`).Replace(doc)
			}
			d := at.offered("Trial 25 "+c.file, "application/ld+json", doc)
			if got := d.Offer.Rules[0].Constraint.Right; fmt.Sprint(got) != fmt.Sprint(c.right) {
				t.Errorf("stored as %v, want %v", got, c.right)
			}
			for purpose, want := range c.purposes {
				got := at.decided("trainer", schemas.Ask{Dataset: d.ID, Purpose: purpose, Factory: "finland"})
				if got.Verdict != want {
					t.Errorf("for %s: %s %v, want %s", purpose, got.Verdict, got.Reasons, want)
				}
			}
			if c.file == "none-literals" {
				back := permit(&schemas.Constraint{Left: "spatial", Operator: "isNoneOf", Right: []string{"IT", "FI"}})
				at.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", back)
				if got := at.decided("trainer", schemas.Ask{Dataset: d.ID, Purpose: "train-model", Factory: "finland"}); got.Verdict != no {
					t.Errorf("a place that the list names: %s", got.Verdict)
				}
				at.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", doc, "Content-Type", "application/ld+json")
			}
			given := at.want(200, "agronomy", "GET", "/datasets/"+string(d.ID), nil, "Accept", "application/ld+json").body
			for _, m := range c.members {
				if !strings.Contains(given, m) {
					t.Errorf("the ODRL given back lacks %s:\n%s", m, given)
				}
			}
		})
	}
}

// Trial 23 with its own file: what nobody holds is not said to be had.
func TestUnmetOfferAsODRL(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("For nobody", "application/ld+json", shared(t, "reports/23-unmet-stays-hidden/offer.jsonld"))
	s.settle()
	var found struct{ Items []struct{ Access string } }
	s.want(200, "trainer", "GET", "/datasets?q=nobody&purpose=scientific-research", nil).as(t, &found)
	dec := s.decided("trainer", schemas.Ask{Dataset: d.ID, Purpose: "scientific-research"})
	if len(found.Items) != 1 || found.Items[0].Access != "no" || dec.Verdict != schemas.VerdictNo || !strings.Contains(fmt.Sprint(dec.Reasons), "recipient") {
		t.Errorf("marked %+v, decided %s %v; want no, naming the recipient", found.Items, dec.Verdict, dec.Reasons)
	}
}

// A prohibition of use forbids what use includes; one of train leaves read. Who names no
// action asks for what the purpose does, which is to train here; mark, dry run, request,
// agreement and its ODRL all say the same.
func TestProhibitedActions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	yes, no := schemas.VerdictYes, schemas.VerdictNo
	for _, c := range []struct {
		permitted, forbidden string
		use, read, train     schemas.Verdict
	}{
		{"odrl:use", "", yes, yes, yes},
		{"odrl:use", "odrl:use", no, no, no},
		{"odrl:use", "urn:guichet:odrl:train", no, yes, no},
		{"odrl:use", "odrl:read", no, no, yes},
		{"urn:guichet:odrl:train", "odrl:use", no, no, no},
		{"odrl:read", "urn:guichet:odrl:train", no, yes, no},
		{"urn:guichet:odrl:train", "", no, no, yes},
		{"odrl:read", "", no, yes, no},
	} {
		rule := func(action string) string {
			return fmt.Sprintf(`[{"action": {"@id": %q}}]`, strings.Replace(action, "odrl:use", "http://www.w3.org/ns/odrl/2/use", 1))
		}
		doc := `{"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Offer", "uid": "https://data.example/offer/1", "permission": ` + rule(c.permitted)
		if c.forbidden != "" {
			doc += `, "prohibition": ` + rule(c.forbidden)
		}
		d := s.offered(fmt.Sprintf("%s but not %s", c.permitted, c.forbidden), "application/ld+json", doc+"}")
		for action, want := range map[string]schemas.Verdict{"use": c.use, "": c.train, "read": c.read, "train": c.train} {
			got := s.decided("trainer", schemas.Ask{Dataset: d.ID, Project: "crops", Action: action})
			if got.Verdict != want {
				t.Errorf("permitted %s, forbidden %q: to %q is %s, want %s (%v)", c.permitted, c.forbidden, action, got.Verdict, want, got.Reasons)
			}
		}
		s.settle()
		for action, want := range map[string]schemas.Verdict{"use": c.use, "": c.train, "read": c.read, "train": c.train} {
			if action == "read" { // no door sees what bytes are used for, and the project's purpose trains
				s.want(422, "trainer", "POST", "/requests", map[string]any{"project": "crops", "action": action, "items": []map[string]any{{"dataset": d.ID}}})
				continue
			}
			r := s.asked(d.ID, map[string]any{"action": action})
			if (r.State == schemas.RequestGranted) != (want == yes) {
				t.Errorf("permitted %s, forbidden %q: a request to %q is %s, want %s", c.permitted, c.forbidden, action, r.State, want)
			}
			var found struct {
				Items []struct {
					ID     schemas.DatasetID
					Access schemas.Mark
				}
			}
			s.want(200, "trainer", "GET", "/datasets?limit=1000&project=crops&action="+action, nil).as(t, &found)
			for _, it := range found.Items {
				if it.ID == d.ID && (it.Access == schemas.MarkNow) != (want == yes) {
					t.Errorf("permitted %s, forbidden %q: to %q it is marked %s, want %s", c.permitted, c.forbidden, action, it.Access, want)
				}
			}
			if r.State != schemas.RequestGranted {
				continue
			}
			granted := cmp.Or(action, "train")
			var a schemas.Agreement
			path := "/agreements/" + string(r.Items[0].Agreement)
			s.want(200, "trainer", "GET", path, nil).as(t, &a)
			if r.Action != granted || a.Action != granted {
				t.Errorf("asked to %q: the request is to %q, the agreement to %q, want %s", action, r.Action, a.Action, granted)
			}
			said := map[string]string{"use": `"use"`, "read": `"read"`, "train": `"guichet:train"`}[granted]
			if doc := s.want(200, "trainer", "GET", path, nil, "Accept", "application/ld+json").body; !strings.Contains(doc, said) {
				t.Errorf("the agreement to %s as ODRL: %s", granted, doc)
			}
		}
	}
	d := s.offered("For reading", "application/json", schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"read"}}}})
	if r := s.asked(d.ID, nil).Items[0].Decision.Reasons[0]; !strings.Contains(r.Text, "to train on the data") || !strings.Contains(r.Remedy, "to read the data") {
		t.Errorf("what the offer lacks and has is told as: %s; %s", r.Text, r.Remedy)
	}
	for _, path := range []string{"/requests", "/decisions"} {
		body := map[string]any{"project": "crops", "purpose": "train-model", "dataset": d.ID, "action": "print", "items": []map[string]any{{"dataset": d.ID}}}
		delete(body, map[string]string{"/requests": "dataset", "/decisions": "items"}[path])
		if r := s.want(422, "trainer", "POST", path, body); !strings.Contains(r.body, "use one of") || !strings.Contains(r.body, "/action") {
			t.Errorf("an unknown action is answered: %s", r.body)
		}
	}
}

// An agreement ends when its offer stops to permit it, also where a later end was
// asked for, and also when a person granted it.
func TestAgreementEndsWithItsOffer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	x := time.Now().Add(72 * time.Hour).UTC().Truncate(24 * time.Hour) // a day's first instant
	moment := func(operator string) schemas.Constraint {
		return schemas.Constraint{Left: "dateTime", Operator: operator, Right: []string{x.Format(time.RFC3339)}}
	}
	purpose := schemas.Constraint{Left: "purpose", Operator: "isA", Right: []string{"research"}}
	before := moment("lteq")
	for name, offer := range map[string]schemas.Offer{
		"lteq": permit(&before),
		"lt":   permit(&schemas.Constraint{Left: "dateTime", Operator: "lt", Right: before.Right}),
		"deep": permit(&schemas.Constraint{And: []schemas.Constraint{purpose, {Or: []schemas.Constraint{before, {Left: "factory", Operator: "neq", Right: []string{"leonardo"}}}}}}),
		"prohibited from then on": {Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}},
			{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &schemas.Constraint{Left: "dateTime", Operator: "gt", Right: before.Right}}}},
		"reviewed":             {Review: true, Rules: permit(&before).Rules},
		"the whole day before": permit(&schemas.Constraint{Left: "dateTime", Operator: "lteq", Right: []string{x.AddDate(0, 0, -1).Format(time.DateOnly)}}),
		"until after that day": {Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}},
			{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &schemas.Constraint{Left: "dateTime", Operator: "gt", Right: []string{x.AddDate(0, 0, -1).Format(time.DateOnly)}}}}},
	} {
		d := s.offered("Until then, "+name, "application/json", offer)
		for _, until := range []time.Time{{}, x.AddDate(1, 0, 0), x.Add(time.Second), x, x.Add(-time.Hour)} {
			more, want := map[string]any{}, x
			if !until.IsZero() {
				more["until"] = until
				if until.Before(x) {
					want = until
				}
			}
			r := s.asked(d.ID, more)
			if offer.Review {
				s.want(200, "agronomy", "POST", "/requests/"+string(r.ID)+"/review", map[string]string{"decision": "grant", "reason": "gladly"}).as(t, &r)
			}
			if r.State != schemas.RequestGranted {
				t.Errorf("%s, until %s: the request is %s", name, until, r.State)
				continue
			}
			var a schemas.Agreement
			s.want(200, "trainer", "GET", "/agreements/"+string(r.Items[0].Agreement), nil).as(t, &a)
			if !a.Until.Equal(want) {
				t.Errorf("%s, until %s: the agreement ends %s, want %s", name, until, a.Until, want)
			}
		}
	}
}

// Whom else an offer names is the provider's business: in no form, list, reason,
// request or agreement does another caller read it.
func TestOffersNameNobodyToStrangers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const other = "https://zyxomma-holding.example"
	in := wheat("For some")
	in.Visibility, in.VisibleTo = schemas.VisibleToEveryone, nil
	d := s.register(in)
	offer := permit(&schemas.Constraint{Or: []schemas.Constraint{
		{Left: "recipient", Operator: "eq", Right: []string{other}},
		{And: []schemas.Constraint{{Left: "recipient", Operator: "isAnyOf", Right: []string{other, string(trainerOrg)}}, {Left: "purpose", Operator: "isA", Right: []string{"research"}}}}}})
	offer.Rules = append(offer.Rules, schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &schemas.Constraint{Left: "recipient", Operator: "eq", Right: []string{other + "/rival"}}})
	_, err := s.parties.PutParticipant(t.Context(), boss(), schemas.Participant{ID: other + "/rival", Name: "R", Country: "FR", Kind: schemas.KindResearch, Roles: []schemas.Role{schemas.RoleTrainer}}, 0)
	must(t, err)
	path := "/datasets/" + string(d.ID)
	s.want(200, "agronomy", "PUT", path+"/offer", offer)
	s.publish(d.ID)
	s.settle()
	granted := s.asked(d.ID, nil)
	if granted.State != schemas.RequestGranted {
		t.Fatalf("the request is %s", granted.State)
	}
	agreement := "/agreements/" + string(granted.Items[0].Agreement)
	var refused schemas.Request
	s.want(201, "researcher", "POST", "/requests", map[string]any{"project": s.project("https://university.example"), "items": []map[string]any{{"dataset": d.ID}}}).as(t, &refused)
	named := func(who, method, path string, in any, accept string) bool {
		r := s.call(who, method, path, in, "Accept", accept)
		if r.status >= 400 {
			t.Fatalf("%s %s as %q: %d %s", method, path, who, r.status, r.body)
		}
		return strings.Contains(r.body, "zyxomma")
	}
	forms := []string{"application/json", "application/yaml", "application/ld+json"}
	for _, form := range forms {
		for _, who := range []string{"agronomy", "operator", "officer"} {
			if !named(who, http.MethodGet, path, nil, form) {
				t.Errorf("%s does not read whom the offer names, as %s", who, form)
			}
		}
		for _, who := range []string{"", "trainer", "grid", "researcher"} {
			if named(who, http.MethodGet, path, nil, form) {
				t.Errorf("%q reads whom the offer names, as %s", who, form)
			}
		}
		if named("trainer", http.MethodGet, agreement, nil, form) {
			t.Errorf("the trainer reads in her agreement whom else the offer names, as %s", form)
		}
	}
	if !named("agronomy", http.MethodGet, agreement, nil, "application/json") {
		t.Error("the provider does not read in the agreement whom she named")
	}
	for _, ask := range []struct{ who, method, path string }{
		{"", "GET", "/datasets?q=some"}, {"grid", "GET", "/datasets?q=some&facets=provider,publisher"}, {"trainer", "GET", "/datasets?q=some&project=crops"},
		{"trainer", "GET", "/agreements"}, {"trainer", "GET", "/requests"}, {"researcher", "GET", "/requests/" + string(refused.ID)}, {"trainer", "GET", "/requests/" + string(granted.ID)},
	} {
		if named(ask.who, ask.method, ask.path, nil, "application/json") {
			t.Errorf("%s %s tells %q whom else the offer names", ask.method, ask.path, ask.who)
		}
	}
	for _, who := range []string{"", "trainer", "grid", "researcher"} {
		if named(who, http.MethodPost, "/decisions", schemas.Ask{Dataset: d.ID, Purpose: "marketing"}, "application/json") {
			t.Errorf("a dry run tells %q whom else the offer names", who)
		}
	}
	b, err := json.Marshal(refused)
	if err != nil || strings.Contains(string(b), "zyxomma") {
		t.Errorf("a refused request names others: %s", b)
	}
}

// project makes one that is led by a participant.
func (s *site) project(lead schemas.ParticipantID) schemas.ProjectID {
	s.t.Helper()
	id := schemas.ProjectID("led-by-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, string(lead)))
	_, err := s.parties.PutProject(s.t.Context(), boss(), schemas.Project{ID: id, Title: "Project", Lead: lead, Factory: "leonardo", Purposes: []string{"train-model"}}, 0)
	must(s.t, err)
	return id
}

// Trial 69: a token that expired is a missing sign-in, never a missing right, and the
// answer tells both times and the command that helps.
func TestExpiredToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	at := time.Now().Add(-10 * time.Minute)
	old := "Bearer " + token(t, s.issuer, "trainer", map[string]any{"exp": at.Unix()})
	for _, path := range []string{"/agreements", "/datasets", "/audit/records"} {
		r := s.want(401, "", "GET", path, nil, "Authorization", old)
		h := r.header.Get("WWW-Authenticate")
		if !strings.HasPrefix(h, `Bearer error="invalid_token"`) || !strings.Contains(h, at.UTC().Format(time.RFC3339)) {
			t.Errorf("%s: WWW-Authenticate %q", path, h)
		}
		if !strings.Contains(r.body, "it is "+time.Now().UTC().Format("2006-01-02T15")) || !strings.Contains(r.body, "guichet login") || strings.Contains(r.body, "no access") {
			t.Errorf("%s: %s", path, r.body)
		}
	}
}

// Trial 81: an export of the record that fails half way is cut, not ended.
func TestBrokenExportLooksBroken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 1200 {
		d := wheat(fmt.Sprintf("Record %d of many", i))
		d.Provider = providerOrg
		_, err := s.catalog.Register(t.Context(), schemas.Principal{Participant: providerOrg}, d)
		must(t, err)
	}
	get := func() (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/api/v1/audit/export", nil)
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+token(t, s.issuer, "officer", nil))
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("the export answers %s before its first byte", resp.Status)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		return int(n), err
	}
	whole, err := get()
	must(t, err)
	must(t, s.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM tree_hash WHERE place = ?`, tlog.StoredHashIndex(0, 1101)) // the proof of 1100 needs it
		return err
	}))
	part, err := get()
	if err == nil || part == 0 || part >= whole {
		t.Errorf("%d of %d bytes came, and then %v", part, whole, err)
	}
}

// Terms beside a description are refused, never lost; a description that was read with
// its terms goes back as it is.
func TestTermsBesideADescription(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	in := wheat("With terms")
	offer := permit(nil)
	in.Offer = &offer
	if r := s.want(422, "agronomy", "POST", "/datasets", in); !strings.Contains(r.body, `"/offer"`) {
		t.Errorf("the refusal names no place: %s", r.body)
	}
	in.Offer = nil
	d := s.register(in)
	path := "/datasets/" + string(d.ID)
	s.want(200, "agronomy", "PUT", path+"/offer", offer)
	s.want(200, "agronomy", "GET", path, nil).as(t, &d)
	s.want(200, "agronomy", "PUT", path, d)
	d.Offer.Rules[0].Actions = []string{"read"}
	s.want(422, "agronomy", "PUT", path, d)
}

// A provider asks the record what one participant had of hers.
func TestProvidersAskWhoHadWhat(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Asked for"))
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", permit(nil))
	s.publish(d.ID)
	id := s.asked(d.ID, nil).Items[0].Agreement
	for who, want := range map[schemas.ParticipantID]bool{trainerOrg: true, "https://university.example": false} {
		body := s.want(200, "agronomy", "GET", "/audit/records?participant="+url.QueryEscape(string(who)), nil).body
		if strings.Contains(body, string(id)) != want {
			t.Errorf("records of %s: %s", who, body)
		}
	}
}

// A prohibition forbids what it means: a place, kind or factory that is not certain is
// refused where it stands, and one that is stored from before forbids everybody.
func TestProhibitionsDoNotFailOpen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.want(201, "operator", "POST", "/factories", schemas.Factory{ID: "frontier", Name: "Frontier", Country: "US"})
	forbid := func(left string, right ...string) schemas.Offer {
		o := permit(nil)
		o.Rules = append(o.Rules, schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"}, Constraint: &schemas.Constraint{Left: left, Operator: "isAnyOf", Right: right}})
		return o
	}
	decide := func(d schemas.Dataset, factory schemas.FactoryID) schemas.Verdict {
		return s.decided("trainer", schemas.Ask{Dataset: d.ID, Purpose: "research", Factory: factory}).Verdict
	}
	nowhere := s.participant(trainerOrg)
	nowhere.Country = "XX"
	s.want(422, "operator", "POST", "/participants", nowhere, "If-Match", `"1"`)
	s.want(422, "operator", "POST", "/factories", schemas.Factory{ID: "britain", Name: "Britain", Country: "UK"})
	for _, spelled := range []string{"USA", "us", "United States", "US"} {
		d := s.offered("Not in "+spelled, "application/json", forbid("spatial", spelled))
		if got := d.Offer.Rules[1].Constraint.Right[0]; got != "US" || decide(d, "frontier") != schemas.VerdictNo || decide(d, "leonardo") != schemas.VerdictYes {
			t.Errorf("%q is stored as %q; in the US: %s, in Italy: %s", spelled, got, decide(d, "frontier"), decide(d, "leonardo"))
		}
	}
	d := s.offered("Any", "application/json", permit(nil))
	for _, c := range [][2]string{{"spatial", "Atlantis"}, {"recipientKind", "startup"}, {"factory", "frontier-2"}, {"recipient", "crop-ai"}} {
		r := s.want(422, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", forbid(c[0], c[1]))
		if !strings.Contains(r.body, `"/rules/1/constraint/right/0"`) {
			t.Errorf("%s %s: the place is not named: %s", c[0], c[1], r.body)
		}
		old := forbid(c[0], c[1])
		must(t, s.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			have, revision, err := db.Get[schemas.Dataset](ctx, tx, "dataset", string(d.ID))
			if err != nil {
				return err
			}
			have.Offer = &old
			_, err = db.Update(ctx, tx, "dataset", string(d.ID), revision, have, nil)
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeDatasetOffer, Subject: string(d.ID)})
			}
			return err
		}))
		if got := decide(d, "leonardo"); got != schemas.VerdictNo {
			t.Errorf("an old offer that forbids %s %s says %s", c[0], c[1], got)
		}
	}
}

// What is left of a budget is said before it bites: by the mark of a search, the dry run
// and the agreement; when that is nothing they say no, naming it.
func TestBudgetsAreShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Budgeted", "application/json", permit(nil, schemas.Duty{Kind: schemas.DutyBudget, Rows: 100}))
	s.settle()
	id := s.asked(d.ID, nil).Items[0].Agreement
	again := s.asked(d.ID, nil).Items[0].Agreement
	var l schemas.LeaseAnswer
	s.want(201, "trainer", "POST", "/leases", map[string]any{"items": []map[string]any{{"agreement": id}}}).as(t, &l)
	for _, taken := range []int64{0, 60, 40} {
		if taken > 0 {
			g, err := policy.Authorize(t.Context(), s.leases.LookUp, l.Token, policy.StreamRequest{Door: "http", Agreement: id, Table: "data", Split: "all", World: 1}, time.Now())
			must(t, err)
			_, _, err = s.releases.Begin(t.Context(), g, schemas.Release{MostRows: taken, MostBytes: taken}, release.ReadPlan{})
			must(t, err)
		}
		want := map[int64]int64{0: 100, 60: 40, 40: 0}[taken]
		var a schemas.Agreement
		s.want(200, "trainer", "GET", "/agreements/"+string(again), nil).as(t, &a)
		var found struct {
			Items []struct {
				Access schemas.Mark
				Left   *schemas.Left
			}
		}
		s.want(200, "trainer", "GET", "/datasets?q=Budgeted&project=crops", nil).as(t, &found)
		dec := s.decided("trainer", schemas.Ask{Dataset: d.ID, Project: "crops"})
		for what, left := range map[string]*schemas.Left{"the agreement": a.Left, "the mark": found.Items[0].Left, "the dry run": dec.Left} {
			if left == nil || left.Rows == nil || *left.Rows != want {
				t.Errorf("%d rows are left; %s says %+v", want, what, left)
			}
		}
		r := s.asked(d.ID, nil)
		if open := want > 0; open != (dec.Verdict == schemas.VerdictYes) || open != (found.Items[0].Access == schemas.MarkNow) || open != (r.State == schemas.RequestGranted) {
			t.Errorf("%d rows are left: %s, marked %s, the request is %s", want, dec.Verdict, found.Items[0].Access, r.State)
		}
		if want == 0 && !strings.Contains(dec.Reasons[0].Text, "100 of 100 rows") {
			t.Errorf("the reason does not name it: %+v", dec.Reasons)
		}
	}
}
