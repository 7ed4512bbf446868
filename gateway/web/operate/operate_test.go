package operate

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/catalog/harvest"
	"guichet/gateway/web/page"
	"guichet/gateway/web/pagetest"
	"guichet/policy/call"
	"guichet/policy/join"
	"guichet/schemas"
)

// site is these pages over an API of fixed answers.
type site struct {
	*pagetest.Site
	t *testing.T
}

func newSite(t *testing.T, me schemas.Identity, answers map[string]any) *site {
	t.Helper()
	if answers["GET /readyz"] == nil {
		answers["GET /readyz"] = page.Readiness{Ready: true}
	}
	return &site{pagetest.New(t, me, answers, Part()), t}
}

// told holds what the API was sent against what it should be: If-Match, then the members of the body that matter.
func (s *site) told(call, match string, want map[string]any) {
	s.t.Helper()
	var got map[string]any
	_ = json.Unmarshal([]byte(s.Sent[call]), &got)
	for name, v := range want {
		a, _ := json.Marshal(got[name])
		b, _ := json.Marshal(v)
		if string(a) != string(b) {
			s.t.Errorf("%s: %s is %s, want %s", call, name, a, b)
		}
	}
	if s.Match[call] != match || len(got) == 0 {
		s.t.Errorf("%s was sent %q for %q", call, s.Sent[call], s.Match[call])
	}
}

func who(roles ...schemas.Role) schemas.Identity {
	return schemas.Identity{Issuer: "https://login.example", Subject: "olga", Participant: "https://lab.example", Roles: roles}
}

func list[T any](items ...T) schemas.Page[T] { return schemas.Page[T]{Items: items} }

var june = time.Date(2027, 6, 30, 13, 5, 0, 0, time.UTC)

// answers are those of an API with one of each.
func answers() map[string]any {
	return map[string]any{
		"GET /participants": list(schemas.Participant{ID: "https://lab.example", Name: "Lab", Country: "FR", Kind: "sme", Roles: []schemas.Role{"trainer"}, Revision: 3,
			Members: []schemas.Member{{Issuer: "https://login.example", Subject: "ada of lab", Roles: []schemas.Role{"trainer"}}}, Notify: &schemas.Notify{Mail: "a@lab.example"}},
			schemas.Participant{ID: "https://bad.example", Name: "Bad", Country: "FR", Kind: "sme", Stopped: true, StopFor: "spam", Revision: 9}),
		"GET /projects": list(schemas.Project{ID: "crops", Title: "Crops", Lead: "https://lab.example", Factory: "lumi", Purposes: []string{"train-model"}, Revision: 4,
			From: june, Until: june.AddDate(1, 0, 0), Call: "agri", Funding: &schemas.Funding{Programme: "Horizon", EUShare: 0.5}}),
		"GET /factories": list(schemas.Factory{ID: "lumi", Name: "LUMI", Country: "FI", Egress: []string{"192.0.2.0/24"}, Secure: true, Revision: 2}),
		"GET /stores": list(schemas.Store{ID: "s3", Endpoint: "https://s3.example", Region: "eu", CredentialRef: "secretname", Revision: 5,
			Prefixes: []schemas.Prefix{{Participant: "https://lab.example", Bucket: "b", Prefix: "lab/"}}}),
		"GET /spaces":  list(schemas.SpaceProfile{ID: "agriculture", Version: "2", Title: schemas.Text{"en": "Agriculture"}, Profiles: []string{"agri 2.1", "agri 1"}}),
		"GET /issuers": list(schemas.SignInAt{Issuer: "https://login.example", Name: "Login", Client: "cli"}),
		"GET /sources": list(harvest.Catalogue{ID: "portal", URL: "https://portal.example", Kind: "ckan", Title: "Portal", Every: 24, Revision: 7,
			Health: harvest.Health{State: harvest.Held, Gone: 12, Datasets: 3, Next: june}}),
		"GET /sources/portal": harvest.Catalogue{ID: "portal", URL: "https://portal.example", Kind: "ckan", Title: "Portal", Revision: 7,
			Health: harvest.Health{State: harvest.Held, Gone: 12, Refused: 1}},
		"GET /sources/portal/refused": list(harvest.Refusal{IRI: "https://portal.example/1", Why: "no title", Dataset: "ds-1"}),
		"GET /calls": list(call.Call{ID: "agri", Name: "Agri", Owner: "https://fund.example", Opens: june, Closes: june.AddDate(0, 1, 0), State: call.Open, Revision: 6},
			call.Call{ID: "old", Name: "Old", State: call.Closed}),
		"GET /calls/agri": call.Call{ID: "agri", Name: "Agri", Owner: "https://fund.example", Opens: june, Closes: june.AddDate(0, 1, 0), State: call.Open,
			Rows: 1000, Projects: 3, Admitted: 1, Answers: true, Used: &call.Used{Rows: 7}},
		"GET /calls/agri/applications": list(call.Candidate{Project: "crops", Title: "Crops", Lead: "https://lab.example", State: call.Waiting, Word: "We grow."},
			call.Candidate{Project: "q", Title: "Q", State: call.Declined, Reason: "too late", Decider: "https://fund.example"}),
		"GET /demand": map[string]any{"few": 5, "items": []map[string]any{{"space": "agriculture", "words": "soil moisture", "count": 40, "month": 3, "last": "2027-06-30"},
			{"words": "beans", "count": 1, "last": "2027-06-01"}}},
		"GET /streams": list[schemas.Release](), "GET /joining": join.Standing{Waiting: 2},
	}
}

