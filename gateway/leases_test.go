package gateway_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// A lease that no stream could ever open is refused when it is made, new or narrowed,
// with a pointer to what is wrong; one that is worth something is made.
func TestLeasesAreWorthSomething(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Yields", "application/json", permit(nil, schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"crop"}}))
	whole := s.asked(d.ID, nil).Items[0].Agreement
	open := s.offered("Open", "application/json", permit(nil))
	some := s.asked(open.ID, map[string]any{"items": []map[string]any{{"dataset": open.ID, "columns": []string{"id"}}}}).Items[0].Agreement
	type item = map[string]any
	var parent schemas.LeaseAnswer
	s.want(201, "trainer", "POST", "/leases", map[string]any{"items": []item{{"agreement": whole}, {"agreement": some}}}).as(t, &parent)
	for _, c := range []struct {
		name, pointer string
		body          map[string]any
	}{
		{"a rank beyond its world", "/rank", map[string]any{"items": []item{{"agreement": whole}}, "world": 3, "rank": 7}},
		{"the rank after the last", "/rank", map[string]any{"items": []item{{"agreement": whole}}, "world": 3, "rank": 3}},
		{"a rank without its world", "/world", map[string]any{"items": []item{{"agreement": whole}}, "rank": 0}},
		{"a seed that is none", "/order/seed", map[string]any{"items": []item{{"agreement": whole}}, "order": item{"seed": "07"}}},
		{"a start that is none", "/order/start", map[string]any{"items": []item{{"agreement": whole}}, "order": item{"start": "5"}}},
		{"another table", "/items/0/table", map[string]any{"items": []item{{"agreement": whole, "table": "nope"}}}},
		{"another split", "/items/1/split", map[string]any{"items": []item{{"agreement": whole}, {"agreement": some, "split": "nope"}}}},
		{"a column that is not there", "/items/0/columns/1", map[string]any{"items": []item{{"agreement": whole, "columns": []string{"id", "nopecol"}}}}},
		{"a hidden column", "/items/0/columns/0", map[string]any{"items": []item{{"agreement": whole, "columns": []string{"crop"}}}}},
		{"a column not covered", "/items/0/columns/0", map[string]any{"items": []item{{"agreement": some, "columns": []string{"crop"}}}}},
	} {
		for _, bearer := range []string{"", parent.Token} {
			who, headers := "trainer", []string{}
			if bearer != "" {
				who, headers = "", []string{"Authorization", "Bearer " + bearer}
			}
			if r := s.want(422, who, "POST", "/leases", c.body, headers...); !strings.Contains(r.body, `"`+c.pointer+`"`) {
				t.Errorf("%s, narrowed %t: no pointer %s: %s", c.name, bearer != "", c.pointer, r.body)
			}
		}
	}
	good := map[string]any{"items": []item{{"agreement": whole, "table": "data", "split": "all", "columns": []string{"id"}}}, "world": 3, "rank": 2}
	var child schemas.LeaseAnswer
	s.want(201, "trainer", "POST", "/leases", good)
	s.want(201, "", "POST", "/leases", good, "Authorization", "Bearer "+parent.Token).as(t, &child)
	good["order"] = item{"seed": "7"}
	for bearer, want := range map[string]int{parent.Token: 201, child.Token: 201} {
		var part schemas.LeaseAnswer
		s.want(want, "", "POST", "/leases", good, "Authorization", "Bearer "+bearer).as(t, &part)
		if !part.OnePart || child.OnePart {
			t.Errorf("rank and world with an order: one part %t; without: %t", part.OnePart, child.OnePart)
		}
		for _, other := range []item{{"seed": "8"}, {"seed": "7", "epoch": 1}, {"seed": "7", "start": "5@2"}, {}} {
			s.want(403, "", "POST", "/leases", item{"order": other}, "Authorization", "Bearer "+part.Token)
		}
		for query, want := range map[string]string{
			"world=3&rank=2&seed=7&columns=nope": "nope", "world=3&rank=2&seed=007&columns=nope": "nope", // said otherwise, and the same
			"world=3&rank=2&seed=8": "lease.order", "world=3&rank=2": "lease.order", "world=3&rank=2&seed=7&epoch=1": "lease.order",
			"world=3&rank=2&seed=7&start=5@2&order=2": "lease.order", "world=3&rank=2&seed=7&even=pad": "lease.order", "world=3&rank=1&seed=7": "lease.rank", "world=4&rank=2&seed=7": "lease.world",
		} {
			if r := s.call("", "GET", "/agreements/"+string(whole)+"/stream?"+query, nil, "Authorization", "Bearer "+part.Token); r.status < 400 || !strings.Contains(r.body, want) {
				t.Errorf("one part, asked for %s: %d %s", query, r.status, r.body)
			}
		}
	}
}