// The overview says what waits and leads to everything; others are told that the pages are the operator's.
func TestOverview(t *testing.T) {
	t.Parallel()
	s := newSite(t, who(schemas.RoleOperator), answers())
	body := s.Shows(200, "GET /operate", nil, "/operate/joining", "The catalogue Portal", `href="/operate/sources/portal"`)
	for _, to := range []string{"participants", "projects", "calls", "factories", "stores", "sources", "spaces"} {
		if !strings.Contains(body, `href="/operate/`+to+`"`) {
			t.Errorf("no way to %s", to)
		}
	}
	s.Shows(200, "GET /operate/spaces", nil, "agri 2.1, agri 1", "https://login.example", "Agriculture")
	other := newSite(t, who(schemas.RoleTrainer), answers())
	for _, path := range []string{"spaces", "projects", "factories", "calls", "stores"} {
		other.Shows(403, "GET /operate/"+path, nil, "this page is the operator’s")
	}
}

// What is sought and not found is a picture with its table; a provider reads that it is of her own data spaces.
func TestSought(t *testing.T) {
	t.Parallel()
	body := newSite(t, who(schemas.RoleOperator), answers()).Shows(200, "GET /demand", nil, "in every data space", "fewer than 5 different", `width="600"`, `width="15"`,
		"soil moisture", "none named", "Show as table", "no checkpoint covers them")
	if strings.Count(body, "<rect") != 2 {
		t.Errorf("%s", body)
	}
	newSite(t, who(schemas.RoleProvider), answers()).Shows(200, "GET /demand", nil, "in the data spaces of your datasets")
	a := answers()
	a["GET /demand"] = map[string]any{"few": 5, "items": []any{}}
	newSite(t, who(schemas.RoleProvider), a).Shows(200, "GET /demand", nil, "Nothing yet that enough people")
}