// Who is refused a column is told what bounds it, and what helps: a new lease where the
// lease is the narrower, a new request where the agreement is.
func TestColumnsAreRefusedByWhatBoundsThem(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Yields", "application/json", permit(nil))
	whole := s.asked(d.ID, nil).Items[0].Agreement
	some := s.asked(d.ID, map[string]any{"items": []map[string]any{{"dataset": d.ID, "columns": []string{"id"}}}}).Items[0].Agreement
	for _, c := range []struct {
		id             schemas.AgreementID
		columns        []string
		rule, says, do string
	}{
		{whole, []string{"id"}, "lease.columns", "outside the lease", "ask for a lease"},
		{some, nil, "agreement.columns", "outside the agreement", "new request"},
		{some, []string{"id"}, "agreement.columns", "outside the agreement", "new request"},
	} {
		var l schemas.LeaseAnswer
		s.want(201, "trainer", "POST", "/leases", map[string]any{"items": []map[string]any{{"agreement": c.id, "columns": c.columns}}}).as(t, &l)
		r := s.want(403, "", "GET", "/agreements/"+string(c.id)+"/stream?columns=crop", nil, "Authorization", "Bearer "+l.Token)
		for _, word := range []string{c.rule, c.says, c.do} {
			if !strings.Contains(r.body, word) {
				t.Errorf("lease on %v: the refusal does not say %q: %s", c.columns, word, r.body)
			}
		}
	}
}

// Leases end at the door: revoked alone by whom they concern, with what was narrowed from
// them, and with the membership of whom they were made for. Agreements stand, and a new
// lease opens them.
func TestLeasesAreTakenBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Yields", "application/json", permit(nil))
	id := s.asked(d.ID, nil).Items[0].Agreement
	body := map[string]any{"items": []map[string]any{{"agreement": id}}}
	opens := func(l schemas.LeaseAnswer) reply {
		return s.call("", "GET", "/agreements/"+string(id)+"/stream?columns=nope", nil, "Authorization", "Bearer "+l.Token)
	}
	for _, who := range []string{"trainer", "agronomy", "operator"} {
		var parent, child schemas.LeaseAnswer
		s.want(201, "trainer", "POST", "/leases", body).as(t, &parent)
		s.want(201, "", "POST", "/leases", map[string]any{}, "Authorization", "Bearer "+parent.Token).as(t, &child)
		if r := opens(child); r.status != 422 {
			t.Fatalf("a good lease: %d %s", r.status, r.body)
		}
		path, why := "/leases/"+string(parent.Lease.ID)+"/revoke", map[string]string{"reason": "the token leaked"}
		s.want(401, "", "POST", path, why)
		for _, other := range []string{"grid", "researcher"} {
			s.want(404, other, "POST", path, why)
		}
		s.want(422, who, "POST", path, map[string]string{"reason": "no"})
		s.want(200, who, "POST", path, why)
		s.want(409, who, "POST", path, why)
		for _, l := range []schemas.LeaseAnswer{parent, child} {
			if r := opens(l); r.status != 403 || !strings.Contains(r.body, "lease.revoked") || !strings.Contains(r.body, "the token leaked") {
				t.Errorf("revoked by %s: %d %s", who, r.status, r.body)
			}
		}
	}
	if record := s.want(200, "officer", "GET", "/audit/records?kind=lease.revoked", nil).body; strings.Count(record, "the token leaked") < 3 {
		t.Errorf("the record does not tell it: %s", record)
	}
	var l schemas.LeaseAnswer
	s.want(201, "trainer", "POST", "/leases", body).as(t, &l)
	p := s.participant(trainerOrg)
	p.Members = nil
	s.want(201, "operator", "POST", "/participants", p, "If-Match", `"1"`)
	if r := opens(l); r.status != 403 || !strings.Contains(r.body, "member.trainer") {
		t.Errorf("the member left: %d %s", r.status, r.body)
	}
}

// A job key is registered once by whoever is signed in; from then on what its private half
// signed is answered with leases, and nothing else is.
func TestJobsSignForLeases(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.offered("Yields", "application/json", permit(nil))
	id := s.asked(d.ID, nil).Items[0].Agreement
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := map[string]any{"public_key": public, "name": "night run", "items": []map[string]any{{"agreement": id}}}
	s.want(401, "", "POST", "/job-keys", ask)
	s.want(403, "agronomy", "POST", "/job-keys", ask)
	s.want(422, "trainer", "POST", "/job-keys", map[string]any{"public_key": "c2hvcnQ=", "items": ask["items"]})
	var k schemas.Lease
	r := s.want(201, "trainer", "POST", "/job-keys", ask)
	r.as(t, &k)
	if !strings.HasPrefix(string(k.ID), schemas.JobKeyPrefix) || r.header.Get("Location") != "/api/v1/job-keys/"+string(k.ID) || strings.Contains(r.body, "token") {
		t.Errorf("it is answered %s, at %s", r.body, r.header.Get("Location"))
	}
	for who, want := range map[string]int{"trainer": 1, "agronomy": 0, "operator": 1} {
		if n := strings.Count(s.want(200, who, "GET", "/job-keys", nil).body, string(k.ID)); n != want {
			t.Errorf("%s reads %d keys, want %d", who, n, want)
		}
	}
	s.want(404, "agronomy", "GET", "/job-keys/"+string(k.ID), nil)
	s.want(200, "trainer", "GET", "/job-keys/"+string(k.ID), nil)
	signed := func(body string) []string {
		now := time.Now().Unix()
		sum := ed25519.Sign(private, schemas.SignedByJobKey(k.ID, now, "/leases", []byte(body)))
		return []string{"Authorization", fmt.Sprintf("Bearer %s.%d.%x", k.ID, now, sum)}
	}
	var l schemas.LeaseAnswer
	s.want(201, "", "POST", "/leases", json.RawMessage(`{"world":4,"rank":3}`), signed(`{"world":4,"rank":3}`)...).as(t, &l)
	if l.Lease.Parent != k.ID || *l.Lease.Rank != 3 || l.Lease.PublicKey != nil {
		t.Errorf("it makes %+v", l)
	}
	if r := s.call("", "GET", "/agreements/"+string(id)+"/stream?world=4&rank=3&columns=nope", nil, "Authorization", "Bearer "+l.Token); r.status != 422 {
		t.Errorf("its lease opens nothing: %d %s", r.status, r.body)
	}
	good := signed(`{}`)
	for _, c := range []struct {
		what, method, path, body string
		headers                  []string
		status                   int
		says                     string
	}{
		{"another body", "POST", "/leases", `{"world":4}`, good, 401, "the signature does not hold"},
		{"a forged one", "POST", "/leases", `{}`, []string{"Authorization", "Bearer jobkey-none.1.00"}, 401, "there is no job key jobkey-none"},
		{"no signature", "POST", "/leases", `{}`, []string{"Authorization", "Bearer " + string(k.ID)}, 401, "is written id.seconds.signature"},
		{"a body beyond what strangers send", "POST", "/leases", `{"run":"` + strings.Repeat("x", 1<<20) + `"}`, good, 413, ""},
		{"wider", "POST", "/leases", `{"run":"run-x"}`, signed(`{"run":"run-x"}`), 422, "/run"},
		{"another key", "POST", "/job-keys", `{"items":[]}`, signed(`{"items":[]}`), 401, ""},
		{"a request for data", "POST", "/requests", `{}`, good, 401, ""},
		{"a stream", "GET", "/agreements/" + string(id) + "/stream", "", good, 401, "the token is not a lease of this gateway"},
		{"what only its owner reads", "GET", "/job-keys", "", good, 401, ""},
		{"its own end", "POST", "/leases/" + string(k.ID) + "/revoke", `{"reason":"leaked"}`, signed(`{"reason":"leaked"}`), 401, ""},
	} {
		var body any
		if c.body != "" {
			body = json.RawMessage(c.body)
		}
		if r := s.call("", c.method, c.path, body, c.headers...); r.status != c.status || !strings.Contains(r.body, c.says) {
			t.Errorf("%s: %d %s; want %d with %q", c.what, r.status, r.body, c.status, c.says)
		}
	}
	s.want(200, "trainer", "POST", "/leases/"+string(k.ID)+"/revoke", map[string]string{"reason": "the node was sold"})
	for what, r := range map[string]reply{
		"the key":   s.call("", "POST", "/leases", json.RawMessage(`{}`), signed(`{}`)...),
		"its lease": s.call("", "GET", "/agreements/"+string(id)+"/stream?world=4&rank=3", nil, "Authorization", "Bearer "+l.Token),
	} {
		if r.status != 403 || !strings.Contains(r.body, "the job key was revoked") || !strings.Contains(r.body, "the node was sold") {
			t.Errorf("revoked, %s: %d %s", what, r.status, r.body)
		}
	}
	if record := s.want(200, "officer", "GET", "/audit/records?kind=job-key", nil).body; !strings.Contains(record, string(k.ID)) {
		t.Errorf("the record does not tell it: %s", record)
	}
}