// Each form shows what is there, and sends what was typed with the revision that it was read at; what it does not show
// stays; what is wrong stands at its field beside what was typed.
func TestNouns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, id string
		shows    []string
		typed    url.Values
		match    string
		want     map[string]any
		wrong    error
		says     []string
	}{
		{"participants", "https://lab.example", []string{"https://login.example ada of lab trainer", "a@lab.example", `value="sme" selected`, "spam", "stopped"},
			url.Values{"id": {"https://lab.example"}, "name": {"Laboratory"}, "country": {"IT"}, "kind": {"research"}, "roles": {"trainer", "provider"},
				"members": {"https://login.example ada of lab trainer\n\nhttps://x.example bob trainer,provider"}, "revision": {"3"}, "open": {"https://lab.example"}}, `"3"`,
			map[string]any{"name": "Laboratory", "country": "IT", "kind": "research", "roles": []string{"trainer", "provider"}, "notify": nil,
				"members": []map[string]any{{"iss": "https://login.example", "sub": "ada of lab", "roles": []string{"trainer"}},
					{"iss": "https://x.example", "sub": "bob", "roles": []string{"trainer", "provider"}}}},
			schemas.BadField("participant", "/members/1/roles", "bob is not so"), []string{`<small class="wrong">bob is not so`, "Laboratory"}},
		{"projects", "crops", []string{"Crops", `value="2027-06-30"`, `value="2028-06-30"`, "Horizon", "agri", `value="train-model" checked`},
			url.Values{"id": {"crops"}, "title": {"Crops"}, "lead": {"https://lab.example"}, "partners": {" https://a.example \nhttps://b.example"}, "factory": {"lumi"},
				"purposes": {"train-model"}, "from": {"2027-06-30"}, "until": {"2029-01-31"}, "funding/programme": {"Digital"}, "revision": {"4"}, "open": {"crops"}}, `"4"`,
			map[string]any{"partners": []string{"https://a.example", "https://b.example"}, "from": june, "until": time.Date(2029, 2, 1, 0, 0, 0, 0, time.UTC),
				"funding": map[string]any{"programme": "Digital", "eu_share": 0.5}},
			schemas.BadField("project", "/until", "too late"), []string{"too late", "2029-01-31", `value="Digital"`}},
		{"factories", "lumi", []string{"LUMI", "192.0.2.0/24", `value="yes" checked`},
			url.Values{"id": {"lumi"}, "name": {"LUMI"}, "country": {"FI"}, "egress": {"10.0.0.0/8\n192.0.2.0/24"}, "revision": {"2"}, "open": {"lumi"}}, `"2"`,
			map[string]any{"egress": []string{"10.0.0.0/8", "192.0.2.0/24"}, "secure": nil},
			schemas.BadField("factory", "/egress/0", "no network"), []string{"no network", "10.0.0.0/8"}},
		{"stores", "s3", []string{"https://s3.example", "https://lab.example b lab/"},
			url.Values{"id": {"s3"}, "endpoint": {"https://s3.example"}, "region": {"eu"}, "prefixes": {"https://lab.example b lab/"}, "own": {"yes"}, "revision": {"5"}, "open": {"s3"},
				"unchecked": {"yes"}}, `"5"`,
			map[string]any{"credential_ref": "secretname", "own": true, "prefixes": []map[string]string{{"participant": "https://lab.example", "bucket": "b", "prefix": "lab/"}}},
			schemas.BadField("store", "/credential_ref", "there is none"), []string{"there is none"}},
		{"sources", "portal", []string{"Portal", `href="/operate/sources/portal"`, `value="ckan" selected`},
			url.Values{"id": {"portal"}, "url": {"https://portal.example/x"}, "kind": {"ckan"}, "every_hours": {"48"}, "revision": {"7"}, "open": {"portal"}}, `"7"`,
			map[string]any{"url": "https://portal.example/x", "every_hours": 48},
			&schemas.Error{Kind: schemas.Precondition, Subject: "portal", Message: "the source is at revision 8"}, []string{"revision 8", `role="alert"`}},
		{"calls", "agri", []string{"Agri", `href="/calls/agri"`, `value="2027-07-30"`},
			url.Values{"id": {"agri"}, "name": {"Agri 2"}, "opens": {"2027-06-30"}, "closes": {"2027-08-31"}, "projects": {"5"}, "rows": {"70"}, "max_days": {"365"}, "spaces": {"agriculture"},
				"factories": {"lumi"}, "revision": {"6"}, "open": {"agri"}}, `"6"`,
			map[string]any{"name": "Agri 2", "opens": june, "closes": time.Date(2027, 9, 1, 0, 0, 0, 0, time.UTC), "projects": 5, "rows": 70, "max_days": 365,
				"spaces": []string{"agriculture"}, "factories": []string{"lumi"}},
			schemas.BadField("call", "/rows", "not below nothing"), []string{"not below nothing", `value="Agri 2"`}},
	} {
		s := newSite(t, who(schemas.RoleOperator), answers())
		at := "/operate/" + c.kind
		body := s.Shows(200, "GET "+at+"?id="+url.QueryEscape(c.id), nil, append(c.shows, "Change it", "readonly")...)
		if strings.Contains(body, "secretname") {
			t.Error("the name of a credential is shown")
		}
		s.Shows(200, "GET "+at, nil, "Add one")
		s.Answers["POST /"+c.kind] = map[string]any{"id": c.id}
		s.Shows(303, "POST "+at+"/put", c.typed, at+"?done=")
		s.told("POST /"+c.kind, c.match, c.want)
		s.Answers["POST /"+c.kind] = c.wrong
		s.Shows(422, "POST "+at+"/put", c.typed, c.says...)
		c.typed.Del("revision")
		c.typed.Del("open")
		s.Answers["POST /"+c.kind] = map[string]any{"id": c.id}
		s.Shows(303, "POST "+at+"/put", c.typed)
		s.told("POST /"+c.kind, "", nil)
	}
}

// What was typed and is no day, number or line of what is wanted is said before anybody is asked.
func TestTyping(t *testing.T) {
	t.Parallel()
	s := newSite(t, who(schemas.RoleOperator), answers())
	for _, c := range []struct{ kind, field, typed, says string }{
		{"calls", "closes", "31/12/2027", "is no day"}, {"calls", "closes", "", "until when"}, {"calls", "closes", "9999-12-31", "is no day"},
		{"calls", "opens", "2027-02-30", "is no day"}, {"calls", "rows", "many", "no whole number"}, {"calls", "max_days", "1e3", "no whole number"},
		{"projects", "until", "soon", "is no day"}, {"sources", "every_hours", "99999999999999999999", "no whole number"},
		{"participants", "members", "only two", "line 1 has no issuer"}, {"stores", "prefixes", "a b", "line 1 has no participant"},
	} {
		typed := url.Values{"closes": {"2027-12-31"}}
		typed.Set(c.field, c.typed)
		s.Shows(422, "POST /operate/"+c.kind+"/put", typed, `<small class="wrong">`, c.says)
	}
	s.Shows(404, "POST /operate/projects/put", url.Values{"open": {"gone"}}, "any more")
}

// What is done beside the form: stops with a reason, an end, a grant.
func TestActs(t *testing.T) {
	t.Parallel()
	s := newSite(t, who(schemas.RoleOperator), answers())
	lab := "/participants/https:%2F%2Flab.example"
	s.Answers["POST "+lab+"/stop"] = map[string]any{}
	s.Shows(303, "POST /operate/participants/stop", url.Values{"open": {"https://lab.example"}, "reason": {"a test"}})
	s.told("POST "+lab+"/stop", "", nil)
	s.Answers["POST /participants/https:%2F%2Fbad.example/unstop"] = schemas.BadField("stop", "/reason", "too short")
	s.Shows(422, "POST /operate/participants/unstop", url.Values{"open": {"https://bad.example"}, "reason": {"x"}}, "too short", `value="x"`)
	s.Answers["POST /projects"] = map[string]any{"id": "crops"}
	s.Shows(303, "POST /operate/projects/end", url.Values{"open": {"crops"}, "revision": {"4"}})
	s.told("POST /projects", `"4"`, map[string]any{"title": "Crops", "factory": "lumi"})
	s.Answers["POST /stores"] = map[string]any{"id": "s3"}
	grant := url.Values{"open": {"s3"}, "revision": {"5"}, "participant": {"https://x.example"}, "bucket": {"b"}, "prefix": {"x/"}}
	s.Shows(303, "POST /operate/stores/grant", grant)
	s.told("POST /stores", `"5"`, map[string]any{"credential_ref": "secretname", "prefixes": []map[string]string{
		{"participant": "https://lab.example", "bucket": "b", "prefix": "lab/"}, {"participant": "https://x.example", "bucket": "b", "prefix": "x/"}}})
	s.Answers["POST /stores"] = schemas.BadField("store", "/prefixes/1", "it overlaps")
	s.Shows(422, "POST /operate/stores/grant", grant, "it overlaps", `value="x/"`)
}

// Organisations are chosen by name: a name that is one's becomes its id, in each line; what is nobody's is told as it was typed.
func TestOrganisationsByName(t *testing.T) {
	t.Parallel()
	s := newSite(t, who(schemas.RoleOperator), answers())
	s.Answers["GET /participants"] = schemas.Page[schemas.Participant]{Items: []schemas.Participant{
		{ID: "https://lab.example", Name: "Lab"}, {ID: "https://a.example", Name: "Alpha"}, {ID: "https://b.example", Name: "Twin"}, {ID: "https://c.example", Name: "Twin"}}}
	for at, id := range map[string]string{"projects": "put-lead", "calls": "put-owner", "stores?id=s3": "grant-participant"} {
		s.Shows(200, "GET /operate/"+at, nil, `list="`+id+`-list"`, `<datalist id="`+id+`-list">`, `<option value="https://a.example">Alpha</option>`)
	}
	s.Answers["POST /projects"] = map[string]any{"id": "crops"}
	s.Shows(303, "POST /operate/projects/put", url.Values{"id": {"crops"}, "title": {"C"}, "lead": {"lab"}, "partners": {"Alpha\nTwin\nhttps://x.example"}})
	s.told("POST /projects", "", map[string]any{"lead": "https://lab.example", "partners": []string{"https://a.example", "Twin", "https://x.example"}})
	s.Answers["POST /stores"] = map[string]any{"id": "s3"}
	s.Shows(303, "POST /operate/stores/grant", url.Values{"open": {"s3"}, "revision": {"5"}, "participant": {"Alpha"}, "bucket": {"b"}, "prefix": {"x/"}})
	s.told("POST /stores", `"5"`, map[string]any{"prefixes": []map[string]string{
		{"participant": "https://lab.example", "bucket": "b", "prefix": "lab/"}, {"participant": "https://a.example", "bucket": "b", "prefix": "x/"}}})
}

// A source that waits says for what; nothing is withdrawn by one click.
func TestSources(t *testing.T) {
	t.Parallel()
	s := newSite(t, who(schemas.RoleOperator), answers())
	s.Shows(200, "GET /operate/sources/portal", nil, "12 datasets are gone", "no title", "/datasets/ds-1", "Agree that they are withdrawn", "Pause it")
	s.Answers["POST /sources/portal/harvest"], s.Answers["POST /sources"] = map[string]any{}, map[string]any{}
	s.Shows(303, "POST /operate/sources/portal/harvest", url.Values{"agree": {"yes"}}, "/operate/sources/portal")
	s.told("POST /sources/portal/harvest", "", map[string]any{"agree": true})
	s.Shows(303, "POST /operate/sources/portal/harvest", nil)
	s.told("POST /sources/portal/harvest", "", map[string]any{"agree": false})
	s.Shows(303, "POST /operate/sources/portal/pause", url.Values{"pause": {"yes"}})
	s.told("POST /sources", `"7"`, map[string]any{"paused": true, "kind": "ckan"})
	s.Shows(422, "POST /operate/sources/portal/remove", nil, "tick first")
	s.Answers["DELETE /sources/portal"] = map[string]any{}
	s.Shows(303, "POST /operate/sources/portal/remove", url.Values{"sure": {"yes"}})
	s.Answers["POST /sources/portal/harvest"] = schemas.Errorf(schemas.Conflict, "portal", "the source portal is paused")
	s.Shows(409, "POST /operate/sources/portal/harvest", nil, "is paused")
	s.Answers["GET /sources/portal"] = harvest.Catalogue{ID: "portal", Paused: true}
	body := s.Shows(200, "GET /operate/sources/portal", nil, "Let it go on", "paused")
	if strings.Contains(body, "Harvest it now") {
		t.Error("what is paused is harvested")
	}
}

// Who answers for a call answers; whose project waits takes it back; who has a project asks.
func TestCalls(t *testing.T) {
	t.Parallel()
	s := newSite(t, who(schemas.RoleTrainer), answers())
	body := s.Shows(200, "GET /calls", nil, "Agri", "Old")
	if strings.Index(body, "Agri") > strings.Index(body, "Old") {
		t.Error("what is open stands behind what is closed")
	}
	s.Shows(200, "GET /calls/agri", nil, "7 of 1,000 given out", "1 of 3 projects", "We grow.", "Admit", "too late", "Close it for good")
	s.Answers["POST /calls/agri/applications/crops/answer"] = map[string]any{}
	s.Shows(303, "POST /calls/agri/answer", url.Values{"project": {"crops"}, "decision": {"admit"}}, "/calls/agri")
	s.told("POST /calls/agri/applications/crops/answer", "", map[string]any{"decision": "admit"})
	s.Answers["POST /calls/agri/applications/crops/answer"] = schemas.BadField("call", "/reason", "say why")
	s.Shows(422, "POST /calls/agri/answer", url.Values{"project": {"crops"}, "decision": {"decline"}, "reason": {"hm"}}, "say why", "hm</textarea>")
	s.Answers["POST /calls/agri/close"] = map[string]any{}
	s.Shows(303, "POST /calls/agri/close", url.Values{"reason": {"spent"}})
	s.told("POST /calls/agri/close", "", map[string]any{"reason": "spent"})

	s.Answers["GET /calls/agri"] = call.Call{ID: "agri", Name: "Agri", State: call.Open}
	s.Answers["GET /projects"] = list(schemas.Project{ID: "crops", Title: "Crops", Lead: "https://lab.example"}, schemas.Project{ID: "new", Title: "New", Lead: "https://lab.example"},
		schemas.Project{ID: "theirs", Title: "Theirs", Lead: "https://x.example", Partners: []schemas.ParticipantID{"https://lab.example"}},
		schemas.Project{ID: "under", Title: "Under", Lead: "https://lab.example", Call: "other"})
	body = s.Shows(200, "GET /calls/agri", nil, `<option value="new">`, "Withdraw it")
	for _, not := range []string{`value="under"`, `value="theirs"`, `<option value="crops"`, "Admit", "Close it"} {
		if strings.Contains(body, not) {
			t.Errorf("%s is offered", not)
		}
	}
	s.Answers["POST /calls/agri/applications"] = schemas.Refuse("agri", "call.window", "the call", "it was open until then", "ask while it is open")
	s.Shows(422, "POST /calls/agri/apply", url.Values{"project": {"new"}, "word": {"Please."}}, "it was open until then", "Please.</textarea>")
	s.Answers["POST /calls/agri/applications"] = map[string]any{}
	s.Shows(303, "POST /calls/agri/apply", url.Values{"project": {"new"}, "word": {"Please."}})
	s.told("POST /calls/agri/applications", "", map[string]any{"project": "new", "word": "Please."})
	s.Answers["DELETE /calls/agri/applications/crops"] = map[string]any{}
	s.Shows(303, "POST /calls/agri/withdraw", url.Values{"project": {"crops"}})
	s.Answers["DELETE /calls/agri/applications/crops"] = schemas.Errorf(schemas.Conflict, "crops", "it is admitted")
	s.Shows(422, "POST /calls/agri/withdraw", url.Values{"project": {"crops"}}, "it is admitted")
}

// What a form cannot show as it is goes through it unharmed: purposes without a box, names with spaces, no roles.
func TestFormsLoseNothing(t *testing.T) {
	t.Parallel()
	var o schemas.Participant
	err := readParticipant(url.Values{"members": {"https://login.example ada  of lab trainer,officer\nhttps://login.example bob -"}}, &o)
	want := []schemas.Member{{Issuer: "https://login.example", Subject: "ada  of lab", Roles: []schemas.Role{"trainer", "officer"}},
		{Issuer: "https://login.example", Subject: "bob"}}
	if err != nil || !reflect.DeepEqual(o.Members, want) {
		t.Errorf("%+v, %v", o.Members, err)
	}
	var s schemas.Store
	err = readStore(url.Values{"prefixes": {"https://lab.example b field trials/2026/"}}, &s)
	if err != nil || len(s.Prefixes) != 1 || s.Prefixes[0].Prefix != "field trials/2026/" {
		t.Errorf("%+v, %v", s.Prefixes, err)
	}
	p := schemas.Project{Purposes: []string{"marketing", "train-model"}}
	err = readProject(url.Values{"id": {"p"}, "title": {"P"}, "purposes": {"scientific-research"}}, &p)
	if err != nil || !slices.Equal(p.Purposes, []string{"scientific-research", "marketing"}) {
		t.Errorf("%v, %v", p.Purposes, err)
	}
}
